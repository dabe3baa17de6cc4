"""The shapes of Stripe's objects, as far as the simulator keeps them, and how new ones look."""

import secrets
from typing import Literal, NotRequired, TypedDict

API_VERSION = "2026-10-28.endive"

Metadata = dict[str, str]
# The field `object` of the shapes hides the builtin in their annotations.
Json = dict[str, object]
JsonList = list[object]


def new_id(prefix: str) -> str:
    """An id of Stripe's kind: `ch_` and 24 characters."""
    return f"{prefix}_{secrets.token_hex(12)}"


class Address(TypedDict):
    """A postal address."""

    city: str | None
    country: str | None
    line1: str | None
    line2: str | None
    postal_code: str | None
    state: str | None


class BillingDetails(TypedDict):
    """Who a card belongs to."""

    address: Address
    email: str | None
    name: str | None
    phone: str | None
    tax_id: str | None


class CardDetails(TypedDict):
    """The public side of a card."""

    brand: str
    checks: dict[str, str | None]
    country: str
    display_brand: str
    exp_month: int
    exp_year: int
    fingerprint: str
    funding: str
    generated_from: None
    last4: str
    networks: Json
    regulated_status: str
    three_d_secure_usage: dict[str, bool]
    wallet: None


class PaymentMethod(TypedDict):
    """A tokenised card."""

    id: str
    object: Literal["payment_method"]
    allow_redisplay: str
    billing_details: BillingDetails
    card: CardDetails
    created: int
    customer: str | None
    customer_account: None
    livemode: bool
    metadata: Metadata
    type: Literal["card"]


class PaymentError(TypedDict, total=False):
    """`last_payment_error` of a payment intent, `last_setup_error` of a setup intent."""

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
    amount_details: Json
    amount_received: int
    application: None
    application_fee_amount: None
    automatic_payment_methods: AutomaticPaymentMethods | None
    canceled_at: int | None
    cancellation_reason: str | None
    capture_method: str
    client_secret: str
    confirmation_method: str
    created: int
    currency: str
    customer: str | None
    customer_account: None
    description: str | None
    excluded_payment_method_types: list[str] | None
    last_payment_error: PaymentError | None
    latest_charge: str | None
    livemode: bool
    managed_payments: None
    metadata: Metadata
    next_action: NextAction | None
    on_behalf_of: None
    payment_details: NotRequired[Json]
    payment_method: str | None
    payment_method_configuration_details: None
    payment_method_options: Json
    payment_method_types: list[str]
    payment_record: None
    processing: None
    receipt_email: str | None
    review: None
    setup_future_usage: str | None
    shipping: Json | None
    source: None
    statement_descriptor: str | None
    statement_descriptor_suffix: str | None
    status: str
    transfer_data: None
    transfer_group: str | None


class SetupIntent(TypedDict):
    """One card on its way to be kept for later."""

    id: str
    object: Literal["setup_intent"]
    allowed_payment_method_types: list[str] | None
    application: None
    automatic_payment_methods: AutomaticPaymentMethods | None
    cancellation_reason: str | None
    client_secret: str
    created: int
    customer: str | None
    customer_account: None
    description: str | None
    excluded_payment_method_types: list[str] | None
    flow_directions: list[str] | None
    last_setup_error: PaymentError | None
    latest_attempt: str | None
    livemode: bool
    managed_payments: None
    mandate: None
    metadata: Metadata
    next_action: NextAction | None
    on_behalf_of: None
    payment_method: str | None
    payment_method_configuration_details: None
    payment_method_options: Json
    payment_method_types: list[str]
    single_use_mandate: None
    status: str
    usage: str


class InvoiceSettings(TypedDict):
    """What a customer's invoices say and are paid with."""

    custom_fields: list[dict[str, str]] | None
    default_payment_method: str | None
    footer: str | None
    rendering_options: None


class Customer(TypedDict):
    """Someone who pays."""

    id: str
    object: Literal["customer"]
    address: Address | None
    balance: int
    business_name: NotRequired[str]
    cash_balance: None
    created: int
    currency: str | None
    customer_account: None
    default_source: None
    delinquent: bool
    description: str | None
    discount: None
    email: str | None
    individual_name: NotRequired[str]
    invoice_prefix: str
    invoice_settings: InvoiceSettings
    livemode: bool
    metadata: Metadata
    name: str | None
    next_invoice_sequence: int
    phone: str | None
    preferred_locales: list[str]
    shipping: Json | None
    tax_exempt: str
    test_clock: None


class EventRequest(TypedDict):
    """The API call that caused an event."""

    id: str | None
    idempotency_key: str | None


class Event(TypedDict):
    """What happened, with a snapshot of the object; `account` when it happened to a connected one."""

    id: str
    object: Literal["event"]
    account: NotRequired[str]
    api_version: str
    created: int
    data: Json
    livemode: bool
    pending_webhooks: int
    request: EventRequest
    type: str
