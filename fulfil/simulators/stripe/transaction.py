"""One request's unit of work: objects read and written, events recorded, the answer stored, then committed together."""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from fulfil.simulators.stripe.errors import JsonObject
from fulfil.simulators.stripe.objects import (
    API_VERSION,
    BalanceTransaction,
    Charge,
    Event,
    PaymentIntent,
    PaymentMethod,
    Refund,
    Transfer,
    new_id,
)


@dataclass(frozen=True)
class StoredAnswer:
    """What a key was answered; `line` is `POST /v1/…`, `fingerprint` the parameters."""

    line: str
    fingerprint: str
    status: int
    body: str
    request_id: str


@dataclass(frozen=True)
class WebhookEndpoint:
    """Where signed events are sent."""

    url: str
    secret: str


@dataclass
class Cause:
    """The request an event is due to, and when the copies of its events go out (None: no endpoint)."""

    request_id: str | None = None
    idempotency_key: str | None = None
    delivery_times: Callable[[float], Sequence[float]] | None = None


@dataclass
class Transaction:
    """Works on the one connection between BEGIN and COMMIT; `now` is the same for everything it writes."""

    connection: sqlite3.Connection
    now: float
    cause: Cause = field(default_factory=Cause)
    scheduled: int = 0

    @property
    def created(self) -> int:
        """The time in whole seconds."""
        return int(self.now)

    def insert(self, entity: Mapping[str, object]) -> None:
        """Keep a new object."""
        self.connection.execute(
            "INSERT INTO objects (id, object, created, body) VALUES (?, ?, ?, ?)",
            (entity["id"], entity["object"], self.created, json.dumps(entity)),
        )

    def save(self, entity: Mapping[str, object]) -> None:
        """Keep a changed object."""
        self.connection.execute("UPDATE objects SET body = ? WHERE id = ?", (json.dumps(entity), entity["id"]))

    def find(self, kind: str, identity: str) -> JsonObject | None:
        """An object of a kind."""
        query = "SELECT body FROM objects WHERE id = ? AND object = ?"
        row = self.connection.execute(query, (identity, kind)).fetchone()
        return cast("JsonObject", json.loads(row[0])) if row else None

    def select(self, condition: str, values: Sequence[object]) -> list[tuple[int, JsonObject]]:
        """Objects with their sequence numbers; the condition is SQL after WHERE."""
        query = f"SELECT seq, body FROM objects WHERE {condition}"  # noqa: S608 (conditions are ours, values are bound)
        rows = self.connection.execute(query, values)
        return [(seq, json.loads(body)) for seq, body in rows]

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

    def available_balance(self, currency: str) -> int:
        """What the platform can spend now, in minor units."""
        total = self.connection.execute(
            "SELECT coalesce(sum(json_extract(body, '$.net')), 0) FROM objects WHERE object = 'balance_transaction' "
            "AND json_extract(body, '$.currency') = ? AND json_extract(body, '$.available_on') <= ?",
            (currency, self.created),
        ).fetchone()
        return int(total[0])

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
        times = self.cause.delivery_times
        event: Event = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.created,
            "data": data,
            "livemode": False,
            "pending_webhooks": 0 if times is None else 1,
            "request": {"id": self.cause.request_id, "idempotency_key": self.cause.idempotency_key},
            "type": kind,
        }
        self.insert(event)
        if times is not None:
            copies = times(self.now)
            for not_before in copies:
                self.schedule(event["id"], not_before)
            if not copies:
                self.schedule(event["id"], self.now, "dropped")

    def schedule(self, event_id: str, not_before: float, state: str = "waiting") -> None:
        """Put a delivery of an event into the queue."""
        self.scheduled += 1
        self.connection.execute(
            "INSERT INTO deliveries (event_id, state, not_before, created) VALUES (?, ?, ?, ?)",
            (event_id, state, not_before, self.now),
        )

    def store_answer(self, key: str, answer: StoredAnswer) -> None:
        """Bind the answer to its idempotency key."""
        self.connection.execute(
            "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?)",
            (key, answer.line, answer.fingerprint, answer.status, answer.body, answer.request_id),
        )
