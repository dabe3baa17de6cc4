"""What the chargeback workflow needs from the payment provider, the timeline and the ledger."""

from abc import ABC, abstractmethod

from temporalio import activity

from fulfil.models.messages.chargebacks import (
    AcceptLoss,
    ChargebackStatus,
    CollectEvidence,
    ReadChargeback,
    RemindOfEvidence,
    SubmitEvidence,
)


class ChargebackActivities(ABC):
    """Runs on task queue `payments`; each is at most one effect at Stripe and one transaction, under one key."""

    @activity.defn
    @abstractmethod
    async def read_chargeback(self, request: ReadChargeback) -> ChargebackStatus:
        """Re-read the dispute; freeze or thaw the order's money, post what was taken or given back."""

    @activity.defn
    @abstractmethod
    async def collect_evidence(self, request: CollectEvidence) -> None:
        """Stage what the timeline proves."""

    @activity.defn
    @abstractmethod
    async def submit_evidence(self, request: SubmitEvidence) -> ChargebackStatus:
        """Submit what is staged."""

    @activity.defn
    @abstractmethod
    async def accept_loss(self, request: AcceptLoss) -> ChargebackStatus:
        """Close the dispute as lost."""

    @activity.defn
    @abstractmethod
    async def remind_of_evidence(self, request: RemindOfEvidence) -> None:
        """Write into the timeline that support has to look."""
