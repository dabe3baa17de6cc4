"""What support works on: stuck orders, and where the order's processes are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.actions import ENDED
from fulfil.api.schemas.support import Resolved, StuckOrder, WorkflowReset
from fulfil.models.messages.events import EventType
from fulfil.models.messages.jobs import JobState
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.parties import WaitingOn
from fulfil.models.messages.support import ResolutionAction
from fulfil.models.tables.deliverables import DeliverableRow
from fulfil.models.tables.jobs import JobRow
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.support import WorkflowResetRow
from fulfil.models.tables.timeline import EventRow, TimelineRow

MOST_STUCK = 500
REASON = "--reason '…'"


@dataclass(frozen=True)
class OrderProcess:
    """Where an order stands and which workflows work on it: of several jobs or deliverables the first.

    `open_jobs` are those of its made-to-order lines that have not ended, `deliverable_ids` all there are.
    """

    order_id: str
    customer_id: str
    state: OrderState
    job_id: str | None
    job_state: JobState | None
    deliverable_id: str | None
    stuck_step: str | None
    stuck_workflow_id: str | None
    stuck_allowed: tuple[str, ...]
    open_jobs: Mapping[str, JobState] = field(default_factory=dict[str, JobState])
    deliverable_ids: tuple[str, ...] = ()


async def find_process(session: AsyncSession, order_id: str) -> OrderProcess | None:
    """The order's processes."""
    query = (
        select(OrderRow, TimelineRow)
        .join(TimelineRow, TimelineRow.order_id == OrderRow.id)
        .where(OrderRow.id == order_id)
    )
    row = (await session.execute(query)).first()
    if row is None:
        return None
    order, head = row
    made = select(JobRow).where(JobRow.order_id == order_id, JobRow.milestone_id.is_(None)).order_by(JobRow.id)
    jobs = list(await session.scalars(made))
    delivered = select(DeliverableRow.id).where(DeliverableRow.order_id == order_id).order_by(DeliverableRow.id)
    deliverables = tuple(await session.scalars(delivered))
    open_jobs = {job.id: JobState(job.state) for job in jobs if job.closed_at is None}
    job = next((job for job in jobs if job.id in open_jobs), jobs[0] if jobs else None)
    return OrderProcess(
        order_id=order.id,
        customer_id=order.customer_id,
        state=OrderState(order.state),
        job_id=job.id if job else None,
        job_state=JobState(job.state) if job else None,
        deliverable_id=deliverables[0] if deliverables else None,
        stuck_step=head.stuck_step,
        stuck_workflow_id=head.stuck_workflow_id,
        stuck_allowed=tuple(str(action) for action in head.stuck_allowed or []),
        open_jobs=open_jobs,
        deliverable_ids=deliverables,
    )


async def find_reset(session: AsyncSession, order_id: str, from_run_id: str) -> WorkflowReset | None:
    """A reset that was carried out."""
    row = await session.scalar(
        select(WorkflowResetRow).where(
            WorkflowResetRow.order_id == order_id,
            WorkflowResetRow.from_run_id == from_run_id,
            WorkflowResetRow.to_run_id.is_not(None),
        )
    )
    if row is None or row.to_run_id is None:
        return None
    return WorkflowReset(
        order_id=order_id,
        workflow_id=row.workflow_id,
        step=row.step,
        from_run_id=row.from_run_id,
        to_run_id=row.to_run_id,
    )


async def find_resolution(
    session: AsyncSession, order_id: str, actor_id: str, action: ResolutionAction
) -> Resolved | None:
    """The latest parked step of an order that this person moved on this way."""
    data = await session.scalar(
        select(EventRow.data)
        .where(
            EventRow.order_id == order_id,
            EventRow.type == EventType.STEP_RESOLVED,
            EventRow.actor_id == actor_id,
            EventRow.data["action"].as_string() == action.value,
        )
        .order_by(EventRow.offset.desc())
        .limit(1)
    )
    if data is None:
        return None
    return Resolved(order_id=order_id, workflow_id=data["workflow_id"], step=data["step"], action=action)


