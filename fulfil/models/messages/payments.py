"""What is said about the money of an order."""

from datetime import datetime
from enum import StrEnum

from fulfil.models.ids import JobId, LineId, MilestoneId, OrderId
from fulfil.models.messages.base import Message
from fulfil.models.messages.refunds import RefundReason
from fulfil.models.money import AmountMinor, Currency


class PaymentState(StrEnum):
    """The state of an order's one payment."""

    REQUIRES_PAYMENT = "requires_payment"
    REQUIRES_ACTION = "requires_action"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    FAILED = "failed"
    CANCELLED = "cancelled"


class PaymentChanged(Message):
    """Signal to the order: its payment intent, re-read from Stripe, is now in this state."""

    event_id: str
    payment_intent_id: str
    state: PaymentState
    decline_code: str | None = None
    capture_before: datetime | None = None
    """When the customer's bank lets go of an authorised amount."""


class ChargeSavedCard(Message):
    """Authorise the order's payment with the customer's saved card, she not being there."""

    order_id: OrderId
    payment_method_id: str
    attempt: int


class SavedCardCharge(Message):
    """What became of it; `retry` tells that a later attempt may succeed, `capture_before` as in `PaymentChanged`."""

    state: PaymentState
    decline_code: str | None = None
    retry: bool = False
    capture_before: datetime | None = None


class CapturePayment(Message):
    """Take the authorised amount before the bank lets it go; one that is taken already is left alone."""

    order_id: OrderId


class PaymentCapture(Message):
    """`captured` is False when the hold was lost."""

    captured: bool


class ReturnPayment(Message):
    """Give the customer's money back: void what is authorised, refund what is captured."""

    order_id: OrderId
    reason: str


class ReturnLine(Message):
    """Give the customer the money of one line back, the order going on: captured first if it is only authorised.

    `amount_minor` when a part of the line was paid out; None for all that is held of it.
    """

    order_id: OrderId
    line_id: LineId
    refund_reason: RefundReason
    note: str
    amount_minor: AmountMinor | None = None


class ReturnedHow(StrEnum):
    """The ways money goes back."""

    NOTHING_TAKEN = "nothing_taken"
    VOIDED = "voided"
    REFUNDED = "refunded"
    REFUND_PENDING = "refund_pending"


class PaymentReturn(Message):
    """How the money went back, and how much."""

    how: ReturnedHow
    amount_minor: AmountMinor
    currency: Currency
    refund_id: str | None = None


class ExpirePayment(Message):
    """Close an unpaid payment intent; a payment that won the race is reported, not cancelled."""

    order_id: OrderId


class PaymentExpiry(Message):
    """`paid` tells that the customer paid at the last moment and the order goes on; `capture_before` as above."""

    paid: bool
    capture_before: datetime | None = None


class SettleJob(Message):
    """Release the money held for an approved job: commission to the platform, the rest to the provider."""

    order_id: OrderId
    job_id: JobId
    approved_by_silence: bool


class JobSettlement(Message):
    """What was released and the transfer that paid the provider.

    `frozen` tells that a chargeback holds the money: approved, but nothing released yet. `transfer_id` is None when
    nothing was left to transfer (refunded before, or kept for what the provider owes: `netted_minor`). A milestone's
    job says so: it is its deliverable that tells the order.
    """

    job_id: JobId
    released_minor: AmountMinor
    commission_minor: AmountMinor
    payout_minor: AmountMinor
    currency: Currency
    transfer_id: str | None = None
    order_closed: bool
    netted_minor: AmountMinor = 0
    frozen: bool = False
    milestone_id: MilestoneId | None = None


class PaymentThawed(Message):
    """Signal to jobs that wait to be settled: no chargeback holds the order's money any more."""

    order_id: OrderId
