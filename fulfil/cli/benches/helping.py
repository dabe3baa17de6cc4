"""What support and the clock do meanwhile: parked steps are moved on, the books are compared as every hour."""

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field

from fulfil.cli.client import ProblemError
from fulfil.cli.playing.people import Support

LOOK_EVERY_S = 2.0
NOT_PARKED_ANY_MORE = 409


@dataclass
class Helper:
    """Somebody of support who does not know what is played; she sees what anybody would see."""

    support: Support
    resolved: Counter[str] = field(default_factory=Counter[str])
    cycles: int = 0
    repaired: Counter[str] = field(default_factory=Counter[str])

    async def move_on(self, until: asyncio.Event) -> None:
        """Retry every step that parks, until the event."""
        while not until.is_set():
            for stuck in await self.support.stuck():
                if stuck.kind == "parked" and "retry" in stuck.allowed_actions:
                    try:
                        done = await self.support.resolve(stuck.order_id, "retry", "the storm is over")
                    except ProblemError as refused:
                        if refused.problem.status != NOT_PARKED_ANY_MORE:
                            raise
                    else:
                        self.resolved[done.step] += 1
            await _pause(until, LOOK_EVERY_S)

    async def keep_comparing(self, until: asyncio.Event, every_s: float) -> None:
        """Reconcile again and again until the event, in the place of the hourly schedule."""
        while not until.is_set():
            await _pause(until, every_s)
            if not until.is_set():
                await self.compare()

    async def compare(self) -> list[str]:
        """Reconcile once; the findings."""
        report = await self.support.reconcile()
        self.cycles += 1
        for name, step in report.steps.items():
            self.repaired[name] += step.repaired
        return [f"{found.kind.value} {found.subject}: {found.detail}" for found in report.findings]


async def _pause(until: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(until.wait(), seconds)