async def list_stuck(session: AsyncSession, now: datetime) -> list[StuckOrder]:
    """Parked steps, support's own moves and missed deadlines, the longest waiting first."""
    overdue = ((TimelineRow.next_by < now) | (TimelineRow.next_who == WaitingOn.SUPPORT)) & OrderRow.state.not_in(ENDED)
    query = (
        select(TimelineRow, OrderRow.state, EventRow.at)
        .join(OrderRow, OrderRow.id == TimelineRow.order_id)
        .join(EventRow, (EventRow.order_id == TimelineRow.order_id) & (EventRow.sequence == TimelineRow.last_sequence))
        .where(or_(TimelineRow.stuck_step.is_not(None), overdue))
        .limit(MOST_STUCK)
    )
    found = [
        _represent(head, OrderState(state), moved_at, now) for head, state, moved_at in await session.execute(query)
    ]
    return sorted(found, key=lambda stuck: stuck.since)


def _represent(head: TimelineRow, state: OrderState, moved_at: datetime, now: datetime) -> StuckOrder:
    if head.stuck_step is not None:
        return _parked(head, state)
    if head.next_by is not None and head.next_by < now:
        return _overdue(head, state)
    return _supports_move(head, state, moved_at)


def _supports_move(head: TimelineRow, state: OrderState, since: datetime) -> StuckOrder:
    """Not late yet: support has to do something before a deadline acts, or for as long as nobody does."""
    actions, advice, command = _remedy(WaitingOn.SUPPORT, state, head.order_id)
    until = "" if head.next_by is None else f" by {head.next_by:%Y-%m-%d %H:%M} UTC"
    return StuckOrder(
        order_id=head.order_id,
        order_state=state,
        kind="support",
        step=head.next_what,
        cause=f"support has to {head.next_what}{until}",
        owner=WaitingOn.SUPPORT,
        since=since,
        workflow_id=None,
        allowed_actions=actions,
        next_action=advice,
        command=command,
    )


def _parked(head: TimelineRow, state: OrderState) -> StuckOrder:
    allowed = [str(action) for action in head.stuck_allowed or []]
    since = head.stuck_since
    if since is None:
        raise RuntimeError(f"{head.order_id} is parked without a moment")
    return StuckOrder(
        order_id=head.order_id,
        order_state=state,
        kind="parked",
        step=head.stuck_step or "",
        cause=head.stuck_cause or "unknown",
        owner=WaitingOn.SUPPORT,
        since=since,
        workflow_id=head.stuck_workflow_id,
        allowed_actions=[{"cancel": "cancel-step"}.get(action, action) for action in allowed] + ["reset"],
        next_action="Remove the cause, then retry the step; effects already made are not repeated.",
        command=f"fulfil support retry {head.order_id} {REASON}",
    )


def _overdue(head: TimelineRow, state: OrderState) -> StuckOrder:
    owner = WaitingOn(head.next_who)
    actions, advice, command = _remedy(owner, state, head.order_id)
    since = head.next_by
    if since is None:
        raise RuntimeError(f"{head.order_id} is overdue without a deadline")
    return StuckOrder(
        order_id=head.order_id,
        order_state=state,
        kind="overdue",
        step=head.next_what,
        cause=f"{owner.value} had to {head.next_what} by {since:%Y-%m-%d %H:%M} UTC",
        owner=owner,
        since=since,
        workflow_id=None,
        allowed_actions=actions,
        next_action=advice,
        command=command,
    )


def _remedy(owner: WaitingOn, state: OrderState, order_id: str) -> tuple[list[str], str, str]:
    if state in (OrderState.PAID, OrderState.IN_FULFILMENT) and owner in (WaitingOn.PROVIDER, WaitingOn.SUPPORT):
        return (
            ["redispatch", "cancel"],
            "Offer the job anew, or cancel the order and pay back.",
            f"fulfil support redispatch {order_id} {REASON}",
        )
    return (
        ["cancel"] if owner is not WaitingOn.CUSTOMER else [],
        "The deadline acts by itself once the workers run: look at them and at the timeline first.",
        f"fulfil order show {order_id}",
    )
