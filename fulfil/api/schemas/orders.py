"""Orders, their lines and payments."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from fulfil.api.schemas.base import Body, Instant, Reason, Representation
from fulfil.api.schemas.jobs import Job, WorkFile
from fulfil.models.ids import QuoteId
from fulfil.models.messages.events import NextStep
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.payments import PaymentState
from fulfil.models.money import Money

PaymentMethodId = Annotated[str, StringConstraints(pattern=r"^pm_\w{1,200}$")]


class NewOrder(Body):
    """The quote to order; `total`, if sent, must be the quote's, so that nobody pays what she did not see."""

    quote_id: QuoteId = Field(examples=["quo_01a1fd64aa6677a18c33bf20b84fe1e2"])
    total: Money | None = Field(None, examples=[{"amount_minor": 1299, "currency": "eur"}])
    payment_method: PaymentMethodId | None = Field(
        default=None, description="One of your saved cards: the order is charged to it, without you being there."
    )


class OrderLine(Representation):
    """One quote at its price; `file_id` is the first of the `files`."""

    id: str
    quote_id: str
    file_id: str
    files: list[WorkFile]
    title: str
    process: str
    material: str
    quantity: int
    lead_time_days: int
    amount: Money


class Payment(Representation):
    """The order's one payment; its owner pays with `client_secret` in the browser, or by `POST …/pay`."""

    state: PaymentState
    amount: Money
    refunded: Money
    decline_code: str | None
    authorized_at: Instant | None
    captured_at: Instant | None
    payment_intent_id: str
    client_secret: str | None = Field(description="For the order's owner only.")
    publishable_key: str | None


class Order(Representation):
    """An order; `lines`, `job` and `payment` are null unless expanded."""

    id: str
    customer_id: str
    state: OrderState
    total: Money
    payment_state: PaymentState
    refunded: Money = Field(description="What has arrived back with the customer.")
    refund_state: Literal["none", "partly_refunded", "refunded"]
    payment_frozen: bool = Field(description="A chargeback or inquiry is open: nothing is released or refunded.")
    next: NextStep | None = Field(description="Who has to do what, and by when.")
    allowed_actions: list[str]
    cancel_reason: str | None
    placed_at: Instant
    closed_at: Instant | None
    lines: list[OrderLine] | None = None
    job: Job | None = None
    payment: Payment | None = None


class Pay(Body):
    """A tokenised card: card numbers are refused, they never reach us."""

    payment_method: PaymentMethodId = Field(examples=["pm_card_visa"])
    return_url: Annotated[str, StringConstraints(max_length=2000, pattern=r"^https?://\S+$")] | None = Field(
        None, description="Where the bank sends the customer back to after 3-D Secure."
    )
    save_card: bool = Field(default=False, description="Keep the card for later orders.")


class PaymentAttempt(Representation):
    """What the payment provider says; `next_action_url` is where the customer confirms with the bank."""

    status: str = Field(examples=["requires_capture"])
    next_action_url: str | None


class Cancellation(Body):
    """Why the order is called off."""

    reason: Reason
