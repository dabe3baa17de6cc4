"""The relays: Stripe's stored events become signals to orders, providers' recorded reports signals to jobs."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text, update
from temporalio import activity
from temporalio.client import Client

from fulfil.activities.following import LEASE, Waitlist, follow
from fulfil.activities.stripe_truth import StripeTruth
from fulfil.activities.telling import tell_job_reported
from fulfil.gateways.stripe.gateway import StripeGateway
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.models.messages.jobs import JobReported, ReportKind
from fulfil.models.tables.jobs import JobReportRow
from fulfil.models.tables.payments import StripeEventRow
from fulfil.workflows.ports.relays import JobReportRelay, StripeEventRelay

TAKE_EVENTS = text("""
UPDATE stripe_events SET attempts = attempts + 1, not_before = :leased_until
WHERE id IN (
    SELECT id FROM stripe_events
    WHERE processed_at IS NULL AND coalesce(not_before <= :now, true) AND object_id <> ALL(:busy)
    ORDER BY received_at, id LIMIT :limit FOR UPDATE SKIP LOCKED
)
RETURNING id, type, object_id, attempts, received_at
""")
# A report waits for the earlier ones of its job, so that a delivery never overtakes its start.
TAKE_REPORTS = text("""
UPDATE job_reports SET attempts = attempts + 1, not_before = :leased_until
WHERE id IN (
    SELECT r.id FROM job_reports r
    WHERE r.signal_due AND r.signalled_at IS NULL AND coalesce(r.not_before <= :now, true) AND r.job_id <> ALL(:busy)
      AND NOT EXISTS (
        SELECT FROM job_reports earlier
        WHERE earlier.job_id = r.job_id AND earlier.signal_due AND earlier.signalled_at IS NULL
          AND earlier.not_before > :now AND (earlier.created_at, earlier.id) < (r.created_at, r.id)
      )
    ORDER BY r.created_at, r.id LIMIT :limit FOR UPDATE SKIP LOCKED
)
RETURNING id, job_id, offer_id, kind, data, created_at, attempts
""")


@dataclass(frozen=True)
class WaitingEvent:
    """A stored webhook event; events about one object are relayed in the order they came."""

    id: str
    type: str
    key: str
    attempts: int
    received_at: datetime


@dataclass(frozen=True)
class WaitingReport:
    """A report whose job has not heard of it."""

    id: str
    key: str
    offer_id: str
    kind: ReportKind
    due_at: str | None
    created_at: datetime
    attempts: int


class StripeEventRelayActivity(StripeEventRelay, Waitlist[WaitingEvent]):
    """Believes nothing an event says but the id of its object."""

    channel = "fulfil_stripe_events"

    def __init__(
        self, database: Database, gateway: StripeGateway, client: Client, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._truth = StripeTruth(database, gateway, client, clock)
        self.clock = clock

    @activity.defn
    async def relay_stripe_events(self) -> None:
        """Take stored webhook events, re-read the object from Stripe, signal the order; for ever."""
        await follow(self._database, self)

    async def take(self, limit: int, busy: Collection[str]) -> Sequence[WaitingEvent]:
        """Lease the oldest unprocessed events."""
        now = self.clock()
        async with self._database.begin() as session:
            rows = await session.execute(
                TAKE_EVENTS, {"now": now, "leased_until": now + LEASE, "busy": list(busy), "limit": limit}
            )
            taken = [WaitingEvent(row.id, row.type, row.object_id, row.attempts, row.received_at) for row in rows]
        return sorted(taken, key=lambda event: (event.received_at, event.id))

    async def relay(self, row: WaitingEvent) -> None:
        """Act on the object and mark the event processed, with a note when nobody waited for it."""
        note = await self._truth.act_on(row.id, row.type, row.key)
        async with self._database.begin() as session:
            await session.execute(
                update(StripeEventRow)
                .where(StripeEventRow.id == row.id)
                .values(processed_at=self.clock(), last_error=note)
            )

    async def postpone(self, rows: Sequence[WaitingEvent], error: Exception, until: datetime) -> None:
        """Note the failure at the first row; none of them before `until`."""
        async with self._database.begin() as session:
            for row, cause in zip(rows, _causes(rows, error), strict=True):
                await session.execute(
                    update(StripeEventRow).where(StripeEventRow.id == row.id).values(not_before=until, last_error=cause)
                )


class JobReportRelayActivity(JobReportRelay, Waitlist[WaitingReport]):
    """Tells each job what its provider reported, however long Temporal was away."""

    channel = "fulfil_reports"

    def __init__(self, database: Database, client: Client, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._client = client
        self.clock = clock

    @activity.defn
    async def relay_job_reports(self) -> None:
        """Take recorded reports that move a clock and signal the job workflow; for ever."""
        await follow(self._database, self)

    async def take(self, limit: int, busy: Collection[str]) -> Sequence[WaitingReport]:
        """Lease the oldest reports no job has heard of."""
        now = self.clock()
        async with self._database.begin() as session:
            rows = await session.execute(
                TAKE_REPORTS, {"now": now, "leased_until": now + LEASE, "busy": list(busy), "limit": limit}
            )
            taken = [
                WaitingReport(
                    id=row.id,
                    key=row.job_id,
                    offer_id=row.offer_id,
                    kind=ReportKind(row.kind),
                    due_at=row.data.get("due_at"),
                    created_at=row.created_at,
                    attempts=row.attempts,
                )
                for row in rows
            ]
        return sorted(taken, key=lambda report: (report.created_at, report.id))

    async def relay(self, row: WaitingReport) -> None:
        """Signal the job; one that has ended needs no report."""
        due_at = None if row.due_at is None else datetime.fromisoformat(row.due_at)
        report = JobReported(report_id=row.id, kind=row.kind, at=row.created_at, due_at=due_at, offer_id=row.offer_id)
        told = await tell_job_reported(self._client, row.key, report)
        async with self._database.begin() as session:
            await session.execute(
                update(JobReportRow)
                .where(JobReportRow.id == row.id)
                .values(signalled_at=self.clock(), last_error=None if told else "the job's workflow has ended")
            )

    async def postpone(self, rows: Sequence[WaitingReport], error: Exception, until: datetime) -> None:
        """Note the failure at the first row; none of them before `until`."""
        async with self._database.begin() as session:
            for row, cause in zip(rows, _causes(rows, error), strict=True):
                await session.execute(
                    update(JobReportRow).where(JobReportRow.id == row.id).values(not_before=until, last_error=cause)
                )


def _causes(rows: Sequence[WaitingEvent] | Sequence[WaitingReport], error: Exception) -> list[str]:
    behind = f"waits for {rows[0].id}"
    return [f"{type(error).__name__}: {error}"[:2000], *(behind for _ in rows[1:])]
