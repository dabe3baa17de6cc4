"""The shapes of what moves money: charges, refunds, transfers, payouts, disputes and their balance transactions."""

from typing import Literal, NotRequired, TypedDict

from fulfil.simulators.stripe.objects import Json, JsonList, Metadata


class Outcome(TypedDict, total=False):
    """How the network answered."""

    advice_code: str | None
    network_advice_code: str | None
    network_decline_code: str | None
    network_status: str
    reason: str | None
    risk_level: str
    risk_score: int
    seller_message: str
    type: str


class CardPayment(TypedDict):
    """The card of a charge; `capture_before` is when the hold dies, absent when there is none."""

    amount_authorized: int | None
    authorization_code: str | None
    brand: str
    capture_before: NotRequired[int]
    checks: Json
    country: str
    electronic_commerce_indicator: None
    exp_month: int
    exp_year: int
    extended_authorization: dict[str, str]
    fingerprint: str
    funding: str
    incremental_authorization: dict[str, str]
    installments: None
    last4: str
    mandate: None
    multicapture: dict[str, str]
    network: str
    network_token: dict[str, bool]
    network_transaction_id: str | None
    overcapture: Json
    regulated_status: str
    three_d_secure: Json | None
    transaction_link_id: None
    wallet: None


class PaymentMethodDetails(TypedDict):
    """How a charge was paid: by card, or as a transfer from the platform."""

    card: NotRequired[CardPayment]
    stripe_account: NotRequired[Json]
    type: str


class Charge(TypedDict):
    """One attempt to move money; authorised when not `captured`."""

    id: str
    object: Literal["charge"]
    amount: int
    amount_captured: int
    amount_refunded: int
    application: None
    application_fee: None
    application_fee_amount: None
    balance_transaction: str | None
    billing_details: Json
    calculated_statement_descriptor: str | None
    captured: bool
    created: int
    currency: str
    customer: str | None
    description: str | None
    disputed: bool
    failure_balance_transaction: None
    failure_code: str | None
    failure_message: str | None
    fraud_details: Json
    livemode: bool
    metadata: Metadata
    on_behalf_of: None
    outcome: Outcome | None
    paid: bool
    payment_intent: str | None
    payment_method: str | None
    payment_method_details: PaymentMethodDetails
    radar_options: Json
    receipt_email: str | None
    receipt_number: None
    receipt_url: str | None
    refunded: bool
    review: None
    shipping: Json | None
    source: None
    source_transfer: str | None
    statement_descriptor: str | None
    statement_descriptor_suffix: str | None
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
    """A movement of an account's balance: net = amount - fee."""

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
    """Money on its way back; the fields of a failure are absent until it fails."""

    id: str
    object: Literal["refund"]
    amount: int
    balance_transaction: str | None
    charge: str
    created: int
    currency: str
    customer: str | None
    customer_account: None
    description: NotRequired[str]
    destination_details: Json
    failure_balance_transaction: NotRequired[str]
    failure_reason: NotRequired[str]
    instructions_email: NotRequired[str]
    metadata: Metadata
    next_action: NotRequired[Json]
    payment_intent: str | None
    payment_method: str | None
    pending_reason: NotRequired[str]
    reason: str | None
    receipt_number: None
    source_transfer_reversal: str | None
    status: str
    transfer_reversal: str | None


class ReversalList(TypedDict):
    """The newest ten reversals of a transfer."""

    object: Literal["list"]
    data: JsonList
    has_more: bool
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


class TransferReversal(TypedDict):
    """Money that came back from a connected account."""

    id: str
    object: Literal["transfer_reversal"]
    amount: int
    balance_transaction: str
    created: int
    currency: str
    destination_payment_refund: str
    metadata: Metadata
    source_refund: None
    transfer: str


class Payout(TypedDict):
    """Money on its way to a bank account."""

    id: str
    object: Literal["payout"]
    amount: int
    application_fee: None
    application_fee_amount: None
    arrival_date: int
    automatic: bool
    balance_transaction: str
    created: int
    currency: str
    description: str | None
    destination: str
    failure_balance_transaction: str | None
    failure_code: str | None
    failure_message: str | None
    livemode: bool
    metadata: Metadata
    method: str
    original_payout: str | None
    payout_method: None
    reconciliation_status: str
    reversed_by: str | None
    source_type: str
    statement_descriptor: str | None
    status: str
    trace_id: dict[str, str | None]
    type: str


class Topup(TypedDict):
    """Money put into the balance from a bank account."""

    id: str
    object: Literal["topup"]
    amount: int
    balance_transaction: str | None
    created: int
    currency: str
    description: str | None
    expected_availability_date: int
    failure_code: str | None
    failure_message: str | None
    initiated_by: str
    livemode: bool
    metadata: Metadata
    source: None
    statement_descriptor: str | None
    status: str
    transfer_group: str | None


class EvidenceDetails(TypedDict):
    """What has been said about a dispute and until when it can be."""

    due_by: int | None
    enhanced_eligibility: Json
    has_evidence: bool
    past_due: bool
    submission_count: int
    submission_method: str


class Dispute(TypedDict):
    """The cardholder's bank wants the money back, or asks (`warning_…`)."""

    id: str
    object: Literal["dispute"]
    amount: int
    balance_transactions: list[BalanceTransaction]
    charge: str
    created: int
    currency: str
    enhanced_eligibility_types: list[str]
    evidence: Json
    evidence_details: EvidenceDetails
    intended_submission_method: str | None
    is_charge_refundable: bool
    livemode: bool
    metadata: Metadata
    network_reason_code: str
    payment_intent: str | None
    payment_method_details: Json
    reason: str
    status: str


class File(TypedDict):
    """An uploaded file."""

    id: str
    object: Literal["file"]
    created: int
    expires_at: int | None
    filename: str
    links: Json
    purpose: str
    size: int
    title: str | None
    type: str
    url: str


class EarlyFraudWarning(TypedDict):
    """The card's issuer suspects fraud; a dispute may follow."""

    id: str
    object: Literal["radar.early_fraud_warning"]
    actionable: bool
    charge: str
    created: int
    fraud_type: str
    livemode: bool
    payment_intent: NotRequired[str]
