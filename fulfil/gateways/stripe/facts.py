"""What the rest of the house may know of Stripe's objects: amounts in our minor units, times in UTC."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

RefundReason = Literal["requested_by_customer", "duplicate", "fraudulent"]

# Worth another try later without the customer; anything else needs another card or the customer's presence.
SOFT_DECLINES = frozenset(
    [
        "approve_with_id",
        "do_not_honor",
        "insufficient_funds",
        "issuer_not_available",
        "processing_error",
        "reenter_transaction",
        "try_again_later",
    ]
)
# Never worth another try, whatever the advice of the moment says.
HARD_DECLINES = frozenset(
    [
        "fraudulent",
        "lost_card",
        "merchant_blacklist",
        "pickup_card",
        "restricted_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "security_violation",
        "stolen_card",
        "stop_payment_order",
    ]
)
FINAL_ADVICE = frozenset(["confirm_card_data", "do_not_try_again"])
TRY_AGAIN_LATER = "try_again_later"
NEEDS_AUTHENTICATION = "authentication_required"


@dataclass(frozen=True)
class BalanceEntry:
    """A balance transaction (`txn_…`): what moved on the platform's balance, `net = amount - fee`, outflows negative.

    `source_id` names the object it belongs to (charge, refund, transfer, reversal, dispute, payout).
    """

    id: str
    type: str
    source_id: str | None
    amount_minor: int
    fee_minor: int
    net_minor: int
    currency: str
    is_pending: bool
    available_on: datetime
    created_at: datetime


@dataclass(frozen=True)
class Decline:
    """Why a card was refused; `decline_code` repeats `code` when the bank gave none."""

    code: str
    decline_code: str
    advice_code: str | None
    message: str

    @property
    def needs_authentication(self) -> bool:
        """The bank wants the customer present; a card saved for later can't be charged without them."""
        return NEEDS_AUTHENTICATION in (self.code, self.decline_code)

    @property
    def is_soft(self) -> bool:
        """The same card may well be accepted later."""
        if self.needs_authentication or self.advice_code in FINAL_ADVICE or self.decline_code in HARD_DECLINES:
            return False
        return self.advice_code == TRY_AGAIN_LATER or self.decline_code in SOFT_DECLINES


@dataclass(frozen=True)
class PaymentIntentFacts:
    """A payment: `status` is Stripe's (`requires_payment_method` … `succeeded`).

    `charge_id` names the charge that holds or took the money, never a declined one; `entry` exists once captured;
    a hold ends at `capture_before`; `next_action_url` is where the customer authenticates; `refusal` is the last one.
    """

    id: str
    client_secret: str
    status: str
    amount_minor: int
    amount_capturable_minor: int
    currency: str
    customer_id: str | None
    charge_id: str | None
    capture_before: datetime | None
    entry: BalanceEntry | None
    next_action_url: str | None
    refusal: Decline | None
    decline_code: str | None
    order_id: str | None

    @property
    def fee_minor(self) -> int | None:
        """What Stripe kept, once captured."""
        return self.entry.fee_minor if self.entry else None

    @property
    def balance_transaction_id(self) -> str | None:
        """The entry of the capture."""
        return self.entry.id if self.entry else None


@dataclass(frozen=True)
class RefundFacts:
    """A refund: `status` is `pending`, `requires_action`, `succeeded`, `failed` or `canceled`.

    `entry` exists once the money left the balance, `failure_entry` once it came back; `refund_id` is our own.
    """

    id: str
    status: str
    amount_minor: int
    currency: str
    payment_intent_id: str
    charge_id: str
    failure_reason: str | None
    refund_id: str | None
    entry: BalanceEntry | None
    failure_entry: BalanceEntry | None


@dataclass(frozen=True)
class TransferFacts:
    """Money moved to the connected account `destination`, and how much of it was taken back."""

    id: str
    amount_minor: int
    reversed_minor: int
    currency: str
    destination: str
    order_id: str | None
    job_id: str | None
    entry: BalanceEntry | None


@dataclass(frozen=True)
class ReversalFacts:
    """Money taken back from a connected account; `key` is the one it was first asked for with."""

    id: str
    transfer_id: str
    amount_minor: int
    currency: str
    entry: BalanceEntry | None
    key: str | None = None


@dataclass(frozen=True)
class DisputeFacts:
    """A card network's claim on a charge; `entries` holds the withdrawal with its fee and, if won, what came back."""

    id: str
    status: str
    reason: str
    amount_minor: int
    currency: str
    charge_id: str
    payment_intent_id: str | None
    is_charge_refundable: bool
    evidence_due_at: datetime | None
    submission_count: int
    has_evidence: bool
    entries: tuple[BalanceEntry, ...]

    @property
    def is_inquiry(self) -> bool:
        """The bank only asks: no money has moved and the charge can still be refunded."""
        return self.status.startswith("warning_")


@dataclass(frozen=True)
class FraudWarningFacts:
    """What a card's issuer suspects before anybody disputes; `is_actionable` until it is refunded or disputed."""

    id: str
    charge_id: str
    payment_intent_id: str | None
    fraud_type: str
    is_actionable: bool


@dataclass(frozen=True)
class DisputeEvidence:
    """The merchant's side of a dispute under Stripe's names; those marked `file` take the id of an uploaded file."""

    access_activity_log: str | None = None
    billing_address: str | None = None
    cancellation_policy: str | None = None  # file
    cancellation_policy_disclosure: str | None = None
    cancellation_rebuttal: str | None = None
    customer_communication: str | None = None  # file
    customer_email_address: str | None = None
    customer_name: str | None = None
    customer_purchase_ip: str | None = None
    customer_signature: str | None = None  # file
    duplicate_charge_documentation: str | None = None  # file
    duplicate_charge_explanation: str | None = None
    duplicate_charge_id: str | None = None
    product_description: str | None = None
    receipt: str | None = None  # file
    refund_policy: str | None = None  # file
    refund_policy_disclosure: str | None = None
    refund_refusal_explanation: str | None = None
    service_date: str | None = None
    service_documentation: str | None = None  # file
    shipping_address: str | None = None
    shipping_carrier: str | None = None
    shipping_date: str | None = None
    shipping_documentation: str | None = None  # file
    shipping_tracking_number: str | None = None
    uncategorized_file: str | None = None  # file
    uncategorized_text: str | None = None


@dataclass(frozen=True)
class PayoutFacts:
    """Money sent to the bank: `pending`, `in_transit`, `paid`, `failed` (even after `paid`) or `canceled`."""

    id: str
    status: str
    amount_minor: int
    currency: str
    arrives_at: datetime
    entry: BalanceEntry | None
    failure_entry: BalanceEntry | None
    failure_code: str | None


@dataclass(frozen=True)
class BalanceFacts:
    """The platform's balance in one currency."""

    currency: str
    pending_minor: int
    available_minor: int


@dataclass(frozen=True)
class AccountFacts:
    """A connected account; `due` names what its owner must still provide, as Stripe describes it."""

    id: str
    can_receive_transfers: bool
    transfers_status: str
    due: tuple[str, ...]
    closed: bool


@dataclass(frozen=True)
class OnboardingLink:
    """Where the owner of an account tells Stripe who they are; it works once and not for long."""

    url: str
    expires_at: datetime


@dataclass(frozen=True)
class SavedCard:
    """A card its owner agreed to be charged later."""

    id: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int


@dataclass(frozen=True)
class SetupFacts:
    """The saving of a card: the browser finishes it with `client_secret`; `payment_method_id` is the card."""

    id: str
    client_secret: str
    status: str
    payment_method_id: str | None
