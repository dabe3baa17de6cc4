"""A dependency that is down is a 503 that says which, never a 500; when it is back, so are we."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, RPCStatusCode

from fulfil.api.errors import ProblemError
from fulfil.api.outages import temporal_outages
from fulfil.api.readers.platform import newest_revision
from fulfil.kit.settings import Settings
from tests.api.fakes import FakeProcesses, FakeQuoteWork
from tests.api.running import NOBODY, Api, MovableClock, api_of, create_app, running, until
from tests.api.world import Person, World
from tests.sockets import end_of_connection


@pytest.fixture
async def without_database(settings: Settings) -> AsyncIterator[Api]:
    """PostgreSQL does not answer."""
    async with api_of(settings.model_copy(update={"database_url": f"postgresql+asyncpg://x@{NOBODY}/x"})) as api:
        yield api


@pytest.fixture
async def without_temporal(settings: Settings) -> AsyncIterator[Api]:
    """Temporal does not answer."""
    client = await Client.connect(NOBODY, data_converter=pydantic_data_converter, lazy=True)
    app = create_app(settings, temporal=client)
    async with running(app) as http:
        yield Api(app, http, FakeProcesses(client), FakeQuoteWork(client), settings, MovableClock())


async def test_without_a_database_everything_is_unavailable_but_alive(without_database: Api, customer: Person) -> None:
    for response in (
        await without_database.get("/orders", customer),
        await without_database.post("/auth/login", json={"email": "a@example.com", "password": "x"}),
    ):
        assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
        assert response.json()["retryable"] is True
        assert response.headers["Retry-After"]
    assert (await without_database.client.get("/healthz")).json() == {"status": "ok"}
    ready = await without_database.client.get("/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert "database" in ready.json()["database"]
    assert ready.json()["storage"] == "ok"


async def test_connections_cut_by_the_server_are_replaced(api: Api, world: World, customer: Person) -> None:
    assert (await api.get("/orders", customer)).status_code == 200
    async with api.context.begin() as session:
        end = await end_of_connection(session)
    async with world.begin() as session:
        await session.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'fulfil-fulfil_api'"
            )
        )
    await asyncio.wait_for(end.wait(), 10)
    assert (await api.get("/orders", customer)).status_code == 200
    await until(lambda: api.context.feed.works)


async def test_a_connection_cut_in_the_middle_is_a_503(api: Api, world: World, customer: Person) -> None:
    quote_id = await world.quote(customer)
    async with world.begin() as session:
        await session.execute(text("LOCK TABLE quotes IN ACCESS EXCLUSIVE MODE"))
        waiting = asyncio.create_task(api.get(f"/quotes/{quote_id}", customer))
        await asyncio.wait([waiting], timeout=0.3)
        await session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        )
        response = await waiting
    assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")


async def test_without_temporal_reads_go_on_and_orders_wait(
    without_temporal: Api, world: World, customer: Person
) -> None:
    quote_id = await world.quote(customer)
    order = await without_temporal.post("/orders", customer, key="k1", json={"quote_id": quote_id})
    quote = await without_temporal.post(
        "/quotes", customer, json={"items": [{"file_id": await world.file(customer), "material": "PLA"}]}
    )
    for response in (order, quote):
        assert (response.status_code, response.json()["code"]) == (503, "temporal_unavailable")
        assert response.headers["Retry-After"]
        assert response.elapsed.total_seconds() < 15
    assert (await without_temporal.get("/quotes", customer)).status_code == 200
    ready = await without_temporal.client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["temporal"] != "ok"
    assert ready.json()["database"] == "ok"


async def test_an_old_database_is_not_ready(api: Api, world: World) -> None:
    async with world.begin() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    ready = await api.client.get("/readyz")
    assert ready.status_code == 503
    assert newest_revision() in ready.json()["database"]
    assert "fulfil migrate" in ready.json()["database"]


def test_a_workflow_whose_tasks_fail_for_the_moment_is_an_outage_and_no_bug() -> None:
    not_ready = RPCError("Unable to perform workflow execution update", RPCStatusCode.FAILED_PRECONDITION, b"")
    with pytest.raises(ProblemError) as raised, temporal_outages():
        raise not_ready
    assert raised.value.status_code == 503
