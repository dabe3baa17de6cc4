"""Everything the simulator knows, in one SQLite file; what was answered has been committed."""

import json
import sqlite3
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import cast

from pydantic import TypeAdapter

from fulfil.simulators.stripe import tables
from fulfil.simulators.stripe.errors import JsonObject
from fulfil.simulators.stripe.transaction import Settings, Transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, object TEXT NOT NULL,
  account TEXT NOT NULL DEFAULT '', created INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS cards (payment_method TEXT PRIMARY KEY, token TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS balances (
  account TEXT NOT NULL, currency TEXT NOT NULL, pending INTEGER NOT NULL, available INTEGER NOT NULL,
  fees INTEGER NOT NULL, PRIMARY KEY (account, currency));
CREATE TABLE IF NOT EXISTS timers (
  id INTEGER PRIMARY KEY AUTOINCREMENT, due REAL NOT NULL, deed TEXT NOT NULL, subject TEXT NOT NULL,
  account TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS timers_due ON timers (due, id);
CREATE INDEX IF NOT EXISTS timers_by_subject ON timers (subject);
CREATE TABLE IF NOT EXISTS waiting_refunds (
  id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, currency TEXT NOT NULL, refund TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS paid_out (entry TEXT PRIMARY KEY, payout TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS contents (file TEXT PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS banks (
  id TEXT PRIMARY KEY, account TEXT NOT NULL, currency TEXT NOT NULL, number TEXT NOT NULL, routing TEXT NOT NULL);
"""
INDEXED = (
    "charge",
    "customer",
    "destination",
    "payment_intent",
    "source",
    "source_transaction",
    "transfer",
    "transfer_group",
    "type",
)
CHOICES = TypeAdapter(Settings)
PLURALS = {
    "balance_transaction": "balance_transactions",
    "bank_account": "bank_accounts",
    "charge": "charges",
    "customer": "customers",
    "dispute": "disputes",
    "event": "events",
    "file": "files",
    "payment_intent": "payment_intents",
    "payment_method": "payment_methods",
    "payout": "payouts",
    "radar.early_fraud_warning": "early_fraud_warnings",
    "refund": "refunds",
    "setup_intent": "setup_intents",
    "topup": "topups",
    "transfer": "transfers",
    "transfer_reversal": "transfer_reversals",
    "v2.core.account": "accounts",
    "v2.core.event": "thin_events",
    "v2.core.event_destination": "event_destinations",
    "webhook_endpoint": "webhook_endpoints",
}


class Store:
    """One connection, used by the event loop's thread only: transactions are serial and never wait for one another.

    `synchronous=NORMAL` in WAL mode hands every commit to the operating system, so `kill -9` loses nothing. `clock`
    is real time; the simulator's own clock is ahead of it by what it was advanced.
    """

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=5000;")
        self.connection.executescript(SCHEMA)
        self.connection.executescript(tables.SCHEMA)
        self._build_indexes()
        self._ahead_s = float(cast("float", tables.read_setting(self.connection, "clock_ahead_s") or 0))
        self._settings = CHOICES.validate_python(tables.read_setting(self.connection, "settings") or {})
        # What keeps a transaction's promises before it is committed, and who wants to know of new timers.
        self.before_commit: Callable[[Transaction], None] = _nothing
        self.after_timers: Callable[[], None] = _nobody

    def _build_indexes(self) -> None:
        columns = {str(row[1]) for row in self.connection.execute("PRAGMA table_info(objects)")}
        if "account" not in columns:
            self.connection.execute("ALTER TABLE objects ADD COLUMN account TEXT NOT NULL DEFAULT ''")
        self.connection.execute("DROP INDEX IF EXISTS objects_by_kind")
        self.connection.execute(
            "CREATE INDEX IF NOT EXISTS objects_by_account ON objects (account, object, created, seq)"
        )
        for name in INDEXED:
            self.connection.execute(
                f"CREATE INDEX IF NOT EXISTS objects_with_{name} ON objects "
                f"(json_extract(body, '$.{name}'), object, account, created, seq) "
                f"WHERE json_extract(body, '$.{name}') IS NOT NULL"
            )

    def close(self) -> None:
        """Write everything into the main file."""
        self.connection.close()

    @property
    def now(self) -> float:
        """The simulator's clock in Unix seconds."""
        return self._clock() + self._ahead_s

    @property
    def wall(self) -> float:
        """Real time in Unix seconds, which deliveries and their signatures keep."""
        return self._clock()

    @property
    def ahead_s(self) -> float:
        """How far the simulator's clock was moved on."""
        return self._ahead_s

    @property
    def settings(self) -> Settings:
        """The choices in force."""
        return self._settings

    def change_settings(self, settings: Mapping[str, int | bool]) -> Settings:
        """Choose anew from now on; raises ValueError for a wrong value."""
        self._settings = CHOICES.validate_python({**asdict(self._settings), **settings})
        tables.write_setting(self.connection, "settings", asdict(self._settings))
        return self._settings

    @contextmanager
    def transaction(self, account: str = "") -> Generator[Transaction]:
        """All or nothing: committed at the end of the block, rolled back when it raises."""
        self.connection.execute("BEGIN IMMEDIATE")
        wall = self._clock()
        try:
            tx = Transaction(self.connection, wall + self._ahead_s, wall, self._settings, account=account)
            yield tx
            self.before_commit(tx)
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")
        if tx.timers:
            self.after_timers()

    @contextmanager
    def advancing(self, seconds: float) -> Generator[Transaction]:
        """A transaction that moves the simulator's clock on; its `now` is the clock after that."""
        ahead = self._ahead_s + seconds
        with self.transaction() as tx:
            tx.now += seconds
            tables.write_setting(self.connection, "clock_ahead_s", ahead)
            yield tx
        self._ahead_s = ahead

    def next_timer_at(self) -> float | None:
        """When the next timer is due, on the simulator's clock."""
        found: float | None = self.connection.execute("SELECT min(due) FROM timers").fetchone()[0]
        return found

    def proved_balances(self) -> list[Mapping[str, object]]:
        """Each balance (minor units) beside what its balance transactions sum up to, by status."""
        return self._rows(
            "SELECT b.account, b.currency, b.pending, b.available, coalesce(s.pending, 0) AS entries_pending, "
            "coalesce(s.available, 0) AS entries_available FROM balances b LEFT JOIN (SELECT account, "
            "json_extract(body, '$.currency') AS currency, "
            "sum(iif(json_extract(body, '$.status') = 'pending', json_extract(body, '$.net'), 0)) AS pending, "
            "sum(iif(json_extract(body, '$.status') = 'available', json_extract(body, '$.net'), 0)) AS available "
            "FROM objects WHERE object = 'balance_transaction' GROUP BY 1, 2) s "
            "ON s.account = b.account AND s.currency = b.currency ORDER BY b.account, b.currency"
        )

    def dump(self, wanted: frozenset[str] = frozenset()) -> JsonObject:
        """Every object by kind (`charges`, `refunds`, …), oldest first, with the deliveries and stored answers.

        `wanted` limits it to some kinds. What belongs to a connected account is told by `account`, which Stripe's own
        objects do not have.
        """
        kinds: dict[str, list[object]] = {plural: [] for plural in PLURALS.values() if not wanted or plural in wanted}
        names = [kind for kind, plural in PLURALS.items() if plural in wanted] or list(PLURALS)
        places = ", ".join("?" * len(names))
        condition = f"object IN ({places})" if wanted else "1"
        query = f"SELECT object, account, body FROM objects WHERE {condition} ORDER BY seq"  # noqa: S608 (bound)
        for kind, account, body in self.connection.execute(query, names if wanted else ()):
            entity = json.loads(body)
            if account:
                entity["account"] = account
            kinds.setdefault(PLURALS.get(kind, f"{kind}s"), []).append(entity)
        everything: JsonObject = {**kinds}
        if not wanted:
            tables_shown = {
                "balances": "SELECT account, currency, pending, available FROM balances",
                "deliveries": "SELECT id, event_id, endpoint, state, attempts, last_error FROM outbox",
                "answers": "SELECT key, line, status, request_id FROM idempotency_keys ORDER BY rowid",
            }
            everything |= {name: self._rows(query) for name, query in tables_shown.items()}
        return everything

    def _rows(self, query: str) -> list[Mapping[str, object]]:
        cursor = self.connection.execute(query)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def _nothing(tx: Transaction) -> None:
    """Before anybody has promised anything."""
    del tx


def _nobody() -> None:
    """Before anybody wants to know."""
