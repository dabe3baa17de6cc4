"""What PostgreSQL notifies on a channel."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg

from fulfil.kit.database import Database


@asynccontextmanager
async def heard(database: Database, channel: str) -> AsyncGenerator[asyncio.Queue[str]]:
    """The payloads notified while the block runs."""
    payloads: asyncio.Queue[str] = asyncio.Queue()

    def hear(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        payloads.put_nowait(str(payload))

    async with database.engine.connect() as pooled:
        connection = (await pooled.get_raw_connection()).driver_connection
        assert isinstance(connection, asyncpg.Connection)
        await connection.add_listener(channel, hear)
        yield payloads
        await connection.remove_listener(channel, hear)
