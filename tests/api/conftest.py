"""People, an application on a real PostgreSQL, and a shop with real workflows."""

import asyncio
import gc
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration
from pydantic import SecretStr
from sqlalchemy import update
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from fulfil.gateways.stripe.gateway import StripeGateway
from fulfil.kit.database import Database
from fulfil.kit.settings import Settings
from fulfil.kit.temporal import register_search_attributes
from fulfil.models.messages.documents import PlatformIdentity
from fulfil.models.messages.parties import Role
from fulfil.models.tables.accounts import ProviderRow
from fulfil.workers import orders as orders_worker
from fulfil.workers import payments as payments_worker
from fulfil.workflows import attributes
from tests.api.fakes import FakeProcesses, FakeQuoteWork
from tests.api.running import Api, MovableClock, api_of, create_app, running
from tests.api.shop import Shop
from tests.api.world import SECRET, Person, World
from tests.conftest import RunningSimulator


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Everything local; no Stripe behind it."""
    return Settings(
        data_dir=tmp_path,
        database_url=database_url,
        jwt_secret=SecretStr(SECRET),
        stripe_api_key=SecretStr("sk_test_nobody"),
        stripe_publishable_key="pk_test_nobody",
        stripe_api_base="http://127.0.0.1:9",
        stripe_webhook_secrets=[SecretStr("whsec_old"), SecretStr("whsec_new")],
    )


@pytest.fixture
def simulated(settings: Settings, stripe_simulator: RunningSimulator) -> Settings:
    """The same with the Stripe simulator."""
    return settings.model_copy(
        update={
            "stripe_api_key": SecretStr(stripe_simulator.api_key),
            "stripe_api_base": stripe_simulator.url,
        }
    )


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[Api]:
    """The application without a payment provider."""
    async with api_of(settings) as api:
        yield api


@pytest.fixture
async def paying_api(simulated: Settings) -> AsyncIterator[Api]:
    """The application with the Stripe simulator."""
    async with api_of(simulated) as api:
        yield api


@pytest.fixture
async def world(owner_database: Database) -> World:
    """An empty database to fill."""
    return World(owner_database)


@pytest.fixture
async def customer(world: World) -> Person:
    """Ada, a customer."""
    return await world.person(Role.CUSTOMER)


@pytest.fixture
async def stranger(world: World) -> Person:
    """Another customer."""
    return await world.person(Role.CUSTOMER)


@pytest.fixture
async def provider(world: World) -> Person:
    """A provider's account."""
    return await world.person(Role.PROVIDER)


@pytest.fixture
async def rival(world: World) -> Person:
    """Another provider's account."""
    return await world.person(Role.PROVIDER)


@pytest.fixture
async def supporter(world: World) -> Person:
    """Somebody of support."""
    return await world.person(Role.SUPPORT)


@pytest.fixture
async def admin(world: World) -> Person:
    """An administrator."""
    return await world.person(Role.ADMIN)


@pytest.fixture(scope="module")
async def namespace(temporal_dev: str) -> str:
    """A namespace where nobody else's workers listen."""
    name = f"api-{secrets.token_hex(4)}"
    root = await Client.connect(temporal_dev)
    await root.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=Duration(seconds=86400))
    )
    client = await Client.connect(temporal_dev, namespace=name)
    async with asyncio.timeout(30):
        while True:
            try:
                await register_search_attributes(client, attributes.SEARCH_ATTRIBUTES)
            except RPCError:
                await asyncio.sleep(0.1)  # the namespace is known everywhere after a moment
            else:
                return name


@pytest.fixture
async def temporal(temporal_dev: str, namespace: str) -> AsyncIterator[Client]:
    """A client; what a test leaves running is ended with it."""
    client = await Client.connect(temporal_dev, namespace=namespace, data_converter=pydantic_data_converter)
    yield client
    async for execution in client.list_workflows("ExecutionStatus = 'Running'"):
        await client.get_workflow_handle(execution.id).terminate()
    # Workflows the worker still had in its cache: collected in the middle of a compilation they make it fail.
    gc.collect()


@pytest.fixture
async def shop(
    simulated: Settings, temporal: Client, worker_database: Database, world: World, customer: Person
) -> AsyncIterator[Shop]:
    """Three providers with material and connected accounts, and both workers."""
    async with AsyncExitStack() as open_things:
        gateway = StripeGateway(api_key=simulated.stripe_api_key.get_secret_value(), api_base=simulated.stripe_api_base)
        open_things.push_async_callback(gateway.close)
        app = create_app(simulated, temporal=temporal)
        http = await open_things.enter_async_context(running(app))
        await open_things.enter_async_context(orders_worker.build(temporal, worker_database))
        await open_things.enter_async_context(
            payments_worker.build(temporal, worker_database, gateway, PlatformIdentity())
        )
        api = Api(app, http, FakeProcesses(temporal), FakeQuoteWork(temporal), simulated, MovableClock())
        providers = [await world.person(Role.PROVIDER) for _ in range(3)]
        for provider in providers:
            account = await gateway.create_recipient_account(
                provider_id=provider.owner_id, name="P", idempotency_key=provider.owner_id
            )
            async with world.begin() as session:
                await session.execute(
                    update(ProviderRow).where(ProviderRow.id == provider.owner_id).values(stripe_account_id=account)
                )
            receipt = {"material": "PLA", "quantity": 100}
            await api.post(f"/providers/{provider.owner_id}/stock", provider, json=receipt)
        yield Shop(api, world, temporal, customer, providers)
