"""Workflow resets: the row that keeps a second click from resetting twice, and the entry in the timeline."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.parties import Actor, WaitingOn
from fulfil.models.tables.support import WorkflowResetRow
from fulfil.models.tables.timeline import TimelineRow, append_event

# Whoever claimed the reset and died in the middle is succeeded after this time.
CLAIM_LASTS = timedelta(seconds=60)


@dataclass(frozen=True)
class ResetClaim:
    """One run of one workflow, to be reset once."""

    workflow_id: str
    from_run_id: str
    order_id: str
    step: str
    actor: Actor
    reason: str


async def claim_reset(session: AsyncSession, reset: ResetClaim, at: datetime) -> WorkflowResetRow | None:
    """None when the reset is ours to do; else the row of whoever did it, or is doing it (`to_run_id` None)."""
    claimed = await session.scalar(
        insert(WorkflowResetRow)
        .values(
            workflow_id=reset.workflow_id,
            from_run_id=reset.from_run_id,
            order_id=reset.order_id,
            step=reset.step,
            actor_id=reset.actor.id,
            reason=reset.reason,
            requested_at=at,
        )
        .on_conflict_do_nothing()
        .returning(WorkflowResetRow.from_run_id)
    )
    if claimed is not None:
        return None
    succeeded = await session.scalar(
        update(WorkflowResetRow)
        .where(
            WorkflowResetRow.workflow_id == reset.workflow_id,
            WorkflowResetRow.from_run_id == reset.from_run_id,
            WorkflowResetRow.to_run_id.is_(None),
            WorkflowResetRow.requested_at < at - CLAIM_LASTS,
        )
        .values(requested_at=at, step=reset.step, actor_id=reset.actor.id, reason=reset.reason)
        .returning(WorkflowResetRow.from_run_id)
    )
    if succeeded is not None:
        return None
    return await session.get_one(WorkflowResetRow, (reset.workflow_id, reset.from_run_id))


async def release_claim(session: AsyncSession, reset: ResetClaim) -> None:
    """Temporal refused: whoever tries next need not wait."""
    await session.execute(
        update(WorkflowResetRow)
        .where(
            WorkflowResetRow.workflow_id == reset.workflow_id,
            WorkflowResetRow.from_run_id == reset.from_run_id,
            WorkflowResetRow.to_run_id.is_(None),
        )
        .values(requested_at=datetime(1970, 1, 1, tzinfo=UTC))
    )


async def note_reset(session: AsyncSession, reset: ResetClaim, to_run_id: str, at: datetime) -> None:
    """Write the new run and who reset why; nothing of that workflow is parked any more."""
    await session.execute(
        update(WorkflowResetRow)
        .where(WorkflowResetRow.workflow_id == reset.workflow_id, WorkflowResetRow.from_run_id == reset.from_run_id)
        .values(to_run_id=to_run_id)
    )
    written = await append_event(
        session,
        order_id=reset.order_id,
        business_key=f"{reset.order_id}:reset:{reset.from_run_id}",
        kind=EventType.SUPPORT_RESET,
        at=at,
        actor=reset.actor,
        subject=reset.workflow_id.partition("/")[2],
        data={
            "workflow_id": reset.workflow_id,
            "step": reset.step,
            "reason": reset.reason,
            "from_run_id": reset.from_run_id,
            "to_run_id": to_run_id,
        },
        next_step=NextStep(who=WaitingOn.SYSTEM, what=f"run again from before {reset.step}"),
    )
    head = await session.get_one(TimelineRow, reset.order_id, with_for_update=True)
    if written and head.stuck_workflow_id == reset.workflow_id:
        head.stuck_step = head.stuck_since = head.stuck_cause = head.stuck_workflow_id = head.stuck_allowed = None
