"""A production in the hands of its provider: its row lock decides every race, one transaction per report."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.actions import Handing, job_actions
from fulfil.api.errors import ProblemError, conflict, invalid, not_found
from fulfil.api.intentions import Intention
from fulfil.api.readers.files import find_images
from fulfil.api.writers.idempotency import claim
from fulfil.api.writers.reports import Report
from fulfil.models.ids import new_id
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.jobs import JobState, ReportKind
from fulfil.models.messages.orders import DeliveryMethod
from fulfil.models.messages.parties import Actor, Role, WaitingOn
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.tables.jobs import JobReportRow, JobRow, ProductionRow
from fulfil.models.tables.orders import OrderLineRow, OrderRow
from fulfil.models.tables.timeline import append_event

WAKE_RELAY = text("SELECT pg_notify('fulfil_reports', '')")


@dataclass(frozen=True)
class InHand:
    """An open production, locked for one report, and what it is about; `report_id` is the report's."""

    session: AsyncSession
    production: ProductionRow
    line: OrderLineRow
    order: OrderRow
    actor: Actor
    report_id: str
    at: datetime

    @property
    def state(self) -> JobState:
        """Where the work stands."""
        return JobState(self.production.state)

    @property
    def policies(self) -> OrderPolicies:
        """Those pinned to the order."""
        return OrderPolicies.model_validate(self.order.policies)

    @property
    def handing(self) -> Handing:
        """How the goods reach the customer."""
        return Handing(
            by_pickup=self.order.delivery_method == DeliveryMethod.PICKUP,
            waits_for_pickup=self.production.pickup_ready_at is not None,
        )

    def refuse(self, code: str, detail: str) -> ProblemError:
        """A 409 with the state, and what the provider may do in it."""
        allowed = job_actions(Role.PROVIDER, self.state, self.handing)
        return conflict(code, detail, state=self.state, allowed_actions=allowed)

    def require(self, action: str, *states: JobState) -> None:
        """Raise 409 unless the work is in one of these states."""
        if self.state not in states:
            wanted = " or ".join(state.value for state in states)
            raise self.refuse("job_state", f"A job that is {self.state.value} has no {action}: it must be {wanted}.")


async def take_in_hand(
    session: AsyncSession, provider: Principal, job_id: str, intention: Intention, at: datetime
) -> InHand | None:
    """Lock the provider's production for a report; None when the report was made before under the same key.

    Raises 404 for a stranger's job, 409 when it is not (any more) in her hands.
    """
    production = await hold_production(session, job_id)
    claimed = await claim(session, intention, new_id("rep"), at)
    if claimed.repeated:
        return None
    if production is None or production.provider_id != provider.owner_id:
        raise await _not_in_her_hands(session, provider, job_id)
    return await in_hand(session, production, provider.actor, claimed.resource_id, at)


async def in_hand(
    session: AsyncSession, production: ProductionRow, actor: Actor, report_id: str, at: datetime
) -> InHand:
    """A locked production with its line and order."""
    query = (
        select(OrderLineRow, OrderRow)
        .join(JobRow, JobRow.line_id == OrderLineRow.id)
        .join(OrderRow, OrderRow.id == JobRow.order_id)
        .where(JobRow.id == production.job_id)
    )
    line, order = (await session.execute(query)).one()
    return InHand(session, production, line, order, actor, report_id, at)


async def hold_production(session: AsyncSession, job_id: str) -> ProductionRow | None:
    """Lock the open production of a job; the first lock of whoever takes one."""
    return await session.scalar(
        select(ProductionRow)
        .where(ProductionRow.job_id == job_id, ProductionRow.closed_at.is_(None))
        .with_for_update(key_share=True)
    )


async def hold_unstarted(session: AsyncSession, provider_id: str) -> Sequence[ProductionRow]:
    """Lock what a provider has accepted and not started, in one order for everybody; before any event is written."""
    found = await session.scalars(
        select(ProductionRow)
        .where(
            ProductionRow.provider_id == provider_id,
            ProductionRow.closed_at.is_(None),
            ProductionRow.started_at.is_(None),
        )
        .order_by(ProductionRow.order_id, ProductionRow.offer_id)
        .with_for_update(key_share=True)
    )
    return found.all()


async def write_report(
    session: AsyncSession, provider: Principal, job_id: str, report: Report, intention: Intention, at: datetime
) -> None:
    """Record a report that needs no more than itself; a repeated one changes nothing.

    Raises 404 for a stranger's job, 409 when the production's state does not allow it, 422 for bad photos.
    """
    held = await take_in_hand(session, provider, job_id, intention, at)
    if held is not None:
        await record(held, report)


