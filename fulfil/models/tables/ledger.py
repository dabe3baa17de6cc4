"""The double-entry ledger: append-only, chained transactions of postings that sum to zero per currency."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from fulfil.models.tables.base import Base, CurrencyCode, Id, Key, Minor


class LedgerTransactionRow(Base):
    """One money fact; `stripe_object_id` names the object it mirrors, one transaction per object and kind.

    `chain` is the order (or `platform`), `hash` covers the content and the hash before it. `reverses` names the
    transaction that this one corrects, `note` says why.
    """

    __tablename__ = "ledger_transactions"
    __table_args__ = (UniqueConstraint("stripe_object_id", "kind"), UniqueConstraint("chain", "chain_sequence"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    business_key: Mapped[Key] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    order_id: Mapped[Id | None] = mapped_column(ForeignKey("orders.id"), index=True)
    stripe_object_id: Mapped[str | None] = mapped_column(String(255))
    balance_transaction_id: Mapped[str | None] = mapped_column(String(255), index=True)
    reverses: Mapped[int | None] = mapped_column(ForeignKey("ledger_transactions.id"), unique=True)
    note: Mapped[str | None] = mapped_column(String(500))
    effective_at: Mapped[datetime]
    created_at: Mapped[datetime]
    chain: Mapped[Id]
    chain_sequence: Mapped[int] = mapped_column(Integer)
    hash: Mapped[str] = mapped_column(String(64))


class LedgerPostingRow(Base):
    """One leg: debit positive, credit negative, in minor units; a deferred trigger checks the sum at commit."""

    __tablename__ = "ledger_postings"
    __table_args__ = (CheckConstraint("amount_minor <> 0", name="amount"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    transaction_id: Mapped[int] = mapped_column(ForeignKey("ledger_transactions.id"), index=True)
    account: Mapped[str] = mapped_column(String(160), index=True)
    amount_minor: Mapped[Minor]
    currency: Mapped[CurrencyCode]


class LedgerBalanceRow(Base):
    """What a guarded account holds; kept by a trigger, and by nobody else: no role may write it."""

    __tablename__ = "ledger_balances"
    __table_args__ = (
        CheckConstraint(
            "CASE WHEN account LIKE 'liability:%' THEN balance_minor <= 0 ELSE balance_minor >= 0 END", name="sign"
        ),
    )

    account: Mapped[str] = mapped_column(String(160), primary_key=True)
    currency: Mapped[CurrencyCode] = mapped_column(primary_key=True)
    balance_minor: Mapped[Minor]


class BalanceTransactionRow(Base):
    """The payment provider's own entry about our balance, mirrored.

    Written with the ledger transactions that name it, or by the reconciliation that found it (`listed_at`).
    `posted_pending` tells that our leg went to the pending balance; `cleared_by` is the transaction that moved it on.
    """

    __tablename__ = "balance_transactions"
    __table_args__ = (
        Index(
            "ix_balance_transactions_uncleared",
            "available_on",
            postgresql_where=text("posted_pending AND cleared_by IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    type: Mapped[str] = mapped_column(String(60))
    source_id: Mapped[str | None] = mapped_column(String(255), index=True)
    amount_minor: Mapped[Minor]
    fee_minor: Mapped[Minor]
    net_minor: Mapped[Minor]
    currency: Mapped[CurrencyCode]
    available_on: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(index=True)
    posted_pending: Mapped[bool | None]
    cleared_by: Mapped[int | None] = mapped_column(ForeignKey("ledger_transactions.id"))
    listed_at: Mapped[datetime | None]


class ReconciliationRow(Base):
    """One comparison of the books with the provider's: what it did, what it could not mend.

    It has seen what happened between `since` and `began_at`.
    """

    __tablename__ = "reconciliations"

    id: Mapped[Id] = mapped_column(primary_key=True)
    since: Mapped[datetime]
    began_at: Mapped[datetime]
    finished_at: Mapped[datetime] = mapped_column(index=True)
    steps: Mapped[dict[str, Any]]
    balances: Mapped[list[Any]]
    findings: Mapped[list[Any]]


class LedgerAnchorRow(Base):
    """A Merkle root over the heads of all chains at one time, to be published: later changes would not match it."""

    __tablename__ = "ledger_anchors"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    root: Mapped[str] = mapped_column(String(64))
    chains: Mapped[int] = mapped_column(Integer)
    last_transaction_id: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
