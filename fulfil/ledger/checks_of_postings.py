"""Checks of the books by themselves: sums, links of the chains, kept balances, one currency per order."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.ledger.accounts import NEVER_CREDIT, NEVER_DEBIT, PLATFORM
from fulfil.ledger.chain import canonical_content, chained
from fulfil.ledger.findings import finding
from fulfil.models.messages.reconciliation import Finding, FindingKind

NEVER_DEBITED = [f"{prefix}%" for prefix in NEVER_DEBIT]
NEVER_CREDITED = [f"{prefix}%" for prefix in NEVER_CREDIT]

UNBALANCED = text("""
WITH sums AS (
    SELECT transaction_id, currency, sum(amount_minor) AS off_by, count(*) AS legs FROM ledger_postings
    WHERE CAST(:order_id AS text) IS NULL
        OR transaction_id IN (SELECT id FROM ledger_transactions WHERE order_id = :order_id)
    GROUP BY transaction_id, currency
)
SELECT t.id, t.order_id, t.kind, s.currency, s.off_by::bigint, coalesce(s.legs, 0) AS legs
FROM ledger_transactions t LEFT JOIN sums s ON s.transaction_id = t.id
WHERE (CAST(:order_id AS text) IS NULL OR t.order_id = :order_id) AND (s.off_by IS DISTINCT FROM 0 OR s.legs < 2)
ORDER BY t.id
""")
# The content is put together as `canonical_content` does it; what the two would write differently (a note that is
# not ASCII) is compared once more in Python, so that this is only the quick way to the same answer.
SUSPECT_LINKS = text("""
WITH legs AS (
    SELECT p.transaction_id, min(p.currency) AS currency,
        string_agg(to_json(p.account)::text || ':' || p.amount_minor, ',' ORDER BY p.account COLLATE "C") AS postings
    FROM ledger_postings p
    WHERE CAST(:order_id AS text) IS NULL
        OR p.transaction_id IN (SELECT id FROM ledger_transactions WHERE order_id = :order_id)
    GROUP BY p.transaction_id
), links AS (
    SELECT t.*, l.currency, '{' || coalesce(l.postings, '') || '}' AS postings, r.business_key AS reverses_key,
        lag(t.hash) OVER chain AS previous, row_number() OVER chain AS place
    FROM ledger_transactions t
    LEFT JOIN legs l ON l.transaction_id = t.id
    LEFT JOIN ledger_transactions r ON r.id = t.reverses
    WHERE CAST(:order_id AS text) IS NULL OR t.order_id = :order_id
    WINDOW chain AS (PARTITION BY t.chain ORDER BY t.chain_sequence)
)
SELECT id, order_id, chain, chain_sequence, place, previous, hash, business_key, kind, stripe_object_id,
    balance_transaction_id, effective_at, currency, postings, note, reverses_key
