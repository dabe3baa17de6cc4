"""Posting an entry: one statement writes the transaction, its postings and its link in the chain, once per key."""

from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.ledger.accounts import PLATFORM
from fulfil.ledger.chain import canonical_content
from fulfil.ledger.entries import Entry, reversed_entry
from fulfil.models.tables.ledger import LedgerPostingRow, LedgerTransactionRow

LOCK_PLATFORM_CHAIN = text("SELECT pg_advisory_xact_lock(hashtextextended('ledger:platform', 0))")
# What begins after the lock on the chain sees its last link; the unique sequence refuses who has not locked.
POST = text("""
WITH given AS (
    SELECT CAST(:business_key AS text) AS business_key, CAST(:chain AS text) AS chain,
        CAST(:content AS text) AS content, CAST(:effective_at AS timestamptz) AS effective_at
), previous AS (
    SELECT chain_sequence, hash FROM ledger_transactions WHERE chain = CAST(:chain AS text)
    ORDER BY chain_sequence DESC LIMIT 1
), written AS (
    INSERT INTO ledger_transactions
        (business_key, kind, order_id, stripe_object_id, balance_transaction_id, reverses, note, effective_at,
         created_at, chain, chain_sequence, hash)
    SELECT given.business_key, :kind, :order_id, :stripe_object_id, :balance_transaction_id, CAST(:reverses AS bigint),
        :note, given.effective_at, given.effective_at, given.chain, coalesce(previous.chain_sequence, 0) + 1,
        encode(sha256(convert_to(coalesce(previous.hash, given.chain) || E'\n' || given.content, 'UTF8')), 'hex')
    FROM given LEFT JOIN previous ON true
    WHERE NOT EXISTS (SELECT FROM ledger_transactions t WHERE t.business_key = given.business_key)
    ON CONFLICT (business_key) DO NOTHING
    RETURNING id
)
INSERT INTO ledger_postings (transaction_id, account, amount_minor, currency)
SELECT written.id, leg.account, leg.amount_minor, :currency
FROM written, unnest(CAST(:accounts AS text[]), CAST(:amounts AS bigint[])) AS leg (account, amount_minor)
RETURNING transaction_id
""")


class NotCorrectableError(ValueError):
    """A transaction that does not exist, or is itself a correction: post what is right instead."""


async def post(
    session: AsyncSession,
    entry: Entry,
    *,
    business_key: str,
    order_id: str | None,
    effective_at: datetime,
    currency: str,
    stripe_object_id: str | None = None,
    balance_transaction_id: str | None = None,
) -> bool:
    """Post one entry; False when the key exists. The caller holds the order's payment row (None: the platform's chain).

    Raises `IntegrityError` for an account that would turn its sign, or for a second transaction of one provider's
    object and kind.
    """
    draft = LedgerTransactionRow(
        business_key=business_key,
        order_id=order_id,
        effective_at=effective_at,
        stripe_object_id=stripe_object_id,
        balance_transaction_id=balance_transaction_id,
    )
    return await _write(session, entry, draft, currency)


async def correct(
    session: AsyncSession,
    transaction_id: int,
    *,
    reason: str,
    effective_at: datetime,
    replacement: Entry | None = None,
) -> bool:
    """Undo a transaction by its opposite, and post what it should have been; False when it is corrected already.

    Nothing that was posted changes: the correction names what it reverses and why, under the key
    `{its key}:correction`; `replacement` follows under `{its key}:corrected`, for the same entry of the payment
    provider. The caller holds the order's payment row. Raises `NotCorrectableError`, and `IntegrityError` when an
    account would turn its sign (what was built on the mistake has to be undone first).
    """
    wrong = await session.get(LedgerTransactionRow, transaction_id)
    if wrong is None or wrong.reverses is not None:
        raise NotCorrectableError(f"transaction {transaction_id} is {'a correction' if wrong else 'unknown'}")
    legs = (
        await session.scalars(select(LedgerPostingRow).where(LedgerPostingRow.transaction_id == transaction_id))
    ).all()
    undone = reversed_entry(Entry(wrong.kind, {leg.account: leg.amount_minor for leg in legs}))
    draft = LedgerTransactionRow(
        business_key=f"{wrong.business_key}:correction",
        order_id=wrong.order_id,
        effective_at=effective_at,
        balance_transaction_id=wrong.balance_transaction_id,
        reverses=wrong.id,
        note=reason,
    )
    corrected = await _write(session, undone, draft, legs[0].currency, reverses=wrong.business_key)
    if corrected and replacement is not None:
        right = LedgerTransactionRow(
            business_key=f"{wrong.business_key}:corrected",
            order_id=wrong.order_id,
            effective_at=effective_at,
            balance_transaction_id=wrong.balance_transaction_id,
            note=reason,
        )
        await _write(session, replacement, right, legs[0].currency)
    return corrected


async def _write(
    session: AsyncSession, entry: Entry, draft: LedgerTransactionRow, currency: str, reverses: str | None = None
) -> bool:
    await session.flush()
    if draft.order_id is None:
        await session.execute(LOCK_PLATFORM_CHAIN)
    ordered = sorted(entry.postings.items())
    posted = await session.execute(
        POST,
        {
            "chain": draft.order_id or PLATFORM,
            "business_key": draft.business_key,
            "kind": entry.kind,
            "order_id": draft.order_id,
            "stripe_object_id": draft.stripe_object_id,
            "balance_transaction_id": draft.balance_transaction_id,
            "reverses": draft.reverses,
            "note": draft.note,
            "effective_at": draft.effective_at,
            "currency": currency,
            "content": canonical_content(
                business_key=draft.business_key,
                kind=entry.kind,
                stripe_object_id=draft.stripe_object_id,
                balance_transaction_id=draft.balance_transaction_id,
                effective_at=draft.effective_at,
                currency=currency,
                postings=entry.postings,
                note=draft.note,
                reverses=reverses,
            ),
            "accounts": [account for account, _ in ordered],
            "amounts": [amount for _, amount in ordered],
        },
    )
    return posted.first() is not None
