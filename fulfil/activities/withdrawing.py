"""Taking back what is open of an order's lines: one job, one deliverable, or all of them and nothing when one began.

The caller's transaction holds what is taken back; the sibling workflows are told after its commit.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.deliverable_rows import (
    HeldDeliverable,
    drop_milestones,
    end_proposal,
    hold_deliverable,
    tell_dropped,
)
from fulfil.activities.locking import HeldJob, hold_job, hold_order
from fulfil.activities.taking_back import take_back
from fulfil.models.messages.deliverables import DeliverableState, MilestoneState, WithdrawDeliverable
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.jobs import JobState, WithdrawJob
from fulfil.models.messages.orders import LinesWithdrawal, OrderState, WithdrawLines
from fulfil.models.messages.parties import Actor, WaitingOn
from fulfil.models.milestones import PROVIDERS_MOVE, Standing
from fulfil.models.tables.deliverables import DeliverableRow, MilestoneRow
from fulfil.models.tables.jobs import JobRow, ProductionRow
from fulfil.models.tables.timeline import append_event

SETTLING = (JobState.APPROVED, JobState.CLOSED)
ENDED_UNMADE = (JobState.DECLINED_BY_ALL, JobState.FAILED, JobState.CANCELLED)
LONGEST_REASON = 500


def has_begun(held: HeldJob) -> JobState | None:
    """What stands in the way of taking a job back: how far its production is; None when nothing does."""
    state = JobState(held.job.state)
    if state not in SETTLING and not held.started:
        return None
    return JobState(held.production.state) if held.production is not None else state


def may_withdraw(held: HeldDeliverable) -> bool:
    """Whether something is open of a deliverable, and no work waits for the customer's answer."""
    is_open = held.row.closed_at is None and bool(held.standing_so(*PROVIDERS_MOVE))
    return is_open and not held.standing_so(Standing.IN_REVIEW)


async def withdraw_held_job(session: AsyncSession, held: HeldJob, request: WithdrawJob, at: datetime) -> None:
    """Close a job nobody has begun: its offers withdrawn, its material released."""
    reason, job = request.reason[:LONGEST_REASON], held.job
    await take_back(session, held, reason, at)
    job.state = JobState.CANCELLED
    job.closed_at = at
    job.close_reason = reason
    told = [(f"{job.id}:cancelled", EventType.JOB_CANCELLED, job.id)]
    told.append(await _end_of(session, job.order_id, job.line_id, reason, whole_order=request.whole_order))
    await _tell(session, job.order_id, told, job.line_id, request.actor, request.reason, at)


async def withdraw_held_deliverable(
    session: AsyncSession, held: HeldDeliverable, request: WithdrawDeliverable, at: datetime
) -> None:
    """Call off what is open of a deliverable; what is approved stays, and is paid."""
    reason, row = request.reason[:LONGEST_REASON], held.row
    dropped = held.standing_so(*PROVIDERS_MOVE)
    await drop_milestones(session, dropped, reason, at)
    is_part = bool(held.standing_so(Standing.COMPLETED))
    row.state = DeliverableState.COMPLETED if is_part else DeliverableState.CANCELLED
    row.closed_at, row.close_reason = at, reason
    await end_proposal(session, row.id, at)
    told = [(f"{row.id}:closed", EventType.DELIVERABLE_CANCELLED, row.id)]
    told.append(await _end_of(session, row.order_id, row.line_id, reason, whole_order=request.whole_order))
    await tell_dropped(session, held, dropped, reason=reason, actor=request.actor, at=at)
    await _tell(session, row.order_id, told, row.line_id, request.actor, request.reason, at)


async def name_opened(session: AsyncSession, request: WithdrawLines) -> WithdrawLines:
    """The same request, naming all that was opened of the order, what an attempt before took back included."""
    jobs = select(JobRow.id).where(JobRow.order_id == request.order_id, JobRow.milestone_id.is_(None))
    deliverables = select(DeliverableRow.id).where(DeliverableRow.order_id == request.order_id)
    return request.model_copy(
        update={
            "job_ids": tuple(await session.scalars(jobs.order_by(JobRow.id))),
            "deliverable_ids": tuple(await session.scalars(deliverables.order_by(DeliverableRow.id))),
        }
    )


