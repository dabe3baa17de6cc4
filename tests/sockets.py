"""Hearing that the server has closed the driver's connection below a session."""

import asyncio

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession


async def end_of_connection(session: AsyncSession) -> asyncio.Event:
    """Set when the connection that this session uses hears of its end."""
    raw = await (await session.connection()).get_raw_connection()
    connection = raw.driver_connection
    assert isinstance(connection, asyncpg.Connection)
    ended = asyncio.Event()

    def tell(_: object) -> None:
        ended.set()

    connection.add_termination_listener(tell)
    return ended
