"""Migrations from Python, without an alembic.ini: upgrade, ask whether a database is current, find drift."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from fulfil.models.migrations.drift import differences

# Any constant does, as long as every process of ours takes the same one.
LOCK = 5_211_070_461_337_020
# Alembic's `op` and `context` belong to the whole process: threads take turns.
TURN = threading.Lock()
T = TypeVar("T")


def migrate(url: str, revision: str = "head") -> None:
    """Upgrade the database, to the newest revision unless told; processes that start together wait for each other.

    `url` is `postgresql+asyncpg://…` of a user that owns the schema and may create roles (or finds the
    roles `fulfil_api` and `fulfil_worker` granted). Call it from code without a running event loop:
    sync code, or a thread.
    """
    _run(url, lambda connection: _upgrade(connection, revision))


def is_current(url: str) -> bool:
    """Whether the database stands at the newest revision."""
    return _run(url, _stands_at_head)


def check(url: str) -> list[str]:
    """What differs between the declared tables and the migrated database, a sentence each; [] when nothing."""
    return _run(url, differences)


def draft_revision(url: str, revision: str, message: str) -> Path:
    """Write `versions/{revision}_{message}.py` with what the declared tables need beyond the database at `url`."""

    def draft(connection: Connection) -> Path:
        config = _config(connection)
        with TURN:
            command.revision(config, message, autogenerate=True, rev_id=revision)
        return Path(ScriptDirectory.from_config(config).get_revision(revision).path)

    return _run(url, draft)


def _upgrade(connection: Connection, revision: str) -> None:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
    connection.commit()
    try:
        with TURN:
            command.upgrade(_config(connection), revision)
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
        connection.commit()


def _stands_at_head(connection: Connection) -> bool:
    heads = ScriptDirectory.from_config(_config(connection)).get_heads()
    return set(MigrationContext.configure(connection).get_current_heads()) == set(heads)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    return config


def _run(url: str, work: Callable[[Connection], T]) -> T:
    async def connected() -> T:
        engine = create_async_engine(url, poolclass=NullPool)
        try:
            async with engine.connect() as connection:
                return await connection.run_sync(work)
        finally:
            await engine.dispose()

    return asyncio.run(connected())
