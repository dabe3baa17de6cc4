"""The books as support reads them: what was booked and why, what is wrong, what can be proved."""

from typing import Literal

from pydantic import Field

from fulfil.api.schemas.base import Instant, Representation
from fulfil.models.messages.reconciliation import Finding
from fulfil.models.money import Currency

HASH = "[0-9a-f]{64}"


class Balance(Representation):
    """What is left on an account: debit positive, credit negative."""

    account: str
    meaning: str
    amount_minor: int
    currency: Currency
    amount: str = Field(examples=["-12.99 EUR"])


class Posting(Balance):
    """One leg of a transaction, and why it is there."""

    why: str = Field(examples=["12.60 EUR commission: 15 % of 84.00 EUR, of which 2.01 EUR tax"])


class LedgerTransaction(Representation):
    """One money fact; its postings sum to zero, and its hash covers it and everything booked before it."""

    id: int
    sequence: int
    kind: str
    meaning: str = Field(examples=["The customer paid 84.00 EUR, held for the order."])
    business_key: str
    stripe_object_id: str | None
    balance_transaction_id: str | None = Field(description="The payment provider's own entry about it.")
    reverses: int | None = Field(description="The transaction that this one takes back.")
    note: str | None
    effective_at: Instant
    postings: list[Posting]
    hash: str = Field(pattern=HASH)


class OrderLedger(Representation):
    """Everything booked for an order, oldest first, in words, and what its postings leave on each account."""

    order_id: str
    story: list[str] = Field(examples=[["The customer paid 84.00 EUR.", "84.00 EUR are held for the order."]])
    transactions: list[LedgerTransaction]
    balances: list[Balance]


class LedgerCheck(Representation):
    """What the checks of the books found; nothing found means that every cent is where it must be."""

    checked_at: Instant
    orders: int
    transactions: int
    findings: list[Finding]


class AccountClassBalance(Representation):
    """All accounts of one kind in one currency: what came in on the debit side, on the credit side, what is left."""

    account: str = Field(description="The account up to its owner.", examples=["liability:held"])
    meaning: str
    currency: Currency
    accounts: int
    debit_minor: int
    credit_minor: int
    balance_minor: int
    balance: str = Field(examples=["-12.99 EUR"])


class TrialBalance(Representation):
    """The trial balance; per currency the balances sum to zero."""

    as_of: Instant
    data: list[AccountClassBalance]


class ProvedContent(Representation):
    """What is hashed of a transaction."""

    balance_transaction_id: str | None
    business_key: str
    currency: str
    effective_at: str
    kind: str
    note: str | None
    postings: dict[str, int]
    reverses: str | None
    stripe_object_id: str | None


class ProvedTransaction(Representation):
    """A link of the chain."""

    sequence: int
    content: ProvedContent
    hash: str = Field(pattern=HASH)


class ProvedEntry(Representation):
    """The payment provider's own entry about its balance."""

    id: str
    type: str
    source_id: str | None
    amount_minor: int
    fee_minor: int
    net_minor: int
    currency: str
    created_at: str
    available_on: str


class ProvedAnchor(Representation):
    """How the head of the chain was part of a Merkle root."""

    id: int
    root: str = Field(pattern=HASH)
    anchored_at: str
    sequence: int
    hash: str = Field(pattern=HASH)
    path: list[tuple[Literal["left", "right"], str]]


class LedgerProof(Representation):
    """A proof that `fulfil ledger check-proof`, or `python proof.py`, checks without the platform."""

    format: Literal["fulfil-ledger-proof/1"]
    made_at: str
    chain: str
    transactions: list[ProvedTransaction]
    balances: dict[str, dict[str, int]]
    provider_entries: list[ProvedEntry]
    anchor: ProvedAnchor | None
    digest: str = Field(pattern=HASH)
