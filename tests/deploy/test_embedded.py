"""The whole stack for real: started, broken piece by piece, killed whole, started again on the same folder."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from fulfil.deploy.data_folder import DataFolderInUseError, ProcessRecord, StackFile, StackSecrets
from fulfil.deploy.doctor import examine
from fulfil.deploy.embedded import EmbeddedStack
from fulfil.deploy.findings import Patient, State
from fulfil.deploy.ports import PortChoice
from fulfil.deploy.postgres import DATABASE, EmbeddedPostgres
from fulfil.deploy.seed import logins_of
from fulfil.kit.settings import Settings
from fulfil.kit.temporal import connect_temporal

EVERYTHING = {"postgres", "temporal", "stripe", "api", "worker", "geometry"}
pytestmark = pytest.mark.usefixtures("nothing_set")


@pytest.fixture
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("FULFIL_", "TEMPORAL_", "STRIPE_"))]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder for all, because making one takes longest."""
    return tmp_path_factory.mktemp("stack")


@asynccontextmanager
async def fulfil_up(folder: Path) -> AsyncGenerator[asyncio.subprocess.Process]:
    """`fulfil up` as a user starts it; killed at the end if a test did not end it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fulfil.cli.main", "up", "--ports", "auto", "--data-dir", str(folder)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def read_until(process: asyncio.subprocess.Process, what: str, within_s: float = 60) -> str:
    """The output up to the line that contains `what`."""
    assert process.stdout is not None
    seen = ""
    async with asyncio.timeout(within_s):
        while what not in seen:
            line = await process.stdout.readline()
            assert line, f"ended without {what!r}:\n{seen}"
            seen += line.decode()
    return seen


async def test_everything_starts_survives_its_supervisors_death_and_comes_back_piece_by_piece(folder: Path) -> None:
    async with fulfil_up(folder) as process:
        output = await read_until(process, "Everything is ready")
        first = StackFile.of_running(folder)
        assert first is not None
        await check_what_is_printed(first, output)
        await leave_something(folder, first)
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        await until_gone(first)
    assert StackFile.of_running(folder) is None

    said: list[tuple[str, str]] = []

    def say(name: str, what: str) -> None:
        said.append((name, what))

    async with EmbeddedStack(folder, Settings(), ports=PortChoice.AUTO, report=say) as stack:
        await find_it_again(folder, stack)
        with pytest.raises(DataFolderInUseError, match=f"process {os.getpid()}"):
            await EmbeddedStack(folder, Settings()).__aenter__()
        before = stack.processes
        assert set(before) == EVERYTHING
        dead = {name: await stack.kill(name) for name in before}
        after = {name: await stack.wait_ready(name) for name in before}
        assert dead == before
        assert not set(dead.values()) & set(after.values())
        for name in EVERYTHING:
            assert any("SIGKILL" in what for who, what in said if who == name)
        await check_that_the_doctor_is_content(folder)
        ending = time.monotonic()
    assert time.monotonic() - ending < 10
    assert not (folder / "stack.json").exists()
    assert all(not psutil.pid_exists(pid) for pid in after.values())


async def check_what_is_printed(stack: StackFile, output: str) -> None:
    assert set(stack.processes) == EVERYTHING
    for address in (stack.api_url, stack.temporal_address, stack.temporal_ui_url, stack.stripe_url):
        assert address in output
    for login in logins_of(StackSecrets.of(stack.data_dir)):
        assert login.email in output
        assert await signs_in(stack.api_url, login.email, login.password) == login.role


async def signs_in(api_url: str, email: str, password: str) -> str:
    """The role of who signs in."""
    async with httpx.AsyncClient(base_url=f"{api_url}/api/v1", timeout=20) as http:
        token = (await http.post("/auth/login", json={"email": email, "password": password})).json()["access_token"]
        return str((await http.get("/me", headers={"Authorization": f"Bearer {token}"})).json()["role"])


async def leave_something(folder: Path, stack: StackFile) -> None:
    """A workflow and a row."""
    client = await connect_temporal(address=stack.temporal_address)
    await client.start_workflow("NobodyRunsThis", id="survivor", task_queue="nobody")
    connection = await EmbeddedPostgres(folder / "postgres").connect(DATABASE)
    await connection.execute("CREATE TABLE survivors (name text)")
    await connection.execute("INSERT INTO survivors VALUES ('row')")
    await connection.close()


async def find_it_again(folder: Path, stack: EmbeddedStack) -> None:
    connection = await EmbeddedPostgres(folder / "postgres").connect(DATABASE)
    assert await connection.fetchval("SELECT name FROM survivors") == "row"
    await connection.close()
    client = await connect_temporal(address=stack.temporal_address)
    assert (await client.get_workflow_handle("survivor").describe()).id == "survivor"


async def until_gone(stack: StackFile, within_s: float = 10) -> None:
    """Wait until no process of the stack runs."""
    deadline = time.monotonic() + within_s
    while alive := [name for name, record in stack.processes.items() if is_running(record)]:
        assert time.monotonic() < deadline, f"outlived their supervisor: {alive}"
        await asyncio.sleep(0.05)


def is_running(record: ProcessRecord) -> bool:
    found = record.alive()
    try:
        return found is not None and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def check_that_the_doctor_is_content(folder: Path, within_s: float = 45) -> None:
    """Followers of a killed worker go on when their heartbeats have been missed, so it may take a while."""
    deadline = time.monotonic() + within_s
    findings = await examine(Patient.of(Settings(data_dir=folder)))
    while complaints := [finding for finding in findings if finding.state in {State.FAILED, State.WARNING}]:
        assert time.monotonic() < deadline, complaints
        await asyncio.sleep(1)  # other processes give no event
        findings = await examine(Patient.of(Settings(data_dir=folder)))
    assert {"PostgreSQL", "Temporal", "worker", "follower", "Stripe", "API"} <= {finding.piece for finding in findings}


async def test_a_stack_whose_reader_has_gone_keeps_running_until_one_interrupt_ends_it(folder: Path) -> None:
    async with fulfil_up(folder) as process:
        await read_until(process, "temporal")
        hang_up(process)
        deadline = time.monotonic() + 30
        while (stack := StackFile.of_running(folder)) is None:
            assert time.monotonic() < deadline
            assert process.returncode is None
            await asyncio.sleep(0.05)
        os.kill(stack.processes["api"].pid, signal.SIGKILL)
        while stack == StackFile.of_running(folder):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
        assert time.monotonic() - began < 10


def hang_up(process: asyncio.subprocess.Process) -> None:
    """Close our end of the pipe it writes to."""
    transport = process._transport.get_pipe_transport(1)  # type: ignore[attr-defined]
    transport.close()


async def test_an_interrupt_while_starting_leaves_nothing_running(tmp_path: Path) -> None:
    async with fulfil_up(tmp_path) as process:
        await read_until(process, "temporal")
        process.send_signal(signal.SIGTERM)
        await read_until(process, "Stopped.")
        assert await process.wait() == 0
    ours = [found for found in psutil.process_iter(["cmdline"]) if str(tmp_path) in str(found.info["cmdline"])]
    assert ours == []
