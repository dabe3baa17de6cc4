"""The kill test: orders and their money in every way they can go while everything breaks; then all is examined."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from fulfil.cli.benches.audit import audit, audit_rest
from fulfil.cli.benches.audit_of_books import Books, audit_balances
from fulfil.cli.benches.audit_of_endings import audit_endings
from fulfil.cli.benches.findings import Finding
from fulfil.cli.benches.forging import Forger
from fulfil.cli.benches.helping import Helper
from fulfil.cli.benches.silence import Silence
from fulfil.cli.benches.storm import VICTIMS, Nemesis, disturbed_stripe
from fulfil.cli.benches.stripe_dump import SimulatorSwitches, StripeDump
from fulfil.cli.benches.workflows_left import failed_workflows, running_workflows
from fulfil.cli.passing_stack import only_simulated, passing_stack
from fulfil.cli.playing.bank import Bank
from fulfil.cli.playing.cast import Cast
from fulfil.cli.playing.following import Market
from fulfil.cli.playing.orders import Shop, quote_bracket
from fulfil.cli.playing.scripts import Played, Script, choose_scripts, play
from fulfil.cli.playing.turns import Stage
from fulfil.cli.saying import Progress
from fulfil.deploy.embedded import EmbeddedStack
from fulfil.kit.database import Database, DatabaseRole

PROVIDERS = 5
PATIENCE_S = 420.0
SETTLE_WITHIN_S = 60.0
INTERNAL_ERROR = 500
LOOK_AT_OFFERS_EVERY_S = 0.5
MANY = 60
"""So many brackets cost more than support may refund alone."""
TOP_UP_MINOR = 1_000_000
# Funds become available within seconds, so that clearing is part of it; refunds come back as fast.
TIMES = {"availability_s": 10, "refund_fails_s": 3, "refund_settles_s": 86_400}


@dataclass(frozen=True)
class Weather:
    """How hard it blows: orders at once, the storm's longest duration, the pauses between kills and comparisons."""

    at_once: int = 24
    storm_s: float = 240
    pause_s: tuple[float, float] = (3.0, 10.0)
    compare_every_s: float = 20
    unheard: int = 2
    victims: Sequence[str] = VICTIMS
    begun_within_s: float = 1_200
    """Whatever is not begun by then is a failure: a run ends, however bad it is."""


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
    unheard: list[str] = field(default_factory=list[str])
    figures: dict[str, object] = field(default_factory=dict[str, object])
    storm_s: float = 0
    calm_s: float = 0
    examined_s: float = 0

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
            "all_ended_after_s": round(self.calm_s, 1),
            "examined_in_s": round(self.examined_s, 1),
            "orders_acknowledged": len(self.acknowledged),
            "orders_ended": dict(Counter(f"{played.script}: {played.state}" for played in self.played)),
            "api_answers": {str(status): count for status, count in sorted(self.statuses.items())},
            **self.figures,
            "findings": {finding.promise: finding.broken_by for finding in self.findings},
        }


async def shake_passing_stack(progress: Progress, *, orders: int, weather: Weather, seed: int) -> FaultRun:
    """The whole test on a stack of its own."""
    progress.say(f"seed {seed}: {orders} orders, {weather.at_once} at once, at most {weather.storm_s:.0f} s of storm")
    async with passing_stack(progress.report) as stack:
        only_simulated(stack)
        return await FaultTest(stack, seed, progress.say, weather).run(orders)


