"""Checks against the payment provider's books: every entry of theirs has its postings, every posting its entry."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.ledger.accounts import STRIPE_AVAILABLE, STRIPE_PENDING
from fulfil.ledger.findings import finding
from fulfil.models.messages.reconciliation import Finding, FindingKind
from fulfil.models.tables.ledger import ReconciliationRow

# What is younger is being written, or was not listed yet.
IN_FLIGHT = timedelta(minutes=15)

# Everything that moved our balance at the provider. A correction stands for the transaction it reverses; clearing and
# the opening balance move money between our own two accounts and are matched otherwise. A transaction from before
# entries were mirrored names the object only: it stands for the first entry of that object that nothing else names.
MOVED = """
WITH moved AS (
    SELECT t.id, t.order_id, t.kind, t.created_at, p.currency, sum(p.amount_minor) AS amount,
        coalesce(t.balance_transaction_id, r.balance_transaction_id) AS entry_id,
        coalesce(t.stripe_object_id, r.stripe_object_id) AS object_id
    FROM ledger_postings p
    JOIN ledger_transactions t ON t.id = p.transaction_id
    LEFT JOIN ledger_transactions r ON r.id = t.reverses
    WHERE p.account LIKE 'asset:stripe%' AND coalesce(r.kind, t.kind) NOT IN ('funds_cleared', 'opening')
        AND (CAST(:order_id AS text) IS NULL OR t.order_id = :order_id)
    GROUP BY t.id, p.currency, r.id
), named AS MATERIALIZED (
    SELECT id, order_id, kind, created_at, currency, amount, object_id, entry_id, false AS is_old FROM moved
    WHERE entry_id IS NOT NULL
    UNION ALL
    SELECT id, order_id, kind, created_at, currency, amount, object_id, (
        SELECT e.id FROM balance_transactions e
        WHERE (e.source_id = moved.object_id OR e.id = moved.object_id)
            AND NOT EXISTS (SELECT FROM ledger_transactions x WHERE x.balance_transaction_id = e.id)
        ORDER BY e.created_at, e.id LIMIT 1
    ), true FROM moved WHERE entry_id IS NULL
)
"""
ENTRIES = text(f"""{MOVED}, booked AS (
    SELECT entry_id, currency, sum(amount) AS amount, min(order_id) AS order_id FROM named
    WHERE entry_id IS NOT NULL GROUP BY entry_id, currency
), theirs AS (
    SELECT e.* FROM balance_transactions e
    WHERE CAST(:order_id AS text) IS NULL OR e.id IN (SELECT entry_id FROM named) OR e.source_id IN (
        SELECT charge_id FROM payments WHERE order_id = :order_id
        UNION SELECT stripe_refund_id FROM refunds WHERE order_id = :order_id
        UNION SELECT id FROM transfers WHERE order_id = :order_id
        UNION SELECT id FROM transfer_reversals WHERE order_id = :order_id
        UNION SELECT stripe_dispute_id FROM chargebacks WHERE order_id = :order_id)
)
SELECT e.id, e.type, e.source_id, e.net_minor, e.currency, b.entry_id IS NULL AS is_missing,
    coalesce(b.amount, 0)::bigint AS booked, b.currency AS booked_currency,
    coalesce(b.order_id, s.order_id) AS order_id
FROM theirs e
LEFT JOIN booked b ON b.entry_id = e.id
LEFT JOIN payments s ON s.charge_id = e.source_id
WHERE b.entry_id IS NULL AND e.net_minor <> 0
        AND least(e.created_at, e.listed_at) <= CAST(:young AS timestamptz)
    OR b.amount <> e.net_minor OR b.currency <> e.currency
