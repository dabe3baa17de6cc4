"""What the embedded stack keeps in its data folder."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fulfil.deploy.data_folder import (
    DataFolderError,
    DataFolderInUseError,
    FolderLock,
    ProcessRecord,
    StackFile,
    StackSecrets,
    record_of,
)

HOLDER = """
import sys, time
from pathlib import Path
from fulfil.deploy.data_folder import FolderLock
with FolderLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_folder_in_use_is_refused_naming_the_process_until_that_one_is_killed(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(DataFolderInUseError, match=f"process {holder.pid}"), FolderLock(tmp_path):
        pass
    holder.kill()
    holder.wait()
    with FolderLock(tmp_path):
        assert (tmp_path / "lock").read_text() == str(os.getpid())


def test_a_lock_left_is_free_again(tmp_path: Path) -> None:
    for _ in range(2):
        with FolderLock(tmp_path / "new"):
            pass


def test_a_folder_that_cannot_be_made_is_refused_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DataFolderError, match="choose another --data-dir"), FolderLock(folder):
            pass


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    first = StackSecrets.of(tmp_path)
    assert StackSecrets.of(tmp_path) == first
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert StackSecrets.of(tmp_path / "other") != first
    assert len(first.jwt_secret.get_secret_value()) >= 32
    assert first.webhook_secret.get_secret_value().startswith("whsec_")
    assert first.jwt_secret.get_secret_value() not in repr(first)


def stack_file(folder: Path, supervisor: ProcessRecord) -> StackFile:
    return StackFile(
        data_dir=folder,
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        supervisor=supervisor,
        api_url="http://127.0.0.1:8800",
        temporal_address="127.0.0.1:7233",
        temporal_namespace="default",
        database_url="postgresql+asyncpg://postgres@/fulfil?host=/tmp",
        storage_url=(folder / "objects").as_uri(),
    )


def test_the_addresses_of_a_running_stack_are_found_and_those_of_a_dead_one_are_not(tmp_path: Path) -> None:
    me = record_of(os.getpid())
    assert me is not None
    stack_file(tmp_path, me).write()
    found = StackFile.of_running(tmp_path)
    assert found is not None
    assert found.api_url == "http://127.0.0.1:8800"
    assert (tmp_path / "stack.json").stat().st_mode & 0o777 == 0o600
    stack_file(tmp_path, ProcessRecord(pid=me.pid, created=me.created - 100)).write()
    assert StackFile.of_running(tmp_path) is None
    assert StackFile.of(tmp_path) is not None


@pytest.mark.parametrize("content", [None, "", "{", '{"api_url": 3}'])
def test_a_missing_or_damaged_file_is_no_stack(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "stack.json").write_text(content)
    assert StackFile.of_running(tmp_path) is None


def test_a_process_is_told_from_a_later_one_with_its_id() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    record = record_of(child.pid)
    assert record is not None
    assert record.alive() is not None
    child.kill()
    child.wait()
    assert record.alive() is None
    assert record_of(child.pid) is None
