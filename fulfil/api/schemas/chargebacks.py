"""Chargebacks and inquiries of the card networks, as support sees them."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from fulfil.api.schemas.base import Body, Instant, Representation, printable
from fulfil.models.messages.chargebacks import ChargebackLoss, ChargebackState
from fulfil.models.messages.events import NextStep
from fulfil.models.money import Money


def printable_lines(value: str) -> str:
    """The text, which may have several lines; raises `ValueError` for control characters."""
    return "\n".join(printable(line) for line in value.splitlines())


class NewStatement(Body):
    """What support adds to the evidence, in words the customer's bank will read."""

    text: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=3, max_length=5_000),
        AfterValidator(printable_lines),
    ] = Field(examples=["The customer confirmed the delivery by phone on 3 May."])


class Statement(Representation):
    """Something support added to the evidence."""

    id: str
    text: str
    written_by: str
    created_at: Instant


class ChargebackSummary(Representation):
    """One dispute; while `closed_at` is null it holds the order's money. `fee` is what it cost so far."""

    id: str
    order_id: str
    stripe_dispute_id: str
    state: ChargebackState
    stripe_status: str
    reason: str
    is_inquiry: bool
    amount: Money
    fee: Money
    evidence_due_at: Instant | None
    submitted_at: Instant | None
    opened_at: Instant
    closed_at: Instant | None
    next: NextStep | None = Field(description="Who has to do what, and by when.")
    allowed_actions: list[str]


class Chargeback(ChargebackSummary):
    """With the evidence by its field at the payment provider, which has it since `staged_at`.

    `loss` tells who paid for a lost one: what was held, the releases taken back, and our own loss.
    """

    evidence: dict[str, str]
    staged_at: Instant | None
    statements: list[Statement]
    loss: ChargebackLoss | None
