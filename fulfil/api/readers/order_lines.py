"""The lines of orders: what became of each, whose move it is, what was paid back of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.actions import line_actions
from fulfil.api.readers.jobs import shown_state
from fulfil.api.readers.work_files import files_of_line, represent_files
from fulfil.api.schemas.orders import OrderLine
from fulfil.models.messages.deliverables import DeliverableState, MilestoneState
from fulfil.models.messages.events import NextStep
from fulfil.models.messages.jobs import JobState
from fulfil.models.messages.orders import LineKind, OrderState
from fulfil.models.messages.parties import WaitingOn
from fulfil.models.messages.refunds import RefundPlan, RefundState
from fulfil.models.money import Money
from fulfil.models.tables.deliverables import DeliverableRow, MilestoneRow
from fulfil.models.tables.jobs import JobRow, ProductionRow
from fulfil.models.tables.orders import OrderLineRow, OrderRow
from fulfil.models.tables.payments import RefundRow

MAKING = (JobState.IN_PRODUCTION, JobState.QUALITY_CHECK, JobState.READY)
PAY = (WaitingOn.SYSTEM, "pay the provider")
MOVES: Mapping[JobState, tuple[WaitingOn, str]] = {
    JobState.PENDING: (WaitingOn.PROVIDER, "accept the job"),
    JobState.OFFERED: (WaitingOn.PROVIDER, "accept the job"),
    JobState.ACCEPTED: (WaitingOn.PROVIDER, "start"),
    **dict.fromkeys(MAKING, (WaitingOn.PROVIDER, "make it and hand it over")),
    JobState.SHIPPED: (WaitingOn.PROVIDER, "deliver it"),
    JobState.DELIVERED: (WaitingOn.CUSTOMER, "approve the delivery"),
}
OPEN_MILESTONES = (MilestoneState.PENDING, MilestoneState.IN_PROGRESS, MilestoneState.DELAYED)


@dataclass(frozen=True)
class LineParts:
    """A line and what became of it, nothing before the order is paid."""

    line: OrderLineRow
    job: JobRow | None
    production: ProductionRow | None
    deliverable: DeliverableRow | None
    milestone_due_at: datetime | None
    has_paid_milestone: bool
    files: list[dict[str, Any]] | None

    @property
    def job_state(self) -> JobState | None:
        """How far its making is."""
        return None if self.job is None else shown_state(self.job, self.production)

    @property
    def deliverable_state(self) -> DeliverableState | None:
        """How far its delivery by milestones is."""
        return None if self.deliverable is None else DeliverableState(self.deliverable.state)

    @property
    def due_at(self) -> datetime | None:
        """The date somebody promised."""
        if self.deliverable is not None:
            return self.milestone_due_at
        return self.production.due_at if self.production is not None else None


async def read_lines(session: AsyncSession, order_ids: Sequence[str]) -> dict[str, list[LineParts]]:
    """The lines of some orders, in their order."""
    query = (
        select(
            *(OrderLineRow, JobRow, ProductionRow, DeliverableRow),
            *(_next_due(), _paid_milestones(), files_of_line()),
        )
        .outerjoin(JobRow, (JobRow.line_id == OrderLineRow.id) & JobRow.milestone_id.is_(None))
        .outerjoin(ProductionRow, ProductionRow.offer_id == JobRow.offer_id)
        .outerjoin(DeliverableRow, DeliverableRow.line_id == OrderLineRow.id)
        .where(OrderLineRow.order_id.in_(order_ids))
        .order_by(OrderLineRow.position, OrderLineRow.id)
    )
    found: dict[str, list[LineParts]] = defaultdict(list)
    for line, job, production, deliverable, due_at, paid, files in await session.execute(query):
        found[line.order_id].append(LineParts(line, job, production, deliverable, due_at, bool(paid), files))
    return found


async def represent_lines(
    session: AsyncSession, caller: Principal, order: OrderRow, lines: Sequence[LineParts]
) -> list[OrderLine]:
    """The lines as the API shows them."""
    refunded = await _read_refunded(session, order.id)
    return [_represent(caller, order, parts, refunded.get(parts.line.id, 0)) for parts in lines]


async def find_line(session: AsyncSession, caller: Principal, order_id: str, line_id: str) -> LineParts | None:
    """A line of an order of the caller's; staff see all."""
    owned = select(OrderRow.id).where(OrderRow.id == order_id)
    if not caller.is_staff:
        owned = owned.where(OrderRow.customer_id == caller.owner_id)
    if await session.scalar(owned) is None:
        return None
    lines = (await read_lines(session, [order_id])).get(order_id, [])
    return next((parts for parts in lines if parts.line.id == line_id), None)


