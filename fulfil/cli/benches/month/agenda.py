"""Who moves when: the next moves of everybody, by virtual time."""

import heapq
import itertools
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

QUARTER_S, DAY_S = 900, 86_400
SHIFT_S = 37

Deed = Callable[[], Awaitable[None]]


@dataclass(frozen=True, order=True)
class Move:
    """Something somebody does at a time; what is written down first goes first."""

    at: datetime
    number: int
    label: str = field(compare=False)
    deed: Deed = field(compare=False)
    keeps_open: bool = field(compare=False, default=True)


@dataclass
class Agenda:
    """Moves that lie ahead."""

    _moves: list[Move] = field(default_factory=list[Move])
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _open: int = 0

    def add(
        self, at: datetime, label: str, deed: Deed, *, keeps_open: bool = True, to_the_second: bool = False
    ) -> None:
        """Somebody moves at `at`, or at the next quarter of an hour unless seconds count.

        The month waits for it unless `keeps_open` is False.
        """
        when = at if to_the_second else _next_quarter(at)
        heapq.heappush(self._moves, Move(when, next(self._numbers), label, deed, keeps_open))
        self._open += keeps_open

    @property
    def next_at(self) -> datetime | None:
        """When the next move is due."""
        return self._moves[0].at if self._moves else None

    @property
    def busy(self) -> bool:
        """Whether a move is ahead that the month waits for."""
        return self._open > 0

    def take(self, now: datetime) -> list[Move]:
        """The moves that are due by now."""
        due: list[Move] = []
        while self._moves and self._moves[0].at <= now:
            due.append(heapq.heappop(self._moves))
        self._open -= sum(move.keeps_open for move in due)
        return due


def _next_quarter(at: datetime) -> datetime:
    """So that moves coincide, and are made together; other seconds each day, so that they do not meet their timers."""
    shifted = at.timestamp() - SHIFT_S * (at.timestamp() // DAY_S)
    return at + timedelta(seconds=-shifted % QUARTER_S)
