"""What the upkeep workflow needs: expired reservations ended, scores kept up."""

from abc import ABC, abstractmethod

from temporalio import activity

from fulfil.models.messages.upkeep import EndExpiredLeases, LeasesEnded, RefreshScores, ScoresRefreshed


class UpkeepActivities(ABC):
    """Runs on task queue `orders`; database only, heartbeating, and each can be run again from its beginning."""

    @activity.defn
    @abstractmethod
    async def end_expired_leases(self, request: EndExpiredLeases) -> LeasesEnded:
        """Give material back to its stock that was reserved longer than its lease lasts."""

    @activity.defn
    @abstractmethod
    async def refresh_scores(self, request: RefreshScores) -> ScoresRefreshed:
        """Count what every provider did lately and write her score with what it was made of."""
