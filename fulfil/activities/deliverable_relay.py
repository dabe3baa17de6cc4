"""The relay of deliverables: what customers and providers did to milestones becomes signals to their workflows."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity
from temporalio.client import Client

from fulfil.activities.following import LEASE, Waitlist, follow
from fulfil.activities.telling import tell_deliverable_reported
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.models.messages.deliverables import DeliverableReported
from fulfil.models.tables.deliverables import DeliverableReportRow, DeliverableRow
from fulfil.workflows.ports.relays import DeliverableReportRelay

# A report waits for the earlier ones of its deliverable, so that an approval never overtakes its submission.
TAKE_REPORTS = text("""
UPDATE deliverable_reports SET attempts = attempts + 1, not_before = :leased_until
WHERE id IN (
    SELECT r.id FROM deliverable_reports r
    WHERE r.signalled_at IS NULL AND coalesce(r.not_before <= :now, true) AND r.deliverable_id <> ALL(:busy)
      AND NOT EXISTS (
        SELECT FROM deliverable_reports earlier
        WHERE earlier.deliverable_id = r.deliverable_id AND earlier.signalled_at IS NULL
          AND earlier.not_before > :now AND (earlier.created_at, earlier.id) < (r.created_at, r.id)
      )
    ORDER BY r.created_at, r.id LIMIT :limit FOR UPDATE SKIP LOCKED
)
RETURNING id, deliverable_id, message, created_at, attempts
""")


class NotRunningError(Exception):
    """The deliverable is open and has no workflow: the step that opened it has not started it yet."""


@dataclass(frozen=True)
class WaitingDeliverableReport:
    """A report whose deliverable has not heard of it."""

    id: str
    key: str
    message: DeliverableReported
    created_at: datetime
    attempts: int


class DeliverableReportRelayActivity(DeliverableReportRelay, Waitlist[WaitingDeliverableReport]):
    """Tells each deliverable what was done to it, however long Temporal was away."""

    channel = "fulfil_deliverable_reports"

    def __init__(self, database: Database, client: Client, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._client = client
        self.clock = clock

    @activity.defn
    async def relay_deliverable_reports(self) -> None:
        """Take recorded reports of deliverables and signal their workflows; for ever."""
        await follow(self._database, self)

    async def take(self, limit: int, busy: Collection[str]) -> Sequence[WaitingDeliverableReport]:
        """Lease the oldest reports no deliverable has heard of."""
        now = self.clock()
        async with self._database.begin() as session:
            rows = await session.execute(
                TAKE_REPORTS, {"now": now, "leased_until": now + LEASE, "busy": list(busy), "limit": limit}
            )
            taken = [
                WaitingDeliverableReport(
                    id=row.id,
                    key=row.deliverable_id,
                    message=DeliverableReported.model_validate(row.message),
                    created_at=row.created_at,
                    attempts=row.attempts,
                )
                for row in rows
            ]
        return sorted(taken, key=lambda report: (report.created_at, report.id))

    async def relay(self, row: WaitingDeliverableReport) -> None:
        """Signal the deliverable; one that has ended needs no report.

        Raises `NotRunningError`, which postpones it, for one whose workflow is still to be started.
        """
        told = await tell_deliverable_reported(self._client, row.key, row.message)
        async with self._database.begin() as session:
            if not told and not await _has_ended(session, row.key):
                raise NotRunningError(f"deliverable {row.key} does not run yet")
            await session.execute(
                update(DeliverableReportRow)
                .where(DeliverableReportRow.id == row.id)
                .values(signalled_at=self.clock(), last_error=None if told else "the deliverable's workflow has ended")
            )

    async def postpone(self, rows: Sequence[WaitingDeliverableReport], error: Exception, until: datetime) -> None:
        """Note the failure at the first row; none of them before `until`."""
        behind = f"waits for {rows[0].id}"
        causes = [f"{type(error).__name__}: {error}"[:2000], *(behind for _ in rows[1:])]
        async with self._database.begin() as session:
            for row, cause in zip(rows, causes, strict=True):
                await session.execute(
                    update(DeliverableReportRow)
                    .where(DeliverableReportRow.id == row.id)
                    .values(not_before=until, last_error=cause)
                )


async def _has_ended(session: AsyncSession, deliverable_id: str) -> bool:
    ended = select(DeliverableRow.closed_at.is_not(None)).where(DeliverableRow.id == deliverable_id)
    return bool(await session.scalar(ended))
