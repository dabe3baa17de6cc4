"""The double-entry ledger: append-only transactions of postings that sum to zero per currency."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, String, UniqueConstraint, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from fulfil.models.tables.base import Base, CurrencyCode, Id, Key, Minor


class LedgerTransactionRow(Base):
    """One money fact; `stripe_object_id` names the object it mirrors, one transaction per object and kind."""

    __tablename__ = "ledger_transactions"
    __table_args__ = (UniqueConstraint("stripe_object_id", "kind"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    business_key: Mapped[Key] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), index=True)
    stripe_object_id: Mapped[str | None] = mapped_column(String(255))
    effective_at: Mapped[datetime]
    created_at: Mapped[datetime]


class LedgerPostingRow(Base):
    """One leg: debit positive, credit negative, in minor units; a deferred trigger checks the sum at commit."""

    __tablename__ = "ledger_postings"
    __table_args__ = (CheckConstraint("amount_minor <> 0", name="amount"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    transaction_id: Mapped[int] = mapped_column(ForeignKey("ledger_transactions.id"), index=True)
    account: Mapped[str] = mapped_column(String(160), index=True)
    amount_minor: Mapped[Minor]
    currency: Mapped[CurrencyCode]


class UnbalancedLedgerError(ValueError):
    """Postings of one transaction do not sum to zero per currency."""


POST = text("""
WITH written AS (
    INSERT INTO ledger_transactions
        (business_key, kind, order_id, stripe_object_id, effective_at, created_at)
    VALUES (:business_key, :kind, :order_id, :stripe_object_id, :effective_at, :effective_at)
    ON CONFLICT (business_key) DO NOTHING
    RETURNING id
)
INSERT INTO ledger_postings (transaction_id, account, amount_minor, currency)
SELECT written.id, leg.account, leg.amount_minor, :currency
FROM written, unnest(CAST(:accounts AS text[]), CAST(:amounts AS bigint[])) AS leg (account, amount_minor)
RETURNING id
""")


async def post(
    session: AsyncSession,
    *,
    business_key: str,
    kind: str,
    order_id: str,
    effective_at: datetime,
    currency: str,
    postings: dict[str, int],
    stripe_object_id: str | None = None,
) -> bool:
    """Post one balanced transaction (`{account: amount_minor}`, debit +, credit -); False when the key exists."""
    legs = {account: amount for account, amount in postings.items() if amount}
    if sum(legs.values()) != 0 or len(legs) < 2:  # noqa: PLR2004 (double entry)
        raise UnbalancedLedgerError(f"{business_key}: {postings}")
    await session.flush()
    posted = await session.execute(
        POST,
        {
            "business_key": business_key,
            "kind": kind,
            "order_id": order_id,
            "stripe_object_id": stripe_object_id,
            "effective_at": effective_at,
            "currency": currency,
            "accounts": list(legs),
            "amounts": list(legs.values()),
        },
    )
    return posted.first() is not None
