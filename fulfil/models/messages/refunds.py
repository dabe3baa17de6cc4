"""What is said about a refund: asked for, approved, sent, looked at, and sent another way when the card refuses it."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from fulfil.models.ids import JobId, LineId, OrderId, ProviderId, RefundId
from fulfil.models.messages.base import Message
from fulfil.models.messages.parties import Actor
from fulfil.models.money import AmountMinor, Currency


class RefundState(StrEnum):
    """Where a refund stands; only `succeeded` counts as paid back."""

    REQUESTED = "requested"
    AWAITING_APPROVAL = "awaiting_approval"
    SENT = "sent"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"


class RefundReason(StrEnum):
    """Why money goes back; `goodwill` is the platform's own money, and the provider keeps hers."""

    REQUESTED_BY_CUSTOMER = "requested_by_customer"
    DUPLICATE = "duplicate"
    FRAUDULENT = "fraudulent"
    QUALITY = "quality"
    LATE = "late"
    GOODWILL = "goodwill"
    CANCELLATION = "cancellation"
    HELD_TOO_LONG = "held_too_long"


class RefundRoute(StrEnum):
    """How the money travels: back to the card, by bank transfer, or as credit for later orders."""

    CARD = "card"
    BANK = "bank"
    CREDIT = "credit"


class RefundLine(Message):
    """Part of a refund: an order line, and how much of it (all that is left of it when None)."""

    line_id: LineId
    amount_minor: AmountMinor | None = None


class RefundScope(Message):
    """What is to be paid back: an amount, or lines, or the shipping; nothing of these means all that is left.

    An amount without lines is spread over the lines in proportion to what is left of each.
    """

    amount_minor: AmountMinor | None = Field(default=None, gt=0)
    lines: tuple[RefundLine, ...] = ()
    shipping: bool = False


class StartRefund(Message):
    """The refund workflow's input; `reopened` is how a refund that failed after it had succeeded begins again."""

    refund_id: RefundId
    order_id: OrderId
    scope: RefundScope = RefundScope()
    reason: RefundReason
    note: str = ""
    requested_by: Actor
    looks_s: tuple[int, ...]
    reopened: bool = False


class RefundAllocation(Message):
    """Where the money of one line comes from: what is held, or what was released already (taken back pro rata).

    `released_minor` is the provider's share and our commission, which includes its tax; `line_id` is None for the
    shipping. `reversal_minor` is what is asked back of the transfer `transfer_id`, fixed when the refund is booked.
    """

    line_id: LineId | None
    held_minor: AmountMinor = 0
    released_minor: AmountMinor = 0
    provider_share_minor: AmountMinor = 0
    commission_minor: AmountMinor = 0
    commission_tax_minor: AmountMinor = 0
    job_id: JobId | None = None
    provider_id: ProviderId | None = None
    reversal_minor: AmountMinor = 0
    transfer_id: str | None = None

    @property
    def amount_minor(self) -> int:
        """How much of the line is paid back."""
        return self.held_minor + self.released_minor


class RefundPlan(Message):
    """What a refund would do, or does: the preview and the answer to a request have this in common.

    `refusal_code` tells that nothing was written (`refund_exceeds_paid`, `nothing_to_refund`, `payment_frozen`, …).
    """

    order_id: OrderId
    amount_minor: AmountMinor = 0
    currency: Currency = "eur"
    allocations: tuple[RefundAllocation, ...] = ()
    goodwill_minor: AmountMinor = 0
    refundable_minor: AmountMinor = 0
    needs_approval: bool = False
    approval_reasons: tuple[str, ...] = ()
    refusal_code: str | None = None
    refusal_detail: str | None = None


class RefundOpened(Message):
    """The refund is written and its amount reserved (or `plan` says why not)."""

    refund_id: RefundId
    state: RefundState
    plan: RefundPlan


class DecideRefund(Message):
    """Update and activity: a second person approves or rejects; never who asked for it."""

    refund_id: RefundId
    order_id: OrderId
    approved: bool
    actor: Actor
    reason: str


class SendRefund(Message):
    """Book the decision and send the money on its way, by the refund's present route."""

    refund_id: RefundId
    order_id: OrderId


class LookAtRefund(Message):
    """Read the refund again at the payment provider and write what became of it."""

    refund_id: RefundId
    order_id: OrderId


class RefundProgress(Message):
    """Where a refund stands after a step; `failure` says why it failed.

    `refusal_code` tells that what was asked for is not possible now (`payment_frozen`) and nothing was written.
    """

    refund_id: RefundId
    state: RefundState
    stripe_refund_id: str | None = None
    failure: str | None = None
    refusal_code: str | None = None


class RefundChanged(Message):
    """Signal: the refund's object, re-read from the payment provider, was written with this state."""

    event_id: str
    state: RefundState


class RerouteRefund(Message):
    """Update and activity: support sends a failed refund another way; `reference` names the bank transfer."""

    refund_id: RefundId
    order_id: OrderId
    route: RefundRoute
    actor: Actor
    reason: str
    reference: str | None = None


class RefundOutcome(Message):
    """The result of the refund workflow; `refusal_code` as in its plan, when it was never written."""

    refund_id: RefundId
    state: RefundState
    at: datetime
    refusal_code: str | None = None
    refusal_detail: str | None = None
