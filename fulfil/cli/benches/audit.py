"""Whether a system at rest kept its promises: read in PostgreSQL as its owner and in what Stripe's simulator did."""

from collections import Counter
from collections.abc import Iterable, Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.cli.benches.audit_of_books import Books, audit_books
from fulfil.cli.benches.findings import Finding
from fulfil.cli.benches.forging import FORGED
from fulfil.cli.benches.stripe_dump import StripeDump
from fulfil.inventory.checks import CHECKS as STOCK_CHECKS
from fulfil.kit.database import Database

# Each query lists what breaks the promise.
PROMISES: Mapping[str, str] = {
    "orders without an end": """
        SELECT id || ' ' || state FROM orders WHERE state NOT IN ('closed', 'cancelled', 'expired')""",
    "steps left parked": """
        SELECT order_id || ' ' || stuck_step FROM timelines WHERE stuck_step IS NOT NULL""",
    "webhooks not acted on": """
        SELECT id || ' ' || coalesce(last_error, '') FROM stripe_events WHERE processed_at IS NULL""",
    "reports no job heard of": """
        SELECT id || ' ' || coalesce(last_error, '') FROM job_reports WHERE signal_due AND signalled_at IS NULL""",
    "jobs with two winners": """
        SELECT job_id FROM offers WHERE state = 'accepted' GROUP BY job_id HAVING count(*) > 1
        UNION SELECT job_id FROM productions WHERE closed_at IS NULL GROUP BY job_id HAVING count(*) > 1
        UNION SELECT subject FROM events WHERE type = 'job.accepted' GROUP BY subject, data->>'round'
              HAVING count(*) > 1""",
    **{
        sentence: f"SELECT id || ': ' || detail FROM ({query}) AS broken"  # noqa: S608 (our own words)
        for sentence, query in STOCK_CHECKS.values()
    },
    "material reserved for nobody": """
        SELECT r.item_id || ' ' || r.offer_id FROM stock_reservations r WHERE r.ended_at IS NULL AND NOT EXISTS
        (SELECT FROM jobs WHERE jobs.offer_id = r.offer_id AND jobs.closed_at IS NULL)""",
    "ledger transactions out of balance": """
        SELECT transaction_id::text FROM ledger_postings GROUP BY transaction_id, currency
        HAVING sum(amount_minor) <> 0
        UNION SELECT t.id::text FROM ledger_transactions t LEFT JOIN ledger_postings p ON p.transaction_id = t.id
        GROUP BY t.id HAVING count(p.id) < 2""",
    "money held for an ended order": """
        SELECT account || ' ' || sum(amount_minor) FROM ledger_postings
        JOIN orders ON account IN ('liability:held:' || orders.id, 'memo:authorized:' || orders.id,
                                   'liability:refund_due:' || orders.id)
        WHERE orders.state IN ('closed', 'cancelled', 'expired')
        GROUP BY account HAVING sum(amount_minor) <> 0""",
    "providers left unpaid": """
        SELECT account || ' ' || sum(amount_minor) FROM ledger_postings WHERE account LIKE 'liability:payable:%'
        GROUP BY account HAVING sum(amount_minor) <> 0""",
    "closed jobs not paid out once": """
        SELECT j.id || ' of ' || j.order_id || ' ' || count(t.id) FROM jobs j LEFT JOIN transfers t ON t.job_id = j.id
        GROUP BY j.id HAVING count(t.id) <>
            (CASE WHEN j.closed_at IS NOT NULL AND j.payout_minor > coalesce(j.netted_minor, 0) THEN 1 ELSE 0 END)""",
    "documents with gaps in their numbers": """
        SELECT series || ' ' || year FROM documents GROUP BY series, year
        HAVING max(sequence) <> count(*) OR count(DISTINCT sequence) <> count(*)""",
    "captures without their invoice": """
        SELECT order_id FROM payments p WHERE captured_at IS NOT NULL AND 1 <>
        (SELECT count(*) FROM documents d WHERE d.order_id = p.order_id AND d.series = 'INV')""",
    "forged webhooks believed": f"""
        SELECT id FROM stripe_events WHERE id LIKE '{FORGED}%'""",  # noqa: S608 (our own word)
    "timelines with gaps": """
        SELECT order_id FROM events GROUP BY order_id
        HAVING max(sequence) <> count(*) OR count(DISTINCT sequence) <> count(*)""",
}

