"""Jobs, as customer, provider and support see them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.actions import job_actions
from fulfil.api.disclosure import told_next
from fulfil.api.readers.paging import newest_first
from fulfil.api.readers.production import handing_of, read_making, represent_production, trouble_of
from fulfil.api.readers.work_files import files_of_line, represent_files
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.jobs import Job, Work
from fulfil.ledger.refundable import taken_of_lines
from fulfil.models.messages.events import NextStep
from fulfil.models.messages.jobs import JobState
from fulfil.models.messages.parties import Role, WaitingOn
from fulfil.models.messages.refunds import RefundAllocation
from fulfil.models.money import Money, split_commission
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.jobs import JobRow, ProductionRow
from fulfil.models.tables.orders import OrderLineRow, OrderRow
from fulfil.models.tables.timeline import TimelineRow

JobQuery = Select[JobRow, OrderLineRow, OrderRow, list[dict[str, Any]], TimelineRow, ProductionRow, ProviderRow]
JobParts = tuple[
    JobRow, OrderLineRow, OrderRow, list[dict[str, Any]], TimelineRow, ProductionRow | None, ProviderRow | None
]


def select_jobs() -> JobQuery:
    """Jobs that are made, with everything their representation takes; milestones are told by their deliverables."""
    return (
        select(
            *(JobRow, OrderLineRow, OrderRow, files_of_line()),
            *(TimelineRow, ProductionRow, ProviderRow),
        )
        .join(OrderLineRow, OrderLineRow.id == JobRow.line_id)
        .join(OrderRow, OrderRow.id == JobRow.order_id)
        .join(TimelineRow, TimelineRow.order_id == JobRow.order_id)
        .outerjoin(ProductionRow, ProductionRow.offer_id == JobRow.offer_id)
        .outerjoin(ProviderRow, ProviderRow.id == JobRow.provider_id)
        .where(JobRow.milestone_id.is_(None))
    )


async def find_job(
    session: AsyncSession, caller: Principal, job_id: str, now: datetime, pickup_secret: str
) -> Job | None:
    """A job the caller has to do with, and all about its making."""
    row = (await session.execute(_visible(select_jobs().where(JobRow.id == job_id), caller))).one_or_none()
    if row is None:
        return None
    [job] = await _represent(session, caller, [row])
    _, line, _, _, _, production, _ = row
    making = await read_making(session, caller, line, production, now, pickup_secret)
    return job.model_copy(update={"making": making})


async def find_jobs_of_order(session: AsyncSession, caller: Principal, order_id: str) -> list[Job]:
    """The jobs of an order's made-to-order lines; the caller is known to have to do with the order."""
    query = (
        select_jobs().where(JobRow.order_id == order_id).order_by(OrderLineRow.position, JobRow.opened_at, JobRow.id)
    )
    return await _represent(session, caller, (await session.execute(query)).all())


async def list_jobs(
    session: AsyncSession, caller: Principal, *, state: JobState | None, limit: int, starting_after: str | None
) -> Page[Job]:
    """A provider's own, a customer's of his orders, all for staff; newest first."""
    query = _visible(select_jobs(), caller)
    if state is not None:
        # From `accepted` to `approved` the production tells where the job stands.
        produced = (JobRow.state == JobState.ACCEPTED) & ProductionRow.state.is_not(None)
        query = query.where(case((produced, ProductionRow.state), else_=JobRow.state) == state)
    rows, has_more = await newest_first(
        session,
        query,
        moment=JobRow.opened_at,
        identity=JobRow.id,
        limit=limit,
        starting_after=starting_after,
    )
    return Page(data=await _represent(session, caller, rows), has_more=has_more)


@dataclass(frozen=True)
class Delivered:
    """What approving takes."""

    job_id: str
    order_id: str
    state: JobState
    delivered_at: datetime | None


