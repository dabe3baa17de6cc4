"""The accounts of the ledger: their names, what they mean, and which may never change their sign."""

from collections.abc import Mapping

STRIPE_PENDING = "asset:stripe:pending"
STRIPE_AVAILABLE = "asset:stripe:available"
BANK = "asset:bank"
COMMISSION = "revenue:commission"
COMMISSION_TAX = "liability:tax"
STRIPE_FEE = "expense:stripe_fee"
CHARGEBACK_FEE = "expense:chargeback_fee"
GOODWILL = "expense:goodwill"
LOSS = "expense:loss"
AUTHORIZED_CONTRA = "memo:authorized_contra"
PLATFORM = "platform"
"""The chain of transactions that belong to no order."""

# Account name up to its owner -> what it means. Debit positive, credit negative.
MEANINGS: Mapping[str, str] = {
    "memo:authorized": "Reserved at the customer's bank (memo)",
    AUTHORIZED_CONTRA: "Counterpart of reservations (memo)",
    STRIPE_PENDING: "Our balance at the payment provider, not yet available",
    STRIPE_AVAILABLE: "Our balance at the payment provider, available",
    "asset:refunds_in_transit": "Refunds on their way to the customer",
    "asset:chargeback": "Taken by the card network, undecided",
    "asset:receivable": "Owed to us by the provider",
    BANK: "Our bank account",
    "liability:held": "Held for the order",
    "liability:payable": "Owed to the provider",
    "liability:refund_due": "Owed back to the customer",
    "liability:credit": "The customer's credit for later orders",
    COMMISSION_TAX: "Tax on our commission, owed to the state",
    COMMISSION: "Our commission",
    STRIPE_FEE: "The payment provider's fees",
    CHARGEBACK_FEE: "Fees of chargebacks",
    GOODWILL: "Given to customers by goodwill",
    LOSS: "Losses",
}
# Guarded by the database: a posting that would turn the sign is refused. Hot accounts of everybody are not guarded.
NEVER_DEBIT = ("liability:held:", "liability:payable:", "liability:refund_due:", "liability:credit:")
NEVER_CREDIT = ("memo:authorized:", "asset:refunds_in_transit:", "asset:chargeback:", "asset:receivable:")


def authorized(order_id: str) -> str:
    """What a customer's bank holds for us; a memo, not yet money."""
    return f"memo:authorized:{order_id}"


def held(order_id: str) -> str:
    """What we owe for an order until it is released or refunded."""
    return f"liability:held:{order_id}"


def payable(provider_id: str) -> str:
    """What we owe a provider."""
    return f"liability:payable:{provider_id}"


def receivable(provider_id: str) -> str:
    """What a provider owes us, netted from later payouts."""
    return f"asset:receivable:{provider_id}"


def refund_due(order_id: str) -> str:
    """What is owed back to a customer."""
    return f"liability:refund_due:{order_id}"


def refunds_in_transit(order_id: str) -> str:
    """What has left our balance and not yet reached the customer."""
    return f"asset:refunds_in_transit:{order_id}"


def chargeback(chargeback_id: str) -> str:
    """What the card network took and may give back."""
    return f"asset:chargeback:{chargeback_id}"


def credit(customer_id: str) -> str:
    """What a customer may spend on later orders."""
    return f"liability:credit:{customer_id}"


def stripe_balance(*, pending: bool) -> str:
    """Where the provider's balance transaction moves our money."""
    return STRIPE_PENDING if pending else STRIPE_AVAILABLE


def meaning_of(account: str) -> str:
    """What an account is, in words; the account's name when it is not one of ours."""
    return MEANINGS.get(account) or MEANINGS.get(account.rpartition(":")[0], account)
