"""A provider's report in one transaction: production, report, timeline; its row lock decides every race."""

from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.actions import job_actions
from fulfil.api.errors import ProblemError, conflict, invalid, not_found
from fulfil.api.intentions import Intention
from fulfil.api.readers.files import find_images
from fulfil.api.writers.idempotency import claim
from fulfil.api.writers.reports import Report
from fulfil.models.ids import new_id
from fulfil.models.messages.events import NextStep
from fulfil.models.messages.jobs import JobState, ReportKind
from fulfil.models.messages.parties import Role
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.tables.jobs import JobReportRow, JobRow, ProductionRow
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.timeline import append_event


async def write_report(
    session: AsyncSession, provider: Principal, job_id: str, report: Report, intention: Intention, at: datetime
) -> None:
    """Record the report; a repeated one changes nothing.

    Raises 404 for a stranger's job, 409 when the production's state does not allow it, 422 for bad photos.
    """
    production = await session.scalar(
        select(ProductionRow)
        .where(ProductionRow.job_id == job_id, ProductionRow.closed_at.is_(None))
        .with_for_update(key_share=True)
    )
    claimed = await claim(session, intention, new_id("rep"), at)
    if claimed.repeated:
        return
    if production is None or production.provider_id != provider.owner_id:
        raise await _not_in_her_hands(session, provider, job_id)
    _check_transition(production, report)
    await _check_photos(session, provider, report)
    production.state = report.leads_to
    for column, value in report.columns.items():
        setattr(production, column, value)
    session.add(
        JobReportRow(
            id=claimed.resource_id,
            job_id=job_id,
            offer_id=production.offer_id,
            business_key=f"{job_id}:report:{claimed.resource_id}",
            kind=report.kind,
            data=dict(report.data),
            created_at=at,
            signal_due=report.moves_clock,
        )
    )
    await _tell(session, production, report, claimed.resource_id, at)


async def _tell(session: AsyncSession, production: ProductionRow, report: Report, report_id: str, at: datetime) -> None:
    await append_event(
        session,
        order_id=production.order_id,
        business_key=f"{production.job_id}:{report.event.partition('.')[2]}:{report_id}",
        kind=report.event,
        at=at,
        actor=Principal(production.provider_id, Role.PROVIDER, production.provider_id).actor,
        subject=production.job_id,
        data=dict(report.data),
        next_step=NextStep(
            who=report.then_who, what=report.then_what, by=await _deadline(session, production, report, at)
        ),
    )
    if report.moves_clock:
        await session.execute(text("SELECT pg_notify('fulfil_reports', '')"))


async def _deadline(session: AsyncSession, production: ProductionRow, report: Report, at: datetime) -> datetime | None:
    """Until when the customer may object to a delivery; silence approves it then."""
    if report.kind is not ReportKind.DELIVERED:
        return None
    pinned = await session.scalar(select(OrderRow.policies).where(OrderRow.id == production.order_id))
    return at + timedelta(seconds=OrderPolicies.model_validate(pinned).approval_due_s)


def _check_transition(production: ProductionRow, report: Report) -> None:
    state = JobState(production.state)
    if state is not report.needs:
        raise conflict(
            "job_state",
            f"A job that is {state.value} has no {report.action}: it must be {report.needs.value}.",
            state=state.value,
            allowed_actions=job_actions(Role.PROVIDER, state),
        )
    if report.percent is not None and report.percent < production.percent:
        raise conflict(
            "progress_backwards",
            f"The job is at {production.percent} %: report at least that.",
            state=state.value,
            allowed_actions=job_actions(Role.PROVIDER, state),
        )


async def _check_photos(session: AsyncSession, provider: Principal, report: Report) -> None:
    asked = list(report.photo_file_ids)
    known = await find_images(session, provider.owner_id, asked) if asked else set[str]()
    for file_id in asked:
        if file_id not in known:
            raise invalid(
                "photo_not_usable",
                f"{file_id} is not an image you uploaded: send JPEG, PNG, WebP or GIF to POST /files first.",
                "photo_file_ids",
            )


async def _not_in_her_hands(session: AsyncSession, provider: Principal, job_id: str) -> ProblemError:
    """Never hers: not found. Hers once, or not secured yet: a conflict that says so."""
    job = await session.get(JobRow, job_id)
    once = await session.scalar(
        select(ProductionRow.state)
        .where(ProductionRow.job_id == job_id, ProductionRow.provider_id == provider.owner_id)
        .limit(1)
    )
    if job is not None and job.provider_id == provider.owner_id:
        if job.state == JobState.ACCEPTED:
            return conflict(
                "acceptance_pending", "Your acceptance is being secured: try again shortly.", state=job.state
            )
        return conflict("job_state", f"The job is {job.state}: nothing is to be reported.", state=job.state)
    if once is not None:
        return conflict("job_taken_back", "The job was taken back from you.", state=once)
    return not_found("job")
