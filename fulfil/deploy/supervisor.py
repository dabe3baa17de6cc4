"""Keeps programs running: started in order of dependence, awaited, restarted when they die, stopped in reverse."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

LAUNCHER = Path(__file__).with_name("launch.py")
LOG_LIMIT_BYTES = 5 * 1024 * 1024
PROBE_PAUSE_S = 0.05
LONGEST_PAUSE_S = 10.0
HEALTHY_AFTER_S = 20.0
ATTEMPTS_TO_START = 5
# What a layer that hangs must leave to each layer below it.
STOP_SHARE_S = 1.5

Report = Callable[[str, str], None]
Probe = Callable[[], Awaitable[bool]]
Step = Callable[[], Awaitable[None]]


class StartError(RuntimeError):
    """A program would not start; the message ends with the last lines of its log."""


async def at_once() -> bool:
    """The probe of a program that is ready as soon as it runs."""
    return True


async def nothing() -> None:
    """The step of a program that needs none."""


def silent(name: str, what: str) -> None:
    """The report nobody reads."""
    del name, what


@dataclass(frozen=True)
class Program:
    """A program to keep running.

    `prepare` runs before every start, `ready` is asked until it says yes, `settle` runs once after the first
    readiness and before anything that comes `after` this one.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    after: tuple[str, ...] = ()
    ready: Probe = at_once
    prepare: Step = nothing
    settle: Step = nothing
    user: tuple[int, int] | None = None
    directory: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    ready_within_s: float = 30


@dataclass
class Running:
    """What the supervisor knows about a program."""

    program: Program
    process: asyncio.subprocess.Process | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    starts: int = 0


