"""Runs the workers of several task queues in one process with one client, from start to clean end."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Awaitable, Coroutine, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from sqlalchemy import make_url, text
from sqlalchemy.exc import SQLAlchemyError
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from fulfil.kit.database import Database, DatabaseRole
from fulfil.kit.health import health_server
from fulfil.kit.settings import Settings
from fulfil.kit.telemetry import start_telemetry
from fulfil.kit.temporal import LONGEST_PAUSE_S, connect_temporal_patiently, temporal_runtime
from fulfil.models.messages.documents import PlatformIdentity
from fulfil.ranking.rankings import ranking_named
from fulfil.workers.registration import FOLLOWERS, keep_following
from fulfil.workers.scheduling import RECONCILIATION, UPKEEP, keep_recurring
from fulfil.workflows.ids import GEOMETRY, INTEGRATIONS, ORDERS, PAYMENTS, TASK_QUEUES

HEALTH_WITHIN_S = 2.0

log = structlog.stdlib.get_logger(__name__)
T = TypeVar("T")


class UnknownQueueError(ValueError):
    """There is no worker for a task queue of that name."""


async def run_workers(queues: Sequence[str], settings: Settings, stopping: asyncio.Event | None = None) -> None:
    """Work on the queues until SIGTERM, SIGINT or `stopping`; waits for PostgreSQL and Temporal to be there first.

    Raises what ended a worker that could not go on.
    """
    unknown = [queue for queue in queues if queue not in TASK_QUEUES]
    if unknown:
        raise UnknownQueueError(f"no task queue {', '.join(unknown)}: there are {', '.join(TASK_QUEUES)}")
    stopping = stopping or _stop_on_signals()
    sdk_metrics = f"127.0.0.1:{_free_port()}" if settings.metrics_port else ""
    telemetry = start_telemetry(service=f"fulfil-worker-{'-'.join(queues)}", endpoint=settings.otlp_endpoint)
    database = Database(settings.database_url, DatabaseRole.WORKER, pool_size=settings.database_pool_size)
    crew = Crew(queues, settings, database)
    try:
        async with health_server(
            settings.metrics_port, crew.obstacles, host=settings.api_host, sdk_metrics=sdk_metrics
        ):
            await _unless(stopping, _wait_for_database(database, settings.database_url))
            runtime = temporal_runtime(metrics_address=sdk_metrics)
            client = await _unless(stopping, connect_temporal_patiently(runtime))
            if client is not None:
                await crew.work(client, stopping)
    finally:
        await database.close()
        await telemetry.close()


class Crew:
    """The workers of one process."""

    def __init__(self, queues: Sequence[str], settings: Settings, database: Database) -> None:
        self._queues = queues
        self._settings = settings
        self._database = database
        self._client: Client | None = None
        self._workers: list[Worker] = []

    async def work(self, client: Client, stopping: asyncio.Event) -> None:
        """Run until told to stop or until one worker can't go on, then end all of them gracefully."""
        self._client = client
        async with AsyncExitStack() as closing:
            self._workers = [await self._build(queue, client, closing) for queue in self._queues]
            running = [asyncio.create_task(worker.run()) for worker in self._workers]
            following = [
                asyncio.create_task(keep_following(client, follower))
                for follower in FOLLOWERS
                if follower.task_queue in self._queues
            ]
            if PAYMENTS in self._queues:
                every = timedelta(seconds=self._settings.reconcile_every_s)
                following.append(asyncio.create_task(keep_recurring(client, RECONCILIATION, every)))
            if ORDERS in self._queues:
                every = timedelta(seconds=self._settings.upkeep_every_s)
                following.append(asyncio.create_task(keep_recurring(client, UPKEEP, every)))
            log.info("working", queues=list(self._queues))
            stop = asyncio.create_task(stopping.wait())
            await asyncio.wait([stop, *running, *following], return_when=asyncio.FIRST_COMPLETED)
            log.info("stopping", queues=list(self._queues), asked=stop.done())
            for task in (stop, *following):
                task.cancel()
            await asyncio.gather(*(worker.shutdown() for worker in self._workers), return_exceptions=True)
            await asyncio.gather(*running)
            for failed in (task for task in following if not task.cancelled()):
                failed.result()

    async def obstacles(self) -> list[str]:
        """What keeps these workers from working; empty when nothing does."""
        client = self._client
        checks: dict[str, Awaitable[object]] = {"PostgreSQL": _ping(self._database)}
        found: list[str] = []
        if client is None:
            found.append("Temporal: not connected yet")
        else:
            checks["Temporal"] = client.service_client.check_health()
        found += [f"{worker.task_queue}: its worker does not run" for worker in self._workers if not worker.is_running]
        for name, check in checks.items():
            try:
                await asyncio.wait_for(check, HEALTH_WITHIN_S)
            except (OSError, TimeoutError, SQLAlchemyError, RPCError, RuntimeError) as error:
                found.append(f"{name}: {str(error) or type(error).__name__}".splitlines()[0])
        return found

    async def _build(self, queue: str, client: Client, closing: AsyncExitStack) -> Worker:
        # Imported here: a geometry process needs no Stripe, and the others no geometry libraries.
        if queue == ORDERS:
            from fulfil.workers import orders  # noqa: PLC0415

            return orders.build(client, self._database, ranking=ranking_named(self._settings.ranking))
        if queue == PAYMENTS:
            from fulfil.gateways.stripe.gateway import StripeGateway  # noqa: PLC0415
            from fulfil.workers import payments  # noqa: PLC0415

            gateway = StripeGateway(
                api_key=self._settings.stripe_api_key.get_secret_value(), api_base=self._settings.stripe_api_base
            )
            closing.push_async_callback(gateway.close)
            return payments.build(client, self._database, gateway, platform_of(self._settings))
        if queue == INTEGRATIONS:
            from fulfil.workers import integrations  # noqa: PLC0415

            return integrations.build(client, self._database)
        if queue == GEOMETRY:
            from fulfil.gateways.storage import ObjectStorage  # noqa: PLC0415
            from fulfil.kit.isolation import Isolation  # noqa: PLC0415
            from fulfil.workers import geometry  # noqa: PLC0415

            # Started here, so that the first customer doesn't wait for its libraries.
            isolation = await closing.enter_async_context(Isolation(preload=geometry.PRELOAD))
            storage = ObjectStorage.from_url(self._settings.storage)
            slicer = geometry.find_slicer(self._settings.slicer)
            return geometry.build(client, self._database, storage, isolation, slicer)
        raise UnknownQueueError(queue)


