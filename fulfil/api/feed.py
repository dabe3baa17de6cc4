"""Events of orders as they happen: one listening connection per process, fanned out to every waiting request."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import asyncpg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from fulfil.api.readers.events import read_new_events
from fulfil.kit.database import Database
from fulfil.models.messages.events import TimelineEvent

CHANNEL = "fulfil_events"
CHECK_CONNECTION_EVERY_S = 15.0
ANSWERS_WITHIN_S = 5.0
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
TROUBLE = (OSError, TimeoutError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError)

log = structlog.stdlib.get_logger(__name__)


@dataclass(eq=False)
class Subscription:
    """New events of one order, oldest first; may repeat what the subscriber has read, never leaves one out."""

    order_id: str
    events: asyncio.Queue[TimelineEvent] = field(default_factory=asyncio.Queue[TimelineEvent])


@dataclass
class _Watched:
    """An order somebody waits for; everything up to `offset` has been handed out."""

    offset: int = 0
    subscriptions: set[Subscription] = field(default_factory=set[Subscription])


class EventFeed:
    """LISTENs on a connection of its own; a notification makes it read the new events of that order once for all.

    Within an order offsets are given in commit order, so reading beyond the last offset misses nothing. After
    a lost connection every watched order is read again.
    """

    def __init__(self, database: Database, listener: Database) -> None:
        self._database = database
        self._listener = listener
        self._watched: dict[str, _Watched] = {}
        self._dirty: set[str] = set()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.listening = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Listen and hand out while the block runs."""
        self._tasks = [asyncio.create_task(self._keep_listening()), asyncio.create_task(self._keep_handing_out())]
        try:
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._listener.close()

    @contextmanager
    def subscribe(self, order_id: str) -> Generator[Subscription]:
        """Receive from now on; subscribe first, then read what there is, and skip what comes twice."""
        subscription = Subscription(order_id)
        watched = self._watched.setdefault(order_id, _Watched())
        watched.subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            watched.subscriptions.discard(subscription)
            if not watched.subscriptions:
                self._watched.pop(order_id, None)

    @property
    def works(self) -> bool:
        """Whether events are being listened to and handed out right now."""
        return self.listening.is_set() and not any(task.done() for task in self._tasks)

    @property
    def subscriptions(self) -> int:
        """How many wait."""
        return sum(len(watched.subscriptions) for watched in self._watched.values())

    def _mark(self, order_ids: Iterable[str]) -> None:
        self._dirty.update(order_id for order_id in order_ids if order_id in self._watched)
        if self._dirty:
            self._wake.set()

    async def _keep_listening(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                await self._listen()
            except TROUBLE as error:
                log.warning("the event channel is lost", cause=_first_line(error), again_in_s=pause_s)
            pause_s = FIRST_PAUSE_S if self.listening.is_set() else min(2 * pause_s, LONGEST_PAUSE_S)
            self.listening.clear()
            await asyncio.sleep(pause_s)

    async def _listen(self) -> None:
        """Until the connection is lost; a silent one is asked now and then whether it lives."""
        async with self._listener.engine.connect() as pooled:
            raw = await pooled.get_raw_connection()
            connection = raw.driver_connection
            if not isinstance(connection, asyncpg.Connection):
                raise TypeError("events are listened to through asyncpg")
            ended = asyncio.Event()

            def end(_: object) -> None:
                ended.set()

            connection.add_termination_listener(end)
            try:
                await connection.add_listener(CHANNEL, self._on_notification)
                self.listening.set()
                self._mark(list(self._watched))
                while not ended.is_set():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(ended.wait(), CHECK_CONNECTION_EVERY_S)
                        raise ConnectionError("PostgreSQL closed the connection")
                    await connection.execute("SELECT 1", timeout=ANSWERS_WITHIN_S)
            finally:
                await pooled.invalidate()

    def _on_notification(self, _connection: object, _pid: int, _channel: str, order_id: object) -> None:
        self._mark([str(order_id)])

    async def _keep_handing_out(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            await self._wake.wait()
            self._wake.clear()
            dirty, self._dirty = self._dirty, set()
            try:
                await self._hand_out(dirty)
            except TROUBLE as error:
                log.warning("new events can't be read", cause=_first_line(error), again_in_s=pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                self._mark(dirty)
            else:
                pause_s = FIRST_PAUSE_S

    async def _hand_out(self, order_ids: Iterable[str]) -> None:
        beyond = {order_id: self._watched[order_id].offset for order_id in order_ids if order_id in self._watched}
        if not beyond:
            return
        async with self._database.begin() as session:
            events = await read_new_events(session, beyond)
        for event in events:
            watched = self._watched.get(event.order_id)
            if watched is None:
                continue
            watched.offset = max(watched.offset, event.id)
            for subscription in watched.subscriptions:
                subscription.events.put_nowait(event)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
