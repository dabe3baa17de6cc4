"""A PostgreSQL of its own for a while, migrated and empty; gone afterwards."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from fulfil.deploy.postgres import EmbeddedPostgres
from fulfil.deploy.supervisor import Supervisor, silent
from fulfil.models.migrations.runner import migrate


@asynccontextmanager
async def passing_database() -> AsyncGenerator[str]:
    """Run one while the block runs; its SQLAlchemy URL, of a user who owns the schema."""
    with tempfile.TemporaryDirectory(prefix="fulfil-bench-") as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        supervisor = Supervisor([postgres.program()], Path(folder), silent)
        try:
            await supervisor.start()
            await asyncio.to_thread(migrate, postgres.url)
            yield postgres.url
        finally:
            await supervisor.stop()
