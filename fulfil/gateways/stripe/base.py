"""How a request to Stripe is sent: once, under an explicit idempotency key, with every failure translated."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import stripe

from fulfil.gateways.stripe.errors import StripeStoredFailureError, StripeUnavailableError, translated

# The SDK would otherwise write an identifier into the user's home and send timings of earlier requests.
stripe.enable_telemetry = False

# A stored 5xx answers every retry of its key for a day. The keys that follow it end in `:after_500:{n}`, so that they
# never meet the numbered keys of callers; when this many failed, the fault is the other side's.
KEYS_PER_EFFECT = 5
PAGE_SIZE = 100
# How far back an effect is looked for where Stripe can't narrow the list down to one order.
LOOKED_BACK = 1000
RESOURCE_MISSING = "resource_missing"


class Listed(Protocol):
    """What a cursor list holds."""

    id: str


L_co = TypeVar("L_co", bound=Listed, covariant=True)


class Page(Protocol[L_co]):
    """A piece of a cursor list."""

    @property
    def data(self) -> Sequence[L_co]:
        """Its objects, newest first."""
        ...

    @property
    def has_more(self) -> bool:
        """Whether older ones follow."""
        ...


class Marked(Protocol):
    """What carries the key it was made under."""

    @property
    def metadata(self) -> stripe.StripeObject | None:
        """Stripe's free fields."""
        ...


T = TypeVar("T")
L = TypeVar("L", bound=Listed)
M = TypeVar("M", bound=Marked)


class StripeCalls:
    """One attempt is one request: the SDK neither retries nor invents idempotency keys, the caller's policy retries."""

    def __init__(self, *, api_key: str, api_base: str = "", timeout_s: float = 20) -> None:
        self._timeout_s = timeout_s
        self._http = stripe.HTTPXClient(timeout=timeout_s)
        base = api_base.rstrip("/")
        self._client = stripe.StripeClient(
            api_key,
            base_addresses={"api": base, "files": base} if base else None,
            http_client=self._http,
            max_network_retries=0,
        )

    async def close(self) -> None:
        """Return the connections."""
        close: Callable[[], Awaitable[None]] = self._http.close_async
        await close()

    async def _effect(
        self, key: str, send: Callable[[str], Awaitable[T]], find: Callable[[], Awaitable[T | None]]
    ) -> T:
        """Send under the key; when Stripe stored a 5xx for it, look for the effect and only then take the next key."""
        keys = [key, *(f"{key}:after_500:{n}" for n in range(1, KEYS_PER_EFFECT))]
        for attempt in keys:
            try:
                return await self._call(send(attempt))
            except StripeStoredFailureError:
                found = await find()
                if found is not None:
                    return found
        raise StripeUnavailableError(f"Stripe stored a failure for every key of {key}")

    async def _call(self, request: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await request
        except TimeoutError as error:
            raise StripeUnavailableError(f"no answer from Stripe within {self._timeout_s} s") from error
        except stripe.StripeError as error:
            raise translated(error) from error

    async def _pages(self, fetch: Callable[[str | None], Awaitable[Page[L]]]) -> AsyncIterator[L]:
        """Every object of a cursor list, newest first; `fetch` takes the id to start after."""
        after: str | None = None
        while True:
            page = await self._call(fetch(after))
            for one in page.data:
                yield one
            if not page.has_more or not page.data:
                return
            after = page.data[-1].id

    async def _find_marked(self, candidates: AsyncIterator[M], key: str) -> M | None:
        """The object that was made under the key, among the newest `LOOKED_BACK`."""
        seen = 0
        async for one in candidates:
            if one.metadata is not None and "key" in one.metadata and one.metadata["key"] == key:
                return one
            seen += 1
            if seen == LOOKED_BACK:
                break
        return None
