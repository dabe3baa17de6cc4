"""Migrations from the command line: on the database that is set, the running stack's, or a passing one."""

import asyncio
import tempfile
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError
from temporalio.service import RPCError

from fulfil.deploy.data_folder import StackFile
from fulfil.deploy.plan import TEMPORAL_SETTINGS, is_set
from fulfil.deploy.postgres import EmbeddedPostgres
from fulfil.deploy.supervisor import Supervisor, silent
from fulfil.kit.settings import Settings
from fulfil.kit.temporal import connect_temporal, register_search_attributes, temporal_target
from fulfil.models.migrations.runner import check, migrate
from fulfil.workflows.attributes import SEARCH_ATTRIBUTES


class MigrationError(RuntimeError):
    """A server did not answer or refused; the message says which."""


def bring_up_to_date(settings: Settings) -> str:
    """Migrate the database in use; its URL without the password."""
    stack = StackFile.of_running(settings.data_dir)
    own = stack is None or "database_url" in settings.model_fields_set
    url = settings.database_url if own or stack is None else stack.database_url
    shown = make_url(url).render_as_string()
    try:
        migrate(url)
    except (OSError, SQLAlchemyError) as error:
        raise MigrationError(f"{shown}: {str(error).splitlines()[0]}") from error
    return shown


def differences(settings: Settings) -> list[str]:
    """Where migrations and declared tables differ: in the database that is set, else in a passing one made for it."""
    if "database_url" in settings.model_fields_set:
        return check(settings.database_url)
    return asyncio.run(_differences_in_a_passing_database())


async def _differences_in_a_passing_database() -> list[str]:
    with tempfile.TemporaryDirectory(prefix="fulfil-check-") as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        supervisor = Supervisor([postgres.program()], Path(folder), silent)
        try:
            await supervisor.start()
            await asyncio.to_thread(migrate, postgres.url)
            return await asyncio.to_thread(check, postgres.url)
        finally:
            await supervisor.stop()


async def register_attributes(settings: Settings) -> list[str]:
    """Register the search attributes that are missing in the Temporal in use; their names."""
    stack = StackFile.of_running(settings.data_dir)
    address = temporal_target()[0] if stack is None or is_set(*TEMPORAL_SETTINGS) else stack.temporal_address
    try:
        return list(await register_search_attributes(await connect_temporal(address=address), SEARCH_ATTRIBUTES))
    except (RuntimeError, RPCError) as error:
        raise MigrationError(f"Temporal at {address}: {error}") from error