def _next_due() -> ScalarSelect[Any]:
    return (
        select(func.min(MilestoneRow.due_at))
        .where(MilestoneRow.deliverable_id == DeliverableRow.id, MilestoneRow.state.in_(OPEN_MILESTONES))
        .correlate(DeliverableRow)
        .scalar_subquery()
    )


def _paid_milestones() -> ScalarSelect[Any]:
    return (
        select(func.count())
        .where(MilestoneRow.deliverable_id == DeliverableRow.id, MilestoneRow.state == MilestoneState.COMPLETED)
        .correlate(DeliverableRow)
        .scalar_subquery()
    )


async def _read_refunded(session: AsyncSession, order_id: str) -> dict[str, int]:
    """What has arrived back with the customer, by line."""
    plans = await session.scalars(
        select(RefundRow.plan).where(RefundRow.order_id == order_id, RefundRow.state == RefundState.SUCCEEDED)
    )
    refunded: dict[str, int] = defaultdict(int)
    for plan in plans:
        for part in RefundPlan.model_validate(plan).allocations:
            refunded[part.line_id or ""] += part.amount_minor
    return refunded


def _represent(caller: Principal, order: OrderRow, parts: LineParts, refunded_minor: int) -> OrderLine:
    line, files = parts.line, represent_files(parts.files)
    return OrderLine(
        id=line.id,
        kind=LineKind(line.kind),
        state=_state_of(order, parts),
        quote_id=line.quote_id,
        service_id=line.service_id,
        provider_id=line.provider_id or (parts.job.provider_id if parts.job is not None else None),
        job_id=parts.job.id if parts.job is not None else None,
        deliverable_id=parts.deliverable.id if parts.deliverable is not None else None,
        file_id=files[0].file_id if files else None,
        files=files,
        title=line.title,
        process=line.process or None,
        material=line.material or None,
        quantity=line.quantity,
        lead_time_days=line.lead_time_days,
        amount=Money(amount_minor=line.amount_minor, currency=line.currency),
        refunded=Money(amount_minor=refunded_minor, currency=line.currency),
        due_at=parts.due_at,
        next=_next_of(parts),
        allowed_actions=line_actions(
            caller.role,
            OrderState(order.state),
            parts.job_state,
            parts.deliverable_state,
        ),
    )


def _state_of(order: OrderRow, parts: LineParts) -> str:
    """Its job's or deliverable's; the order's, before there is one."""
    if parts.deliverable_state is not None:
        return parts.deliverable_state.value
    return order.state if parts.job_state is None else parts.job_state.value


def _next_of(parts: LineParts) -> NextStep | None:
    """Whose move it is with this line; the order's own `next` is that of its latest event."""
    if parts.deliverable is not None:
        return _next_of_deliverable(parts, parts.deliverable)
    if parts.job is None or parts.job_state is None or parts.job.closed_at is not None:
        return None
    who, what = MOVES.get(parts.job_state, PAY)
    by = parts.due_at if parts.job_state in MAKING else None
    if parts.job_state is JobState.ACCEPTED and parts.production is not None:
        by = parts.production.start_due_at
    return NextStep(who=who, what=what, by=by)


def _next_of_deliverable(parts: LineParts, deliverable: DeliverableRow) -> NextStep | None:
    if deliverable.closed_at is not None:
        return None
    if parts.deliverable_state is DeliverableState.IN_REVIEW:
        return NextStep(who=WaitingOn.CUSTOMER, what="answer what was submitted")
    if parts.milestone_due_at is None:
        return NextStep(who=PAY[0], what=PAY[1])
    return NextStep(who=WaitingOn.PROVIDER, what="submit the next milestone", by=parts.milestone_due_at)
