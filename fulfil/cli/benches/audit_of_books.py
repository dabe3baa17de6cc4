"""An auditor's own look at the books: chains hashed anew, Stripe's entries matched, each order's cents counted.

Nothing of the ledger's own checks is used here, and nothing is too young to be looked at: it is for a system at rest.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.cli.benches.findings import Finding
from fulfil.cli.benches.stripe_dump import UNDONE, BalanceMovement, SimulatedBalance, StripeDump

TRANSACTIONS = text("""
SELECT t.id, t.business_key, t.kind, t.order_id, t.stripe_object_id, t.balance_transaction_id, t.effective_at,
    t.chain, t.chain_sequence, t.hash, t.note, r.business_key AS reverses, r.balance_transaction_id AS reversed_entry
FROM ledger_transactions t LEFT JOIN ledger_transactions r ON r.id = t.reverses
ORDER BY t.chain, t.chain_sequence
""")
POSTINGS = text("SELECT transaction_id, account, amount_minor, currency FROM ledger_postings")
AT_STRIPE = "asset:stripe"
# These move money between our own two accounts at Stripe.
WITHIN = "funds_cleared"


@dataclass(frozen=True)
class Booked:
    """A transaction of the ledger."""

    id: int
    key: str
    kind: str
    order_id: str | None
    object_id: str | None
    entry_id: str | None
    chain: str
    sequence: int
    hash: str
    content: Mapping[str, object]
    currency: str
    legs: Mapping[str, int]

    @property
    def at_stripe(self) -> int:
        """What it moved of our balance at Stripe."""
        return sum(amount for account, amount in self.legs.items() if account.startswith(AT_STRIPE))

    def of(self, *classes: str) -> int:
        """What it moved on the accounts of these kinds."""
        return sum(amount for account, amount in self.legs.items() if account.startswith(classes))


@dataclass
class Books:
    """All of the ledger."""

    transactions: list[Booked] = field(default_factory=list[Booked])

    @classmethod
    async def read(cls, session: AsyncSession) -> "Books":
        """Everything that was ever booked, chain by chain."""
        legs: defaultdict[int, dict[str, int]] = defaultdict(dict)
        currencies: dict[int, str] = {}
        for row in await session.execute(POSTINGS):
            legs[row.transaction_id][row.account] = legs[row.transaction_id].get(row.account, 0) + row.amount_minor
            currencies[row.transaction_id] = row.currency
        books = cls()
        for row in await session.execute(TRANSACTIONS):
            postings, currency = legs[row.id], currencies.get(row.id, "")
            content = {
                "balance_transaction_id": row.balance_transaction_id,
                "business_key": row.business_key,
                "currency": currency,
                "effective_at": row.effective_at.astimezone(UTC).isoformat(timespec="microseconds"),
                "kind": row.kind,
                "note": row.note,
                "postings": postings,
                "reverses": row.reverses,
                "stripe_object_id": row.stripe_object_id,
            }
            books.transactions.append(
                Booked(
                    id=row.id,
                    key=row.business_key,
                    kind=row.kind,
                    order_id=row.order_id,
                    object_id=row.stripe_object_id,
                    entry_id=row.balance_transaction_id or row.reversed_entry,
                    chain=row.chain,
                    sequence=row.chain_sequence,
                    hash=row.hash,
                    content=content,
                    currency=currency,
                    legs=postings,
                )
            )
        return books

    def of_orders(self) -> Mapping[str, list[Booked]]:
        """By order."""
        found: defaultdict[str, list[Booked]] = defaultdict(list)
        for booked in self.transactions:
            if booked.order_id is not None:
                found[booked.order_id].append(booked)
        return found


def audit_books(books: Books, stripe: StripeDump) -> list[Finding]:
    """What holds at rest between the ledger and Stripe, whatever was played."""
    return [
        Finding("links of the chain that are broken", _broken_links(books)),
        Finding("Stripe's entries without exactly their postings", _unmatched(books, stripe)),
        Finding("ledger that differs from Stripe's balance", _balance_differs(books, stripe.balance_transactions)),
        Finding("orders whose money at Stripe is booked otherwise", _orders_differ(books, stripe)),
        Finding("refunds sent twice", _sent_twice(stripe)),
        Finding("reversals made twice", _reversed_twice(stripe)),
        Finding("more went out of an order than came in", _overspent(books, stripe)),
    ]


def audit_balances(books: Books, balances: Sequence[SimulatedBalance]) -> list[Finding]:
    """At rest, after a reconciliation: pending and available, each to the cent, also in Stripe's own books."""
    ours: Counter[tuple[str, str]] = Counter()
    for booked in books.transactions:
        for account, amount in booked.legs.items():
            if account.startswith(AT_STRIPE):
                ours[booked.currency, account] += amount
    broken: list[str] = []
    for balance in (balance for balance in balances if not balance.account):
        for name, theirs in (("pending", balance.pending), ("available", balance.available)):
            said = ours.pop((balance.currency, f"{AT_STRIPE}:{name}"), 0)
            if said != theirs:
                broken.append(f"{balance.currency} {name}: ledger {said}, Stripe {theirs}")
    broken += [f"{currency} {account}: {amount}" for (currency, account), amount in ours.items() if amount]
    own = [
        f"{balance.account or 'platform'} {balance.currency}"
        for balance in balances
        if (balance.pending, balance.available) != (balance.entries_pending, balance.entries_available)
    ]
    return [
        Finding("balances that differ after the reconciliation", broken),
        Finding("balances of the simulator that are not its entries", own),
    ]


