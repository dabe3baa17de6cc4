"""Live timelines: a stream that resumes where it was cut and misses nothing, and waiting for an order's end."""

import asyncio
from collections.abc import AsyncGenerator

import structlog
from fastapi.sse import format_sse_event

from fulfil.api.access import Principal
from fulfil.api.actions import ENDED
from fulfil.api.context import ApiContext
from fulfil.api.disclosure import disclose
from fulfil.api.errors import ProblemError
from fulfil.api.metrics import STREAMS
from fulfil.api.readers.events import read_events
from fulfil.api.readers.orders import may_see_order
from fulfil.models.messages.events import EventType, TimelineEvent

KEEPALIVE_S = 15.0
RECONNECT_MS = 1000
PAGE = 200
LAST_EVENTS = (EventType.ORDER_CLOSED, EventType.ORDER_CANCELLED, EventType.ORDER_EXPIRED)

log = structlog.stdlib.get_logger(__name__)


async def stream_events(
    context: ApiContext,
    caller: Principal,
    order_id: str,
    after: int,
    *,
    ended: bool = False,
    keepalive_s: float = KEEPALIVE_S,
) -> AsyncGenerator[bytes]:
    """What the caller may see beyond the offset `after`: the past, then the present, until the order has ended.

    Of an order that has `ended` it is the past alone, with what came after its end (a refund, a chargeback).
    """
    with STREAMS.track_inprogress():
        yield format_sse_event(retry=RECONNECT_MS)
        try:
            async for event in _follow(context, caller, order_id, after, None if ended else keepalive_s):
                yield _frame(event)
        except ProblemError as error:
            # The client reconnects with Last-Event-ID and goes on where this ends.
            log.warning("an event stream ends early", order_id=order_id, cause=error.detail)


async def wait_until_ended(context: ApiContext, caller: Principal, order_id: str, seconds: float) -> None:
    """Return when the order has ended, or when the time is over."""
    with context.feed.subscribe(order_id) as subscription:
        async with context.begin() as session:
            state = await may_see_order(session, caller, order_id)
        if state in ENDED:
            return
        try:
            async with asyncio.timeout(seconds):
                while (await subscription.events.get()).type not in LAST_EVENTS:
                    pass
        except TimeoutError:
            return


async def _follow(
    context: ApiContext, caller: Principal, order_id: str, after: int, keepalive_s: float | None
) -> AsyncGenerator[TimelineEvent | None]:
    """Subscribe first, read the past second, skip what comes twice; None when nothing happened for a while.

    Without `keepalive_s` nothing is waited for.
    """
    last = after
    with context.feed.subscribe(order_id) as subscription:
        over = keepalive_s is None
        for past in await _past(context, caller, order_id, after):
            yield past
            last = past.id
            over = over or past.type in LAST_EVENTS
        if over:
            return
        while True:
            try:
                async with asyncio.timeout(keepalive_s):
                    event = await subscription.events.get()
            except TimeoutError:
                yield None
                continue
            if event.id <= last:
                continue
            last = event.id
            told = disclose(event, caller)
            if told is None:
                continue
            yield told
            if event.type in LAST_EVENTS:
                return


async def _past(context: ApiContext, caller: Principal, order_id: str, after: int) -> list[TimelineEvent]:
    events: list[TimelineEvent] = []
    while True:
        async with context.begin() as session:
            page = await read_events(session, caller, order_id, after=after, limit=PAGE)
        events += page
        if len(page) < PAGE:
            return events
        after = page[-1].id


def _frame(event: TimelineEvent | None) -> bytes:
    if event is None:
        return format_sse_event(comment="keepalive")
    return format_sse_event(data_str=event.model_dump_json(), event=event.type.value, id=str(event.id))
