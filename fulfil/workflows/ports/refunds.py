"""What the refund workflow needs from the payment provider and the ledger."""

from abc import ABC, abstractmethod

from temporalio import activity

from fulfil.models.messages.refunds import (
    DecideRefund,
    LookAtRefund,
    RefundOpened,
    RefundProgress,
    RerouteRefund,
    SendRefund,
    StartRefund,
)


class RefundActivities(ABC):
    """Runs on task queue `payments`; each is at most one effect at Stripe and one transaction, under one key."""

    @activity.defn
    @abstractmethod
    async def open_refund(self, request: StartRefund) -> RefundOpened:
        """Check what is left to refund, reserve it and write the refund; a reopened one is read."""

    @activity.defn
    @abstractmethod
    async def decide_refund(self, request: DecideRefund) -> RefundProgress:
        """Write the second person's decision; a rejection frees the reserved amount."""

    @activity.defn
    @abstractmethod
    async def send_refund(self, request: SendRefund) -> RefundProgress:
        """Book where the money comes from, take back what was released, send it to the card or another way."""

    @activity.defn
    @abstractmethod
    async def look_at_refund(self, request: LookAtRefund) -> RefundProgress:
        """Re-read the refund and write what became of it."""

    @activity.defn
    @abstractmethod
    async def reroute_refund(self, request: RerouteRefund) -> RefundProgress:
        """Choose another way for a refund that failed."""
