"""How long things took."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

Act = Callable[[int], Awaitable[object]]


@dataclass
class Samples:
    """Durations in seconds."""

    seconds: list[float] = field(default_factory=list[float])

    def quantile(self, share: float) -> float:
        """The duration that `share` of the samples do not exceed (nearest rank); 0 without samples."""
        ordered = sorted(self.seconds)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0

    @property
    def p50_ms(self) -> float:
        """The median, in milliseconds."""
        return self.quantile(0.5) * 1000

    @property
    def p95_ms(self) -> float:
        """What 95 % stay within, in milliseconds."""
        return self.quantile(0.95) * 1000

    @property
    def max_ms(self) -> float:
        """The longest, in milliseconds."""
        return self.quantile(1) * 1000

    def __str__(self) -> str:
        return f"p50 {self.p50_ms:.0f} ms, p95 {self.p95_ms:.0f} ms, max {self.max_ms:.0f} ms"


@dataclass(frozen=True)
class Throughput:
    """What was completed, and in how many seconds all of it was."""

    ids: list[str]
    seconds: float

    @property
    def per_second(self) -> float:
        """Completed per second."""
        return len(self.ids) / self.seconds


async def timed(act: Act, *, times: int, at_once: int) -> Samples:
    """Do `act(0)`, `act(1)`, … `times` times with `at_once` callers, and time each; raises what an act raises."""
    samples = Samples()
    numbers = iter(range(times))

    async def caller() -> None:
        for number in numbers:
            began = time.perf_counter()
            await act(number)
            samples.seconds.append(time.perf_counter() - began)

    await asyncio.gather(*(caller() for _ in range(at_once)))
    return samples
