"""Forecasts of productions, from the reports in the database."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.forecasts.readiness import Promised, Reached, forecast_ready_at
from fulfil.models.messages.jobs import JobState, ReportKind
from fulfil.models.messages.shipments import Correction
from fulfil.models.tables.jobs import JobReportRow, JobRow, ProductionRow

MAKING = (JobState.ACCEPTED, JobState.IN_PRODUCTION)
TOLD = (ReportKind.PROGRESS, ReportKind.QUALITY, ReportKind.LOST)


async def forecast_production(session: AsyncSession, production: ProductionRow, now: datetime) -> datetime | None:
    """When it will probably be ready; None when no date is promised, or when it is made already."""
    return (await forecast_productions(session, [production], now)).get(production.offer_id)


async def forecast_productions(
    session: AsyncSession, productions: Sequence[ProductionRow], now: datetime
) -> dict[str, datetime]:
    """The same of several by their offers; those that have no forecast are left out."""
    making = [each for each in productions if each.due_at is not None and each.state in MAKING]
    if not making:
        return {}
    accepted_at: dict[str, datetime | None] = {}
    reports: dict[str, list[JobReportRow]] = {each.offer_id: [] for each in making}
    of_making = and_(JobReportRow.job_id == JobRow.id, JobReportRow.offer_id.in_(reports), JobReportRow.kind.in_(TOLD))
    for job_id, at, report in await session.execute(
        select(JobRow.id, JobRow.accepted_at, JobReportRow)
        .outerjoin(JobReportRow, of_making)
        .where(JobRow.id.in_([each.job_id for each in making]))
        .order_by(JobReportRow.created_at, JobReportRow.id)
    ):
        accepted_at[job_id] = at
        if report:  # null where nothing was told
            reports[report.offer_id].append(report)
    return {
        each.offer_id: _forecast(each, accepted_at.get(each.job_id), reports[each.offer_id], now) for each in making
    }


def _forecast(
    production: ProductionRow, accepted_at: datetime | None, reports: Sequence[JobReportRow], now: datetime
) -> datetime:
    due_at = production.due_at or now
    promised = Promised(accepted_at or due_at, due_at)
    if production.started_at is None:
        return forecast_ready_at(promised, None, [], now)
    began_at, reached = _this_making(production.started_at, reports)
    return forecast_ready_at(promised, began_at, reached, now)


def _this_making(started_at: datetime, reports: Sequence[JobReportRow]) -> tuple[datetime, list[Reached]]:
    """When the parts were begun, for the last time, and how far they were since."""
    began_at, reached = started_at, list[Reached]()
    for report in reports:
        if report.kind == ReportKind.LOST or report.data.get("correction") == Correction.REMAKE:
            began_at, reached = report.created_at, []
        elif report.kind == ReportKind.PROGRESS:
            reached.append(Reached(report.created_at, int(report.data["percent"])))
    return began_at, reached
