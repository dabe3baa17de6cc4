"""The whole system on one machine: real servers from Python packages, state in one folder, processes supervised."""

import asyncio
import contextlib
import signal
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from fulfil.deploy.data_folder import FolderLock, ProcessRecord, StackFile, StackSecrets, record_of
from fulfil.deploy.plan import POSTGRES, StackPlan
from fulfil.deploy.ports import PortChoice, Ports
from fulfil.deploy.supervisor import Report, Supervisor, silent
from fulfil.kit.settings import Settings

LEFTOVERS_END_WITHIN_S = 5.0


class EmbeddedStack:
    """`async with EmbeddedStack(folder) as stack:` everything runs inside the block, and nothing after it.

    State stays in the folder, so the next stack on it goes on where this one ended or was killed. Raises
    `DataFolderError`, `PlanError`, `PostgresError` or `StartError`, each saying what to do.
    """

    def __init__(
        self,
        data_dir: Path,
        settings: Settings | None = None,
        *,
        ports: PortChoice = PortChoice.FIXED,
        report: Report = silent,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self._settings = settings or Settings()
        self._ports = ports
        self._say = report
        self._closing = AsyncExitStack()
        self._started_at = datetime.now(UTC)
        self._plan: StackPlan | None = None
        self._supervisor: Supervisor | None = None

    async def __aenter__(self) -> Self:
        """Start everything and wait until it is ready."""
        async with AsyncExitStack() as closing:
            closing.enter_context(FolderLock(self.data_dir))
            await self._end_leftovers()
            secrets = StackSecrets.of(self.data_dir)
            self._plan = StackPlan.make(self.data_dir, self._settings, secrets, Ports(self._ports))
            (self.data_dir / "objects").mkdir(exist_ok=True)
            await self._plan.prepare_foreign()
            self._supervisor = Supervisor(self._plan.programs(), self.data_dir / "logs", self._report)
            closing.push_async_callback(self._stop)
            await self._supervisor.start()
            self._write_file()
            self._closing = closing.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything, last started first, within 10 s."""
        await self._closing.aclose()

    @property
    def plan(self) -> StackPlan:
        """What runs, and where."""
        if self._plan is None:
            raise RuntimeError("the stack is not started")
        return self._plan

    @property
    def secrets(self) -> StackSecrets:
        """Passwords of the administrator and the demo accounts, among others."""
        return self.plan.secrets

    @property
    def api_url(self) -> str:
        """The API's address, without `/api/v1`."""
        return self.plan.api_url

    @property
    def temporal_address(self) -> str:
        """Temporal's host:port."""
        return self.plan.temporal_address

    @property
    def database_url(self) -> str:
        """SQLAlchemy's URL, of a user who owns the schema."""
        return self.plan.database_url

    @property
    def stripe_url(self) -> str:
        """The simulator's address; empty with the real Stripe."""
        return self.plan.stripe_url

    @property
    def processes(self) -> dict[str, int]:
        """Name to process id: `postgres`, `temporal`, `stripe`, `api`, `worker`, `geometry`."""
        return self._supervised.processes

    async def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> int:
        """Kill one process and return its id; it is started again at once (see `wait_ready`)."""
        return await self._supervised.kill(name, how)

    async def wait_ready(self, name: str, timeout_s: float = 60) -> int:
        """Wait until a process is ready (again); its id."""
        return await self._supervised.wait_ready(name, timeout_s)

    async def failed(self) -> None:
        """Wait until a process can't be kept running, then raise why."""
        await self._supervised.failed()

    @property
    def _supervised(self) -> Supervisor:
        if self._supervisor is None:
            raise RuntimeError("the stack is not started")
        return self._supervisor

    def _report(self, name: str, what: str) -> None:
        self._say(name, what)
        if what.startswith("ready again"):
            self._write_file()

    async def _stop(self) -> None:
        await self._supervised.stop()
        with contextlib.suppress(FileNotFoundError):
            (self.data_dir / "stack.json").unlink()

    def _write_file(self) -> None:
        plan = self.plan
        records = {name: record_of(pid) for name, pid in self.processes.items()}
        StackFile(
            data_dir=self.data_dir,
            started_at=self._started_at,
            supervisor=ProcessRecord(pid=psutil.Process().pid, created=psutil.Process().create_time()),
            api_url=plan.api_url,
            temporal_address=plan.temporal_address,
            temporal_namespace=plan.temporal_namespace,
            temporal_ui_url=plan.temporal.ui_url if plan.temporal else "",
            database_url=plan.database_url,
            storage_url=plan.storage_url,
            stripe_url=plan.stripe_url,
            metrics_urls=plan.metrics_urls,
            processes={name: record for name, record in records.items() if record},
        ).write()

    async def _end_leftovers(self) -> None:
        """End what a killed supervisor left running, where the kernel could not; PostgreSQL sees to its own."""
        before = StackFile.of(self.data_dir)
        found = {name: record.alive() for name, record in before.processes.items()} if before else {}
        alive = [process for name, process in found.items() if process and name != POSTGRES]
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        _, stubborn = await asyncio.to_thread(psutil.wait_procs, alive, LEFTOVERS_END_WITHIN_S)
        for process in stubborn:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
