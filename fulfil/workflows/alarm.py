"""One timer for a process with many deadlines, set again only when it must ring earlier than it would."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow

# Two deadlines of days that were counted from moments a little apart are one.
SLACK = timedelta(minutes=1)


class Alarm:
    """A pending timer that rings no later than the next deadline is kept, and set anew when it has rung.

    Each timer is a billable action, so a process that people move along faster than its deadlines costs one.
    """

    def __init__(self) -> None:
        self._rings_at: datetime | None = None
        self._timer: asyncio.Task[None] | None = None

    async def wait(self, done: Callable[[], bool], by: datetime | None = None) -> bool:
        """Until the condition holds; False when `by` is over first."""
        while not done():
            if by is None:
                await workflow.wait_condition(done)
                continue
            if workflow.now() >= by:
                return False
            timer = self._set(by)
            await workflow.wait_condition(lambda: done() or timer.done())  # noqa: B023 (awaited in this turn)
        return True

    def _set(self, by: datetime) -> asyncio.Task[None]:
        if self._timer is not None and not self._timer.done():
            if self._rings_at is not None and self._rings_at <= by + SLACK:
                return self._timer
            self._timer.cancel()
        self._rings_at = by
        self._timer = asyncio.create_task(workflow.sleep(max(by - workflow.now(), timedelta(0))))
        return self._timer
