"""What the benchmark measures, one figure after the other on one stack."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from temporalio.client import Client

from fulfil.api.schemas.quotes import Quote
from fulfil.cli.benches.costs import cost_of_order
from fulfil.cli.benches.figures import Figure
from fulfil.cli.benches.noop import complete_noops
from fulfil.cli.benches.processes import cpu_ms, memory_mib, spent_between
from fulfil.cli.benches.races import race_of_many
from fulfil.cli.benches.samples import Samples, Throughput, timed
from fulfil.cli.benches.streams import fan_out
from fulfil.cli.benches.throughput import complete_orders
from fulfil.cli.passing_stack import only_simulated, passing_stack
from fulfil.cli.playing.cast import Cast
from fulfil.cli.playing.following import LiveTimeline, Market
from fulfil.cli.playing.orders import Shop, quote_bracket
from fulfil.cli.playing.people import Customer, Provider
from fulfil.cli.playing.scenes import pay_in_full, race
from fulfil.cli.saying import Progress
from fulfil.kit.temporal import connect_temporal
from fulfil.models.messages.events import EventType

IN_FLIGHT = 20
CALLERS = 8
REQUESTS = 400
QUOTES = 100
RACERS, ROUNDS = 50, 5
READERS, STREAMED_EVENTS = 200, 5
PROVIDERS = 2
BUSY_MARKET_S = 0.1

API_P95_MS, QUOTE_P95_MS, STREAM_P95_MS = 200, 1000, 1000
ORDERS_PER_S = 8
MOST_EVENTS, MOST_ACTIONS = 96, 20


@dataclass
class _Bench:
    cast: Cast
    temporal: Client
    say: Callable[[str], None]
    seconds: float
    figures: list[Figure]

    async def run(self) -> None:
        stack = self.cast.stack
        idle = memory_mib(stack.processes)
        customer = await self.cast.customer()
        quote = await quote_bracket(customer)
        members = await self.cast.providers(PROVIDERS)
        shop = Shop(customer, quote, Market([member.person for member in members], BUSY_MARKET_S))
        await self._cost(shop)
        await self._throughput(shop)
        busy = memory_mib(stack.processes)
        await self._latencies(shop)
        await self._streams(shop)
        await self._races(customer, quote)
        end = memory_mib(stack.processes)
        for name in idle:
            value = f"{idle[name]} idle, {busy.get(name, 0)} after the orders, {end.get(name, 0)} at the end"
            self.figures.append(Figure(f"memory of {name}, MiB", value))

    async def _cost(self, shop: Shop) -> None:
        self.say("what one order costs at Temporal")
        order_id = await shop.complete_order()
        job = (await shop.customer.order(order_id)).job
        cost = await cost_of_order(self.temporal, order_id, job.id if job else "")
        whole = cost.whole
        detail = f"{whole.events} (order {cost.order.events}, job {cost.job.events})"
        self.figures.append(Figure("history events per order", detail, f"< {MOST_EVENTS}", whole.events < MOST_EVENTS))
        detail = f"{whole.actions} (order {cost.order.actions}, job {cost.job.actions})"
        self.figures.append(
            Figure("billable actions per order", detail, f"< {MOST_ACTIONS}", whole.actions < MOST_ACTIONS)
        )

    async def _throughput(self, shop: Shop) -> None:
        self.say(f"no-op workflows, {IN_FLIGHT} in flight")
        noops, noop_cpu = await self._with_cpu(
            complete_noops(self.temporal, seconds=self.seconds / 2, in_flight=IN_FLIGHT)
        )
        self.say(f"complete orders, {IN_FLIGHT} in flight")
        orders, order_cpu = await self._with_cpu(complete_orders(shop, seconds=self.seconds, in_flight=IN_FLIGHT))
        self.figures += [
            Figure(f"no-op workflows/s on the bare server, {IN_FLIGHT} in flight", f"{noops.per_second:.1f}"),
            Figure(
                f"complete orders/s, {IN_FLIGHT} in flight",
                f"{orders.per_second:.1f} ({len(orders.ids)} in {orders.seconds:.0f} s)",
                f">= {ORDERS_PER_S}",
                orders.per_second >= ORDERS_PER_S,
            ),
            Figure("orders per no-op workflow (ratio)", f"{orders.per_second / noops.per_second:.3f}"),
            Figure("CPU per no-op workflow, ms", noop_cpu),
            Figure("CPU per order, ms", order_cpu),
        ]

    async def _with_cpu(self, measured: Awaitable[Throughput]) -> tuple[Throughput, str]:
        """The throughput, and what one of it cost each process that took part."""
        processes = self.cast.stack.processes
        before = cpu_ms(processes)
        done = await measured
        spent = spent_between(before, cpu_ms(processes))
        number = max(1, len(done.ids))
        shares = ", ".join(f"{name} {share}" for name, ms in spent.items() if (share := round(ms / number)))
        return done, f"{round(sum(spent.values()) / number)} ({shares})"

    async def _latencies(self, shop: Shop) -> None:
        self.say(f"API latencies, {CALLERS} callers")
        order_id, job_id, provider = await _in_production(shop)
        customer, file_id = shop.customer, shop.quote.items[0].file.id
        reads = await timed(lambda _: customer.order(order_id), times=REQUESTS, at_once=CALLERS)
        writes = await timed(lambda _: provider.progress(job_id, 10), times=REQUESTS, at_once=CALLERS)
        quotes = await timed(lambda number: customer.quote(file_id, quantity=1 + number), times=QUOTES, at_once=2)
        await provider.check_quality(job_id)
        self.figures += [
            _latency(f"read an order, {CALLERS} callers", reads, API_P95_MS),
            _latency(f"accepted write (progress), {CALLERS} callers", writes, API_P95_MS),
            _latency("quote of an analysed file, 2 callers", quotes, QUOTE_P95_MS),
        ]

    async def _streams(self, shop: Shop) -> None:
        self.say(f"{READERS} live streams")
        order_id, job_id, provider = await _in_production(shop)
        readers = [shop.customer] * READERS
        seen = await fan_out(
            readers, order_id, lambda number: provider.progress(job_id, 10 + number), events=STREAMED_EVENTS
        )
        self.figures.append(_latency(f"report to sight on {READERS} live streams", seen, STREAM_P95_MS))

    async def _races(self, customer: Customer, quote: Quote) -> None:
        self.say(f"{RACERS} providers accept at once, {ROUNDS} rounds")
        races = await race_of_many(
            self.cast, self.temporal, customer, quote, racers=RACERS, rounds=ROUNDS, say=self.say
        )
        self.figures += races.figures(RACERS)


async def measure(progress: Progress, *, seconds: float) -> list[Figure]:
    """Everything, in about two minutes; `seconds` is the time given to complete orders."""
    figures: list[Figure] = []
    async with passing_stack(progress.report) as stack:
        only_simulated(stack)
        temporal = await connect_temporal(address=stack.temporal_address)
        async with Cast(stack, patience_s=10) as cast:
            await _Bench(cast, temporal, progress.say, seconds, figures).run()
    return figures


async def _in_production(shop: Shop) -> tuple[str, str, Provider]:
    """An order whose provider has started: its id, its job's, and who makes it."""
    order = await shop.customer.place(shop.quote)
    async with LiveTimeline(shop.customer, order.id) as live:
        await pay_in_full(shop.customer, order.id)
        job_id = (await live.until(EventType.JOB_OPENED)).subject
        won = await race(await shop.market.chances(job_id))
    await won.winner.start(job_id)
    return order.id, job_id, won.winner


def _latency(what: str, samples: Samples, p95_ms: int) -> Figure:
    return Figure(what, str(samples), f"p95 < {p95_ms} ms", samples.p95_ms < p95_ms)