async def find_delivered(session: AsyncSession, caller: Principal, job_id: str) -> Delivered | None:
    """A job of the customer's orders, and when it was delivered."""
    query = (
        select(JobRow, ProductionRow)
        .join(OrderRow, OrderRow.id == JobRow.order_id)
        .outerjoin(ProductionRow, ProductionRow.offer_id == JobRow.offer_id)
        .where(JobRow.id == job_id, JobRow.milestone_id.is_(None), OrderRow.customer_id == caller.owner_id)
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    job, production = row
    delivered_at = production.delivered_at if production else None
    return Delivered(job.id, job.order_id, shown_state(job, production), delivered_at)


def shown_state(job: JobRow, production: ProductionRow | None) -> JobState:
    """From acceptance to delivery the provider's reports say where the job stands."""
    if job.state == JobState.ACCEPTED and production is not None:
        return JobState(production.state)
    return JobState(job.state)


def represent_job(parts: JobParts, caller: Principal, taken: Iterable[RefundAllocation]) -> Job:
    """What the caller may see of it: prices for the customer, the payout for the provider, both for staff.

    `taken` is what refunds and lost chargebacks took of the lines of its order.
    """
    job, line, order, files, head, production, provider = parts
    state = shown_state(job, production)
    is_provider = caller.role is Role.PROVIDER
    in_trouble = production is not None and production.trouble is not None
    amount = Money(amount_minor=job.amount_minor, currency=line.currency)
    shows_payout = provider is not None and caller.role is not Role.CUSTOMER
    return Job(
        id=job.id,
        order_id=job.order_id,
        state=state,
        round=job.round,
        provider_id=job.provider_id,
        provider_name=provider.name if provider else None,
        work=represent_work(line, files),
        amount=None if is_provider else amount,
        payout=payout_left(job, line, provider.commission_bp, taken) if provider and shows_payout else None,
        production=represent_production(production) if production else None,
        next=represent_next(head, caller),
        trouble=trouble_of(production) if production else None,
        allowed_actions=job_actions(caller.role, state, handing_of(order, production), in_trouble=in_trouble),
        opened_at=job.opened_at,
        accepted_at=job.accepted_at,
        approved_at=job.approved_at,
        closed_at=job.closed_at,
    )


def represent_work(line: OrderLineRow, files: list[dict[str, Any]]) -> Work:
    """What is to be made."""
    shown = represent_files(files)
    return Work(
        title=line.title,
        process=line.process,
        material=line.material,
        material_g=line.material_g,
        quantity=line.quantity,
        lead_time_days=line.lead_time_days,
        file_id=shown[0].file_id,
        files=shown,
    )


def payout_left(job: JobRow, line: OrderLineRow, commission_bp: int, taken: Iterable[RefundAllocation]) -> Money:
    """What she gets: her share of what is left of the job, or once that is released, less what was taken back."""
    parts = [part for part in taken if part.line_id == line.id and part.job_id in (job.id, None)]
    if job.released_minor is not None:
        payout_minor = (job.payout_minor or 0) - sum(part.provider_share_minor for part in parts)
    else:
        held_minor = max(job.amount_minor - sum(part.held_minor for part in parts), 0)
        payout_minor, _ = split_commission(held_minor, commission_bp, line.currency)
    return Money(amount_minor=payout_minor, currency=line.currency)


def represent_next(head: TimelineRow, caller: Principal) -> NextStep | None:
    """Whose move it is, by the order's timeline, as the caller may know it."""
    who = WaitingOn(head.next_who)
    step = None if who is WaitingOn.NOBODY else NextStep(who=who, what=head.next_what, by=head.next_by)
    return told_next(step, caller)


async def _represent(session: AsyncSession, caller: Principal, rows: Sequence[JobParts]) -> list[Job]:
    taken = [] if caller.role is Role.CUSTOMER else await taken_of_lines(session, *{row[0].order_id for row in rows})
    return [represent_job(row, caller, taken) for row in rows]


def _visible(query: JobQuery, caller: Principal) -> JobQuery:
    if caller.is_staff:
        return query
    if caller.role is Role.PROVIDER:
        return query.where(JobRow.provider_id == caller.owner_id)
    return query.where(OrderRow.customer_id == caller.owner_id)
