"""The upkeep activities on PostgreSQL: expired reservations ended, every provider scored, batch by batch."""

from temporalio import activity

from fulfil.activities.scoring import next_providers, score_providers
from fulfil.inventory.leases import end_expired_leases
from fulfil.kit.database import Database
from fulfil.models.messages.upkeep import EndExpiredLeases, LeasesEnded, RefreshScores, ScoresRefreshed
from fulfil.workflows.ports.upkeep import UpkeepActivities

BATCH = 25


class DatabaseUpkeepActivities(UpkeepActivities):
    """A transaction per batch, so that nobody waits long for a provider's row or a lot of material."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def end_expired_leases(self, request: EndExpiredLeases) -> LeasesEnded:
        """Give material back to its stock that was reserved longer than its lease lasts."""
        total = 0
        while True:
            async with self._database.begin() as session:
                ended = await end_expired_leases(session, request.at, BATCH)
            if not ended:
                return LeasesEnded(ended=total)
            total += ended
            activity.heartbeat(total)

    @activity.defn
    async def refresh_scores(self, request: RefreshScores) -> ScoresRefreshed:
        """Count what every provider did lately and write her score with what it was made of."""
        scored, changed, last = 0, 0, ""
        while True:
            async with self._database.begin() as session:
                batch = await next_providers(session, last, BATCH)
                if not batch:
                    return ScoresRefreshed(providers=scored, changed=changed)
                changed += await score_providers(session, batch, request.at)
            scored, last = scored + len(batch), batch[-1]
            activity.heartbeat(scored)
