"""Books of many orders, as a year of trade would leave them: made in memory with valid chains, written by COPY."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeAlias, cast

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from fulfil.ledger import entries
from fulfil.ledger.accounts import NEVER_CREDIT, NEVER_DEBIT, PLATFORM
from fulfil.ledger.chain import canonical_content, chained
from fulfil.ledger.entries import Entry
from fulfil.models.ids import derived_id
from fulfil.models.money import share_minor

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
PROVIDERS = 50
CURRENCY = "eur"
TAX_BP = 1_900
NET_BP = 10_000
ACTOR = json.dumps({"kind": "customer", "id": "cus_seed"})

COLUMNS: dict[str, tuple[str, ...]] = {
    "orders": (
        *("id", "customer_id", "state", "total_minor", "currency", "shipping_minor", "policies"),
        *("placed_at", "closed_at"),
    ),
    "payments": (
        *("order_id", "payment_intent_id", "client_secret", "state", "amount_minor", "currency", "charge_id"),
        *("refunded_minor", "refunding_minor", "authorized_at", "captured_at", "updated_at"),
    ),
    "jobs": (
        *(
            "id",
            "order_id",
            "line_id",
            "amount_minor",
            "state",
            "round",
            "provider_id",
            "opened_at",
            "approved_at",
            "closed_at",
        ),
        *("released_minor", "commission_minor", "commission_tax_minor", "payout_minor", "netted_minor"),
    ),
    "refunds": (
        *("id", "order_id", "amount_minor", "currency", "state", "reason", "note", "plan", "route"),
        *("requested_by", "stripe_refund_id", "requested_at", "succeeded_at", "updated_at"),
    ),
    "transfers": (
        *("id", "order_id", "job_id", "provider_id", "business_key", "amount_minor", "commission_minor"),
        *("netted_minor", "reversed_minor", "currency", "created_at"),
    ),
    "transfer_reversals": (
        *("id", "transfer_id", "order_id", "business_key", "cause_id", "amount_minor", "currency", "created_at"),
    ),
    "ledger_transactions": (
        *("id", "business_key", "kind", "order_id", "stripe_object_id", "balance_transaction_id"),
        *("effective_at", "created_at", "chain", "chain_sequence", "hash"),
    ),
    "ledger_postings": ("transaction_id", "account", "amount_minor", "currency"),
    "balance_transactions": (
        *("id", "type", "source_id", "amount_minor", "fee_minor", "net_minor", "currency"),
        *("available_on", "created_at", "posted_pending", "cleared_by", "listed_at"),
    ),
    "reconciliations": ("id", "since", "began_at", "finished_at", "steps", "balances", "findings"),
}
BALANCES = text("""
INSERT INTO ledger_balances (account, currency, balance_minor)
SELECT account, currency, sum(amount_minor) FROM ledger_postings WHERE account LIKE ANY(:guarded)
GROUP BY account, currency
""")
NUMBERS = text("""
SELECT setval(pg_get_serial_sequence('ledger_transactions', 'id'), (SELECT max(id) FROM ledger_transactions))
""")


Record: TypeAlias = tuple[object, ...]


class Copying(Protocol):
    """What asyncpg offers for COPY."""

    async def copy_records_to_table(self, table_name: str, *, records: list[Record], columns: tuple[str, ...]) -> str:
        """Write the records; PostgreSQL's own count of them."""
        ...


@dataclass
class Books:
    """Rows by table, and where every chain ends."""

    rows: dict[str, list[Record]] = field(default_factory=lambda: {table: [] for table in COLUMNS})
    heads: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    balance_minor: int = 0

    @property
    def transactions(self) -> int:
        """How many there are."""
        return len(self.rows["ledger_transactions"])

    def post(
        self, entry: Entry, key: str, chain: str, at: datetime, *, about: str | None = None, moved: str | None = None
    ) -> int:
        """Put an entry at the end of its chain; the transaction's number."""
        number = self.transactions + 1
        sequence, previous = self.heads.get(chain, (0, chain))
        content = canonical_content(
            business_key=key,
            kind=entry.kind,
            stripe_object_id=about,
            balance_transaction_id=moved,
            effective_at=at,
            currency=CURRENCY,
            postings=entry.postings,
        )
        self.heads[chain] = (sequence + 1, chained(previous, content))
        order_id = None if chain == PLATFORM else chain
        self.rows["ledger_transactions"].append(
            (number, key, entry.kind, order_id, about, moved, at, at, chain, *self.heads[chain])
        )
        self.rows["ledger_postings"].extend(
            (number, account, amount, CURRENCY) for account, amount in entry.postings.items()
        )
        return number