# What holds once nothing is under way any more: nobody asks, disputes or waits.
AT_REST: Mapping[str, str] = {
    "refunds without an end": """
        SELECT id || ' ' || state FROM refunds WHERE state NOT IN ('succeeded', 'rejected')""",
    "chargebacks without an end": """
        SELECT id || ' ' || state FROM chargebacks WHERE closed_at IS NULL""",
    "money frozen or reserved for nothing": """
        SELECT order_id FROM payments WHERE frozen_at IS NOT NULL OR refunding_minor <> 0""",
    "money on its way for ever": """
        SELECT account || ' ' || sum(amount_minor) FROM ledger_postings
        WHERE account LIKE 'asset:refunds_in_transit:%' OR account LIKE 'asset:chargeback:%'
        GROUP BY account HAVING sum(amount_minor) <> 0""",
    "refunds that the payment does not tell of": """
        SELECT p.order_id FROM payments p LEFT JOIN refunds r ON r.order_id = p.order_id AND r.state = 'succeeded'
        GROUP BY p.order_id, p.refunded_minor HAVING p.refunded_minor <> coalesce(sum(r.amount_minor), 0)""",
}


async def audit(database: Database, stripe: StripeDump, acknowledged: Iterable[str]) -> list[Finding]:
    """Examine everything; `acknowledged` are the orders whose placing the API answered with success."""
    async with database.begin() as session:
        known = set((await session.scalars(text("SELECT id FROM orders"))).all())
        findings = [Finding("orders lost", sorted(set(acknowledged) - known))]
        for promise, query in PROMISES.items():
            findings.append(Finding(promise, list((await session.scalars(text(query))).all())))
        findings += await _compare_with_stripe(session, stripe)
    return findings


async def audit_rest(database: Database) -> list[Finding]:
    """What holds on top of it when every process has ended."""
    async with database.begin() as session:
        return [
            Finding(promise, list((await session.scalars(text(query))).all())) for promise, query in AT_REST.items()
        ]


async def _compare_with_stripe(session: AsyncSession, stripe: StripeDump) -> list[Finding]:
    rows = await session.execute(text("SELECT id, total_minor FROM orders"))
    totals = {row.id: int(row.total_minor) for row in rows}
    return [
        Finding("orders charged twice", _charged_twice(stripe)),
        Finding("amounts that differ from the order", _wrong_amounts(stripe, totals)),
        Finding("jobs paid out twice", _repeated(transfer.job for transfer in stripe.transfers)),
        Finding("payments with two payment intents", _repeated(stripe.orders_by_intent().values())),
        Finding("Stripe's objects without their ledger transaction", await _unmatched(session, stripe)),
        *audit_books(await Books.read(session), stripe),
    ]


def _charged_twice(stripe: StripeDump) -> list[str]:
    order_of = stripe.orders_by_intent()
    return _repeated(order_of.get(charge.payment_intent, charge.payment_intent) for charge in stripe.captured())


def _wrong_amounts(stripe: StripeDump, totals: Mapping[str, int]) -> list[str]:
    order_of = stripe.orders_by_intent()
    taken: Counter[str] = Counter()
    for charge in stripe.captured():
        taken[order_of.get(charge.payment_intent, charge.payment_intent)] += charge.amount_captured
    return [f"{order_id} {amount}" for order_id, amount in taken.items() if amount != totals.get(order_id)]


async def _unmatched(session: AsyncSession, stripe: StripeDump) -> list[str]:
    """Objects without exactly one ledger transaction, and transactions without an object."""
    objects = {
        "charge": [charge.id for charge in stripe.captured()],
        "transfer": [transfer.id for transfer in stripe.transfers],
        "transfer_reversed": [reversal.id for reversal in stripe.transfer_reversals],
    }
    query = text("SELECT kind, stripe_object_id FROM ledger_transactions WHERE kind = ANY(:kinds)")
    booked: Counter[tuple[str, str]] = Counter(
        (row.kind, row.stripe_object_id) for row in await session.execute(query, {"kinds": list(objects)})
    )
    done = Counter((kind, identity) for kind, identities in objects.items() for identity in identities)
    return [
        f"{kind} {identity}" for kind, identity in (booked | done) if booked[kind, identity] != done[kind, identity]
    ]


def _repeated(values: Iterable[str]) -> list[str]:
    return [f"{value}: {count}" for value, count in Counter(values).items() if count > 1]