ORDER BY e.created_at, e.id
""")  # noqa: S608 (put together from our own text)
# Listed is what a look at the provider's list has covered: a finished reconciliation, or the one that runs right now.
UNLISTED = text(f"""{MOVED}, looks AS (
    SELECT since AS began, began_at AS ended FROM reconciliations
    UNION ALL
    SELECT min(created_at), max(listed_at) FROM balance_transactions
    WHERE listed_at > coalesce((SELECT max(finished_at) FROM reconciliations), '-infinity')
)
SELECT n.id, n.kind, n.order_id, n.entry_id, n.object_id, n.amount::bigint, n.currency, e.id IS NULL AS is_unknown
FROM named n LEFT JOIN balance_transactions e ON e.id = n.entry_id
WHERE e.id IS NULL AND n.created_at < CAST(:young AS timestamptz)
        AND (NOT n.is_old OR n.object_id IS NULL
            OR n.created_at > (SELECT min(created_at) FROM balance_transactions WHERE listed_at IS NOT NULL))
    OR e.listed_at IS NULL AND EXISTS (
        SELECT FROM looks WHERE e.created_at BETWEEN looks.began AND looks.ended - CAST(:in_flight AS interval))
ORDER BY n.id
""")  # noqa: S608 (put together from our own text)
CLEARED = text("""
WITH taken AS (
    SELECT cleared_by, currency, sum(net_minor) AS amount FROM balance_transactions
    WHERE cleared_by IS NOT NULL GROUP BY cleared_by, currency
), posted AS (
    SELECT t.id, t.kind, p.currency, sum(p.amount_minor) FILTER (WHERE p.account = :available) AS amount
    FROM ledger_transactions t JOIN ledger_postings p ON p.transaction_id = t.id
    WHERE (t.kind = 'funds_cleared' OR t.id IN (SELECT cleared_by FROM taken))
        AND NOT EXISTS (SELECT FROM ledger_transactions c WHERE c.reverses = t.id)
    GROUP BY t.id, p.currency
)
SELECT p.id, p.kind, p.currency, coalesce(p.amount, 0)::bigint AS posted, coalesce(k.amount, 0)::bigint AS taken
FROM posted p LEFT JOIN taken k ON k.cleared_by = p.id AND k.currency = p.currency
WHERE p.kind <> 'funds_cleared' OR coalesce(p.amount, 0) <> coalesce(k.amount, 0)
ORDER BY p.id
""")
PENDING = text("""
WITH posted AS (
    SELECT currency, sum(amount_minor) AS amount FROM ledger_postings WHERE account = :pending GROUP BY currency
), uncleared AS (
    SELECT currency, sum(net_minor) AS amount FROM balance_transactions
    WHERE posted_pending AND cleared_by IS NULL GROUP BY currency
)
SELECT currency, coalesce(p.amount, 0)::bigint AS posted, coalesce(u.amount, 0)::bigint AS uncleared
FROM posted p FULL JOIN uncleared u USING (currency)
WHERE coalesce(p.amount, 0) <> coalesce(u.amount, 0) ORDER BY currency
""")
OURS = text(f"""{MOVED}
SELECT n.currency,
    CASE WHEN coalesce(e.created_at, n.created_at) >= CAST(:since AS timestamptz) THEN n.entry_id END AS entry_id,
    min(coalesce(e.created_at, n.created_at)) AS moved_at, sum(n.amount)::bigint AS amount
