"""Everything that goes wrong at once: processes killed, answers of Stripe lost, webhooks disturbed and forged."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fulfil.cli.benches.stripe_dump import FaultPlan, SimulatorSwitches
from fulfil.deploy.embedded import EmbeddedStack

VICTIMS = ("worker", "api", "temporal", "postgres")
WORKER = "worker"
IN_MID_CALL = "worker in mid-call"
READY_WITHIN_S = 90
LOOK_EVERY_S = 0.15
AMBUSHES_APART_S = 20.0
# The calls that move money: while one of them is answered late, the worker is killed between the call and the row.
MOVES_MONEY = r"POST /v1/(payment_intents/[^/]+/(capture|cancel)|refunds|transfers.*|disputes.*)"
LATE_S = 1.5


def lossy_stripe(seed: int) -> FaultPlan:
    """A sixth of Stripe's answers is lost, late or a failure, a third where money moves; the dice follow from the seed.

    The first line is the ambush: money that moves while its answer is late.
    """
    every = "(POST|GET) /v1/.*"
    lines = [
        (MOVES_MONEY, "delay", 0.15, LATE_S),
        (MOVES_MONEY, "drop_after", 0.08, 0.0),
        (MOVES_MONEY, "error_500_after", 0.05, 0.0),
        (every, "drop_after", 0.04, 0.0),
        (every, "drop_before", 0.03, 0.0),
        (every, "error_500_after", 0.02, 0.0),
        (every, "error_500_before", 0.02, 0.0),
        (every, "rate_limit", 0.02, 0.0),
        (every, "lock_timeout", 0.02, 0.0),
        (every, "delay", 0.02, 1.0),
    ]
    return [
        {"match": match, "mode": mode, "probability": share, "delay_s": delay_s, "seed": seed + number}
        for number, (match, mode, share, delay_s) in enumerate(lines)
    ]


@asynccontextmanager
async def disturbed_stripe(switches: SimulatorSwitches, seed: int) -> AsyncGenerator[Counter[str]]:
    """Stripe misbehaves inside the block: requests as `lossy_stripe`; webhooks come twice, out of order, or never.

    The counter tells afterwards how often each fault struck.
    """
    struck: Counter[str] = Counter()
    await switches.fail_requests(lossy_stripe(seed))
    await switches.disturb_webhooks({"duplicate": 1, "reorder_s": 1.5, "drop": 0.05, "seed": seed})
    try:
        yield struck
    finally:
        struck.update(await switches.struck())
        await switches.fail_requests([])
        await switches.disturb_webhooks({})


@dataclass
class Nemesis:
    """Kills one process after the other with SIGKILL, each as soon as the one before is back and a pause is over."""

    stack: EmbeddedStack
    dice: random.Random
    report: Callable[[str], None]
    victims: Sequence[str] = VICTIMS
    pause_s: tuple[float, float] = (0.5, 3.0)
    kills: Counter[str] = field(default_factory=Counter[str])
    _striking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def rage(self, until: asyncio.Event) -> None:
        """Go on until the event; every victim is hit once before any is hit twice."""
        waiting: list[str] = []
        while self.victims and not until.is_set():
            waiting = waiting or self.dice.sample(list(self.victims), len(self.victims))
            victim = waiting.pop()
            away_s = await self._strike(victim, victim)
            # On a busy machine they come back late: some of the time everything has to run.
            await _pause(until, away_s + self.dice.uniform(*self.pause_s))

    async def lie_in_wait(self, switches: SimulatorSwitches, until: asyncio.Event) -> None:
        """Kill the worker while a call that moves money is under way: it was made, and its row is not written."""
        if WORKER not in self.victims:
            return
        seen = 0
        while not until.is_set():
            late = await switches.struck_first()
            if late > seen:
                away_s = await self._strike(WORKER, IN_MID_CALL)
                await _pause(until, away_s + AMBUSHES_APART_S)
                late = await switches.struck_first()
            seen = late
            await asyncio.sleep(LOOK_EVERY_S)

    async def _strike(self, victim: str, called: str) -> float:
        """Kill it and wait until it is ready again; for how many seconds it was away."""
        async with self._striking:
            began = time.monotonic()
            try:
                await self.stack.kill(victim)
            except ProcessLookupError:
                self.report(f"{victim} is not running at the moment")
            else:
                self.kills[called] += 1
                self.report(f"kill -9 {called}")
            await self.stack.wait_ready(victim, READY_WITHIN_S)
            return time.monotonic() - began


async def _pause(until: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(until.wait(), seconds)
