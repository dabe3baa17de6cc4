"""Everything the simulator knows, in one SQLite file; what was answered has been committed."""

import json
import sqlite3
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fulfil.simulators.stripe.errors import JsonObject
from fulfil.simulators.stripe.transaction import StoredAnswer, Transaction, WebhookEndpoint

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, object TEXT NOT NULL, created INTEGER NOT NULL,
  body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (object, seq);
CREATE TABLE IF NOT EXISTS cards (payment_method TEXT PRIMARY KEY, token TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS answers (
  key TEXT PRIMARY KEY, line TEXT NOT NULL, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
  request_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL, state TEXT NOT NULL, not_before REAL NOT NULL,
  created REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, last_error TEXT);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (state, not_before);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
FILTERS = ("payment_intent", "charge", "transfer_group", "source", "source_transaction")
PLURALS = {
    "balance_transaction": "balance_transactions",
    "charge": "charges",
    "event": "events",
    "payment_intent": "payment_intents",
    "payment_method": "payment_methods",
    "refund": "refunds",
    "transfer": "transfers",
    "v2.core.account": "accounts",
}


@dataclass(frozen=True)
class Delivery:
    """An event on its way to the webhook endpoint."""

    id: int
    event_id: str
    attempts: int
    created: float


class Store:
    """One connection, used by the event loop's thread only: transactions are serial and never wait for one another.

    `synchronous=NORMAL` in WAL mode hands every commit to the operating system, so `kill -9` loses nothing.
    """

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=5000;")
        self._connection.executescript(SCHEMA)
        for name in FILTERS:
            self._connection.execute(
                f"CREATE INDEX IF NOT EXISTS objects_by_{name} ON objects (json_extract(body, '$.{name}'), seq) "
                f"WHERE json_extract(body, '$.{name}') IS NOT NULL"
            )

    def close(self) -> None:
        """Write everything into the main file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Generator[Transaction]:
        """All or nothing: committed at the end of the block, rolled back when it raises."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield Transaction(self._connection, self._clock())
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def answer(self, key: str) -> StoredAnswer | None:
        """What an idempotency key was answered."""
        query = "SELECT line, fingerprint, status, body, request_id FROM answers WHERE key = ?"
        row = self._connection.execute(query, (key,)).fetchone()
        return StoredAnswer(*row) if row else None

    def endpoint(self) -> WebhookEndpoint | None:
        """Where events go."""
        row = self._connection.execute("SELECT value FROM settings WHERE name = 'webhook'").fetchone()
        return WebhookEndpoint(**json.loads(row[0])) if row else None

    def set_endpoint(self, endpoint: WebhookEndpoint | None) -> None:
        """Send events there from now on, waiting ones included; None forgets the endpoint and what waits for it."""
        with self.transaction():
            self._connection.execute("DELETE FROM settings WHERE name = 'webhook'")
            if endpoint is None:
                self._connection.execute("UPDATE deliveries SET state = 'dropped' WHERE state = 'waiting'")
            else:
                value = json.dumps({"url": endpoint.url, "secret": endpoint.secret})
                self._connection.execute("INSERT INTO settings VALUES ('webhook', ?)", (value,))

    def due_deliveries(self, now: float, limit: int, running: set[int]) -> list[Delivery]:
        """The waiting deliveries whose time has come, oldest first, without those under way."""
        rows = self._connection.execute(
            "SELECT id, event_id, attempts, created FROM deliveries WHERE state = 'waiting' AND not_before <= ? "
            "ORDER BY not_before, id LIMIT ?",
            (now, limit + len(running)),
        )
        return [Delivery(*row) for row in rows if row[0] not in running][:limit]

    def next_delivery_at(self, after: float) -> float | None:
        """When the next waiting delivery is due."""
        query = "SELECT min(not_before) FROM deliveries WHERE state = 'waiting' AND not_before > ?"
        found: float | None = self._connection.execute(query, (after,)).fetchone()[0]
        return found

    def waiting_deliveries(self) -> int:
        """How many deliveries were neither accepted nor given up."""
        query = "SELECT count(*) FROM deliveries WHERE state = 'waiting'"
        return int(self._connection.execute(query).fetchone()[0])

    def finish_delivery(self, delivery: Delivery, state: str, error: str | None) -> None:
        """Note that a delivery was `delivered` or `given_up`."""
        with self.transaction() as tx:
            self._connection.execute(
                "UPDATE deliveries SET state = ?, attempts = attempts + 1, last_error = ? WHERE id = ?",
                (state, error, delivery.id),
            )
            event = tx.event(delivery.event_id)
            if state == "delivered" and event is not None and event["pending_webhooks"]:
                event["pending_webhooks"] = 0
                tx.save(event)

    def postpone_delivery(self, delivery: Delivery, not_before: float, error: str) -> None:
        """Note a failed attempt."""
        self._connection.execute(
            "UPDATE deliveries SET attempts = attempts + 1, not_before = ?, last_error = ? WHERE id = ?",
            (not_before, error, delivery.id),
        )

    def dump(self) -> JsonObject:
        """Every object by kind (`charges`, `refunds`, …), oldest first, with the deliveries and stored answers."""
        kinds: dict[str, list[object]] = {plural: [] for plural in PLURALS.values()}
        for kind, body in self._connection.execute("SELECT object, body FROM objects ORDER BY seq"):
            kinds[PLURALS[kind]].append(json.loads(body))
        everything: JsonObject = {**kinds}
        everything["deliveries"] = self._rows("SELECT id, event_id, state, attempts, last_error FROM deliveries")
        everything["answers"] = self._rows("SELECT key, line, status, request_id FROM answers ORDER BY rowid")
        return everything

    def _rows(self, query: str) -> list[Mapping[str, object]]:
        cursor = self._connection.execute(query)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]