@dataclass
class Sale:
    """One order's life, posted step by step."""

    books: Books
    number: int
    step: int = 0

    def __post_init__(self) -> None:
        self.order_id = derived_id("ord", "seed", str(self.number))
        self.provider_id = derived_id("prv", "seed", str(self.number % PROVIDERS))
        self.name = f"{self.number:08d}"
        self.placed_at = BEGAN + timedelta(minutes=self.number % 200_000)
        self.amount = 5_000 + self.number % 997 * 10
        self.fee = share_minor(self.amount, 150) + 25
        self.paid_out, self.commission, self.commission_tax, self.released = 0, 0, 0, 0
        self.refunded = self.reversed = 0
        self.state = "closed"

    @property
    def now(self) -> datetime:
        """A minute later with every step."""
        return self.placed_at + timedelta(minutes=self.step)

    def post(self, entry: Entry, *, about: str | None = None, moved: str | None = None) -> None:
        """The next transaction of the order."""
        self.step += 1
        self.books.post(
            entry, f"{self.order_id}:{self.step}:{entry.kind}", self.order_id, self.now, about=about, moved=moved
        )

    def moved(self, kind: str, source: str, amount: int, fee: int = 0) -> str:
        """An entry of the payment provider's, available and cleared."""
        entry_id = f"txn_{kind}_{self.name}"
        at = self.now
        self.books.balance_minor += amount - fee
        self.books.rows["balance_transactions"].append(
            (entry_id, kind, source, amount, fee, amount - fee, CURRENCY, at, at, False, None, at + timedelta(hours=1))
        )
        return entry_id

    def pay(self) -> None:
        """Authorised, captured, and the provider's fee taken."""
        intent, charge = f"pi_{self.name}", f"ch_{self.name}"
        self.post(entries.authorization(self.order_id, self.amount), about=intent)
        self.post(entries.authorization_ended(self.order_id, self.amount), about=intent)
        entry_id = self.moved("charge", charge, self.amount, self.fee)
        self.post(entries.charge(self.order_id, self.amount, pending=False), about=charge, moved=entry_id)
        self.post(entries.stripe_fee(self.fee, pending=False), about=charge, moved=entry_id)

    def release(self) -> None:
        """What is held goes to the provider, less the commission."""
        self.released = self.amount - self.refunded
        self.commission = share_minor(self.released, 1_500)
        self.commission_tax = (self.commission * TAX_BP + (NET_BP + TAX_BP) // 2) // (NET_BP + TAX_BP)
        self.paid_out = self.released - self.commission
        self.post(
            entries.release(
                self.order_id,
                self.provider_id,
                provider=self.paid_out,
                commission=self.commission - self.commission_tax,
                tax=self.commission_tax,
            )
        )
        transfer = f"tr_{self.name}"
        entry_id = self.moved("transfer", transfer, -self.paid_out)
        self.post(entries.transfer(self.provider_id, self.paid_out, pending=False), about=transfer, moved=entry_id)

    def take_back(self) -> None:
        """The whole release is undone, and the transfer reversed."""
        self.post(
            entries.release_taken_back(
                self.order_id,
                self.provider_id,
                provider=self.paid_out,
                commission=self.commission - self.commission_tax,
                tax=self.commission_tax,
            )
        )
        reversal = f"trr_{self.name}"
        entry_id = self.moved("transfer_refund", reversal, self.paid_out)
        self.post(
            entries.transfer_reversed(self.provider_id, self.paid_out, pending=False), about=reversal, moved=entry_id
        )
        self.reversed = self.paid_out

    def refund(self, amount: int) -> None:
        """Decided, taken, arrived."""
        refund = f"re_{self.name}"
        self.post(entries.refund_decided(self.order_id, amount))
        entry_id = self.moved("refund", refund, -amount)
        self.post(entries.refund_taken(self.order_id, amount, pending=False), about=refund, moved=entry_id)
        self.post(entries.refund_succeeded(self.order_id, amount), about=refund)
        self.refunded += amount

    def close(self) -> None:
        """Write the rows that say the same."""
        rows, at = self.books.rows, self.now
        order_id, job_id = self.order_id, derived_id("job", "seed", self.name)
        rows["orders"].append((order_id, "cus_seed", self.state, self.amount, CURRENCY, 0, "{}", self.placed_at, at))
        rows["payments"].append(
            (
                *(order_id, f"pi_{self.name}", "secret", "captured", self.amount, CURRENCY, f"ch_{self.name}"),
                *(self.refunded, 0, self.placed_at, self.placed_at, at),
            )
        )
        if self.refunded:
            rows["refunds"].append(
                (
                    *(derived_id("ref", "seed", self.name), order_id, self.refunded, CURRENCY, "succeeded"),
                    *("requested_by_customer", "", "{}", "card", ACTOR, f"re_{self.name}", at, at, at),
                )
            )
        if not self.released:
            return
        shares = (self.released, self.commission, self.commission_tax, self.paid_out, 0)
        rows["jobs"].append(
            (
                *(job_id, order_id, "lin_seed", self.amount, "closed", 1, self.provider_id),
                *(self.placed_at, at, at, *shares),
            )
        )
        transfer = f"tr_{self.name}"
        rows["transfers"].append(
            (
                *(transfer, order_id, job_id, self.provider_id, f"{job_id}:transfer", self.paid_out),
                *(self.commission, 0, self.reversed, CURRENCY, at),
            )
        )
        if self.reversed:
            cause = derived_id("ref", "seed", self.name)
            rows["transfer_reversals"].append(
                (f"trr_{self.name}", transfer, order_id, f"{cause}:reversal", cause, self.reversed, CURRENCY, at)
            )


def delivered(sale: Sale) -> None:
    """Paid and released."""
    sale.release()


def partly_refunded(sale: Sale) -> None:
    """A part went back before the release."""
    sale.refund(sale.amount // 3)
    sale.release()


def refunded_late(sale: Sale) -> None:
    """Everything went back after the release."""
    sale.release()
    sale.take_back()
    sale.refund(sale.amount)


def called_off(sale: Sale) -> None:
    """Cancelled after the capture."""
    sale.state = "cancelled"
    sale.refund(sale.amount)


LIVES: tuple[Callable[[Sale], None], ...] = (delivered, partly_refunded, refunded_late, called_off, refunded_late)


def sold(orders: int) -> Books:
    """The books of that many orders, ten transactions each in the mean, all sound."""
    books = Books()
    for number in range(orders):
        sale = Sale(books, number)
        sale.pay()
        LIVES[number % len(LIVES)](sale)
        sale.close()
    ended = BEGAN + timedelta(days=200)
    said = [{"currency": CURRENCY, "pending_minor": 0, "available_minor": books.balance_minor}]
    books.rows["reconciliations"].append(
        (derived_id("rec", "seed"), BEGAN, ended, ended, "{}", json.dumps(said), "[]"),
    )
    return books


async def write(engine: AsyncEngine, books: Books) -> None:
    """Write everything as a superuser, without triggers: the rows were made by the same rules."""
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        copying = await _copying(connection)
        for table, columns in COLUMNS.items():
            for part in _parts(books.rows[table]):
                await copying.copy_records_to_table(table, records=part, columns=columns)
        guarded = [f"{prefix}%" for prefix in (*NEVER_DEBIT, *NEVER_CREDIT)]
        await connection.execute(BALANCES, {"guarded": guarded})
        await connection.execute(NUMBERS)
    async with engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(
            text(f"ANALYZE {', '.join(COLUMNS)}")
        )


async def _copying(connection: AsyncConnection) -> Copying:
    raw = await connection.get_raw_connection()
    return cast("Copying", raw.driver_connection)


def _parts(rows: list[Record], size: int = 20_000) -> Iterator[list[Record]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
