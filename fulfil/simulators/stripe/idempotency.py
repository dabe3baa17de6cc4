"""What an idempotency key was answered, for as long as Stripe remembers it."""

import sqlite3
from dataclasses import dataclass

# Stripe promises at least 24 hours for v1 and 30 days for v2; a key older than that names a new request.
V1_LIFE_S, V2_LIFE_S = 24 * 3_600, 30 * 86_400


@dataclass(frozen=True)
class StoredAnswer:
    """What a key was answered; `line` is `POST /v1/…`, `fingerprint` the parameters."""

    line: str
    fingerprint: str
    status: int
    body: str
    request_id: str


def stored_answer(connection: sqlite3.Connection, key: str, now: float) -> StoredAnswer | None:
    """The answer the key remembers at `now`, in Unix seconds."""
    query = "SELECT line, fingerprint, status, body, request_id, created FROM idempotency_keys WHERE key = ?"
    row = connection.execute(query, (key,)).fetchone()
    if row is None:
        return None
    life = V2_LIFE_S if row[0].startswith("POST /v2/") else V1_LIFE_S
    return StoredAnswer(*row[:5]) if now - row[5] < life else None


def remember_answer(connection: sqlite3.Connection, key: str, answer: StoredAnswer, now: float) -> None:
    """Bind the answer to its key; an outlived answer is replaced."""
    connection.execute(
        "INSERT OR REPLACE INTO idempotency_keys VALUES (?, ?, ?, ?, ?, ?, ?)",
        (key, answer.line, answer.fingerprint, answer.status, answer.body, answer.request_id, now),
    )
