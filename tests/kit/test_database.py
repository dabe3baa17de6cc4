"""The pool: what a transaction is given when the server went away in between."""

import asyncio

from sqlalchemy import text

from fulfil.kit.database import Database, DatabaseRole
from tests.sockets import end_of_connection

BACKEND = text("SELECT pg_backend_pid()")


async def test_a_connection_whose_server_went_away_is_given_to_nobody(
    database_url: str, owner_database: Database
) -> None:
    database = Database(database_url, DatabaseRole.API, pool_size=3)
    try:
        async with database.begin() as first, database.begin() as second:
            lost = {await first.scalar(BACKEND), await second.scalar(BACKEND)}
            ends = [await end_of_connection(first), await end_of_connection(second)]
        async with owner_database.begin() as session:
            for backend in lost:
                await session.execute(text("SELECT pg_terminate_backend(:backend, 5000)"), {"backend": backend})
        async with asyncio.timeout(10):
            await asyncio.gather(*(end.wait() for end in ends))
        async with database.begin() as first, database.begin() as second:
            fresh = {await first.scalar(BACKEND), await second.scalar(BACKEND)}
        assert fresh.isdisjoint(lost)
    finally:
        await database.close()


async def test_a_transaction_costs_no_round_trips_but_its_own(database_url: str, owner_database: Database) -> None:
    database = Database(database_url, DatabaseRole.API, pool_size=1)
    counted = text("SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()")
    try:
        async with owner_database.begin() as session:
            before = await session.scalar(counted)
        backend: int | None = None
        for _ in range(20):
            async with database.begin() as session:
                await session.execute(text("SELECT 1"))
                backend = await session.scalar(BACKEND)
    finally:
        await database.close()
    # A backend writes its statistics when it ends.
    alive = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :backend")
    async with asyncio.timeout(10), owner_database.begin() as session:
        while await session.scalar(alive, {"backend": backend}):
            await session.execute(text("SELECT pg_stat_clear_snapshot()"))
    async with owner_database.begin() as session:
        after = await session.scalar(counted)
    assert after - before < 5
