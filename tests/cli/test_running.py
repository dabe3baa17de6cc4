"""The commands that run things, called as a script would."""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from fulfil.cli.main import main
from fulfil.deploy.data_folder import FolderLock
from tests.conftest import administer

NOWHERE = "127.0.0.1:1"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Fulfil = Callable[..., Ended]


@pytest.fixture
def fulfil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Fulfil]:
    """Runs `fulfil …` with nothing set but what is given."""
    for name in [name for name in os.environ if name.startswith(("FULFIL_", "TEMPORAL_", "STRIPE_"))]:
        monkeypatch.delenv(name)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def run(*arguments: str, **environment: str) -> Ended:
        given = {"FULFIL_DATA_DIR": str(tmp_path / "data"), "NO_COLOR": "1", "COLUMNS": "200", **environment}
        with monkeypatch.context() as patched:
            for name, value in given.items():
                patched.setenv(name, value)
            patched.setattr(sys, "argv", ["fulfil", *arguments])
            capsys.readouterr()
            try:
                main()
                code = 0
            except SystemExit as ended:
                code = int(ended.code or 0)
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    yield run
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def test_a_wrong_command_is_exit_code_2(fulfil: Fulfil) -> None:
    assert fulfil("nonsense").code == 2
    refused = fulfil("worker", "orders", "printers")
    assert refused.code == 2
    assert "no task queue printers" in refused.err


def test_the_doctor_writes_json_for_machines_and_fails_when_something_is_broken(fulfil: Fulfil) -> None:
    examined = fulfil("doctor", "-o", "json", TEMPORAL_ADDRESS=NOWHERE, FULFIL_API_URL=f"http://{NOWHERE}")
    states = {finding["piece"]: finding["state"] for finding in json.loads(examined.out)}
    assert examined.code == 1
    assert (states["Temporal"], states["API"], states["Python"]) == ("failed", "failed", "ok")
    assert "Temporal" in examined.err


def test_the_doctor_shows_people_a_remedy_for_each_failure(fulfil: Fulfil) -> None:
    examined = fulfil("doctor", TEMPORAL_ADDRESS=NOWHERE, FULFIL_API_URL=f"http://{NOWHERE}")
    lines = examined.out.splitlines()
    failures = [number for number, line in enumerate(lines) if line.startswith("failed")]
    assert failures
    assert all("→" in " ".join(lines[number : number + 3]) for number in failures)


def test_up_refuses_a_folder_that_is_in_use(fulfil: Fulfil, tmp_path: Path) -> None:
    with FolderLock(tmp_path / "data"):
        refused = fulfil("up")
    assert refused.code == 1
    assert f"in use by process {os.getpid()}" in refused.err


def test_an_api_without_a_secret_says_how_to_make_one(fulfil: Fulfil) -> None:
    refused = fulfil("api")
    assert refused.code == 1
    assert "openssl rand" in refused.err
    assert "Traceback" not in refused.err


def test_migrate_on_a_server_that_is_away_names_it_without_its_password(fulfil: Fulfil) -> None:
    refused = fulfil("migrate", FULFIL_DATABASE_URL=f"postgresql+asyncpg://me:hunter2@{NOWHERE}/fulfil")
    assert refused.code == 1
    assert NOWHERE in refused.err
    assert "hunter2" not in refused.err + refused.out


def test_migrate_again_changes_nothing_and_registers_search_attributes(
    fulfil: Fulfil, database_url: str, temporal_dev: str
) -> None:
    done = fulfil("migrate", "--search-attributes", FULFIL_DATABASE_URL=database_url, TEMPORAL_ADDRESS=temporal_dev)
    assert done.code == 0, done.err
    assert "is current" in done.out
    assert "all were there" in done.out


def test_migrate_check_fails_when_the_database_differs(fulfil: Fulfil, database_url: str) -> None:
    assert fulfil("migrate", "--check", FULFIL_DATABASE_URL=database_url).code == 0
    asyncio.run(administer(database_url, "ALTER TABLE orders ADD COLUMN forgotten text"))
    refused = fulfil("migrate", "--check", FULFIL_DATABASE_URL=database_url)
    assert refused.code == 1
    assert "orders.forgotten is in the database but not declared" in refused.out


def test_migrate_check_needs_no_server(fulfil: Fulfil) -> None:
    assert fulfil("migrate", "--check").code == 0
