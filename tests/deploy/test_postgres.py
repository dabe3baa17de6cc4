"""The embedded PostgreSQL for real: made once, killed, moved into awkward folders."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url

from fulfil.deploy.postgres import DATABASE, EmbeddedPostgres, PostgresError
from fulfil.deploy.supervisor import Supervisor, silent
from fulfil.kit.database import Database, DatabaseRole


@asynccontextmanager
async def running(folder: Path) -> AsyncGenerator[tuple[EmbeddedPostgres, Supervisor]]:
    postgres = EmbeddedPostgres(folder)
    supervisor = Supervisor([postgres.program()], folder.parent / "logs", silent)
    await supervisor.start()
    try:
        yield postgres, supervisor
    finally:
        await supervisor.stop()


async def run(postgres: EmbeddedPostgres, *statements: str) -> object:
    connection = await postgres.connect(DATABASE)
    for statement in statements[:-1]:
        await connection.execute(statement)
    answer = await connection.fetchval(statements[-1])
    await connection.close()
    return answer


async def test_committed_rows_survive_a_kill_of_the_server_and_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / 'a "quoted", spaced folder' / "pg"
    async with running(folder) as (postgres, supervisor):
        await run(postgres, "CREATE TABLE parts (name text)", "INSERT INTO parts VALUES ('gear') RETURNING name")
        first = await supervisor.kill("postgres")
        assert await supervisor.wait_ready("postgres") != first
        assert await run(postgres, "SELECT name FROM parts") == "gear"
    async with running(folder) as (postgres, _):
        assert await run(postgres, "SELECT count(*) FROM parts") == 1


async def test_a_pid_file_naming_a_stranger_does_not_keep_the_server_from_starting(tmp_path: Path) -> None:
    async with running(tmp_path / "pg"):
        pass
    pid_file = tmp_path / "pg" / "data" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{pid_file.parent}\n0\n5432\n\n\n\n\n")
    async with running(tmp_path / "pg") as (postgres, _):
        assert await run(postgres, "SELECT 1") == 1


async def test_a_deep_folder_with_odd_letters_works(tmp_path: Path) -> None:
    folder = tmp_path / ("deep é 100%" * 5) / ("down " * 10) / "pg"
    async with running(folder) as (postgres, _):
        assert len(os.fsencode(str(postgres.socket_dir))) < 100
        assert make_url(postgres.url).database == DATABASE
        database = Database(postgres.url, DatabaseRole.OWNER)
        async with database.begin() as session:
            assert (await session.connection()) is not None
        await database.close()


async def test_only_the_owner_reaches_the_socket_and_the_data(tmp_path: Path) -> None:
    async with running(tmp_path / "pg") as (postgres, _):
        assert postgres.socket_dir.stat().st_mode & 0o077 == 0
        assert postgres.data.stat().st_mode & 0o077 == 0


async def test_a_socket_folder_prepared_by_somebody_else_is_refused(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path / ("x" * 60) / ("y" * 60) / "pg")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    postgres.socket_dir.symlink_to(elsewhere)
    try:
        with pytest.raises(PostgresError, match="belongs to somebody else"):
            await postgres.prepare()
    finally:
        postgres.socket_dir.unlink()


async def test_a_cluster_half_made_by_a_killed_first_start_is_made_anew(tmp_path: Path) -> None:
    half = tmp_path / "pg" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    async with running(tmp_path / "pg") as (postgres, _):
        assert await run(postgres, "SELECT 1") == 1


WRITER = """
import asyncio, sys
from pathlib import Path
from fulfil.deploy.postgres import DATABASE, EmbeddedPostgres
from fulfil.deploy.supervisor import Supervisor, silent
async def main(folder):
    postgres = EmbeddedPostgres(folder / "pg")
    await Supervisor([postgres.program()], folder, silent).start()
    connection = await postgres.connect(DATABASE)
    await connection.execute("CREATE TABLE parts (name text)")
    await connection.execute("INSERT INTO parts VALUES ('gear')")
    print("written", flush=True)
    await asyncio.sleep(60)
asyncio.run(main(Path(sys.argv[1])))
"""


async def test_rows_survive_a_kill_of_the_supervisor_and_the_next_one_starts_at_once(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    assert await parent.stdout.readline() == b"written\n"
    parent.kill()
    await parent.wait()
    async with running(tmp_path / "pg") as (postgres, _):
        assert await run(postgres, "SELECT name FROM parts") == "gear"
