"""What the job workflow needs from the database."""

from abc import ABC, abstractmethod

from temporalio import activity

from fulfil.models.messages.jobs import (
    BeginRound,
    CloseJob,
    DeclineOffer,
    JobWithdrawal,
    OfferToProvider,
    OfferWave,
    OpenWave,
    ProviderOffered,
    Remind,
    RoundBegun,
    WithdrawJob,
)


class JobActivities(ABC):
    """Runs on task queue `orders`; database only, and signals to the sibling workflow after the commit."""

    @activity.defn
    @abstractmethod
    async def open_wave(self, request: OpenWave) -> OfferWave:
        """Expire the open offers and offer the job to the next providers; `offers` is empty when none is left."""

    @activity.defn
    @abstractmethod
    async def offer_to_provider(self, request: OfferToProvider) -> ProviderOffered:
        """Offer the job to the provider support chose, beside those asked already; or say why she can't be asked."""

    @activity.defn
    @abstractmethod
    async def decline_offer(self, request: DeclineOffer) -> None:
        """Write that a provider said no."""

    @activity.defn
    @abstractmethod
    async def withdraw_job(self, request: WithdrawJob) -> JobWithdrawal:
        """Take the job back unless production has started; then tell the job workflow."""

    @activity.defn
    @abstractmethod
    async def begin_round(self, request: BeginRound) -> RoundBegun:
        """Release the provider's claim and material, exclude her, and offer the first wave of a new round."""

    @activity.defn
    @abstractmethod
    async def close_job(self, request: CloseJob) -> None:
        """Write that nobody makes the job, withdraw what is open, and tell the order workflow."""

    @activity.defn
    @abstractmethod
    async def remind(self, request: Remind) -> None:
        """Write a reminder into the timeline."""
