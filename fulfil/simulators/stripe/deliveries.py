"""Signed events on their way to the webhook endpoint: at least once, in no order, retried until accepted."""

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Callable

import httpx

from fulfil.simulators.stripe.store import Delivery, Store

AT_ONCE = 16
# Far shorter than Stripe's, so that an order goes on soon after the API is back.
FIRST_RETRY_S, LAST_RETRY_S = 0.25, 5.0
GIVE_UP_AFTER_S = 3 * 86_400
TIMEOUT_S = 10.0

log = logging.getLogger(__name__)


def sign(body: bytes, secret: str, timestamp: int) -> str:
    """The `Stripe-Signature` header of a body."""
    signature = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={signature}"


class Deliverer:
    """Works off the stored queue, so a killed simulator goes on where it was."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
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
                    now = self._clock()
                    for delivery in self._store.due_deliveries(now, AT_ONCE - len(self._running), set(self._running)):
                        self._start(client, delivery)
                    await self._wait(self._store.next_delivery_at(now), now)
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
        error = await self._send(client, delivery)
        if error is None:
            self._store.finish_delivery(delivery, "delivered", None)
        elif self._clock() - delivery.created > GIVE_UP_AFTER_S:
            self._store.finish_delivery(delivery, "given_up", error)
        else:
            pause = min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** min(delivery.attempts, 16))
            self._store.postpone_delivery(delivery, self._clock() + pause, error)

    async def _send(self, client: httpx.AsyncClient, delivery: Delivery) -> str | None:
        """What went wrong, or None."""
        endpoint = self._store.endpoint()
        with self._store.transaction() as tx:
            event = tx.event(delivery.event_id)
        if endpoint is None or event is None:
            return "no endpoint"
        body = json.dumps(event, indent=2).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": sign(body, endpoint.secret, int(self._clock())),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            response = await client.post(endpoint.url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"{type(error).__name__}: {error}"
        return None if response.is_success else f"HTTP {response.status_code}"
