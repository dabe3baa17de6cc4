"""Everything that goes wrong at once: processes killed at random, answers of Stripe lost, webhooks disturbed."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fulfil.cli.benches.stripe_dump import FaultPlan, SimulatorSwitches
from fulfil.deploy.embedded import EmbeddedStack

VICTIMS = ("worker", "api", "temporal", "postgres")
PAUSE_S = (0.5, 3.0)
READY_WITHIN_S = 90
DROPPED_COME_AFTER_S = 3.0


def lossy_stripe(seed: int) -> FaultPlan:
    """About a quarter of Stripe's answers are lost, late or failures; the dice of each line follow from the seed."""
    shares = [
        ("drop_after", 0.08, 0.0),
        ("drop_before", 0.04, 0.0),
        ("error_500_after", 0.04, 0.0),
        ("error_500_before", 0.03, 0.0),
        ("rate_limit", 0.03, 0.0),
        ("delay", 0.05, 1.0),
    ]
    return [
        {"match": "(POST|GET) /v1/.*", "mode": mode, "probability": share, "delay_s": delay_s, "seed": seed + number}
        for number, (mode, share, delay_s) in enumerate(shares)
    ]


@asynccontextmanager
async def disturbed_stripe(switches: SimulatorSwitches, seed: int) -> AsyncGenerator[Counter[str]]:
    """Stripe misbehaves inside the block: requests as `lossy_stripe`; webhooks come twice, out of order, or late.

    The counter tells afterwards how often each fault struck.
    """
    struck: Counter[str] = Counter()
    await switches.fail_requests(lossy_stripe(seed))
    await switches.disturb_webhooks({"duplicate": 1, "reorder_s": 1.5, "drop": 0.2, "seed": seed})
    delivering = asyncio.create_task(_deliver_dropped(switches))
    try:
        yield struck
    finally:
        delivering.cancel()
        await asyncio.gather(delivering, return_exceptions=True)
        struck.update(await switches.struck())
        await switches.fail_requests([])
        await switches.disturb_webhooks({})
        await switches.deliver_dropped()


async def _deliver_dropped(switches: SimulatorSwitches) -> None:
    while True:
        await asyncio.sleep(DROPPED_COME_AFTER_S)
        await switches.deliver_dropped()


@dataclass
class Nemesis:
    """Kills one process after the other with SIGKILL, each as soon as the one before is back and a pause is over."""

    stack: EmbeddedStack
    dice: random.Random
    report: Callable[[str], None]
    victims: Sequence[str] = VICTIMS
    kills: Counter[str] = field(default_factory=Counter[str])

    async def rage(self, until: asyncio.Event) -> None:
        """Go on until the event; every victim is hit once before any is hit twice."""
        waiting: list[str] = []
        while not until.is_set():
            waiting = waiting or self.dice.sample(list(self.victims), len(self.victims))
            await self._strike(waiting.pop())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(until.wait(), self.dice.uniform(*PAUSE_S))

    async def _strike(self, victim: str) -> None:
        try:
            await self.stack.kill(victim)
        except ProcessLookupError:
            self.report(f"{victim} is not running at the moment")
        else:
            self.kills[victim] += 1
            self.report(f"kill -9 {victim}")
        await self.stack.wait_ready(victim, READY_WITHIN_S)
