"""Orders, their lines and payments."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from fulfil.api.schemas.base import Body, Instant, Line, Reason, Representation
from fulfil.api.schemas.billing import Country
from fulfil.api.schemas.deliverables import Deliverable
from fulfil.api.schemas.jobs import Job, WorkFile
from fulfil.models.ids import QuoteId, ServiceId
from fulfil.models.messages.events import NextStep
from fulfil.models.messages.orders import DeliveryMethod, LineKind, OrderState
from fulfil.models.messages.payments import PaymentState
from fulfil.models.money import Money

PaymentMethodId = Annotated[str, StringConstraints(pattern=r"^pm_\w{1,200}$")]


class NewLine(Body):
    """A quote of yours, or a service that is offered."""

    quote_id: QuoteId | None = Field(default=None, examples=["quo_01a1fd64aa6677a18c33bf20b84fe1e2"])
    service_id: ServiceId | None = Field(default=None)

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.quote_id is None) == (self.service_id is None):
            raise ValueError("name a quote or a service, one of them")
        return self


class DeliveryAddress(Body):
    """Where goods go; with its place on the map, the nearest of equal providers is asked first."""

    name: Line = Field(examples=["Ada Lovelace"])
    address_lines: list[Line] = Field(min_length=1, max_length=4, examples=[["12 Main Street"]])
    postal_code: Annotated[Line, StringConstraints(max_length=20)] = Field(examples=["10119"])
    city: Annotated[Line, StringConstraints(max_length=120)] = Field(examples=["Berlin"])
    country: Country = Field(description="ISO 3166-1 alpha-2.", examples=["DE"])
    latitude: float | None = Field(default=None, ge=-90, le=90, allow_inf_nan=False)
    longitude: float | None = Field(default=None, ge=-180, le=180, allow_inf_nan=False)


class NewOrder(Body):
    """What to order; `total`, if sent, must be the sum, so that nobody pays what she did not see.

    `quote_id` alone orders one quote; `lines` orders quotes and services together, paid in one currency at once. A
    quote becomes a line per process and material of its files.
    """

    quote_id: QuoteId | None = Field(default=None, examples=["quo_01a1fd64aa6677a18c33bf20b84fe1e2"])
    lines: list[NewLine] | None = Field(default=None, min_length=1, max_length=50)
    total: Money | None = Field(None, examples=[{"amount_minor": 1299, "currency": "eur"}])
    payment_method: PaymentMethodId | None = Field(
        default=None, description="One of your saved cards: the order is charged to it, without you being there."
    )
    delivery_method: DeliveryMethod = DeliveryMethod.SHIPPING
    deliver_to: DeliveryAddress | None = Field(
        default=None, description="Where goods are shipped; without it they go to your billing address."
    )

    @model_validator(mode="after")
    def _is_something(self) -> Self:
        if (self.quote_id is None) == (self.lines is None):
            raise ValueError("name a quote by `quote_id`, or `lines`: one of them")
        return self

    @property
    def wanted(self) -> list[NewLine]:
        """What is ordered."""
        return self.lines if self.lines is not None else [NewLine(quote_id=self.quote_id)]


class OrderLine(Representation):
    """One thing at one price; `file_id` is the first of the `files`. `state` is its job's or deliverable's."""

    id: str
    kind: LineKind
    state: str
    quote_id: str | None
    service_id: str | None
    provider_id: str | None
    job_id: str | None
    deliverable_id: str | None
    file_id: str | None
    files: list[WorkFile]
    title: str
    process: str | None
    material: str | None
    quantity: int
    lead_time_days: int
    amount: Money
    refunded: Money = Field(description="What has arrived back with the customer.")
    due_at: Instant | None = Field(description="The date that is promised for it.")
    next: NextStep | None = Field(description="Whose move it is with this line.")
    allowed_actions: list[str]


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
    """An order; `lines`, `job`, `jobs`, `deliverables` and `payment` are null unless expanded.

    `job` is that of an order of one made-to-order line, and null for any other.
    """

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
    jobs: list[Job] | None = None
    deliverables: list[Deliverable] | None = None
    deliver_to: DeliveryAddress | None = Field(default=None, description="For the order's owner and staff.")
    delivery_method: DeliveryMethod = DeliveryMethod.SHIPPING
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
    """Why the order, or a line of it, is called off."""

    reason: Reason
