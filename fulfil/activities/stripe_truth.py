"""What a Stripe event means: its object is re-read, and only that answer is written and told to the workflows."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import aliased

from fulfil.activities.account_truth import account_changed
from fulfil.activities.chargeback_truth import dispute_changed, fraud_warned
from fulfil.activities.payment_truth import charge_expired, payment_changed
from fulfil.activities.refund_truth import charge_refunded, refund_changed
from fulfil.activities.truth import Truth
from fulfil.gateways.stripe.errors import StripeRefusedError
from fulfil.models.tables.payments import StripeEventRow

Handler = Callable[[Truth, str, str], Awaitable[str | None]]


async def booked_by_reconciliation(truth: Truth, event_id: str, object_id: str) -> str | None:
    """Money that moved without an order: read from Stripe's books."""
    del truth, event_id, object_id
    return "booked by reconciliation"


async def written_by_its_own_step(truth: Truth, event_id: str, object_id: str) -> str | None:
    """What we asked for ourselves is written by whoever asked; what others did, the reconciliation finds."""
    del truth, event_id, object_id
    return "written by the step that asked for it"


async def read_when_needed(truth: Truth, event_id: str, object_id: str) -> str | None:
    """Saved cards live at Stripe alone."""
    del truth, event_id, object_id
    return "read from Stripe when it is needed"


# The longest prefix of the event's type decides; types that are not here are stored, noted and done.
HANDLERS: Mapping[str, Handler] = {
    "payment_intent.": payment_changed,
    # Read again when it is paid already, it would tell the order a second time.
    "payment_intent.created": written_by_its_own_step,
    "charge.expired": charge_expired,
    "charge.refunded": charge_refunded,
    "charge.dispute.": dispute_changed,
    "radar.early_fraud_warning.": fraud_warned,
    "refund.": refund_changed,
    "transfer.": written_by_its_own_step,
    "payout.": booked_by_reconciliation,
    "balance.": booked_by_reconciliation,
    "account.": account_changed,
    "v2.core.account": account_changed,
    "setup_intent.": read_when_needed,
    "payment_method.": read_when_needed,
}
# Their state tells all. A payment intent comes back to a state with every declined card, a charge keeps its own through
# all its refunds, a dispute moves money without a new one: what repeats of these is found written by their handlers.
STATE_TELLS_ALL = ("refund.", "payout.")


def handler_of(kind: str) -> Handler | None:
    """What acts on events of this type; None for those nothing follows from."""
    found = [prefix for prefix in HANDLERS if kind.startswith(prefix)]
    return HANDLERS[max(found, key=len)] if found else None


@dataclass(frozen=True)
class StripeTruth(Truth):
    """Acts on one event by the object it names."""

    async def act_on(self, event_id: str, kind: str, object_id: str) -> str | None:
        """A note for the event's row, or None; unknown objects and types are noted and done.

        Raises when Stripe, Temporal or PostgreSQL do not answer.
        """
        handler = handler_of(kind)
        if handler is None:
            return f"nothing follows from {kind}"
        told = await self._told_before(event_id) if kind.startswith(STATE_TELLS_ALL) else None
        if told is not None:
            return f"told before by {told}"
        try:
            return await handler(self, event_id, object_id)
        except StripeRefusedError as error:
            return f"not known to Stripe: {error}"

    async def _told_before(self, event_id: str) -> str | None:
        """The event that was acted on for the same state of the same object: Stripe may tell a fact twice."""
        this, other = aliased(StripeEventRow), aliased(StripeEventRow)
        twin = (
            select(other.id)
            .join(this, (this.object_id == other.object_id) & (this.object_state == other.object_state))
            .where(this.id == event_id, other.id != event_id, other.type == this.type)
            .where(other.processed_at.is_not(None))
            .limit(1)
        )
        async with self.database.begin() as session:
            return await session.scalar(twin)