def _broken_links(books: Books) -> list[str]:
    broken: list[str] = []
    heads: dict[str, tuple[int, str]] = {}
    for booked in books.transactions:
        number, previous = heads.get(booked.chain, (0, booked.chain))
        content = json.dumps(booked.content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        hashed = hashlib.sha256(f"{previous}\n{content}".encode()).hexdigest()
        right = booked.sequence == number + 1 and booked.chain == (booked.order_id or "platform")
        if not right or hashed != booked.hash:
            broken.append(f"{booked.chain} {booked.sequence} {booked.kind}")
        heads[booked.chain] = booked.sequence, booked.hash
    return broken


def _unmatched(books: Books, stripe: StripeDump) -> list[str]:
    """The bijection: per entry of Stripe's the sum of our legs is its net, and no leg of ours is without one."""
    booked: Counter[str] = Counter()
    for transaction in books.transactions:
        if transaction.at_stripe or transaction.entry_id:
            name = transaction.entry_id or f"{transaction.kind} {transaction.object_id or transaction.key}"
            booked[name] += transaction.at_stripe
    theirs = {moved.id: moved for moved in stripe.balance_transactions}
    broken = [
        f"{moved.type} {moved.source or moved.id}: {moved.net} at Stripe, {booked[moved.id]} in the ledger"
        for moved in theirs.values()
        if booked[moved.id] != moved.net
    ]
    return broken + [
        f"{name}: {amount} that Stripe knows nothing of"
        for name, amount in booked.items()
        if name not in theirs and amount
    ]


def _balance_differs(books: Books, movements: Iterable[BalanceMovement]) -> list[str]:
    ours: Counter[str] = Counter()
    for booked in books.transactions:
        ours[booked.currency] += booked.at_stripe
    theirs: Counter[str] = Counter()
    for moved in movements:
        theirs[moved.currency] += moved.net
    return [
        f"{currency}: ledger {ours[currency]}, Stripe {theirs[currency]}"
        for currency in sorted({*ours, *theirs})
        if ours[currency] != theirs[currency]
    ]


def _orders_differ(books: Books, stripe: StripeDump) -> list[str]:
    """Captured less refunded, transferred, charged back and fees: per order what Stripe kept of it for us."""
    order_of = stripe.orders_by_source()
    theirs: Counter[str] = Counter()
    for moved in stripe.balance_transactions:
        theirs[order_of.get(moved.source or "", "")] += moved.net
    ours: Counter[str] = Counter()
    for booked in books.transactions:
        if booked.kind != WITHIN:
            ours[booked.order_id or ""] += booked.at_stripe
    return [
        f"{order_id or 'no order'}: ledger {ours[order_id]}, Stripe {theirs[order_id]}"
        for order_id in sorted({*ours, *theirs})
        if ours[order_id] != theirs[order_id]
    ]


def _sent_twice(stripe: StripeDump) -> list[str]:
    sent = Counter(
        refund.metadata.get("refund_id", refund.id) for refund in stripe.refunds if refund.status not in UNDONE
    )
    return [f"{refund_id}: {count}" for refund_id, count in sent.items() if count > 1]


def _reversed_twice(stripe: StripeDump) -> list[str]:
    made = Counter(
        (reversal.transfer, reversal.metadata.get("key", reversal.id)) for reversal in stripe.transfer_reversals
    )
    causes = Counter(
        (reversal.transfer, reversal.metadata.get("refund_id", reversal.id)) for reversal in stripe.transfer_reversals
    )
    return [f"{transfer} for {cause}: {count}" for (transfer, cause), count in (made | causes).items() if count > 1]


def _overspent(books: Books, stripe: StripeDump) -> list[str]:
    """What left for customer, card network and provider together is at most what came in, and our goodwill and loss."""
    order_of = stripe.orders_by_source()
    left: Counter[str] = Counter()
    for charge in stripe.captured():
        left[order_of[charge.id]] += charge.amount_captured
    for refund in stripe.refunds:
        left[order_of[refund.id]] -= refund.amount if refund.status not in UNDONE else 0
    for dispute in stripe.disputes:
        left[order_of[dispute.id]] -= dispute.amount if dispute.status == "lost" else 0
    for transfer in stripe.transfers:
        left[order_of[transfer.id]] -= transfer.amount
    for reversal in stripe.transfer_reversals:
        left[order_of[reversal.id]] += reversal.amount
    for order_id, transactions in books.of_orders().items():
        left[order_id] += sum(one.of("expense:goodwill", "expense:loss", "asset:receivable:") for one in transactions)
    return [f"{order_id}: {amount}" for order_id, amount in left.items() if amount < 0]