async def withdraw_all(session: AsyncSession, request: WithdrawLines, at: datetime) -> LinesWithdrawal:
    """Lock everything first, in the one order; then all of it is taken back, or nothing."""
    await _hold_productions(session, request.job_ids)
    deliverables = [await hold_deliverable(session, name) for name in sorted(request.deliverable_ids)]
    jobs = [await hold_job(session, name) for name in sorted(request.job_ids)]
    for job in jobs:
        begun = has_begun(job)
        if begun is not None:
            return LinesWithdrawal(withdrawn=False, begun=job.job.id, state=begun)
    for deliverable in deliverables:
        is_withdrawn = deliverable.row.state == DeliverableState.CANCELLED
        is_paid = bool(deliverable.standing_so(Standing.COMPLETED))
        if not is_withdrawn and (is_paid or not may_withdraw(deliverable)):
            return LinesWithdrawal(withdrawn=False, begun=deliverable.row.id, state=deliverable.row.state)
    for deliverable in deliverables:
        if deliverable.row.closed_at is None:
            part = WithdrawDeliverable(
                deliverable_id=deliverable.row.id,
                order_id=request.order_id,
                actor=request.actor,
                reason=request.reason,
            )
            await withdraw_held_deliverable(session, deliverable, part, at)
    for job in jobs:
        if job.job.state not in ENDED_UNMADE:
            asked = WithdrawJob(
                job_id=job.job.id, order_id=request.order_id, actor=request.actor, reason=request.reason
            )
            await withdraw_held_job(session, job, asked, at)
    return LinesWithdrawal(withdrawn=True)


async def read_called_off(session: AsyncSession, deliverable_ids: Sequence[str]) -> dict[str, list[str]]:
    """The milestones of each deliverable that were called off."""
    found: dict[str, list[str]] = {deliverable_id: [] for deliverable_id in deliverable_ids}
    milestones = select(MilestoneRow).where(
        MilestoneRow.deliverable_id.in_(deliverable_ids), MilestoneRow.state == MilestoneState.CANCELLED
    )
    for milestone in await session.scalars(milestones.order_by(MilestoneRow.position, MilestoneRow.id)):
        found[milestone.deliverable_id].append(milestone.id)
    return found


async def _hold_productions(session: AsyncSession, job_ids: Sequence[str]) -> None:
    productions = (
        select(ProductionRow.offer_id)
        .where(ProductionRow.job_id.in_(job_ids), ProductionRow.closed_at.is_(None))
        .order_by(ProductionRow.offer_id)
        .with_for_update(key_share=True)
    )
    await session.execute(productions)


async def _end_of(
    session: AsyncSession, order_id: str, line_id: str, reason: str, *, whole_order: bool
) -> tuple[str, EventType, str]:
    """What is told besides: that the order is being cancelled, or only this line of it."""
    if not whole_order:
        return f"{line_id}:cancelled", EventType.LINE_CANCELLED, line_id
    order = await hold_order(session, order_id)
    order.state = OrderState.CANCELLING
    order.cancel_reason = reason
    return f"{order_id}:cancelling", EventType.ORDER_CANCELLING, order_id


async def _tell(
    session: AsyncSession,
    order_id: str,
    told: Sequence[tuple[str, EventType, str]],
    line_id: str,
    actor: Actor,
    reason: str,
    at: datetime,
) -> None:
    for key, kind, subject in told:
        of_line = {"line_id": line_id} if kind is EventType.LINE_CANCELLED else {}
        await append_event(
            session,
            order_id=order_id,
            business_key=key,
            kind=kind,
            at=at,
            actor=actor,
            subject=subject,
            data={**of_line, "reason": reason},
            next_step=NextStep(who=WaitingOn.SYSTEM, what="return the payment"),
        )
