"""PostgreSQL: one engine per process, one session per request or activity, one role per kind of process."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from enum import StrEnum

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection


class DatabaseRole(StrEnum):
    """PostgreSQL role a process works as, after connecting with the URL's own user."""

    OWNER = ""
    API = "fulfil_api"
    WORKER = "fulfil_worker"


class Database:
    """Holds the pool; `begin()` gives a session whose transaction commits at the end of the block."""

    def __init__(self, url: str, role: DatabaseRole, *, pool_size: int = 20) -> None:
        server_settings = {"application_name": f"fulfil-{role.value or 'owner'}", "jit": "off"}
        if role.value:
            server_settings["role"] = role.value
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=10,
            connect_args={"server_settings": server_settings, "timeout": 5, "command_timeout": 30},
        )
        event.listen(self.engine.sync_engine, "checkout", _refuse_dead)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[AsyncSession]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        async with self._sessions() as session, session.begin():
            yield session

    async def close(self) -> None:
        """Return every connection."""
        await self.engine.dispose()


def _refuse_dead(connection: DBAPIConnection, record: ConnectionPoolEntry, proxy: PoolProxiedConnection) -> None:
    """Give nobody a connection whose server went away: its socket tells without the three round trips of a ping."""
    del record, proxy
    driver = connection.driver_connection
    if isinstance(driver, asyncpg.Connection) and driver.is_closed():
        raise InvalidatePoolError
