"""Booking what the payment provider's books have and ours lack, by re-reading the object each entry belongs to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from temporalio.exceptions import ApplicationError

from fulfil.activities.bookkeeping import book_charge
from fulfil.activities.locking import hold_payment
from fulfil.activities.mirroring import post_moved
from fulfil.activities.stripe_truth import StripeTruth
from fulfil.gateways.stripe.errors import StripeRefusedError
from fulfil.gateways.stripe.facts import BalanceEntry
from fulfil.ledger import entries
from fulfil.ledger.entries import Entry
from fulfil.models.messages.documents import PlatformIdentity
from fulfil.models.tables.payments import PaymentRow

log = structlog.stdlib.get_logger(__name__)

# Money that moved without an order: our own payouts and top-ups, the provider's bills.
PLATFORM_ENTRIES: dict[str, Callable[[BalanceEntry], Entry]] = {
    "payout": lambda moved: entries.platform_payout(-moved.net_minor, pending=moved.is_pending),
    "payout_failure": lambda moved: entries.platform_payout(-moved.net_minor, pending=moved.is_pending),
    "payout_cancel": lambda moved: entries.platform_payout(-moved.net_minor, pending=moved.is_pending),
    "topup": lambda moved: entries.topped_up(moved.net_minor, pending=moved.is_pending),
    "stripe_fee": lambda moved: entries.stripe_fee(-moved.net_minor, pending=moved.is_pending),
}
CHARGES = ("charge", "payment")
# What is told to the same handlers that webhooks reach: they re-read the object and write what it says.
EVENT_OF = {
    "refund": "refund.updated",
    "payment_refund": "refund.updated",
    "refund_failure": "refund.failed",
    "payment_failure_refund": "refund.failed",
    "adjustment": "charge.dispute.updated",
}
# Transactions of old moved one account of ours and name no entry, only the object.
UNBOOKED = text("""
SELECT b.id FROM balance_transactions b
WHERE b.id = ANY(:ids) AND b.net_minor <> 0
  AND NOT EXISTS (SELECT FROM ledger_transactions t WHERE t.balance_transaction_id = b.id)
  AND NOT EXISTS (
    SELECT FROM ledger_transactions t JOIN ledger_postings p ON p.transaction_id = t.id
    WHERE t.stripe_object_id IN (b.source_id, b.id) AND t.balance_transaction_id IS NULL AND p.account = 'asset:stripe'
  )
""")


@dataclass(frozen=True)
class ProviderBooks:
    """Repairs our books entry by entry; what a workflow has not finished yet is left to it and shown by the checks."""

    truth: StripeTruth
    platform: PlatformIdentity

    async def unbooked(self, listed: Sequence[BalanceEntry]) -> list[BalanceEntry]:
        """Those of the provider's entries that no transaction of ours names, oldest first."""
        async with self.truth.database.begin() as session:
            found = set(await session.scalars(UNBOOKED, {"ids": [moved.id for moved in listed]}))
        return sorted((moved for moved in listed if moved.id in found), key=lambda moved: (moved.created_at, moved.id))

    async def book(self, moved: BalanceEntry) -> bool:
        """Book one entry if its object tells how; False when only its own workflow, or a person, can.

        One that contradicts the books stands in nobody else's way. Raises when Stripe, Temporal or PostgreSQL do not
        answer.
        """
        try:
            if moved.type in PLATFORM_ENTRIES:
                await self._platform(moved)
            elif moved.source_id is not None and moved.type in CHARGES:
                await self._charge(moved.source_id)
            elif moved.source_id is not None and moved.type in EVENT_OF:
                await self.truth.act_on(f"reconciliation:{moved.id}", EVENT_OF[moved.type], moved.source_id)
        except (StripeRefusedError, ApplicationError, IntegrityError) as error:
            log.warning("not booked", entry=moved.id, type=moved.type, cause=str(error))
        return not await self.unbooked([moved])

    async def _platform(self, moved: BalanceEntry) -> None:
        async with self.truth.database.begin() as session:
            await post_moved(
                session,
                PLATFORM_ENTRIES[moved.type](moved),
                moved,
                business_key=f"platform:{moved.id}",
                order_id=None,
                effective_at=self.truth.clock(),
                stripe_object_id=moved.id,
            )

    async def _charge(self, charge_id: str) -> None:
        """A capture whose answer was lost may not have written its charge; the payment intent it always has."""
        intent_id = await self.truth.gateway.retrieve_charge_payment(charge_id)
        async with self.truth.database.begin() as session:
            order_id = await session.scalar(
                select(PaymentRow.order_id).where(PaymentRow.payment_intent_id == intent_id)
            )
        if order_id is None or intent_id is None:
            return
        facts = await self.truth.gateway.retrieve_payment_intent(intent_id)
        if facts.charge_id != charge_id:
            return  # a second charge of one payment is no repair of ours: the checks show it
        async with self.truth.database.begin() as session:
            payment = await hold_payment(session, order_id)
            await book_charge(session, payment, facts, self.truth.clock(), self.platform)
