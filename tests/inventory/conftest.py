"""A storeroom in a database that all tests of stock share, emptied before each."""

import secrets
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from fulfil.kit.database import Database, DatabaseRole
from tests.conftest import TEMPLATE, database_named
from tests.inventory.storeroom import Storeroom, furnish

EMPTY = ("SET LOCAL session_replication_role = replica", "TRUNCATE stock_reservations, stock_movements, stock_items")


@pytest.fixture(scope="session")
async def databases(postgres_server: str, administrator: AsyncConnection) -> AsyncIterator[tuple[Database, Database]]:
    """As its owner and as workers see it."""
    name = f"stock_{secrets.token_hex(6)}"
    await administrator.execute(text(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY"))
    url = database_named(postgres_server, name)
    owner, worker = Database(url, DatabaseRole.OWNER, pool_size=10), Database(url, DatabaseRole.WORKER, pool_size=10)
    yield owner, worker
    await owner.close()
    await worker.close()
    await administrator.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def room(databases: tuple[Database, Database]) -> Storeroom:
    """An empty storeroom."""
    owner, worker = databases
    async with owner.begin() as session:
        for statement in EMPTY:
            await session.execute(text(statement))
    return await furnish(owner, worker)
