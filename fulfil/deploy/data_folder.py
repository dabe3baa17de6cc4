"""What the embedded stack keeps in its data folder besides the servers' own data: lock, secrets, addresses."""

import fcntl
import json
import os
import secrets
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError


class DataFolderError(RuntimeError):
    """The folder can't be used; the message says why and what to do."""


class DataFolderInUseError(DataFolderError):
    """Another `fulfil up` runs on the folder."""


class FolderLock(AbstractContextManager["FolderLock"]):
    """Held by the one supervisor of a data folder; the kernel drops it when the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self._descriptor = -1

    def __enter__(self) -> Self:
        """Take it; raises `DataFolderInUseError` naming the process that has it, or `DataFolderError`."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise DataFolderError(f"{self._path.parent}: {error.strerror}; choose another --data-dir") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._descriptor, 20).decode() or "?"
            os.close(self._descriptor)
            raise DataFolderInUseError(
                f"{self._path.parent} is in use by process {holder}: stop that one, or choose another --data-dir"
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)


class StackSecrets(BaseModel):
    """Made at the first start, never shown in a log; `secrets.json`, readable by its owner alone."""

    model_config = ConfigDict(frozen=True)

    jwt_secret: SecretStr = Field(default_factory=lambda: SecretStr(secrets.token_urlsafe(48)))
    webhook_secret: SecretStr = Field(default_factory=lambda: SecretStr(f"whsec_{secrets.token_hex(24)}"))
    admin_password: SecretStr = Field(default_factory=lambda: SecretStr(secrets.token_urlsafe(12)))
    demo_password: SecretStr = Field(default_factory=lambda: SecretStr(secrets.token_urlsafe(9)))

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Those of the folder, made now if it has none."""
        path = folder / "secrets.json"
        found = cls.model_validate_json(path.read_bytes()) if path.exists() else cls()
        revealed = {name: getattr(found, name).get_secret_value() for name in cls.model_fields}
        write_private(path, json.dumps(revealed, indent=2))
        return found


class ProcessRecord(BaseModel):
    """A process of the stack; the time of creation tells it from a later one with the same id."""

    pid: int
    created: float

    def alive(self) -> psutil.Process | None:
        """The process, when it is still that one."""
        try:
            process = psutil.Process(self.pid)
            return process if abs(process.create_time() - self.created) < 1 else None
        except psutil.NoSuchProcess:
            return None


class StackFile(BaseModel):
    """`stack.json`: where everything of a running stack is."""

    data_dir: Path
    started_at: datetime
    supervisor: ProcessRecord
    api_url: str
    temporal_address: str
    temporal_namespace: str
    temporal_ui_url: str = ""
    database_url: str
    storage_url: str
    stripe_url: str = ""
    metrics_urls: dict[str, str] = {}
    processes: dict[str, ProcessRecord] = {}

    @classmethod
    def of(cls, folder: Path) -> Self | None:
        """What the folder's stack last wrote, running or not."""
        try:
            return cls.model_validate_json((folder / "stack.json").read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return None

    @classmethod
    def of_running(cls, folder: Path) -> Self | None:
        """What the folder's stack wrote, provided its supervisor is alive."""
        found = cls.of(folder)
        return found if found is not None and found.supervisor.alive() else None

    def write(self) -> None:
        """Replace the file in one step."""
        write_private(self.data_dir / "stack.json", self.model_dump_json(indent=2))


def record_of(pid: int) -> ProcessRecord | None:
    """What identifies a running process; None when it has just ended."""
    try:
        return ProcessRecord(pid=pid, created=psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner can read, in one step: a reader sees the old or the new content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
