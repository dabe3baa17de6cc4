"""What is said to and by the order workflow."""

from datetime import datetime
from enum import StrEnum

from fulfil.models.ids import CustomerId, DeliverableId, JobId, LineId, OrderId, QuoteId, ServiceId
from fulfil.models.messages.base import Message
from fulfil.models.messages.jobs import StartJob
from fulfil.models.messages.parties import Actor
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.money import AmountMinor, Currency, Money


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


class LineKind(StrEnum):
    """What becomes of a line: a job that providers compete for, or a deliverable of the provider who offers it."""

    MADE_TO_ORDER = "made_to_order"
    SERVICE = "service"


class DeliveryMethod(StrEnum):
    """How goods reach the customer."""

    SHIPPING = "shipping"
    PICKUP = "pickup"


class OrderedService(Message):
    """A service as it is ordered."""

    service_id: ServiceId


class StartOrder(Message):
    """The order workflow's input; the same message tells `place_order` what to write.

    A quote becomes a line per process and material, each service a line. `quote_id` alone is how orders began before
    they had many lines; `quote_ids` names it, and more, since.
    """

    order_id: OrderId
    customer_id: CustomerId
    quote_id: QuoteId | None = None
    placed_by: Actor
    quote_ids: tuple[QuoteId, ...] = ()
    services: tuple[OrderedService, ...] = ()
    delivery_method: DeliveryMethod = DeliveryMethod.SHIPPING
    revision: int = 1
    """Which version of the process the order runs by; from 2 on it has many lines."""
    policies: OrderPolicies = OrderPolicies()
    payment_method_id: str | None = None
    """A saved card of the customer's, to be charged without her being there."""
    total: Money | None = None
    """What the customer was told that all of it costs; it is refused when that is not its price any more."""


class PlacedLine(Message):
    """A line as it was written."""

    line_id: LineId
    kind: LineKind


class OrderPlaced(Message):
    """The order exists and its payment intent waits for the customer; the client secret stays in PostgreSQL.

    `refusal_code` tells that the quote could not be ordered (`quote_expired`, `quote_not_firm`, …)
    and nothing was written.
    """

    order_id: OrderId
    line_id: LineId | None = None
    lines: tuple[PlacedLine, ...] = ()
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


class OpenLines(Message):
    """The order is paid: record it, open what becomes of each line, start its workflow."""

    order_id: OrderId
    payment_intent_id: str
    lines: tuple[PlacedLine, ...]
    policies: OrderPolicies
    capture_before: datetime | None = None


class LineOpened(Message):
    """What became of a line: a job or a deliverable, whose workflow runs."""

    line_id: LineId
    kind: LineKind
    job_id: JobId | None = None
    deliverable_id: DeliverableId | None = None


class LinesOpened(Message):
    """All of them."""

    lines: tuple[LineOpened, ...]


class CancelLine(Message):
    """Update: the customer, or support for her, calls one line off; the others go on."""

    line_id: LineId
    actor: Actor
    reason: str


class LineCancelled(Message):
    """The line is cancelled; its money goes back next. With the last line the whole order is cancelled."""

    order_id: OrderId
    line_id: LineId
    order_state: OrderState


class WithdrawLines(Message):
    """Take back everything that is open of an order, or nothing when one of it has begun."""

    order_id: OrderId
    job_ids: tuple[JobId, ...]
    deliverable_ids: tuple[DeliverableId, ...]
    actor: Actor
    reason: str
    whatever_is_open: bool = False
    """Instead of what is named: whatever a step opened that did not come to its end."""


class LinesWithdrawal(Message):
    """`withdrawn` False: `begun` has begun, stands so, and nothing was taken back."""

    withdrawn: bool
    begun: JobId | DeliverableId | None = None
    state: str | None = None


class CloseOrder(Message):
    """Write the end of an order: expired, cancelled, or closed when its last line ended without being made."""

    order_id: OrderId
    state: OrderState
    actor: Actor
    reason: str


class OrderOutcome(Message):
    """The result of the order workflow."""

    order_id: OrderId
    state: OrderState | None
    reason: str | None = None