async def record(held: InHand, report: Report) -> None:
    """Let the report happen: the production's new state, the report itself, the timeline."""
    held.require(report.action, *report.needs)
    production = held.production
    if report.percent is not None and report.percent < production.percent:
        raise held.refuse("progress_backwards", f"The job is at {production.percent} %: report at least that.")
    await check_photos(held, report.photo_file_ids)
    production.state = report.leads_to or production.state
    production.reported_at = held.at
    for column, value in report.columns.items():
        setattr(production, column, value)
    await add_report(held, report.kind, report.data, moves_clock=report.moves_clock)
    await tell(held, report.event, report.data, NextStep(who=report.then_who, what=report.then_what, by=report.then_by))


async def add_report(held: InHand, kind: ReportKind, data: dict[str, Any], *, moves_clock: bool) -> None:
    """The report's row; one that moves a clock wakes the relay."""
    held.session.add(
        JobReportRow(
            id=held.report_id,
            job_id=held.production.job_id,
            offer_id=held.production.offer_id,
            business_key=f"{held.production.job_id}:report:{held.report_id}",
            kind=kind,
            data=data,
            created_at=held.at,
            signal_due=moves_clock,
        )
    )
    if moves_clock:
        await held.session.execute(WAKE_RELAY)


async def tell(held: InHand, event: EventType, data: dict[str, Any], next_step: NextStep | None) -> None:
    """Write into the order's timeline what the report says, once."""
    await append_event(
        held.session,
        order_id=held.production.order_id,
        business_key=f"{held.production.job_id}:{event.value.partition('.')[2]}:{held.report_id}",
        kind=event,
        at=held.at,
        actor=held.actor,
        subject=held.production.job_id,
        data=data,
        next_step=next_step,
    )


async def give_back(
    session: AsyncSession, production: ProductionRow, *, actor: Actor, reason: str, at: datetime
) -> None:
    """Close a locked, open production as failed and let its job know: it is offered to others in a new round.

    Whoever gives several back locks them all first (`hold_unstarted`). The workflow releases the material.
    """
    held = await in_hand(session, production, actor, new_id("rep"), at)
    production.state = JobState.FAILED
    production.closed_at = at
    production.reported_at = at
    end_trouble(production)
    await add_report(held, ReportKind.GIVEN_UP, {"reason": reason}, moves_clock=True)
    next_step = NextStep(who=WaitingOn.SYSTEM, what="find another provider")
    await tell(held, EventType.JOB_GIVEN_UP, {"reason": reason, "provider_id": production.provider_id}, next_step)


def end_trouble(production: ProductionRow) -> None:
    """Nobody has to choose any more, and nothing is at risk."""
    production.trouble = None
    production.trouble_answer_due_at = None
    production.proposed_due_at = None
    production.at_risk_at = None


def answer_due(held: InHand) -> datetime:
    """Until when the customer may choose."""
    return held.at + timedelta(seconds=held.policies.lateness_answer_s)


async def check_photos(held: InHand, file_ids: Iterable[str], param: str = "photo_file_ids") -> None:
    """422 unless each is an image the provider uploaded."""
    asked = list(file_ids)
    known = await find_images(held.session, held.production.provider_id, asked) if asked else set[str]()
    for file_id in asked:
        if file_id not in known:
            raise invalid(
                "photo_not_usable",
                f"{file_id} is not an image you uploaded: send JPEG, PNG, WebP or GIF to POST /files first.",
                param,
            )


async def _not_in_her_hands(session: AsyncSession, provider: Principal, job_id: str) -> ProblemError:
    """Never hers: not found. Hers once, or not secured yet: a conflict that says so."""
    job = await session.get(JobRow, job_id)
    once = await session.scalar(
        select(ProductionRow)
        .where(ProductionRow.job_id == job_id, ProductionRow.provider_id == provider.owner_id)
        .order_by(ProductionRow.closed_at.desc().nulls_first())
        .limit(1)
    )
    is_hers = job is not None and job.provider_id == provider.owner_id
    if job is None or job.milestone_id is not None or (once is None and not is_hers):
        return not_found("job")
    if is_hers and job.state == JobState.ACCEPTED and (once is None or once.offer_id != job.offer_id):
        return conflict("acceptance_pending", "Your acceptance is being secured: try again shortly.", state=job.state)
    if once is not None and once.state == JobState.FAILED:
        return conflict("job_given_back", "You gave the job back.", state=once.state)
    if once is None or is_hers:
        return conflict("job_state", f"The job is {job.state}: nothing is to be reported.", state=job.state)
    return conflict("job_taken_back", "The job was taken back from you.", state=once.state)
