"""Worker processes: they wait for what is away, say how they are, and end cleanly."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs
from temporalio.client import ActivityExecutionStatus

from fulfil.kit.health import http_get
from fulfil.kit.settings import Settings
from fulfil.kit.temporal import connect_temporal
from fulfil.workers.registration import FOLLOWERS
from fulfil.workers.running import UnknownQueueError, platform_of, run_workers

NOWHERE = "127.0.0.1:1"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def until_ready(port: int, within_s: float = 20) -> None:
    deadline = time.monotonic() + within_s
    while True:
        status, body = await http_get(f"127.0.0.1:{port}", "/readyz")
        if status == 200:
            return
        assert time.monotonic() < deadline, f"not ready: {status} {body}"
        await asyncio.sleep(0.05)


async def test_workers_of_several_queues_work_in_one_process_and_start_their_followers(
    temporal_dev: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_dev)
    port, stopping = free_port(), asyncio.Event()
    settings = Settings(database_url=database_url, metrics_port=port, stripe_api_key=SecretStr("sk_test_nothing"))
    running = asyncio.create_task(run_workers(["orders", "payments", "integrations"], settings, stopping))
    await until_ready(port)
    _, metrics = await http_get(f"127.0.0.1:{port}", "/metrics")
    assert "temporal_worker_start" in metrics
    assert "process_cpu_seconds_total" in metrics
    client = await connect_temporal(address=temporal_dev)
    for follower in FOLLOWERS:
        description = await client.get_activity_handle(follower.id).describe()
        assert description.status is ActivityExecutionStatus.RUNNING
        assert description.heartbeat_timeout is not None
    stopping.set()
    await asyncio.wait_for(running, 10)
    assert (await http_get(f"127.0.0.1:{port}", "/healthz"))[0] == 0


@pytest.mark.parametrize("away", ["PostgreSQL", "Temporal"])
async def test_a_worker_waits_for_what_is_away_says_so_and_can_be_stopped(
    away: str, temporal_dev: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", NOWHERE if away == "Temporal" else temporal_dev)
    url = f"postgresql+asyncpg://nobody:hunter2@{NOWHERE}/fulfil" if away == "PostgreSQL" else database_url
    port, stopping = free_port(), asyncio.Event()
    with capture_logs() as logs:
        running = asyncio.create_task(run_workers(["orders"], Settings(database_url=url, metrics_port=port), stopping))
        deadline = time.monotonic() + 10
        while not any(line["event"] == f"waiting for {away}" for line in logs):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
    status, body = await http_get(f"127.0.0.1:{port}", "/readyz")
    assert status == 503
    assert away in body
    assert "hunter2" not in str(logs)
    stopping.set()
    await asyncio.wait_for(running, 5)


async def test_an_unknown_queue_is_refused_by_name(database_url: str) -> None:
    with pytest.raises(UnknownQueueError, match="no task queue printers: there are orders, geometry"):
        await run_workers(["orders", "printers"], Settings(database_url=database_url))


async def test_sigterm_ends_the_process_with_exit_code_0(temporal_dev: str, database_url: str, tmp_path: Path) -> None:
    port = free_port()
    environment = {
        **os.environ,
        "TEMPORAL_ADDRESS": temporal_dev,
        "FULFIL_DATABASE_URL": database_url,
        "FULFIL_DATA_DIR": str(tmp_path),
        "FULFIL_METRICS_PORT": str(port),
    }
    process = subprocess.Popen(  # noqa: ASYNC220 (it returns at once)
        [sys.executable, "-m", "fulfil.cli.main", "worker", "geometry"], env=environment, stderr=subprocess.PIPE
    )
    try:
        await until_ready(port, within_s=30)
        process.send_signal(signal.SIGTERM)
        _, output = await asyncio.to_thread(process.communicate, None, 15)
    finally:
        process.kill()
    assert process.returncode == 0, output.decode()
    assert b'"event": "stopping"' in output


def test_documents_are_issued_by_whom_the_settings_name_else_by_an_example_that_says_so() -> None:
    named = platform_of(
        Settings(seller_name="Werkbank GmbH", seller_address="Torstraße 140; 10119 Berlin;", seller_email="a@b.example")
    )
    with capture_logs() as logs:
        example = platform_of(Settings(seller_vat_id="DE1"))

    assert (named.name, named.address_lines) == ("Werkbank GmbH", ("Torstraße 140", "10119 Berlin"))
    assert (named.vat_id, named.email) == (None, "a@b.example")
    assert "FULFIL_SELLER_NAME" in example.name
    assert [entry["log_level"] for entry in logs] == ["warning"]
