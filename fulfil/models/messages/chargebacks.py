"""What is said about a chargeback: the card network took the money back (or asks why it should not)."""

from datetime import datetime
from enum import StrEnum

from fulfil.models.ids import ChargebackId, OrderId, ProviderId, StatementId
from fulfil.models.messages.base import Message
from fulfil.models.messages.parties import Actor
from fulfil.models.messages.refunds import RefundAllocation
from fulfil.models.money import AmountMinor, Currency


class ChargebackState(StrEnum):
    """Where it stands; an inquiry moves no money unless it escalates to a chargeback."""

    INQUIRY = "inquiry"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    CLOSED = "closed"


UNDECIDED = (ChargebackState.INQUIRY, ChargebackState.NEEDS_RESPONSE, ChargebackState.UNDER_REVIEW)
"""While one of an order's chargebacks is in these, its money is frozen."""


class StartChargeback(Message):
    """The chargeback workflow's input."""

    chargeback_id: ChargebackId
    stripe_dispute_id: str
    order_id: OrderId


class ReadChargeback(Message):
    """Activity: re-read the dispute and write what it says: row, freeze, ledger, timeline."""

    chargeback_id: ChargebackId
    stripe_dispute_id: str
    order_id: OrderId


class ChargebackStatus(Message):
    """What the payment provider says now, written; `submitted` tells that no (further) answer is waited for.

    Evidence was collected `evidence_number` times, and some of it is `staged` at the payment provider.
    """

    chargeback_id: ChargebackId
    state: ChargebackState
    amount_minor: AmountMinor
    currency: Currency
    evidence_due_at: datetime | None = None
    submitted: bool = False
    staged: bool = False
    evidence_number: int = 0
    reminder_s: int
    submit_s: int


class CollectEvidence(Message):
    """Activity: put together what the timeline proves and stage it at the payment provider, not yet submitted."""

    chargeback_id: ChargebackId
    order_id: OrderId
    number: int


class AddEvidence(Message):
    """Update: support wrote a statement, which is staged with the rest; its text stays in PostgreSQL."""

    chargeback_id: ChargebackId
    order_id: OrderId
    statement_id: StatementId
    actor: Actor


class SubmitEvidence(Message):
    """Update and activity: send what is staged; it can be done once. `actor` is the system at the last moment."""

    chargeback_id: ChargebackId
    order_id: OrderId
    actor: Actor
    reason: str


class AcceptLoss(Message):
    """Update and activity: give the chargeback up before its due date."""

    chargeback_id: ChargebackId
    order_id: OrderId
    actor: Actor
    reason: str


class RemindOfEvidence(Message):
    """Activity: tell support that the due date is near."""

    chargeback_id: ChargebackId
    order_id: OrderId
    due_at: datetime


class TakenBackShare(Message):
    """What a lost chargeback takes from one provider's release: her share, and our commission with its tax."""

    provider_id: ProviderId | None
    provider_minor: AmountMinor = 0
    commission_minor: AmountMinor = 0
    tax_minor: AmountMinor = 0


class TransferPart(Message):
    """How much of a transfer is asked back from the provider's account, under which key."""

    transfer_id: str
    job_id: str
    provider_id: ProviderId
    amount_minor: AmountMinor
    key: str = ""


class ChargebackLoss(Message):
    """Who pays for a lost chargeback, fixed once: what is held first, then what was released, the rest is our loss.

    `allocations` are the same amounts by line, `shares` by provider. `number` counts the losses of one chargeback: a
    decision that was turned in our favour may be turned again.
    """

    held_minor: AmountMinor = 0
    shares: tuple[TakenBackShare, ...] = ()
    transfers: tuple[TransferPart, ...] = ()
    loss_minor: AmountMinor = 0
    allocations: tuple[RefundAllocation, ...] = ()
    number: int = 1


class ChargebackChanged(Message):
    """Signal: an event about the dispute came in; the workflow reads it again."""

    event_id: str


class ChargebackOutcome(Message):
    """The result of the chargeback workflow."""

    chargeback_id: ChargebackId
    state: ChargebackState
