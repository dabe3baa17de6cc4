"""What the reconciliation workflow needs: the provider's books next to ours."""

from abc import ABC, abstractmethod

from temporalio import activity

from fulfil.models.messages.reconciliation import ReconcileMoney, ReconciliationReport, ReconciliationStep


class ReconciliationActivities(ABC):
    """Runs on task queue `payments`; all heartbeat, and each can be run again from its beginning."""

    @activity.defn
    @abstractmethod
    async def backfill_events(self, request: ReconcileMoney) -> ReconciliationStep:
        """Store the events whose webhooks never came; the relay acts on them as on any other."""

    @activity.defn
    @abstractmethod
    async def mirror_balance_transactions(self, request: ReconcileMoney) -> ReconciliationStep:
        """Copy the provider's balance transactions; book what ours lack, through their re-read objects."""

    @activity.defn
    @abstractmethod
    async def clear_funds(self, request: ReconcileMoney) -> ReconciliationStep:
        """Move what has become available from pending to available, in one transaction per currency."""

    @activity.defn
    @abstractmethod
    async def watch_held_money(self, request: ReconcileMoney) -> ReconciliationStep:
        """Alarm for money held long; start the refund of what may not be held any longer."""

    @activity.defn
    @abstractmethod
    async def collect_receivables(self, request: ReconcileMoney) -> ReconciliationStep:
        """Ask providers' accounts again for what they refused to give back."""

    @activity.defn
    @abstractmethod
    async def pay_providers(self, request: ReconcileMoney) -> ReconciliationStep:
        """Transfer what was given back to providers, or was taken of them once too often."""

    @activity.defn
    @abstractmethod
    async def report_reconciliation(self, request: ReconcileMoney) -> ReconciliationReport:
        """Check every invariant, compare balances with the provider's, and keep the report."""
