"""The kill test: many orders in flight while everything breaks, then calm, then the accounts are examined."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fulfil.cli.benches.audit import Finding, audit
from fulfil.cli.benches.storm import Nemesis, disturbed_stripe
from fulfil.cli.benches.stripe_dump import SimulatorSwitches
from fulfil.cli.passing_stack import only_simulated, passing_stack
from fulfil.cli.playing.cast import Cast
from fulfil.cli.playing.following import Market
from fulfil.cli.playing.orders import Shop, quote_bracket
from fulfil.cli.playing.scripts import MIX, Played, play
from fulfil.cli.saying import Progress
from fulfil.deploy.embedded import EmbeddedStack
from fulfil.kit.database import Database, DatabaseRole

PROVIDERS = 5
PATIENCE_S = 300.0
SETTLE_WITHIN_S = 60.0
INTERNAL_ERROR = 500


@dataclass
class FaultRun:
    """What happened, and what was broken by it."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter[str])
    stripe_faults: Counter[str] = field(default_factory=Counter[str])
    played: list[Played] = field(default_factory=list[Played])
    acknowledged: list[str] = field(default_factory=list[str])
    failures: list[str] = field(default_factory=list[str])
    statuses: Counter[int] = field(default_factory=Counter[int])
    findings: list[Finding] = field(default_factory=list[Finding])
    storm_s: float = 0
    recovery_s: float = 0

    @property
    def kept(self) -> bool:
        """Whether nothing was broken."""
        return all(finding.kept for finding in self.findings)

    def summary(self) -> dict[str, object]:
        """The run in plain values."""
        return {
            "seed": self.seed,
            "kills": dict(self.kills),
            "stripe_faults": dict(self.stripe_faults),
            "storm_s": round(self.storm_s, 1),
            "all_ended_after_s": round(self.recovery_s, 1),
            "orders_acknowledged": len(self.acknowledged),
            "orders_ended": dict(Counter(f"{played.script}: {played.state}" for played in self.played)),
            "api_answers": {str(status): count for status, count in sorted(self.statuses.items())},
            "findings": {finding.promise: finding.broken_by for finding in self.findings},
        }


async def shake_passing_stack(progress: Progress, *, orders: int, seconds: float, seed: int) -> FaultRun:
    """The whole test on a stack of its own."""
    progress.say(f"seed {seed}: {orders} orders in flight, {seconds:.0f} s of storm")
    async with passing_stack(progress.report) as stack:
        only_simulated(stack)
        return await FaultTest(stack, seed, progress.say).run(orders=orders, seconds=seconds)


@dataclass
class FaultTest:
    """Orders, nemesis and auditor on one stack; the seed decides what is played and who is killed when."""

    stack: EmbeddedStack
    seed: int
    report: Callable[[str], None]
    victims: Sequence[str] = ("worker", "api", "temporal", "postgres")

    async def run(self, *, orders: int, seconds: float) -> FaultRun:
        """Keep `orders` in flight for `seconds` of storm, let all end in the calm, and examine everything."""
        run = FaultRun(self.seed)
        switches = SimulatorSwitches(self.stack.stripe_url)
        try:
            async with Cast(self.stack, patience_s=PATIENCE_S) as cast:
                await self._play(cast, switches, run, orders, seconds)
                for client in cast.clients:
                    run.statuses.update(client.statuses)
            await self._examine(switches, run)
        finally:
            await switches.close()
        return run

    async def _play(self, cast: Cast, switches: SimulatorSwitches, run: FaultRun, orders: int, seconds: float) -> None:
        customer = await cast.customer()
        quote = await quote_bracket(customer)
        members = await cast.providers(PROVIDERS)
        calm = asyncio.Event()
        nemesis = Nemesis(self.stack, random.Random(self.seed), self.report, self.victims)
        shop = Shop(customer, quote, Market([member.person for member in members]), PATIENCE_S)
        dice = random.Random(self.seed + 1)
        callers = [
            asyncio.create_task(self._keep_ordering(shop, random.Random(dice.random()), calm, run))
            for _ in range(orders)
        ]
        began = time.monotonic()
        async with disturbed_stripe(switches, self.seed) as run.stripe_faults:
            raging = asyncio.create_task(nemesis.rage(calm))
            await asyncio.wait([raging], timeout=seconds)
            calm.set()
            await raging
        run.storm_s, run.kills = time.monotonic() - began, nemesis.kills
        self.report(f"calm after {sum(nemesis.kills.values())} kills; {len(run.played)} orders have ended so far")
        began = time.monotonic()
        await asyncio.gather(*callers)
        run.recovery_s = time.monotonic() - began

    async def _keep_ordering(self, shop: Shop, dice: random.Random, calm: asyncio.Event, run: FaultRun) -> None:
        while not calm.is_set():
            script = dice.choices(list(MIX), list(MIX.values()))[0]
            try:
                run.played.append(await play(shop, script, run.acknowledged))
            except Exception as error:  # noqa: BLE001 (whatever it was, it is a finding, and the others go on)
                run.failures.append(f"{script}: {type(error).__name__}: {error}")
                self.report(run.failures[-1])

    async def _examine(self, switches: SimulatorSwitches, run: FaultRun) -> None:
        """Once nothing is under way any more: followers may be seconds behind the orders they tell of."""
        database = Database(self.stack.database_url, DatabaseRole.OWNER, pool_size=2)
        deadline = time.monotonic() + SETTLE_WITHIN_S
        try:
            while True:
                findings = await audit(database, await switches.dump(), run.acknowledged)
                if all(finding.kept for finding in findings) or time.monotonic() > deadline:
                    break
                await asyncio.sleep(1)
        finally:
            await database.close()
        surprises = [
            f"{played.order_id} ({played.script}) is {played.state}" for played in run.played if not played.as_expected
        ]
        run.findings = [
            *findings,
            Finding("orders that went another way", surprises),
            Finding("people who gave up", run.failures),
            Finding("answers that admit a bug (500)", ["500"] * run.statuses[INTERNAL_ERROR]),
        ]
