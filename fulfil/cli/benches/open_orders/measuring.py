"""Starts the orders, counts what they cost, replaces the worker, and times what it takes up."""

import asyncio
import itertools
import random
import re
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from fulfil.api.processes import ProcessEndedError, Processes
from fulfil.cli.benches.figures import Figure
from fulfil.cli.benches.open_orders.effects import REMINDED, REVISION, job_id_of, offers_of
from fulfil.cli.benches.processes import memory_mib
from fulfil.cli.benches.samples import Samples, timed
from fulfil.deploy.ports import PortChoice, Ports
from fulfil.deploy.supervisor import Supervisor, silent
from fulfil.deploy.temporal_server import EmbeddedTemporal
from fulfil.kit.temporal import connect_temporal
from fulfil.models.ids import new_id
from fulfil.models.messages.jobs import AcceptOffer
from fulfil.models.messages.orders import StartOrder
from fulfil.models.messages.parties import Actor, ActorKind
from fulfil.models.messages.payments import PaymentChanged, PaymentState
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.money import Money
from fulfil.workers.registration import CACHED_WORKFLOWS
from fulfil.workflows.attributes import SEARCH_ATTRIBUTES
from fulfil.workflows.ids import ORDERS, job_workflow_id, order_workflow_id

IN_FLIGHT = 30
SAMPLED = 40
READY_WITHIN_S, FIRED_WITHIN_S, JOB_WITHIN_S = 120, 300, 30
LOOK_EVERY_S, LOOK_AT_LOG_EVERY_S = 0.01, 0.2
UPDATERS = 4
REMINDED_BEFORE_S = 86_400
READY_TARGET_S, UPDATE_P95_MS = 30, 1000
KIB, MIB = 1024, 1024 * 1024
TOTAL = Money(amount_minor=1299, currency="eur")


@dataclass(frozen=True)
class Size:
    """How many orders are started, within how many seconds; how many timers fire at once, how many updates are sent."""

    orders: int = 10_000
    seconds: float = 900
    timers: int = 1_000
    updates: int = 200
    slack_s: float = 60
    """What the replacement of the worker and the updates may take before the timers fire."""


@dataclass
class BenchWorker:
    """The worker's process."""

    process: asyncio.subprocess.Process
    log: Path

    def memory_mib(self) -> int:
        """What it holds."""
        return memory_mib({"worker": self.process.pid})["worker"]

    def reminded(self) -> dict[str, float]:
        """How late each reminder was written after its timer was due, in seconds, by its job."""
        found = re.findall(rf"{REMINDED} (\S+) (\S+) (\S+)", self.log.read_text())
        return {job_id: float(at) - (float(by) - REMINDED_BEFORE_S) for job_id, by, at in found}


