"""Which endpoints an event goes to and when: the stored queue that the deliverer works off."""

import json
import random
import sqlite3
from dataclasses import dataclass
from typing import cast

from fulfil.simulators.stripe.errors import JsonObject
from fulfil.simulators.stripe.faults import WebhookFaults
from fulfil.simulators.stripe.tables import read_setting, write_setting

FAULTS = "webhook_faults"
# The endpoint of the command line and of the admin switch; others are made through the API.
DEFAULT_ENDPOINT = "we_simulator"


@dataclass(frozen=True)
class Delivery:
    """An event on its way to an endpoint."""

    id: int
    event_id: str
    endpoint: str
    attempts: int
    created: float


def endpoints_for(
    connection: sqlite3.Connection, kind: str, *, thin: bool = False, connected: bool = False
) -> list[str]:
    """The enabled endpoints that want events of this type.

    Thin events go to thin destinations only; a connected account's events to endpoints made for them.
    """
    rows = connection.execute(
        "SELECT body FROM objects WHERE account = '' AND object IN ('webhook_endpoint', 'v2.core.event_destination') "
        "ORDER BY seq"
    )
    found: list[str] = []
    for (body,) in rows:
        endpoint = cast("JsonObject", json.loads(body))
        takes_thin = endpoint.get("event_payload") == "thin"
        wanted = cast("list[str]", endpoint["enabled_events"])
        if (
            endpoint["status"] == "enabled"
            and takes_thin is thin
            and ("*" in wanted or kind in wanted)
            and _serves(endpoint, connected=connected)
        ):
            found.append(str(endpoint["id"]))
    return found


def _serves(endpoint: JsonObject, *, connected: bool) -> bool:
    """Whose events an endpoint gets: the default one everybody's, any other the platform's or its accounts'."""
    if endpoint["id"] == DEFAULT_ENDPOINT:
        return True
    if endpoint["object"] == "v2.core.event_destination":
        sources = {"other_accounts", "@accounts"} if connected else {"self", "@self"}
        return bool(sources & set(cast("list[str]", endpoint["events_from"])))
    return (endpoint["application"] is not None) is connected


def webhook_faults(connection: sqlite3.Connection) -> WebhookFaults:
    """How deliveries of new events misbehave at present."""
    kept = read_setting(connection, FAULTS)
    return WebhookFaults.model_validate(cast("JsonObject", kept)["faults"]) if kept else WebhookFaults()


def set_webhook_faults(connection: sqlite3.Connection, faults: WebhookFaults) -> None:
    """From now on; a plan without a seed gets one, so that a restart goes on with the same dice."""
    seeded = faults if faults.seed is not None else faults.model_copy(update={"seed": random.getrandbits(32)})
    plain = WebhookFaults(seed=faults.seed) == faults
    write_setting(connection, FAULTS, None if plain else {"faults": seeded.model_dump(), "draws": 0})


def enqueue(connection: sqlite3.Connection, event_id: str, endpoints: list[str], now: float) -> int:
    """Schedule a new event's deliveries, faults included; returns how many wait."""
    kept = cast("JsonObject | None", read_setting(connection, FAULTS))
    faults = webhook_faults(connection)
    waiting = 0
    for endpoint in endpoints:
        times = [now]
        if kept is not None:
            draws = cast("int", kept["draws"])
            times = faults.times(now, draws)
            kept["draws"] = draws + 1
        for not_before in times:
            schedule(connection, event_id, endpoint, not_before, now)
        if not times:
            schedule(connection, event_id, endpoint, now, now, "dropped")
        waiting += len(times)
    if kept is not None and endpoints:
        write_setting(connection, FAULTS, kept)
    return waiting


def schedule(
    connection: sqlite3.Connection, event_id: str, endpoint: str, not_before: float, now: float, state: str = "waiting"
) -> None:
    """Put one delivery into the queue."""
    connection.execute(
        "INSERT INTO outbox (event_id, endpoint, state, not_before, created) VALUES (?, ?, ?, ?, ?)",
        (event_id, endpoint, state, not_before, now),
    )


def due_deliveries(connection: sqlite3.Connection, now: float, limit: int, running: set[int]) -> list[Delivery]:
    """The waiting deliveries whose time has come, oldest first, without those under way."""
    rows = connection.execute(
        "SELECT id, event_id, endpoint, attempts, created FROM outbox WHERE state = 'waiting' AND not_before <= ? "
        "ORDER BY not_before, id LIMIT ?",
        (now, limit + len(running)),
    )
    return [Delivery(*row) for row in rows if row[0] not in running][:limit]


def next_delivery_at(connection: sqlite3.Connection, after: float) -> float | None:
    """When the next waiting delivery is due."""
    query = "SELECT min(not_before) FROM outbox WHERE state = 'waiting' AND not_before > ?"
    found: float | None = connection.execute(query, (after,)).fetchone()[0]
    return found


def waiting_deliveries(connection: sqlite3.Connection) -> int:
    """How many deliveries were neither accepted nor given up."""
    return int(connection.execute("SELECT count(*) FROM outbox WHERE state = 'waiting'").fetchone()[0])


def close_delivery(connection: sqlite3.Connection, delivery: Delivery, state: str, error: str | None) -> None:
    """Note that a delivery was `delivered`, `given_up`, or `dropped` with its endpoint."""
    connection.execute(
        "UPDATE outbox SET state = ?, attempts = attempts + 1, last_error = ? WHERE id = ?",
        (state, error, delivery.id),
    )


def postpone_delivery(connection: sqlite3.Connection, delivery: Delivery, not_before: float, error: str) -> None:
    """Note a failed attempt."""
    connection.execute(
        "UPDATE outbox SET attempts = attempts + 1, not_before = ?, last_error = ? WHERE id = ?",
        (not_before, error, delivery.id),
    )


def drop_deliveries(connection: sqlite3.Connection, endpoint: str) -> None:
    """Forget what waits for an endpoint."""
    connection.execute("UPDATE outbox SET state = 'dropped' WHERE state = 'waiting' AND endpoint = ?", (endpoint,))


def secrets_of(connection: sqlite3.Connection, endpoint: str, now: float) -> list[str]:
    """The secrets that sign for an endpoint at `now`, the newest first."""
    query = (
        "SELECT secret FROM endpoint_secrets WHERE endpoint = ? AND (valid_until IS NULL OR valid_until > ?) "
        "ORDER BY rowid DESC"
    )
    return [str(row[0]) for row in connection.execute(query, (endpoint, now))]


def add_secret(connection: sqlite3.Connection, endpoint: str, secret: str, *, others_until: float) -> None:
    """Sign with a new secret; the present ones go on signing beside it until then."""
    connection.execute(
        "UPDATE endpoint_secrets SET valid_until = ? WHERE endpoint = ? AND (valid_until IS NULL OR valid_until > ?)",
        (others_until, endpoint, others_until),
    )
    connection.execute("INSERT INTO endpoint_secrets VALUES (?, ?, NULL)", (endpoint, secret))