FROM named n LEFT JOIN balance_transactions e ON e.id = n.entry_id
GROUP BY n.currency, 2 ORDER BY n.currency, 2 NULLS FIRST
""")  # noqa: S608 (put together from our own text)


@dataclass(frozen=True)
class ProviderBalance:
    """What the payment provider said it holds for us; `at` is when it was asked."""

    currency: str
    pending_minor: int
    available_minor: int
    at: datetime


async def check_provider(session: AsyncSession, order_id: str | None, now: datetime) -> list[Finding]:
    """What the books of one order, or all, and the mirrored entries of the provider do not have in common."""
    found = [*await _entries(session, order_id, now), *await _unlisted(session, order_id, now)]
    return found if order_id else [*found, *await _cleared(session), *await _pending(session)]


async def check_balances(session: AsyncSession, balances: Sequence[ProviderBalance]) -> list[Finding]:
    """Whether our accounts hold what the provider says; what moved around that moment may be on either side."""
    if not balances:
        return []
    since = min(balance.at for balance in balances) - IN_FLIGHT
    ours = (await session.execute(OURS, {"order_id": None, "since": since})).all()
    said = {balance.currency: balance for balance in balances}
    found: list[Finding] = []
    for currency in sorted({*said, *(row.currency for row in ours)}):
        settled = sum(row.amount for row in ours if row.currency == currency and row.entry_id is None)
        recent = [(row.moved_at, row.amount) for row in ours if row.currency == currency and row.entry_id is not None]
        theirs = said[currency].pending_minor + said[currency].available_minor if currency in said else 0
        possible = sums_of(settled, recent)
        if theirs not in possible:
            detail = f"the payment provider holds {theirs}, our accounts {possible[-1]}"
            found.append(
                finding(
                    FindingKind.PROVIDER_BALANCE_DIFFERS,
                    "asset:stripe",
                    detail,
                    amount_minor=theirs - possible[-1],
                    currency=currency,
                )
            )
    return found


def sums_of(settled: int, recent: Iterable[tuple[datetime, int]]) -> list[int]:
    """What the account held after each of the recent entries, oldest first, beginning with before them."""
    sums = [settled]
    for _, amount in sorted(recent):
        sums.append(sums[-1] + amount)
    return sums


async def latest_balances(session: AsyncSession) -> list[ProviderBalance]:
    """What the provider said at the latest reconciliation; nothing when there was none."""
    latest = await session.scalar(
        select(ReconciliationRow).order_by(ReconciliationRow.finished_at.desc(), ReconciliationRow.id).limit(1)
    )
    if latest is None:
        return []
    return [
        ProviderBalance(said["currency"], said["pending_minor"], said["available_minor"], latest.finished_at)
        for said in latest.balances
    ]


async def _entries(session: AsyncSession, order_id: str | None, now: datetime) -> list[Finding]:
    found: list[Finding] = []
    for row in await session.execute(ENTRIES, {"order_id": order_id, "young": now - IN_FLIGHT}):
        name = f"{row.type} {row.source_id or ''}".strip()
        if row.is_missing:
            kind, by = FindingKind.MISSING_IN_LEDGER, row.net_minor
            detail = f"{name} moved our balance, and no posting says so"
        else:
            kind, by = FindingKind.AMOUNT_DIFFERS, row.booked - row.net_minor
            detail = f"{name} moved {row.net_minor} {row.currency}, our postings {row.booked} {row.booked_currency}"
        found.append(finding(kind, row.id, detail, order_id=row.order_id, amount_minor=by, currency=row.currency))
    return found


async def _unlisted(session: AsyncSession, order_id: str | None, now: datetime) -> list[Finding]:
    parameters = {"order_id": order_id, "young": now - IN_FLIGHT, "in_flight": IN_FLIGHT}
    return [
        finding(
            FindingKind.MISSING_AT_PROVIDER,
            f"transaction {row.id}",
            f"{row.kind} names {row.entry_id or row.object_id or 'no entry of the payment provider'}, "
            + ("which is not mirrored" if row.is_unknown else "which the payment provider does not list"),
            order_id=row.order_id,
            amount_minor=row.amount,
            currency=row.currency,
        )
        for row in await session.execute(UNLISTED, parameters)
    ]


async def _cleared(session: AsyncSession) -> list[Finding]:
    return [
        finding(
            FindingKind.AMOUNT_DIFFERS,
            f"transaction {row.id}",
            f"{row.kind} made {row.posted} available, the entries it cleared {row.taken}",
            amount_minor=row.posted - row.taken,
            currency=row.currency,
        )
        for row in await session.execute(CLEARED, {"available": STRIPE_AVAILABLE})
    ]


async def _pending(session: AsyncSession) -> list[Finding]:
    return [
        finding(
            FindingKind.AMOUNT_DIFFERS,
            STRIPE_PENDING,
            f"holds {row.posted}, the entries not yet cleared {row.uncleared}",
            amount_minor=row.posted - row.uncleared,
            currency=row.currency,
        )
        for row in await session.execute(PENDING, {"pending": STRIPE_PENDING})
    ]