@dataclass
class OpenOrders:
    """The bench on one server."""

    client: Client
    temporal_pid: int
    folder: Path
    size: Size
    say: Callable[[str], None]
    ids: list[str] = field(default_factory=list[str])
    figures: list[Figure] = field(default_factory=list[Figure])

    async def run(self) -> None:
        """One figure after the other."""
        before = self._server_mib()
        async with self._worker("first") as worker:
            await self._poller_since(time.time() - READY_WITHIN_S)
            idle = worker.memory_mib()
            fresh = await self._start_orders(worker, idle, before)
            fires_at, timed_ids = await self._start_timed(fresh)
        async with self._worker("second") as worker:
            await self._ready()
            await self._updates()
            await self._timers(worker, fires_at, timed_ids)

    async def _start_orders(self, worker: BenchWorker, idle_mib: int, before_mib: int) -> float:
        """All but the timed ones; how many a second."""
        wanted = self.size.orders - self.size.timers
        self.say(f"starting {wanted} orders that wait, for at most {self.size.seconds:.0f} s")
        began = time.monotonic()
        ids = await self._start(wanted, until=began + self.size.seconds, policies=OrderPolicies)
        took = time.monotonic() - began
        self.ids += ids
        number = max(1, len(ids))
        events, size = await self._histories(random.Random(0).sample(ids, min(SAMPLED, len(ids))))
        memory, stored = (self._server_mib() - before_mib) * KIB / number, self._database_bytes() / KIB / number
        cached = min(CACHED_WORKFLOWS, 2 * len(ids))
        started = f"{len(ids) / took:.1f} ({len(ids)} in {took:.0f} s)"
        held = f"{idle_mib} idle, {worker.memory_mib()} with {cached} of at most {CACHED_WORKFLOWS} workflows cached"
        self.figures += [
            Figure("open orders started per second, to the accepted job", started),
            Figure("history events per open order (order + job)", f"{events:.0f}"),
            Figure("history bytes per open order (order + job)", f"{size:.0f}"),
            Figure("Temporal's memory per open order, KiB", f"{memory:.0f}"),
            Figure("Temporal's database per open order, KiB", f"{stored:.0f}"),
            Figure("worker's memory, MiB", held),
        ]
        return len(ids) / took

    async def _start_timed(self, per_second: float) -> tuple[float, list[str]]:
        """Those whose reminder is due at one moment, after the worker was replaced."""
        fires_at = time.time() + 1.5 * self.size.timers / per_second + self.size.slack_s
        self.say(f"starting {self.size.timers} more, whose timers fire together in {fires_at - time.time():.0f} s")

        def policies() -> OrderPolicies:
            waits_s = max(1, round(fires_at - time.time()))
            return OrderPolicies(start_reminder_s=waits_s, start_due_s=waits_s + REMINDED_BEFORE_S)

        ids = await self._start(self.size.timers, until=time.monotonic() + self.size.seconds, policies=policies)
        return fires_at, ids

    async def _ready(self) -> None:
        """A fresh process, from its start to its first poll."""
        took = await self._poller_since(self._spawned_at)
        self.say("a fresh worker polls")
        self.figures.append(
            Figure("fresh worker ready (first poll)", f"{took:.1f} s", f"<= {READY_TARGET_S} s", took <= READY_TARGET_S)
        )

    async def _updates(self) -> None:
        """Each to another order nobody has touched since: its history is replayed first."""
        cold = random.Random(1).sample(self.ids, min(self.size.updates, len(self.ids)))
        self.say(f"{len(cold)} updates on cold orders, {UPDATERS} callers")
        answered = await timed(lambda number: self._accept(cold[number]), times=len(cold), at_once=UPDATERS)
        self.figures.append(
            Figure(
                f"update on a cold order, {UPDATERS} callers, {len(cold)} orders",
                str(answered),
                f"p95 < {UPDATE_P95_MS} ms",
                answered.p95_ms < UPDATE_P95_MS,
            )
        )

    async def _timers(self, worker: BenchWorker, fires_at: float, ids: Sequence[str]) -> None:
        """How late after its time the work of each timer is done."""
        self.say(f"{len(ids)} timers fire in {max(0.0, fires_at - time.time()):.0f} s")
        jobs = {job_id_of(order_id) for order_id in ids}
        last = max(fires_at, time.time()) + FIRED_WITHIN_S
        while True:
            reminded = {job_id: late_s for job_id, late_s in worker.reminded().items() if job_id in jobs}
            if len(reminded) == len(jobs) or time.time() > last:
                break
            await asyncio.sleep(LOOK_AT_LOG_EVERY_S)
        late = Samples([max(0.0, late_s) for late_s in reminded.values()])
        done, within = len(late.seconds), f"p50 {late.quantile(0.5):.1f} s, p95 {late.quantile(0.95):.1f} s"
        self.figures += [
            Figure("timers that fire at once after it, done", str(done), str(len(ids)), done == len(ids)),
            Figure("their work done after they were due", f"{within}, max {late.quantile(1):.1f} s"),
            Figure("worker's memory after all of it, MiB", str(worker.memory_mib())),
        ]

    async def _start(self, number: int, *, until: float, policies: Callable[[], OrderPolicies]) -> list[str]:
        ids: list[str] = []
        numbers = iter(range(number))

        async def caller() -> None:
            for _ in numbers:
                if time.monotonic() > until:
                    return
                ids.append(await self._start_one(policies()))

        async with asyncio.TaskGroup() as callers:
            for _ in range(IN_FLIGHT):
                callers.create_task(caller())
        return ids

    async def _start_one(self, policies: OrderPolicies) -> str:
        """Placed, paid, accepted: from now on it waits for its provider."""
        order_id, customer = new_id("ord"), new_id("cus")
        start = StartOrder(
            order_id=order_id,
            customer_id=customer,
            quote_ids=(new_id("quo"),),
            placed_by=Actor(kind=ActorKind.CUSTOMER, id=customer),
            policies=policies,
            revision=REVISION,
        )
        due_at = datetime.now(UTC) + timedelta(seconds=policies.payment_due_s)
        await Processes(self.client).place_order(start, total=TOTAL, due_at=due_at, update_id=f"place-{order_id}")
        paid = PaymentChanged(event_id=f"evt_{order_id}", payment_intent_id="pi_1", state=PaymentState.AUTHORIZED)
        await self.client.get_workflow_handle(order_workflow_id(order_id)).signal("payment_changed", paid)
        async with asyncio.timeout(JOB_WITHIN_S):
            while True:
                try:
                    await self._accept(order_id)
                except ProcessEndedError:  # the job is not there yet
                    await asyncio.sleep(LOOK_EVERY_S)
                else:
                    return order_id

    async def _accept(self, order_id: str) -> None:
        """The same provider accepts; again, she is told what she has."""
        job_id = job_id_of(order_id)
        offer = offers_of(job_id)[0]
        acceptance = AcceptOffer(
            offer_id=offer.offer_id,
            provider_id=offer.provider_id,
            actor=Actor(kind=ActorKind.PROVIDER, id=offer.provider_id),
        )
        await Processes(self.client).accept_offer(job_id, acceptance, update_id=f"accept-{next(_NUMBERS)}")

    async def _histories(self, ids: Sequence[str]) -> tuple[float, float]:
        """Events and bytes, of order and job together, on average."""
        events = size = 0
        for order_id in ids:
            for workflow_id in (order_workflow_id(order_id), job_workflow_id(job_id_of(order_id))):
                info = (await self.client.get_workflow_handle(workflow_id).describe()).raw_description
                events += info.workflow_execution_info.history_length
                size += info.workflow_execution_info.history_size_bytes
        return events / max(1, len(ids)), size / max(1, len(ids))

    @asynccontextmanager
    async def _worker(self, name: str) -> AsyncGenerator[BenchWorker]:
        log = self.folder / f"{name}.log"
        target = self.client.service_client.config.target_host
        self._spawned_at = time.time()
        with log.open("wb") as out:
            command = (sys.executable, "-m", "fulfil.cli.benches.open_orders.worker", target)
            process = await asyncio.create_subprocess_exec(*command, stdout=out, stderr=out)
        try:
            yield BenchWorker(process, log)
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()

    async def _poller_since(self, since: float) -> float:
        """Seconds from `since` until somebody polls the workflows' queue who began after it."""
        request = DescribeTaskQueueRequest(
            namespace=self.client.namespace,
            task_queue=TaskQueue(name=ORDERS),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
        async with asyncio.timeout(READY_WITHIN_S):
            while True:
                with suppress(RPCError):
                    found = await self.client.workflow_service.describe_task_queue(request)
                    if any(
                        poller.last_access_time.ToDatetime(tzinfo=UTC).timestamp() > since for poller in found.pollers
                    ):
                        return time.time() - since
                await asyncio.sleep(LOOK_EVERY_S)

    def _server_mib(self) -> int:
        return memory_mib({"temporal": self.temporal_pid})["temporal"]

    def _database_bytes(self) -> int:
        return sum(path.stat().st_size for path in (self.folder / "temporal").glob("temporal.db*"))


_NUMBERS = itertools.count()


async def measure_open_orders(say: Callable[[str], None], size: Size) -> list[Figure]:
    """On a Temporal of its own with a database in a file, as `fulfil up` runs it."""
    with tempfile.TemporaryDirectory(prefix="fulfil-bench-") as place:
        folder, ports = Path(place), Ports(PortChoice.AUTO)
        temporal = EmbeddedTemporal(
            folder=folder / "temporal",
            port=ports.take(),
            ui_port=ports.take(),
            http_port=ports.take(),
            metrics_port=ports.take(),
            namespace="default",
            search_attributes=SEARCH_ATTRIBUTES,
        )
        supervisor = Supervisor([temporal.program()], folder / "logs", silent)
        try:
            await supervisor.start()
            client = await connect_temporal(address=temporal.address)
            bench = OpenOrders(client, supervisor.processes["temporal"], folder, size, say)
            await bench.run()
        finally:
            await supervisor.stop()
    return bench.figures
