"""Signed events on their way to the webhook endpoint: at least once, in no order, retried until accepted."""

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Sequence
from typing import cast

import httpx

from fulfil.simulators.stripe.errors import JsonObject
from fulfil.simulators.stripe.outbox import (
    Delivery,
    close_delivery,
    due_deliveries,
    next_delivery_at,
    postpone_delivery,
    secrets_of,
)
from fulfil.simulators.stripe.store import Store

AT_ONCE = 16
# Every pause is four times the last, up to the cap: Stripe's own reaches twelve hours and gives up after three days.
FIRST_RETRY_S, GROWTH, STRIPES_CAP_S = 0.25, 4, 43_200.0
GIVE_UP_AFTER_S = 3 * 86_400
TIMEOUT_S = 10.0

log = logging.getLogger(__name__)


def sign(body: bytes, secrets: Sequence[str], timestamp: int) -> str:
    """The `Stripe-Signature` header of a body: one `v1` for each secret, as while a secret is rolled."""
    signatures = [
        hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest() for secret in secrets
    ]
    return ",".join([f"t={timestamp}", *(f"v1={signature}" for signature in signatures)])


class Deliverer:
    """Works off the stored queue, so a killed simulator goes on where it was; `retry_cap_s` is the longest pause."""

    def __init__(self, store: Store, retry_cap_s: float) -> None:
        self._store = store
        self._retry_cap_s = retry_cap_s
        self._news = asyncio.Event()
        self._running: dict[int, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """There may be something to send."""
        self._news.set()

    async def run(self) -> None:
        """Send what is due, for ever."""
        async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
            try:
                while True:
                    self._news.clear()
                    now = self._store.wall
                    free = AT_ONCE - len(self._running)
                    for delivery in due_deliveries(self._store.connection, now, free, set(self._running)):
                        self._start(client, delivery)
                    await self._wait(next_delivery_at(self._store.connection, now), now)
            finally:
                for task in self._running.values():
                    task.cancel()
                await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _wait(self, until: float | None, now: float) -> None:
        """Until news, an attempt's end, or the next retry."""
        try:
            async with asyncio.timeout(None if until is None else until - now):
                await self._news.wait()
        except TimeoutError:
            return

    def _start(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        task = asyncio.create_task(self._attempt(client, delivery))
        self._running[delivery.id] = task
        task.add_done_callback(lambda done: self._ended(delivery, done))

    def _ended(self, delivery: Delivery, task: asyncio.Task[None]) -> None:
        del self._running[delivery.id]
        if not task.cancelled() and task.exception() is not None:
            log.error("delivery %s failed", delivery.id, exc_info=task.exception())
        self.wake()

    async def _attempt(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        connection = self._store.connection
        endpoint = self._endpoint(delivery)
        if endpoint is None:
            close_delivery(connection, delivery, "dropped", "no endpoint")
            return
        error = await self._send(client, delivery, endpoint)
        if error is None:
            with self._store.transaction():
                close_delivery(connection, delivery, "delivered", None)
                self._count_down(delivery)
        elif self._store.wall - delivery.created > GIVE_UP_AFTER_S:
            close_delivery(connection, delivery, "given_up", error)
        else:
            pause = min(self._retry_cap_s, FIRST_RETRY_S * GROWTH ** min(delivery.attempts, 16))
            postpone_delivery(connection, delivery, self._store.wall + pause, error)

    def _endpoint(self, delivery: Delivery) -> JsonObject | None:
        """The endpoint as it is now; None when it is gone or disabled."""
        query = "SELECT body FROM objects WHERE id = ?"
        row = self._store.connection.execute(query, (delivery.endpoint,)).fetchone()
        endpoint = cast("JsonObject", json.loads(row[0])) if row else None
        return endpoint if endpoint is not None and endpoint["status"] == "enabled" else None

    def _count_down(self, delivery: Delivery) -> None:
        """One endpoint fewer waits for the event."""
        self._store.connection.execute(
            "UPDATE objects SET body = json_set(body, '$.pending_webhooks', "
            "json_extract(body, '$.pending_webhooks') - 1) "
            "WHERE id = ? AND json_extract(body, '$.pending_webhooks') > 0",
            (delivery.event_id,),
        )

    async def _send(self, client: httpx.AsyncClient, delivery: Delivery, endpoint: JsonObject) -> str | None:
        """What went wrong, or None."""
        query = "SELECT body FROM objects WHERE id = ?"
        row = self._store.connection.execute(query, (delivery.event_id,)).fetchone()
        now, moved = self._store.wall, self._store.settings.moved_signatures
        secrets = secrets_of(self._store.connection, delivery.endpoint, now)
        if row is None or not secrets:
            return "no event, or no secret to sign it with"
        event = cast("JsonObject", json.loads(row[0]))
        body = json.dumps(notification(event) if endpoint.get("event_payload") == "thin" else event, indent=2).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": sign(body, secrets, int(self._store.now if moved else now)),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            response = await client.post(endpoint_url(endpoint), content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"{type(error).__name__}: {error}"
        return None if response.is_success else f"HTTP {response.status_code}"


def endpoint_url(endpoint: JsonObject) -> str:
    """Where an endpoint of either kind is."""
    webhook = cast("JsonObject | None", endpoint.get("webhook_endpoint"))
    return str(webhook["url"] if webhook else endpoint["url"])


def notification(event: JsonObject) -> JsonObject:
    """What is pushed of a thin event: enough to fetch it."""
    return {name: value for name, value in event.items() if name not in ("changes", "data")}
