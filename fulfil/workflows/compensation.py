"""Undo stands next to the deed: what was done is pushed here and undone last-first when an order is called off."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass
class Undo:
    """The deeds to undo. It runs on cancellation or a business failure only: a bug waits for its fix."""

    _deeds: list[Callable[[], Awaitable[None]]] = field(default_factory=list[Callable[[], Awaitable[None]]])

    def push(self, undo: Callable[[], Awaitable[None]]) -> None:
        """Remember how to undo what has just been done."""
        self._deeds.append(undo)

    async def unwind(self) -> None:
        """Undo everything, the latest deed first; each at most once."""
        while self._deeds:
            await self._deeds.pop()()
