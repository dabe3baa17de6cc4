"""A few at a time: of fifty providers who accept one job at once, most can be answered from the database."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

AT_A_TIME = 4
LONGEST_WAIT_S = 1.0


@dataclass
class _Gate:
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_A_TIME))
    inside: int = 0


class Turnstile:
    """Lets a few callers per object through at a time; nobody waits longer than a second."""

    def __init__(self) -> None:
        self._gates: dict[str, _Gate] = {}

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncGenerator[bool]:
        """Wait for a turn; yields whether there was a wait, after which the world may have changed."""
        gate = self._gates.setdefault(key, _Gate())
        gate.inside += 1
        waits = gate.slots.locked()
        entered = False
        try:
            try:
                async with asyncio.timeout(LONGEST_WAIT_S):
                    entered = await gate.slots.acquire()
            except TimeoutError:
                waits = True
            yield waits
        finally:
            if entered:
                gate.slots.release()
            gate.inside -= 1
            if gate.inside == 0:
                self._gates.pop(key, None)