FROM links
WHERE chain_sequence <> place OR chain <> coalesce(order_id, :platform)
    OR hash <> encode(sha256(convert_to(coalesce(previous, chain) || E'\n'
        || '{"balance_transaction_id":' || coalesce(to_json(balance_transaction_id)::text, 'null')
        || ',"business_key":' || to_json(business_key)::text
        || ',"currency":' || coalesce(to_json(currency)::text, 'null')
        || ',"effective_at":"'
        || to_char(effective_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00"'
        || ',"kind":' || to_json(kind)::text
        || ',"note":' || coalesce(to_json(note)::text, 'null')
        || ',"postings":' || postings
        || ',"reverses":' || coalesce(to_json(reverses_key)::text, 'null')
        || ',"stripe_object_id":' || coalesce(to_json(stripe_object_id)::text, 'null') || '}', 'UTF8')), 'hex')
ORDER BY chain, chain_sequence
""")
BALANCES = text("""
WITH replayed AS (
    SELECT account, currency, sum(amount_minor) AS balance_minor FROM ledger_postings
    WHERE account LIKE ANY(:guarded) AND (CAST(:order_id AS text) IS NULL OR account IN (
        SELECT p.account FROM ledger_postings p JOIN ledger_transactions t ON t.id = p.transaction_id
        WHERE t.order_id = :order_id))
    GROUP BY account, currency
), kept AS (
    SELECT * FROM ledger_balances
    WHERE CAST(:order_id AS text) IS NULL OR account IN (SELECT account FROM replayed)
        OR account LIKE '%:' || :order_id
)
SELECT account, currency, coalesce(r.balance_minor, 0)::bigint AS replayed, coalesce(k.balance_minor, 0) AS kept
FROM replayed r FULL JOIN kept k USING (account, currency)
WHERE coalesce(r.balance_minor, 0) <> coalesce(k.balance_minor, 0)
    OR account LIKE ANY(:never_debited) AND r.balance_minor > 0
    OR account LIKE ANY(:never_credited) AND r.balance_minor < 0
ORDER BY account, currency
""")
MIXED = text("""
SELECT o.id AS order_id, o.currency AS its_currency, s.subject, s.currency
FROM orders o JOIN (
    SELECT t.order_id, 'transaction ' || t.id AS subject, p.currency
    FROM ledger_transactions t JOIN ledger_postings p ON p.transaction_id = t.id
    UNION SELECT order_id, 'its payment', currency FROM payments
    UNION SELECT order_id, id, currency FROM refunds
    UNION SELECT order_id, id, currency FROM transfers
    UNION SELECT order_id, id, currency FROM transfer_reversals
    UNION SELECT order_id, id, currency FROM chargebacks
) s ON s.order_id = o.id AND s.currency <> o.currency
WHERE CAST(:order_id AS text) IS NULL OR o.id = :order_id
ORDER BY o.id, s.subject
""")


async def check_postings(session: AsyncSession, order_id: str | None) -> list[Finding]:
    """What is wrong with the books of one order, or of all, without looking beyond them."""
    return [
        *await _unbalanced(session, order_id),
        *await _broken_chains(session, order_id),
        *await _balances(session, order_id),
        *await _mixed_currencies(session, order_id),
    ]


async def _unbalanced(session: AsyncSession, order_id: str | None) -> list[Finding]:
    rows = await session.execute(UNBALANCED, {"order_id": order_id})
    return [
        finding(
            FindingKind.UNBALANCED,
            f"transaction {row.id}",
            f"{row.kind} has {row.legs} leg(s) and does not sum to zero"
            if row.off_by
            else f"{row.kind} has {row.legs} leg(s)",
            order_id=row.order_id,
            amount_minor=row.off_by,
            currency=row.currency,
        )
        for row in rows
    ]


async def _broken_chains(session: AsyncSession, order_id: str | None) -> list[Finding]:
    rows = (await session.execute(SUSPECT_LINKS, {"order_id": order_id, "platform": PLATFORM})).mappings()
    broken = ((row, _fault(row)) for row in rows)
    return [
        finding(FindingKind.CHAIN_BROKEN, f"transaction {row['id']}", fault, order_id=row["order_id"])
        for row, fault in broken
        if fault
    ]


def _fault(link: RowMapping) -> str | None:
    if link["chain"] != (link["order_id"] or PLATFORM):
        return f"it stands in the chain of {link['chain']}"
    if link["chain_sequence"] != link["place"]:
        return (
            f"it is number {link['chain_sequence']} of its chain, but {link['place'] - 1} transactions stand before it"
        )
    postings: Mapping[str, Any] = json.loads(link["postings"])
    content = canonical_content(
        business_key=link["business_key"],
        kind=link["kind"],
        stripe_object_id=link["stripe_object_id"],
        balance_transaction_id=link["balance_transaction_id"],
        effective_at=link["effective_at"],
        currency=link["currency"],
        postings=postings,
        note=link["note"],
        reverses=link["reverses_key"],
    )
    if chained(link["previous"] or link["chain"], content) == link["hash"]:
        return None
    return f"{link['kind']}, number {link['chain_sequence']} of its chain, is not what its hash says"


async def _balances(session: AsyncSession, order_id: str | None) -> list[Finding]:
    parameters = {
        "order_id": order_id,
        "guarded": [*NEVER_DEBITED, *NEVER_CREDITED],
        "never_debited": NEVER_DEBITED,
        "never_credited": NEVER_CREDITED,
    }
    found: list[Finding] = []
    for row in await session.execute(BALANCES, parameters):
        if row.replayed != row.kept:
            detail = f"kept as {row.kept}, but its postings sum to {row.replayed}"
            found.append(
                _about(FindingKind.BALANCE_DIFFERS, row.account, detail, row.kept - row.replayed, row.currency)
            )
        if row.replayed > 0 and row.account.startswith(NEVER_DEBIT):
            found.append(
                _about(FindingKind.OVERDRAWN, row.account, "more went out than came in", row.replayed, row.currency)
            )
        if row.replayed < 0 and row.account.startswith(NEVER_CREDIT):
            found.append(
                _about(FindingKind.OVERDRAWN, row.account, "more went out than came in", row.replayed, row.currency)
            )
    return found


def _about(kind: FindingKind, account: str, detail: str, amount_minor: int, currency: str) -> Finding:
    owner = account.rpartition(":")[2]
    order_id = owner if owner.startswith("ord_") else None
    return finding(kind, account, detail, order_id=order_id, amount_minor=amount_minor, currency=currency)


async def _mixed_currencies(session: AsyncSession, order_id: str | None) -> list[Finding]:
    rows = await session.execute(MIXED, {"order_id": order_id})
    return [
        finding(
            FindingKind.CURRENCY_MIXED,
            row.subject,
            f"is in {row.currency.upper()}, the order in {row.its_currency.upper()}",
            order_id=row.order_id,
        )
        for row in rows
    ]
