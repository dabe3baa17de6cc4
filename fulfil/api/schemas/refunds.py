"""Refunds: what is asked for, what it would do, and where it stands."""

from typing import Annotated, Literal

from pydantic import Field

from fulfil.api.schemas.base import Body, Instant, Line, Reason, Representation
from fulfil.api.schemas.orders import Order
from fulfil.models.ids import LineId
from fulfil.models.messages.parties import Actor
from fulfil.models.messages.refunds import RefundReason, RefundRoute, RefundState
from fulfil.models.money import Money

# A cancellation and money held too long are the platform's own reasons, with rules of their own.
AskedReason = Literal[
    RefundReason.REQUESTED_BY_CUSTOMER,
    RefundReason.DUPLICATE,
    RefundReason.FRAUDULENT,
    RefundReason.QUALITY,
    RefundReason.LATE,
    RefundReason.GOODWILL,
]
EUR_10 = {"amount_minor": 1000, "currency": "eur"}
LINE_ID = "lin_01a1fd64aa6677a18c33bf20b84fe1e2"


class RefundedLine(Body):
    """A line, and how much of it; all that is left of it when no amount is named."""

    line_id: LineId = Field(examples=[LINE_ID])
    amount: Money | None = Field(default=None, examples=[EUR_10])


class RefundQuestion(Body):
    """What is to be paid back: an amount, or lines, or the shipping; nothing of these means all that is left."""

    amount: Money | None = Field(default=None, examples=[EUR_10])
    # A list is never empty: who ticked no line must not pay back the whole order.
    lines: Annotated[tuple[RefundedLine, ...], Field(min_length=1, max_length=100)] = Field(
        default=(), examples=[[{"line_id": LINE_ID}]]
    )
    shipping: bool = False
    reason: AskedReason = Field(
        default=RefundReason.REQUESTED_BY_CUSTOMER, description="`goodwill` is the platform's own money."
    )


class NewRefund(RefundQuestion):
    """A refund to be made."""

    note: Reason


class RefundPart(Representation):
    """Whose money pays for one line (null: the shipping): what is held, or the provider's share and our commission."""

    line_id: str | None
    amount: Money
    held: Money
    provider_share: Money
    commission: Money = Field(description="Its tax included.")


class RefundPreview(Representation):
    """What a refund would do now; it has changed nothing. `refusal` says why it is not possible."""

    order_id: str
    possible: bool
    amount: Money
    refundable: Money = Field(description="All that can still be paid back.")
    goodwill: Money = Field(description="How much of it the platform gives.")
    parts: list[RefundPart]
    needs_approval: bool
    approval_reasons: list[str] = Field(examples=[["above_limit", "after_release"]])
    refusal: str | None = Field(examples=["refund_exceeds_paid"])
    refusal_detail: str | None


class Refund(Representation):
    """A refund; it counts as paid back once it has succeeded. `parts` and what staff noted are for staff only."""

    id: str
    order_id: str
    state: RefundState
    amount: Money
    reason: RefundReason
    route: RefundRoute
    failure: str | None = Field(description="Why it did not arrive.", examples=["expired_or_canceled_card"])
    needs_approval: bool
    approval_reasons: list[str]
    note: str | None
    reference: str | None = Field(description="The bank transfer that paid it.")
    requested_by: Actor | None
    decided_by: Actor | None
    stripe_refund_id: str | None
    parts: list[RefundPart] | None
    allowed_actions: list[str]
    requested_at: Instant
    decided_at: Instant | None
    succeeded_at: Instant | None
    order: Order | None = Field(default=None, description="When expanded.")


class RefundDecision(Body):
    """Why it is approved or rejected."""

    reason: Reason


class RefundRerouting(Body):
    """How a refund that failed is paid instead; a bank transfer is named by its reference."""

    route: RefundRoute = Field(examples=["bank"])
    reference: Line | None = Field(default=None, examples=["SEPA 2030-01-02 0815"])
    reason: Reason