@dataclass
class FaultTest:
    """Orders, nemesis and auditor on one stack; the seed decides what is played and who is killed when."""

    stack: EmbeddedStack
    seed: int
    report: Callable[[str], None]
    weather: Weather = Weather()

    async def run(self, orders: int) -> FaultRun:
        """Play `orders` in the storm, let all end in the calm, then what nobody hears of, and examine everything."""
        run = FaultRun(self.seed)
        async with AsyncExitStack() as closing:
            switches = SimulatorSwitches(self.stack.stripe_url)
            closing.push_async_callback(switches.close)
            cast = await closing.enter_async_context(Cast(self.stack, patience_s=PATIENCE_S))
            bank = await closing.enter_async_context(Bank(self.stack.stripe_url))
            stage = await self._stage(cast, bank, run)
            await switches.choose(**TIMES)
            await switches.top_up(TOP_UP_MINOR, stage.shop.quote.total.currency)
            helper = Helper(await cast.support())
            await self._play(stage, switches, helper, run, orders)
            await self._keep_silent(stage, switches, helper, run)
            await self._examine(switches, helper, run)
            for client in cast.clients:
                run.statuses.update(client.statuses)
        answers = Finding("answers that admit a bug (500)", ["500"] * run.statuses[INTERNAL_ERROR])
        run.findings.append(answers)
        return run

    async def _stage(self, cast: Cast, bank: Bank, run: FaultRun) -> Stage:
        customer = await cast.customer()
        members = await cast.providers(PROVIDERS)
        market = Market([member.person for member in members], LOOK_AT_OFFERS_EVERY_S)
        shop = Shop(customer, await quote_bracket(customer), market, PATIENCE_S)
        large = await quote_bracket(customer, MANY)
        return Stage(shop, large, await cast.support(), await cast.support(), bank, run.acknowledged)

    async def _play(
        self, stage: Stage, switches: SimulatorSwitches, helper: Helper, run: FaultRun, orders: int
    ) -> None:
        """The storm lasts as long as orders are left to be placed, or its time; the rest is played in the calm."""
        scripts = choose_scripts(orders, random.Random(self.seed + 1))
        calm, began = asyncio.Event(), time.monotonic()
        nemesis = Nemesis(self.stack, random.Random(self.seed), self.report, self.weather.victims, self.weather.pause_s)
        forger = Forger(self.stack, random.Random(self.seed + 2))
        raging = [nemesis.rage(calm), nemesis.lie_in_wait(switches, calm), forger.forge(calm)]
        over = asyncio.Event()
        helping = [helper.move_on(over), helper.keep_comparing(over, self.weather.compare_every_s)]
        callers = [asyncio.create_task(self._keep_ordering(stage, scripts, run)) for _ in range(self.weather.at_once)]
        async with _meanwhile(helping, over):
            async with disturbed_stripe(switches, self.seed) as run.stripe_faults, _meanwhile(raging, calm):
                await asyncio.wait(callers, timeout=self.weather.storm_s, return_when=asyncio.FIRST_COMPLETED)
            run.storm_s, run.kills = time.monotonic() - began, nemesis.kills
            self.report(f"calm after {nemesis.kills.total()} kills; {len(run.played)} orders have ended so far")
            began = time.monotonic()
            await asyncio.gather(*callers)
            run.calm_s = time.monotonic() - began
        run.failures += [f"{script}: not begun in time" for script in scripts]
        run.findings.append(Finding("forged webhooks not refused", forger.believed))
        run.figures["forged_webhooks_refused"] = forger.answers.total()

    async def _keep_ordering(self, stage: Stage, scripts: list[Script], run: FaultRun) -> None:
        last = time.monotonic() + self.weather.begun_within_s
        while scripts and time.monotonic() < last:
            script = scripts.pop()
            began = time.monotonic()
            try:
                run.played.append(await play(stage, script))
            except Exception as error:  # noqa: BLE001 (whatever it was, it is a finding, and the others go on)
                run.failures.append(f"{script}: {type(error).__name__}: {error}")
                self.report(f"{run.failures[-1]} (after {time.monotonic() - began:.0f} s)")

    async def _keep_silent(self, stage: Stage, switches: SimulatorSwitches, helper: Helper, run: FaultRun) -> None:
        """In the calm: what one reconciliation finds of what no webhook told."""
        began = time.monotonic()
        silence = Silence(stage, switches, helper.support)
        await silence.keep(self.weather.unheard)
        run.played += silence.played
        run.unheard = silence.unheard
        run.figures["unheard_found_in_one_cycle"] = f"{silence.acts - len(silence.unheard)} of {silence.acts}"
        self.report(f"{run.figures['unheard_found_in_one_cycle']} found ({time.monotonic() - began:.0f} s)")

    async def _examine(self, switches: SimulatorSwitches, helper: Helper, run: FaultRun) -> None:
        """Once nothing is under way any more: followers may be seconds behind the orders they tell of."""
        began = time.monotonic()
        database = Database(self.stack.database_url, DatabaseRole.OWNER, pool_size=2)
        try:
            while True:
                findings = await self._look(database, switches, helper, run)
                if all(finding.kept for finding in findings) or time.monotonic() > began + SETTLE_WITHIN_S:
                    break
                await asyncio.sleep(1)
        finally:
            await database.close()
        run.findings += [
            *findings,
            Finding("dropped webhooks not found by one reconciliation", run.unheard),
            Finding("people who gave up", run.failures),
            Finding("workflows that failed", await failed_workflows(self.stack.temporal_address)),
        ]
        run.examined_s = time.monotonic() - began
        run.figures |= {
            "comparisons": helper.cycles,
            "repaired_by_comparisons": dict(helper.repaired),
            "steps_moved_on_by_support": dict(helper.resolved),
        }

    async def _look(
        self, database: Database, switches: SimulatorSwitches, helper: Helper, run: FaultRun
    ) -> list[Finding]:
        """Reconcile, verify, then audit what both sides have."""
        reported = await helper.compare()
        checked = await helper.support.check_ledger()
        verified = [f"{found.kind.value} {found.subject}: {found.detail}" for found in checked.findings]
        stripe, balances = await switches.dump(), await switches.balances()
        findings = await audit(database, stripe, run.acknowledged) + await audit_rest(database)
        async with database.begin() as session:
            books = await Books.read(session)
        run.figures |= _size_of(books, stripe)
        return [
            *findings,
            *audit_balances(books, balances),
            *audit_endings(run.played, books, stripe),
            Finding("findings of the last reconciliation", reported),
            Finding("findings of `fulfil ledger verify`", verified),
            Finding("workflows left running", await running_workflows(self.stack.temporal_address)),
        ]


def _size_of(books: Books, stripe: StripeDump) -> dict[str, object]:
    return {
        "stripe_objects": {
            "charges": len(stripe.captured()),
            "refunds": len(stripe.refunds),
            "transfers": len(stripe.transfers),
            "reversals": len(stripe.transfer_reversals),
            "disputes": len(stripe.disputes),
            "balance_transactions": len(stripe.balance_transactions),
        },
        "webhooks_dropped": sum(delivery.state == "dropped" for delivery in stripe.deliveries),
        "ledger_transactions": len(books.transactions),
    }


@asynccontextmanager
async def _meanwhile(deeds: Sequence[Coroutine[None, None, None]], until: asyncio.Event) -> AsyncGenerator[None]:
    """Let the deeds go on inside the block; at its end they hear of the event, and are waited for."""
    tasks = [asyncio.create_task(deed) for deed in deeds]
    try:
        yield
    finally:
        until.set()
        await asyncio.gather(*tasks)
