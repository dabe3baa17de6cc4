"""One request's unit of work: objects read and written, events recorded, the answer stored, then committed together."""

import json
import sqlite3
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

from fulfil.simulators.stripe.errors import JsonObject
from fulfil.simulators.stripe.money_objects import BalanceTransaction, Charge, Refund, Transfer
from fulfil.simulators.stripe.objects import API_VERSION, Event, PaymentIntent, PaymentMethod, new_id
from fulfil.simulators.stripe.outbox import endpoints_for, enqueue


@dataclass(frozen=True)
class Settings:
    """How long things take on the simulator's clock, and what else can be chosen; kept in the database."""

    availability_s: int = 2 * 86_400
    hold_s: int = 7 * 86_400
    refund_settles_s: int = 300
    refund_fails_s: int = 300
    dispute_opens_s: int = 0
    dispute_due_s: int = 9 * 86_400
    dispute_decided_s: int = 0
    dispute_fee_minor: int = 1500
    dispute_fee_returned: bool = True
    appeals_s: int = 30 * 86_400
    payout_sent_s: int = 3600
    payout_arrives_s: int = 2 * 86_400
    topup_arrives_s: int = 0
    automatic_payouts: bool = False
    moved_signatures: bool = False
    """Webhooks are signed with the moved clock, for receivers whose time is moved along; else with the real one."""


@dataclass(frozen=True)
class Balance:
    """What an account has in a currency, in minor units, and the fees it ever paid."""

    currency: str
    pending: int
    available: int
    fees: int


@dataclass(frozen=True)
class Cause:
    """The request an event is due to; nothing known when it came about by itself."""

    request_id: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True)
class Timer:
    """Something that happens to an object at a time of the simulator's clock."""

    id: int
    due: float
    deed: str
    subject: str
    account: str


