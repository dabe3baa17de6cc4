"""The shapes of Stripe's objects, as far as the simulator keeps them, and how new ones look."""

import secrets
from typing import Literal, TypedDict

API_VERSION = "2026-10-28.endive"

Metadata = dict[str, str]
# The field `object` of the shapes below hides the builtin in their annotations.
Json = dict[str, object]
JsonList = list[object]


def new_id(prefix: str) -> str:
    """An id of Stripe's kind: `ch_` and 24 characters."""
    return f"{prefix}_{secrets.token_hex(12)}"


class CardDetails(TypedDict):
    """The public side of a card."""

    brand: str
    country: str
    exp_month: int
    exp_year: int
    fingerprint: str
    funding: str
    last4: str


class PaymentMethod(TypedDict):
    """A tokenised card."""

    id: str
    object: Literal["payment_method"]
    allow_redisplay: str
    card: CardDetails
    created: int
    customer: None
    livemode: bool
    metadata: Metadata
    type: Literal["card"]


class PaymentError(TypedDict, total=False):
    """`last_payment_error` of a payment intent."""

    advice_code: str
    charge: str
    code: str
    decline_code: str
    doc_url: str
    message: str
    param: str
    payment_method: PaymentMethod
    type: str


class RedirectToUrl(TypedDict):
    """Where the customer authenticates and where they return to."""

    return_url: str | None
    url: str


class NextAction(TypedDict, total=False):
    """What the customer must do."""

    type: Literal["redirect_to_url", "use_stripe_sdk"]
    redirect_to_url: RedirectToUrl
    use_stripe_sdk: dict[str, str]


class AutomaticPaymentMethods(TypedDict):
    """Whether the account's own payment methods are offered."""

    allow_redirects: str
    enabled: bool


class PaymentIntent(TypedDict):
    """One payment."""

    id: str
    object: Literal["payment_intent"]
    allowed_payment_method_types: list[str] | None
    amount: int
    amount_capturable: int
    amount_received: int
    automatic_payment_methods: AutomaticPaymentMethods | None
    canceled_at: int | None
    cancellation_reason: str | None
    capture_method: str
    client_secret: str
    confirmation_method: str
    created: int
    currency: str
    customer: None
    description: str | None
    last_payment_error: PaymentError | None
    latest_charge: str | None
    livemode: bool
    metadata: Metadata
    next_action: NextAction | None
    payment_method: str | None
    payment_method_types: list[str]
    receipt_email: None
    setup_future_usage: None
    status: str
    transfer_data: None
    transfer_group: str | None


class Outcome(TypedDict, total=False):
    """How the network answered."""

    advice_code: str | None
    network_status: str
    reason: str | None
    risk_level: str
    seller_message: str
    type: str


class CardPayment(TypedDict):
    """The card of a charge; `capture_before` is when the hold dies."""

    brand: str
    capture_before: int | None
    last4: str
    three_d_secure: dict[str, str] | None


class PaymentMethodDetails(TypedDict):
    """How a charge was paid."""

    card: CardPayment
    type: Literal["card"]


class Charge(TypedDict):
    """One attempt to move money; authorised when not `captured`."""

    id: str
    object: Literal["charge"]
    amount: int
    amount_captured: int
    amount_refunded: int
    application_fee: None
    application_fee_amount: None
    balance_transaction: str | None
    captured: bool
    created: int
    currency: str
    customer: None
    description: str | None
    destination: None
    disputed: bool
    failure_balance_transaction: None
    failure_code: str | None
    failure_message: str | None
    livemode: bool
    metadata: Metadata
    outcome: Outcome
    paid: bool
    payment_intent: str
    payment_method: str
    payment_method_details: PaymentMethodDetails
    receipt_email: None
    refunded: bool
    status: Literal["succeeded", "failed"]
    transfer_data: None
    transfer_group: str | None


class FeeDetail(TypedDict):
    """A part of a fee."""

    amount: int
    application: None
    currency: str
    description: str
    type: str


class BalanceTransaction(TypedDict):
    """A movement of the platform's balance: net = amount - fee."""

    id: str
    object: Literal["balance_transaction"]
    amount: int
    available_on: int
    balance_type: str
    created: int
    currency: str
    description: str | None
    exchange_rate: None
    fee: int
    fee_details: list[FeeDetail]
    net: int
    reporting_category: str
    source: str
    status: str
    type: str


class Refund(TypedDict):
    """Money on its way back."""

    id: str
    object: Literal["refund"]
    amount: int
    balance_transaction: str | None
    charge: str
    created: int
    currency: str
    destination_details: Json
    failure_balance_transaction: str | None
    failure_reason: str | None
    metadata: Metadata
    payment_intent: str
    pending_reason: str | None
    reason: str | None
    receipt_number: None
    source_transfer_reversal: None
    status: str
    transfer_reversal: None


class ReversalList(TypedDict):
    """The reversals of a transfer, always none here."""

    object: Literal["list"]
    data: JsonList
    has_more: bool
    total_count: int
    url: str


class Transfer(TypedDict):
    """Money moved to a connected account."""

    id: str
    object: Literal["transfer"]
    amount: int
    amount_reversed: int
    balance_transaction: str
    created: int
    currency: str
    description: str | None
    destination: str
    destination_payment: str
    livemode: bool
    metadata: Metadata
    reversals: ReversalList
    reversed: bool
    source_transaction: str | None
    source_type: str
    transfer_group: str | None


class EventRequest(TypedDict):
    """The API call that caused an event."""

    id: str | None
    idempotency_key: str | None


class Event(TypedDict):
    """What happened, with a snapshot of the object."""

    id: str
    object: Literal["event"]
    api_version: str
    created: int
    data: Json
    livemode: bool
    pending_webhooks: int
    request: EventRequest
    type: str


def new_balance_transaction(
    *, amount: int, fee: int, currency: str, source: str, kind: str, created: int, available_on: int
) -> BalanceTransaction:
    """A movement of `amount` less `fee`; it counts as available from `available_on`."""
    details: list[FeeDetail] = []
    if fee:
        description = "Stripe processing fees"
        details = [
            {"amount": fee, "application": None, "currency": currency, "description": description, "type": "stripe_fee"}
        ]
    return {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": available_on,
        "balance_type": "payments",
        "created": created,
        "currency": currency,
        "description": None,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": details,
        "net": amount - fee,
        "reporting_category": kind,
        "source": source,
        "status": "available" if available_on <= created else "pending",
        "type": kind,
    }
