"""Whether a system at rest kept its promises: read in PostgreSQL as its owner and in what Stripe's simulator did."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.cli.benches.stripe_dump import StripeDump
from fulfil.kit.database import Database

SHOWN_EXAMPLES = 3

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
    "stock below zero": """
        SELECT provider_id || ' ' || material FROM stock WHERE available_g < 0 OR reserved_g < 0""",
    "stock that differs from its movements": """
        SELECT provider_id || ' ' || material FROM stock
        FULL JOIN (SELECT provider_id, material, sum(available_delta_g) AS available, sum(reserved_delta_g) AS reserved
                   FROM stock_movements GROUP BY provider_id, material) moved USING (provider_id, material)
        WHERE (coalesce(available_g, 0), coalesce(reserved_g, 0)) <> (coalesce(available, 0), coalesce(reserved, 0))""",
    "material reserved for nobody": """
        SELECT provider_id || ' ' || material FROM stock s WHERE reserved_g > 0 AND NOT EXISTS
        (SELECT FROM jobs WHERE jobs.provider_id = s.provider_id AND jobs.closed_at IS NULL)""",
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
    "closed orders not paid out once": """
        SELECT orders.id || ' ' || count(transfers.id) FROM orders LEFT JOIN transfers ON transfers.order_id = orders.id
        GROUP BY orders.id HAVING count(transfers.id) <> (CASE WHEN orders.state = 'closed' THEN 1 ELSE 0 END)""",
    "timelines with gaps": """
        SELECT order_id FROM events GROUP BY order_id
        HAVING max(sequence) <> count(*) OR count(DISTINCT sequence) <> count(*)""",
}


@dataclass(frozen=True)
class Finding:
    """A promise and whatever breaks it."""

    promise: str
    broken_by: list[str] = field(default_factory=list[str])

    @property
    def kept(self) -> bool:
        """Whether nothing breaks it."""
        return not self.broken_by

    def __str__(self) -> str:
        if self.kept:
            return f"{self.promise}: 0"
        shown = self.broken_by[:SHOWN_EXAMPLES] + ["..."] * (len(self.broken_by) > SHOWN_EXAMPLES)
        return f"{self.promise}: {len(self.broken_by)} ({'; '.join(shown)})"


async def audit(database: Database, stripe: StripeDump, acknowledged: Iterable[str]) -> list[Finding]:
    """Examine everything; `acknowledged` are the orders whose placing the API answered with success."""
    async with database.begin() as session:
        known = set((await session.scalars(text("SELECT id FROM orders"))).all())
        findings = [Finding("orders lost", sorted(set(acknowledged) - known))]
        for promise, query in PROMISES.items():
            findings.append(Finding(promise, list((await session.scalars(text(query))).all())))
        findings += await _compare_with_stripe(session, stripe)
    return findings


async def _compare_with_stripe(session: AsyncSession, stripe: StripeDump) -> list[Finding]:
    rows = await session.execute(text("SELECT id, total_minor FROM orders"))
    totals = {row.id: int(row.total_minor) for row in rows}
    return [
        Finding("orders charged twice", _charged_twice(stripe)),
        Finding("amounts that differ from the order", _wrong_amounts(stripe, totals)),
        Finding("orders paid out twice", _repeated(str(transfer.transfer_group) for transfer in stripe.transfers)),
        Finding("payments with two payment intents", _repeated(stripe.orders_by_intent().values())),
        Finding("Stripe's objects without their ledger transaction", await _unmatched(session, stripe)),
        Finding("ledger that differs from Stripe's balance", await _balance_differs(session, stripe)),
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
        "refund_sent": [refund.id for refund in stripe.refunds],
    }
    query = text("SELECT kind, stripe_object_id FROM ledger_transactions WHERE kind = ANY(:kinds)")
    booked: Counter[tuple[str, str]] = Counter(
        (row.kind, row.stripe_object_id) for row in await session.execute(query, {"kinds": list(objects)})
    )
    done = Counter((kind, identity) for kind, identities in objects.items() for identity in identities)
    return [
        f"{kind} {identity}" for kind, identity in (booked | done) if booked[kind, identity] != done[kind, identity]
    ]


async def _balance_differs(session: AsyncSession, stripe: StripeDump) -> list[str]:
    query = text("SELECT coalesce(sum(amount_minor), 0) FROM ledger_postings WHERE account = 'asset:stripe'")
    ours = int(await session.scalar(query) or 0)
    theirs = sum(movement.net for movement in stripe.balance_transactions)
    return [] if ours == theirs else [f"ledger {ours}, Stripe {theirs}"]


def _repeated(values: Iterable[str]) -> list[str]:
    return [f"{value}: {count}" for value, count in Counter(values).items() if count > 1]
