"""What revision 0005 makes of a ledger from before it: chains over the old transactions, and opening balances.

Frozen as `fulfil.ledger.chain` was when that revision was written.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime

import sqlalchemy as sa

PLATFORM = "platform"
OLD_TRANSACTIONS = """
SELECT t.id, t.order_id, t.business_key, t.kind, t.stripe_object_id, t.effective_at, min(p.currency) AS currency,
    json_object_agg(p.account, p.amount_minor)::text AS postings
FROM ledger_transactions t JOIN ledger_postings p ON p.transaction_id = t.id
GROUP BY t.id ORDER BY t.id
"""
CHAIN = sa.text("UPDATE ledger_transactions SET chain = :chain, chain_sequence = :n, hash = :hash WHERE id = :id")
OPENING = """
SELECT currency, sum(amount_minor)::bigint AS amount FROM ledger_postings WHERE account = 'asset:stripe'
GROUP BY currency HAVING sum(amount_minor) <> 0 ORDER BY currency
"""
OPEN = sa.text(
    "INSERT INTO ledger_transactions (business_key, kind, effective_at, created_at, chain, chain_sequence, hash)"
    " VALUES (:key, 'opening', :now, :now, :chain, :n, :hash) RETURNING id"
)
OPENING_LEG = sa.text(
    "INSERT INTO ledger_postings (transaction_id, account, amount_minor, currency)"
    " VALUES (:id, :account, :amount, :currency)"
)


def chain_old_transactions(bind: sa.Connection) -> None:
    """Link the transactions of every order, oldest first."""
    heads: dict[str, tuple[int, str]] = {}
    for row in bind.exec_driver_sql(OLD_TRANSACTIONS).all():
        postings: dict[str, int] = json.loads(row.postings)
        number, previous = heads.get(row.order_id, (0, row.order_id))
        content = _content(row.business_key, row.kind, row.stripe_object_id, row.effective_at, row.currency, postings)
        heads[row.order_id] = (number + 1, _chained(previous, content))
        bind.execute(CHAIN, {"chain": row.order_id, "n": number + 1, "hash": heads[row.order_id][1], "id": row.id})


def open_balances(bind: sa.Connection) -> None:
    """What the single account of before held is, by now, available money."""
    now = bind.exec_driver_sql("SELECT now()").scalar_one()
    previous = PLATFORM
    for number, row in enumerate(bind.exec_driver_sql(OPENING).all(), start=1):
        key = f"platform:opening:{row.currency}"
        postings = {"asset:stripe": -row.amount, "asset:stripe:available": row.amount}
        previous = _chained(previous, _content(key, "opening", None, now, row.currency, postings))
        opened = bind.execute(OPEN, {"key": key, "now": now, "chain": PLATFORM, "n": number, "hash": previous})
        number_of_row = opened.scalar_one()
        for account, leg in postings.items():
            bind.execute(
                OPENING_LEG, {"id": number_of_row, "account": account, "amount": leg, "currency": row.currency}
            )


def _content(
    business_key: str,
    kind: str,
    stripe_object_id: str | None,
    effective_at: datetime,
    currency: str,
    postings: Mapping[str, int],
) -> str:
    return json.dumps(
        {
            "balance_transaction_id": None,
            "business_key": business_key,
            "currency": currency,
            "effective_at": effective_at.astimezone(UTC).isoformat(timespec="microseconds"),
            "kind": kind,
            "note": None,
            "postings": dict(sorted(postings.items())),
            "reverses": None,
            "stripe_object_id": stripe_object_id,
        },
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=True,
    )


def _chained(previous: str, content: str) -> str:
    return hashlib.sha256(f"{previous}\n{content}".encode()).hexdigest()
