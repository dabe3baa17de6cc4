"""Activities on a real PostgreSQL, a real Temporal server and the Stripe simulator."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from fulfil.activities.quotes import PRELOAD
from fulfil.gateways.storage import ObjectStorage
from fulfil.gateways.stripe.gateway import StripeGateway
from fulfil.kit.database import Database
from fulfil.kit.isolation import Isolation
from tests.activities.quoting_desk import QuotingDesk
from tests.activities.shop import Shop
from tests.activities.till import Till
from tests.conftest import RunningSimulator


@pytest.fixture(scope="session")
async def temporal_client(temporal_dev: str) -> Client:
    """A client of the real dev server."""
    return await Client.connect(temporal_dev, data_converter=pydantic_data_converter)


@pytest.fixture
def shop(owner_database: Database, worker_database: Database, temporal_client: Client) -> Shop:
    """An empty shop."""
    return Shop(owner=owner_database, worker=worker_database, client=temporal_client)


@pytest.fixture
async def till(shop: Shop, stripe_simulator: RunningSimulator) -> AsyncIterator[Till]:
    """A shop with a till; faults are cleared afterwards."""
    gateway = StripeGateway(api_key=stripe_simulator.api_key, api_base=stripe_simulator.url)
    async with httpx.AsyncClient(base_url=stripe_simulator.url) as admin:
        # Tests before this one may have left the platform's balance in the red.
        topped_up = await admin.post("/_simulator/topups", json={"amount": 1_000_000, "currency": "eur"})
        topped_up.raise_for_status()
        yield Till(shop, gateway, admin)
        await admin.delete("/_simulator/faults")
    await gateway.close()


@pytest.fixture(scope="session")
async def geometry_isolation() -> AsyncIterator[Isolation]:
    """Real children, with the geometry libraries loaded once."""
    async with Isolation(preload=PRELOAD) as running:
        yield running


@pytest.fixture
def desk(
    owner_database: Database, worker_database: Database, geometry_isolation: Isolation, tmp_path: Path
) -> QuotingDesk:
    """A geometry worker without files."""
    folder = tmp_path / "objects"
    return QuotingDesk(
        owner=owner_database,
        worker=worker_database,
        storage=ObjectStorage.from_url(folder.as_uri()),
        isolation=geometry_isolation,
        folder=folder,
    )