class Supervisor:
    """Owns the programs from `start` to `stop`; says on `report(name, what)` whatever happens to them.

    Call it from the main thread: Linux ends the children when the *thread* that started them ends.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        log_dir: Path,
        report: Report,
        *,
        first_pause_s: float = 0.2,
        stop_within_s: float = 9.0,
    ) -> None:
        self._running = {program.name: Running(program) for program in programs}
        self._log_dir = log_dir
        self._report = report
        self._first_pause_s = first_pause_s
        self._stop_within_s = stop_within_s
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = False

    @property
    def processes(self) -> dict[str, int]:
        """Name to process id of what runs right now."""
        return {
            name: running.process.pid
            for name, running in self._running.items()
            if running.process is not None and running.process.returncode is None
        }

    async def start(self) -> None:
        """Start all; returns when every program is ready, raises `StartError` when one can't get there."""
        self._log_dir.mkdir(parents=True, exist_ok=True)
        self._keepers = [
            asyncio.create_task(self._keep(running), name=f"keep {name}") for name, running in self._running.items()
        ]
        settling = asyncio.create_task(self._all_settled())
        await asyncio.wait([settling, *self._keepers], return_when=asyncio.FIRST_COMPLETED)
        if not settling.done():
            settling.cancel()
            await self.failed()

    async def _all_settled(self) -> None:
        for running in self._running.values():
            await running.settled.wait()

    async def wait_ready(self, name: str, timeout_s: float = 60) -> int:
        """Wait until the program is ready (again) and return its process id."""
        running = self._running[name]
        await asyncio.wait_for(running.ready.wait(), timeout_s)
        if running.process is None:
            raise RuntimeError(f"{name} is ready without a process")
        return running.process.pid

    async def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal, wait until the process is gone, return the dead process id; it will be started again."""
        running = self._running[name]
        process = running.process
        if process is None or process.returncode is not None:
            raise ProcessLookupError(f"{name} is not running")
        running.ready.clear()
        process.send_signal(how)
        await process.wait()
        return process.pid

    async def failed(self) -> None:
        """Wait until a program can't be kept running any more, then raise why."""
        done, _ = await asyncio.wait(self._keepers, return_when=asyncio.FIRST_COMPLETED)
        for keeper in done:
            await keeper

    async def stop(self) -> None:
        """Stop all in reverse order of dependence, within the time given."""
        self._stopping = True
        deadline = time.monotonic() + self._stop_within_s
        layers = self._layers()
        while layers:
            layer = layers.pop()
            patience_s = max(0.5, deadline - time.monotonic() - STOP_SHARE_S * len(layers))
            await asyncio.gather(*(self._end(running, patience_s) for running in layer))
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    def _layers(self) -> list[list[Running]]:
        """The programs by distance from those that depend on nothing."""
        depth: dict[str, int] = {}

        def depth_of(name: str) -> int:
            if name not in depth:
                depth[name] = 1 + max((depth_of(other) for other in self._running[name].program.after), default=-1)
            return depth[name]

        for name in self._running:
            depth_of(name)
        return [
            [running for name, running in self._running.items() if depth[name] == level]
            for level in range(max(depth.values(), default=-1) + 1)
        ]

    async def _end(self, running: Running, patience_s: float) -> None:
        process, program = running.process, running.program
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(program.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), patience_s)
        except TimeoutError:
            self._report(program.name, f"did not stop within {patience_s:.0f} s: killed")
        kill_group(process.pid)
        await process.wait()

    async def _keep(self, running: Running) -> None:
        """Start the program again and again until the supervisor stops."""
        program = running.program
        for name in program.after:
            await self._running[name].settled.wait()
        pause_s, failures = self._first_pause_s, 0
        while not self._stopping:
            began = time.monotonic()
            reason = await self._run_once(running)
            if self._stopping:
                return
            if not running.settled.is_set():
                failures += 1
                if failures >= ATTEMPTS_TO_START:
                    raise StartError(f"{program.name} {reason}, {failures} times\n{self.log_tail(program.name)}")
            if time.monotonic() - began > HEALTHY_AFTER_S:
                pause_s = self._first_pause_s
            self._report(program.name, f"{reason}; starting it again in {pause_s:.1f} s")
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _run_once(self, running: Running) -> str:
        """One life of the program; returns how it ended."""
        program = running.program
        await program.prepare()
        if self._stopping:
            return "was not started"
        running.process = process = await self._spawn(program)
        running.starts += 1
        ended = asyncio.create_task(process.wait())
        try:
            probing = asyncio.create_task(self._until_ready(running))
            await asyncio.wait([ended, probing], timeout=program.ready_within_s, return_when=asyncio.FIRST_COMPLETED)
            if not probing.done():
                probing.cancel()
                if not ended.done() and not self._stopping:
                    kill_group(process.pid)
                    await ended
                    return f"was not ready after {program.ready_within_s:.0f} s"
            elif not ended.done():
                await probing
            await ended
        finally:
            running.ready.clear()
            ended.cancel()
            kill_group(process.pid)
        return _how_it_ended(process.returncode)

    async def _until_ready(self, running: Running) -> None:
        while not await running.program.ready():  # noqa: ASYNC110 (no event of another process reaches us)
            await asyncio.sleep(PROBE_PAUSE_S)
        if not running.settled.is_set():
            await running.program.settle()
            running.settled.set()
        running.ready.set()
        self._report(running.program.name, "ready" if running.starts == 1 else "ready again")

    async def _spawn(self, program: Program) -> asyncio.subprocess.Process:
        with self._open_log(program.name) as log:
            return await asyncio.create_subprocess_exec(
                *launched(program.command, program.user, program.death_signal),
                env={**os.environ, **program.environment},
                cwd=program.directory,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )

    def log_path(self, name: str) -> Path:
        """Where a program's output goes."""
        return self._log_dir / f"{name}.log"

    def log_tail(self, name: str, lines: int = 15) -> str:
        """The end of a program's log."""
        path = self.log_path(name)
        if not path.exists():
            return "(no log)"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])

    def _open_log(self, name: str) -> BinaryIO:
        path = self.log_path(name)
        if path.exists() and path.stat().st_size > LOG_LIMIT_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path.open("ab")


def launched(
    command: Sequence[str],
    user: tuple[int, int] | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
) -> list[str]:
    """The command line that runs `command` as `user` (id and group) and ends it when this process dies."""
    user_id, group_id = user or (-1, -1)
    ties = [os.getpid(), int(death_signal), user_id, group_id]
    return [sys.executable, "-I", "-S", str(LAUNCHER), *map(str, ties), *command]


def kill_group(leader: int) -> None:
    """Kill a program and whatever it started and left behind: they share a process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def _how_it_ended(returncode: int | None) -> str:
    if returncode is not None and returncode < 0:
        return f"was ended by {signal.Signals(-returncode).name}"
    return f"ended with exit code {returncode}"