def platform_of(settings: Settings) -> PlatformIdentity:
    """Who issues the documents; as long as nobody is named, an example that says so."""
    if not settings.seller_name:
        log.warning("documents are issued by an example", set="FULFIL_SELLER_NAME")
        return PlatformIdentity()
    lines = (line.strip() for line in settings.seller_address.split(";"))
    return PlatformIdentity(
        name=settings.seller_name,
        address_lines=tuple(line for line in lines if line),
        vat_id=settings.seller_vat_id or None,
        email=settings.seller_email or None,
    )


async def _wait_for_database(database: Database, url: str) -> None:
    """Return once PostgreSQL answers, saying in the log why not yet."""
    pause_s = 0.25
    while True:
        try:
            await _ping(database)
        except (OSError, TimeoutError, SQLAlchemyError) as error:
            cause = str(error).splitlines()[0]
            log.warning("waiting for PostgreSQL", url=make_url(url).render_as_string(), cause=cause, again_in_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        else:
            return


async def _ping(database: Database) -> None:
    async with database.engine.connect() as connection:
        await connection.execute(text("SELECT 1"))


async def _unless(stopping: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of the work, or None when the stop came first."""
    working = asyncio.create_task(work)
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait([working, stop], return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if working.done():
        return await working
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    return None


def _stop_on_signals() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
