"""Follows rows that wait in a table: woken by NOTIFY, with a look every second as a net, until cancelled."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

import asyncpg
import structlog
from sqlalchemy.exc import SQLAlchemyError
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from fulfil.kit.database import Database

log = structlog.stdlib.get_logger(__name__)

HEARTBEAT_S = 1.0
NET_S = 1.0
RECONNECT_S = 0.5
FINISHING_S = 5.0
CONCURRENCY = 8
# Another relay may take a row that is not finished by then; whoever is second repeats an idempotent effect.
LEASE = timedelta(seconds=15)
LONGEST_BACKOFF_S = 60.0


class ConnectionLostError(Exception):
    """PostgreSQL closed the listening connection."""


class Waiting(Protocol):
    """A row that waits to be relayed; rows with the same `key` are relayed one after the other, oldest first."""

    @property
    def key(self) -> str:
        """What the row is about."""
        ...

    @property
    def attempts(self) -> int:
        """How often it was tried, this time included."""
        ...


W = TypeVar("W", bound=Waiting)
POSTGRES_AWAY = (OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionLostError)


class Waitlist(ABC, Generic[W]):
    """A table that is followed."""

    channel: str
    clock: Callable[[], datetime]

    @abstractmethod
    async def take(self, limit: int, busy: Collection[str]) -> Sequence[W]:
        """Lease the oldest rows whose time has come and whose key is not busy, oldest first."""

    @abstractmethod
    async def relay(self, row: W) -> None:
        """Do what the row asks for and mark it done."""

    @abstractmethod
    async def postpone(self, rows: Sequence[W], error: Exception, until: datetime) -> None:
        """Note why the first of these rows failed; none of them is tried before `until`."""


async def follow(database: Database, waitlist: Waitlist[W]) -> None:
    """Relay until the activity is cancelled; reconnect when PostgreSQL dies.

    Raises a retryable `ApplicationError` when the worker shuts down, so that another one carries on.
    """
    async with _heartbeats():
        while True:
            try:
                async with _listening(database, waitlist.channel) as ear:
                    await _Relaying(waitlist, ear).run()
            except POSTGRES_AWAY as error:
                log.warning("relay lost PostgreSQL", channel=waitlist.channel, cause=repr(error)[:500])
                await asyncio.sleep(RECONNECT_S)


@dataclass
class _Ear:
    """Set by notifications, by finished tasks and by whatever ends the relay."""

    woken: asyncio.Event = field(default_factory=asyncio.Event)
    lost: bool = False

    def wake(self, *_: object) -> None:
        self.woken.set()

    def lose(self, *_: object) -> None:
        self.lost = True
        self.woken.set()


@dataclass
class _Relaying(Generic[W]):
    """The rows in work, a task per key."""

    waitlist: Waitlist[W]
    ear: _Ear
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict[str, asyncio.Task[None]])

    async def run(self) -> None:
        shutdown = asyncio.create_task(activity.wait_for_worker_shutdown())
        shutdown.add_done_callback(self.ear.wake)
        try:
            while not shutdown.done():
                self.ear.woken.clear()
                if self.ear.lost:
                    raise ConnectionLostError("the listening connection was closed")
                self._reap()
                if not await self._start():
                    with suppress(TimeoutError):
                        async with asyncio.timeout(NET_S):
                            await self.ear.woken.wait()
            if self.tasks:
                await asyncio.wait(self.tasks.values(), timeout=FINISHING_S)
        finally:
            shutdown.cancel()
            await _end([*self.tasks.values(), shutdown])
        raise ApplicationError(
            "this worker shuts down, another one carries on",
            type="worker_shutting_down",
            category=ApplicationErrorCategory.BENIGN,
        )

    async def _start(self) -> bool:
        """Take rows into the free places; False when nothing waits or no place is free."""
        free = CONCURRENCY - len(self.tasks)
        if not free:
            return False
        rows = await self.waitlist.take(free, list(self.tasks))
        groups: dict[str, list[W]] = {}
        for row in rows:
            groups.setdefault(row.key, []).append(row)
        for key, group in groups.items():
            self.tasks[key] = asyncio.create_task(self._work_through(group))
            self.tasks[key].add_done_callback(self.ear.wake)
        return bool(rows)

    def _reap(self) -> None:
        for key in [key for key, task in self.tasks.items() if task.done()]:
            self.tasks.pop(key).result()

    async def _work_through(self, rows: Sequence[W]) -> None:
        for place, row in enumerate(rows):
            try:
                await self.waitlist.relay(row)
            except Exception as error:  # noqa: BLE001 (whatever it is, it is noted at the row, and others go on)
                backoff_s = min(0.5 * 2 ** min(row.attempts - 1, 10), LONGEST_BACKOFF_S)
                log.warning("row postponed", key=row.key, again_in_s=backoff_s, cause=repr(error)[:500])
                await self.waitlist.postpone(rows[place:], error, self.waitlist.clock() + timedelta(seconds=backoff_s))
                return


@asynccontextmanager
async def _listening(database: Database, channel: str) -> AsyncGenerator[_Ear]:
    """A connection of its own that listens; `lost` tells that it died."""
    ear = _Ear()
    async with database.engine.connect() as connection:
        listener = (await connection.get_raw_connection()).driver_connection
        if not isinstance(listener, asyncpg.Connection):
            raise TypeError("listening needs asyncpg")
        listener.add_termination_listener(ear.lose)
        await listener.add_listener(channel, ear.wake)
        try:
            yield ear
        finally:
            listener.remove_termination_listener(ear.lose)
            if listener.is_closed():
                await connection.invalidate()
            else:
                await listener.remove_listener(channel, ear.wake)


@asynccontextmanager
async def _heartbeats() -> AsyncGenerator[None]:
    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(HEARTBEAT_S)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        await _end([beating])


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