@dataclass
class Transaction:
    """Works on the one connection between BEGIN and COMMIT; `now` is the same for everything it writes.

    `now` is the simulator's clock, which can be moved on; `wall` is real time, which deliveries keep. `account` is
    the connected account whose objects are seen, empty for the platform; `funded` the accounts and currencies that
    can spend more than before.
    """

    connection: sqlite3.Connection
    now: float
    wall: float
    settings: Settings = field(default_factory=Settings)
    cause: Cause = field(default_factory=Cause)
    account: str = ""
    scheduled: int = 0
    timers: int = 0
    funded: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    @property
    def created(self) -> int:
        """The time in whole seconds."""
        return int(self.now)

    @contextmanager
    def within(self, account: str) -> Generator[None]:
        """See and write the objects of another account inside the block."""
        before, self.account = self.account, account
        try:
            yield
        finally:
            self.account = before

    def insert(self, entity: Mapping[str, object]) -> None:
        """Keep a new object."""
        self.connection.execute(
            "INSERT INTO objects (id, object, account, created, body) VALUES (?, ?, ?, ?, ?)",
            (entity["id"], entity["object"], self.account, self.created, json.dumps(entity)),
        )

    def save(self, entity: Mapping[str, object]) -> None:
        """Keep a changed object."""
        self.connection.execute("UPDATE objects SET body = ? WHERE id = ?", (json.dumps(entity), entity["id"]))

    def find(self, kind: str, identity: str) -> JsonObject | None:
        """An object of a kind in this account."""
        query = "SELECT body FROM objects WHERE id = ? AND object = ? AND account = ?"
        row = self.connection.execute(query, (identity, kind, self.account)).fetchone()
        return cast("JsonObject", json.loads(row[0])) if row else None

    def connected_account(self, identity: str) -> JsonObject | None:
        """An account of the platform, whichever account is looked at now."""
        with self.within(""):
            return self.find("v2.core.account", identity)

    def select(self, condition: str, values: Sequence[object]) -> list[tuple[int, JsonObject]]:
        """Objects of this account with their sequence numbers; the condition is SQL after WHERE, joined by AND."""
        query = f"SELECT seq, body FROM objects WHERE account = ? AND {condition}"  # noqa: S608 (ours, values bound)
        rows = self.connection.execute(query, (self.account, *values))
        return [(seq, json.loads(body)) for seq, body in rows]

    def at(self, due: float, deed: str, subject: str) -> None:
        """Let the clock do something to an object of this account when it gets there."""
        self.timers += 1
        self.connection.execute(
            "INSERT INTO timers (due, deed, subject, account) VALUES (?, ?, ?, ?)", (due, deed, subject, self.account)
        )

    def forget(self, deed: str, subject: str) -> None:
        """It will not happen any more."""
        self.connection.execute("DELETE FROM timers WHERE subject = ? AND deed = ?", (subject, deed))

    def take_due(self) -> Timer | None:
        """The earliest timer that is due, which is then no more."""
        query = "SELECT id, due, deed, subject, account FROM timers WHERE due <= ? ORDER BY due, id LIMIT 1"
        row = self.connection.execute(query, (self.now,)).fetchone()
        if row is None:
            return None
        timer = Timer(*row)
        self.connection.execute("DELETE FROM timers WHERE id = ?", (timer.id,))
        return timer

    def payment_intent(self, identity: str) -> PaymentIntent | None:
        """A payment intent."""
        return cast("PaymentIntent | None", self.find("payment_intent", identity))

    def charge(self, identity: str) -> Charge | None:
        """A charge."""
        return cast("Charge | None", self.find("charge", identity))

    def refund(self, identity: str) -> Refund | None:
        """A refund."""
        return cast("Refund | None", self.find("refund", identity))

    def event(self, identity: str) -> Event | None:
        """An event."""
        return cast("Event | None", self.find("event", identity))

    def payment_method(self, identity: str) -> PaymentMethod | None:
        """A tokenised card."""
        return cast("PaymentMethod | None", self.find("payment_method", identity))

    def balance_transaction(self, identity: str) -> BalanceTransaction | None:
        """A movement of the balance."""
        return cast("BalanceTransaction | None", self.find("balance_transaction", identity))

    def transfers_from(self, charge_id: str) -> list[Transfer]:
        """The transfers that move a charge's money."""
        condition = "object = 'transfer' AND json_extract(body, '$.source_transaction') = ?"
        return [cast("Transfer", body) for _, body in self.select(condition, (charge_id,))]

    def balance(self, currency: str) -> Balance:
        """What this account has in a currency."""
        query = "SELECT pending, available, fees FROM balances WHERE account = ? AND currency = ?"
        row = self.connection.execute(query, (self.account, currency)).fetchone()
        return Balance(currency, *row) if row else Balance(currency, 0, 0, 0)

    def balances(self) -> list[Balance]:
        """What this account has, by currency."""
        query = "SELECT currency, pending, available, fees FROM balances WHERE account = ? ORDER BY currency"
        return [Balance(*row) for row in self.connection.execute(query, (self.account,))]

    def shift_balance(self, currency: str, *, pending: int = 0, available: int = 0, fee: int = 0) -> None:
        """Change this account's balance; only balance transactions do."""
        self.connection.execute(
            "INSERT INTO balances (account, currency, pending, available, fees) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (account, currency) DO UPDATE SET pending = pending + excluded.pending, "
            "available = available + excluded.available, fees = fees + excluded.fees",
            (self.account, currency, pending, available, fee),
        )

    def token(self, payment_method: str) -> str:
        """The test token a payment method was made from."""
        query = "SELECT token FROM cards WHERE payment_method = ?"
        return str(self.connection.execute(query, (payment_method,)).fetchone()[0])

    def keep_token(self, payment_method: str, token: str) -> None:
        """Remember which test card a payment method is."""
        self.connection.execute("INSERT INTO cards VALUES (?, ?)", (payment_method, token))

    def record(self, kind: str, entity: Mapping[str, object], previous: Mapping[str, object] | None = None) -> None:
        """Record an event with a snapshot of the object, and schedule its deliveries."""
        data: JsonObject = {"object": dict(entity)}
        if previous is not None:
            data["previous_attributes"] = dict(previous)
        endpoints = endpoints_for(self.connection, kind, connected=bool(self.account))
        event: Event = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.created,
            "data": data,
            "livemode": False,
            "pending_webhooks": len(endpoints),
            "request": {"id": self.cause.request_id, "idempotency_key": self.cause.idempotency_key},
            "type": kind,
        }
        if self.account:
            event["account"] = self.account
        self.insert(event)
        self.scheduled += enqueue(self.connection, event["id"], endpoints, self.wall)

    def delete(self, identity: str) -> None:
        """Forget an object."""
        self.connection.execute("DELETE FROM objects WHERE id = ?", (identity,))
