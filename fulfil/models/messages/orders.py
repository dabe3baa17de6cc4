"""What is said to and by the order workflow."""

from datetime import datetime
from enum import StrEnum

from fulfil.models.ids import CustomerId, JobId, LineId, OrderId, QuoteId
from fulfil.models.messages.base import Message
from fulfil.models.messages.jobs import StartJob
from fulfil.models.messages.parties import Actor
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.money import AmountMinor, Currency


class OrderState(StrEnum):
    """Where an order stands; the money facts stand beside it (see PaymentState)."""

    AWAITING_PAYMENT = "awaiting_payment"
    PAID = "paid"
    IN_FULFILMENT = "in_fulfilment"
    COMPLETED = "completed"
    CLOSED = "closed"
    EXPIRED = "expired"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


class StartOrder(Message):
    """The order workflow's input; the same message tells `place_order` what to write."""

    order_id: OrderId
    customer_id: CustomerId
    quote_id: QuoteId
    placed_by: Actor
    policies: OrderPolicies = OrderPolicies()
    payment_method_id: str | None = None
    """A saved card of the customer's, to be charged without her being there."""


class OrderPlaced(Message):
    """The order exists and its payment intent waits for the customer; the client secret stays in PostgreSQL.

    `refusal_code` tells that the quote could not be ordered (`quote_expired`, `quote_not_firm`, …)
    and nothing was written.
    """

    order_id: OrderId
    line_id: LineId | None = None
    payment_intent_id: str | None = None
    amount_minor: AmountMinor = 0
    currency: Currency = "eur"
    payment_due_at: datetime | None = None
    refusal_code: str | None = None
    refusal_detail: str | None = None


class CancelOrder(Message):
    """Update: the customer, or support for the customer, calls the order off."""

    actor: Actor
    reason: str


class CancellationAnswer(Message):
    """The order is being cancelled; money goes back next."""

    order_id: OrderId
    state: OrderState


class OpenJob(Message):
    """The order is paid: record it, open the job of its line, offer the first wave and start the job workflow."""

    order_id: OrderId
    line_id: LineId
    payment_intent_id: str
    policies: OrderPolicies
    capture_before: datetime | None = None


class JobOpened(Message):
    """The job workflow runs; `start` is what it was started with."""

    job_id: JobId
    start: StartJob


class CloseOrder(Message):
    """Write the end of an order that did not complete."""

    order_id: OrderId
    state: OrderState
    actor: Actor
    reason: str


class OrderOutcome(Message):
    """The result of the order workflow."""

    order_id: OrderId
    state: OrderState | None
    reason: str | None = None
