"""What a request sets going without waiting for it."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from fulfil.api.errors import ProblemError

log = structlog.stdlib.get_logger(__name__)

ENDS_WITHIN_S = 2.0


class Background:
    """Holds tasks until they end; whatever they do must be safe to lose when the process dies."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None], *, what: str) -> None:
        """Let it run; a dependency that is down is logged, and is no error of the request's."""
        task = asyncio.create_task(_guarded(work, what))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Let what runs end, for a moment, then cancel it."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=ENDS_WITHIN_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


async def _guarded(work: Coroutine[Any, Any, None], what: str) -> None:
    try:
        await work
    except ProblemError as error:
        log.warning("not done in the background", what=what, cause=error.code)
    except Exception:
        log.exception("failed in the background", what=what)
