"""Waiting for what others do: an order's live timeline, and the offers that reach the providers."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from fulfil.api.schemas.jobs import Offer
from fulfil.cli.exits import CommandError
from fulfil.cli.playing.people import Person, Provider
from fulfil.cli.timeline import Event

Hear = Callable[[Event], None]


def hear_nothing(event: Event) -> None:
    """The listener that does not care."""
    del event


class TooLateError(CommandError, TimeoutError):
    """Something did not happen in time; the message says what, and what happened last."""


class LiveTimeline:
    """`async with LiveTimeline(person, order_id) as live:` reads the stream meanwhile; `until` waits for an event."""

    def __init__(self, person: Person, order_id: str, hear: Hear = hear_nothing) -> None:
        self.events: list[Event] = []
        self._person = person
        self._order_id = order_id
        self._hear = hear
        self._news = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to read."""
        self._reading = asyncio.create_task(self._read())
        self._reading.add_done_callback(lambda _: self._news.set())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def until(self, *types: str, within_s: float = 30) -> Event:
        """The first event of one of these types; raises `TooLateError`, or what ended the stream."""
        return await self.until_after(0, *types, within_s=within_s)

    async def until_after(self, sequence: int, *types: str, within_s: float = 30) -> Event:
        """The same, among the events after one."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    self._news.clear()
                    found = self._find(sequence, types)
                    if found is not None:
                        return found
                    if self._reading is not None and self._reading.done():
                        self._reading.result()
                        raise TooLateError(f"{self._order_id} ended without {' or '.join(types)}: {self._last()}")
                    await self._news.wait()
        except TimeoutError as error:
            if isinstance(error, TooLateError):
                raise
            wanted = " or ".join(types)
            raise TooLateError(f"{self._order_id}: no {wanted} within {within_s:.0f} s; {self._last()}") from None

    def _find(self, sequence: int, types: Collection[str]) -> Event | None:
        return next((event for event in self.events if event.sequence > sequence and event.type in types), None)

    def _last(self) -> str:
        return f"the last event is {self.events[-1].type}" if self.events else "nothing happened at all"

    async def _read(self) -> None:
        async with aclosing(self._person.watch(self._order_id)) as events:
            async for event in events:
                self.events.append(event)
                self._hear(event)
                self._news.set()


@dataclass(frozen=True)
class Chance:
    """An open offer in the hands of its provider."""

    provider: Provider
    offer: Offer


@dataclass
class Market:
    """The offers of all providers, looked at when somebody waits for one; who asks meanwhile shares the next look."""

    providers: Sequence[Provider]
    every_s: float = 0.2
    _open: dict[str, list[Chance]] = field(default_factory=dict[str, list[Chance]])
    _next_look: asyncio.Task[None] | None = None
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def chances(self, job_id: str, within_s: float = 30) -> list[Chance]:
        """Everybody who can take the job now; raises `TooLateError`."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    await asyncio.shield(self._join_next_look())
                    if job_id in self._open:
                        return self._open[job_id]
                    await asyncio.sleep(self.every_s)
        except TimeoutError:
            raise TooLateError(f"{job_id} was not offered to anybody within {within_s:.0f} s") from None

    def _join_next_look(self) -> asyncio.Task[None]:
        """A look that begins after this moment: one under way may have missed what is asked for."""
        if self._next_look is None:
            self._next_look = asyncio.create_task(self._look())
        return self._next_look

    async def _look(self) -> None:
        async with self._looking:
            self._next_look = None
            found = await asyncio.gather(*(provider.offers() for provider in self.providers))
        self._open = {}
        for provider, offers in zip(self.providers, found, strict=True):
            for offer in offers:
                self._open.setdefault(offer.job_id, []).append(Chance(provider, offer))
