"""Virtual time: Temporal's test server says what time it is, everything else is kept in step with it."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Interceptor as ClientInterceptor
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput
from temporalio.worker import Interceptor as WorkerInterceptor

from fulfil.cli.benches.stripe_dump import SimulatorSwitches
from fulfil.cli.exits import CommandError

# Real seconds: while somebody is at work no time is skipped, but nobody works for so long.
STANDS_STILL_AFTER_S = 180.0
# Less than the age at which a webhook's signature is refused.
STRIPE_BEHIND_AT_MOST = timedelta(seconds=5)


class StandstillError(CommandError):
    """Time does not pass any more."""


class VirtualClock:
    """The time as it was last heard from the server; never goes back."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        """What everything in the process takes for now."""
        return self.now

    def reach(self, now: datetime) -> None:
        """It is this late by now."""
        self.now = max(self.now, now)


@dataclass
class Timekeeper:
    """Asks the server for the time, and moves Stripe's simulator along."""

    environment: WorkflowEnvironment
    switches: SimulatorSwitches
    clock: VirtualClock = field(default_factory=VirtualClock)
    _stripe_ahead_s: float = 0
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def refresh(self) -> datetime:
        """The time now."""
        async with self._one_at_a_time:
            self.clock.reach(await self.environment.get_current_time())
            behind_s = self.clock.now.timestamp() - time.time() - self._stripe_ahead_s
            if behind_s > STRIPE_BEHIND_AT_MOST.total_seconds():
                self._stripe_ahead_s = await self.switches.advance(behind_s)
        return self.clock.now

    async def sleep(self, duration: timedelta) -> datetime:
        """Let time pass: timers fire and their work is done in order; the time then."""
        try:
            async with asyncio.timeout(STANDS_STILL_AFTER_S):
                await self.environment.sleep(max(duration, timedelta(milliseconds=1)))
        except TimeoutError:
            raise StandstillError(
                f"Temporal's test server stands still at {self.clock.now:%Y-%m-%d %H:%M:%S}: somebody never ends his "
                "work, or the server stranded a workflow whose timer fired while its task cancelled it. Try again."
            ) from None
        return await self.refresh()


class OnTime(ClientInterceptor, WorkerInterceptor):
    """Workers of a client with this one ask for the time before each activity."""

    def __init__(self, timekeeper: Timekeeper) -> None:
        self._timekeeper = timekeeper

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 (SDK's name)
        """Wrap the chain."""
        return _OnTimeActivities(next, self._timekeeper)


class _OnTimeActivities(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, timekeeper: Timekeeper) -> None:
        super().__init__(following)
        self._timekeeper = timekeeper

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 (SDK's signature)
        await self._timekeeper.refresh()
        return await super().execute_activity(input)
