"""Runs a function on an untrusted file in a limited child process; whatever kills the child, the caller lives on."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import FunctionType, TracebackType
from typing import BinaryIO, Self

from fulfil.kit import isolation_server as server

# What runs in a child: it reads the file, takes an argument, and yields frames; a generator reports as it goes.
Subject = Callable[[BinaryIO, bytes], Iterable[bytes]]

START_TIMEOUT_S = 60
SUBMIT_TIMEOUT_S = 10
STOP_TIMEOUT_S = 10
# The kernel ends the child at the wall limit; this much later something is wrong with the server itself.
GRACE_S = 5
CHUNK_BYTES = 1 << 18
# Numeric libraries start a thread per core unless told otherwise, and a thread in the server would break its forks.
# A child lives for one file: giving memory back to the kernel between two arrays costs a quarter of a picture's time.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(512 << 20),
}
# Nothing else of the caller's environment reaches the child: it holds passwords and keys.
INHERITED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR", "TZ")


class IsolationReason(StrEnum):
    """Why there is no answer."""

    MEMORY = "memory"
    CPU_TIME = "cpu_time"
    WALL_TIME = "wall_time"
    CRASHED = "crashed"
    ANSWER_TOO_LARGE = "answer_too_large"
    RAISED = "raised"
    KILLED = "killed"
    UNAVAILABLE = "unavailable"


class IsolationError(Exception):
    """The call gave no answer.

    `caused_by_content` tells that the same content would end the same way; otherwise (`raised`: a bug in the function;
    `killed` from outside; `unavailable`: no server) content is not to blame.
    """

    def __init__(self, reason: IsolationReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    @property
    def caused_by_content(self) -> bool:
        """Whether the content broke a limit or the process."""
        return self.reason not in {IsolationReason.RAISED, IsolationReason.KILLED, IsolationReason.UNAVAILABLE}


@dataclass(frozen=True)
class Limits:
    """What one call may use: address space, processor and elapsed time, all its frames, and each file it writes."""

    memory_bytes: int = 2 << 30
    cpu_s: int = 20
    wall_s: float = 30
    answer_bytes: int = 64 << 20
    file_bytes: int = 256 << 20


class Isolation:
    """A server process that forks a child per call; one per process of ours is enough, calls run side by side.

    Name the modules that functions need in `preload`, and a call costs a few milliseconds more than its work.
    The server is started by the first call (or `start`) and replaced when it dies.
    """

    def __init__(self, *, preload: Sequence[str] = (), limits: Limits | None = None) -> None:
        self._preload = tuple(preload)
        self._limits = limits or Limits()
        self._server: _Server | None = None
        self._starting = asyncio.Lock()

    @property
    def server_pid(self) -> int | None:
        """The server's process id while there is one."""
        return None if self._server is None else self._server.process.pid

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Start the server and wait until its modules are loaded; raises `IsolationError` (unavailable)."""
        await self._running_server()

    async def close(self) -> None:
        """End the server and every child."""
        async with self._starting:
            if self._server is not None:
                await asyncio.to_thread(self._server.stop)
                self._server = None

    async def frames(
        self, function: Subject, file: BinaryIO, argument: bytes = b"", *, limits: Limits | None = None
    ) -> AsyncGenerator[bytes]:
        """Call a module-level function in a child of its own and yield its frames as they come.

        The child reads `file` (which needs a descriptor) from its beginning, and has an empty working folder, no
        network, no secrets and no core dump. Closing the generator kills it.
        Raises `IsolationError`; `TypeError` for anything but a module-level function of an importable module.
        """
        limits = limits or self._limits
        request = _request(function, limits)
        running = await self._running_server()
        call = await _submitted(running, request, argument, file)
        deadline = asyncio.get_running_loop().time() + limits.wall_s + GRACE_S
        try:
            while True:
                async with asyncio.timeout_at(deadline):
                    frame = await call.next_frame(limits)
                if frame is None:
                    return
                yield frame
        except TimeoutError as error:
            raise IsolationError(IsolationReason.WALL_TIME, f"no answer after {limits.wall_s} s") from error
        finally:
            call.close()

    async def _running_server(self) -> "_Server":
        async with self._starting:
            if self._server is not None and self._server.process.poll() is None:
                return self._server
            if self._server is not None:
                await asyncio.to_thread(self._server.stop)
            starting = asyncio.ensure_future(asyncio.to_thread(_start_server, self._preload))
            try:
                self._server = started = await asyncio.shield(starting)
            except asyncio.CancelledError:
                self._server = await starting  # a process that nobody holds could not be ended
                raise
            return started


@dataclass
class _Call:
    lifeline: socket.socket
    answer: socket.socket
    _received: bytearray = field(default_factory=bytearray)
    _total_bytes: int = 0

    async def next_frame(self, limits: Limits) -> bytes | None:
        """The next frame, None after the last; raises `IsolationError`."""
        header = await self._take(server.FRAME.size)
        if header is None:
            raise await self._ending(limits)
        mark, size = server.FRAME.unpack(header)
        self._total_bytes += size
        if self._total_bytes > limits.answer_bytes:
            raise IsolationError(IsolationReason.ANSWER_TOO_LARGE, f"the answer exceeds {limits.answer_bytes:,} bytes")
        body = await self._take(size)
        if body is None:
            raise await self._ending(limits)
        if mark == server.YIELDED:
            return body
        if mark == server.OUT_OF_MEMORY:
            raise IsolationError(IsolationReason.MEMORY, f"more than {limits.memory_bytes:,} bytes were needed")
        if mark == server.RAISED:
            raise IsolationError(IsolationReason.RAISED, body.decode(errors="replace"))
        if await self._exit_code() != 0:
            raise await self._ending(limits)
        return None

    async def _take(self, size: int) -> bytes | None:
        """Exactly so many bytes, None when the child ended before them."""
        loop = asyncio.get_running_loop()
        while len(self._received) < size:
            chunk = await loop.sock_recv(self.answer, CHUNK_BYTES)
            if not chunk:
                return None
            self._received += chunk
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    async def _exit_code(self) -> int:
        exit_code = await asyncio.get_running_loop().sock_recv(self.lifeline, server.EXIT_CODE.size)
        if len(exit_code) < server.EXIT_CODE.size:
            raise IsolationError(IsolationReason.UNAVAILABLE, "the server died, or had no room for a child")
        return int(server.EXIT_CODE.unpack(exit_code)[0])

    async def _ending(self, limits: Limits) -> IsolationError:
        return _death(await self._exit_code(), limits)

    def close(self) -> None:
        """Hang up, at which the server kills the child if it still runs."""
        self.lifeline.close()
        self.answer.close()


@dataclass(frozen=True)
class _Server:
    process: subprocess.Popen[bytes]
    control: socket.socket
    folder: str

    def submit(self, request: server.Request, argument: bytes, file: BinaryIO) -> _Call:
        """Hand a call over."""
        lifeline, their_lifeline = socket.socketpair()
        answer, their_answer = socket.socketpair()
        call = _Call(lifeline, answer)
        try:
            with their_lifeline, their_answer, tempfile.TemporaryFile() as letter:
                letter.write(request.encode())
                letter.write(argument)
                letter.flush()
                given = [their_lifeline.fileno(), their_answer.fileno(), letter.fileno(), file.fileno()]
                socket.send_fds(self.control, [b"c"], given)
        except OSError as error:
            call.close()
            raise IsolationError(IsolationReason.UNAVAILABLE, f"the call could not be handed over: {error}") from error
        lifeline.settimeout(0)
        answer.settimeout(0)
        return call

    def stop(self) -> None:
        """Close the control socket, at which the server kills its children and ends."""
        self.control.close()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)  # the server does so too, unless it was killed


def _start_server(preload: Sequence[str]) -> _Server:
    ours, theirs = socket.socketpair()
    environment = {name: os.environ[name] for name in INHERITED if name in os.environ} | ENVIRONMENT
    environment["PYTHONPATH"] = os.pathsep.join(path or os.getcwd() for path in sys.path)  # noqa: PTH109 (a string)
    folder = tempfile.mkdtemp(prefix="isolation-")
    with theirs:
        process = subprocess.Popen(  # noqa: S603 (our own module)
            [sys.executable, "-P", "-m", server.__name__, str(theirs.fileno()), folder, *preload],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=environment,
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # Ctrl-C is for the caller, who then ends this
        )
    running = _Server(process, ours, folder)
    try:
        ours.settimeout(START_TIMEOUT_S)
        ready = ours.recv(1) == server.READY
        ours.settimeout(SUBMIT_TIMEOUT_S)
    except OSError as error:
        running.stop()
        raise IsolationError(IsolationReason.UNAVAILABLE, f"the server did not start: {error}") from error
    if not ready:
        running.stop()
        raise IsolationError(IsolationReason.UNAVAILABLE, f"the server ended at once ({process.returncode})")
    return running


def _request(function: Subject, limits: Limits) -> server.Request:
    if not isinstance(function, FunctionType) or not function.__qualname__.isidentifier():
        raise TypeError(f"{function!r} is no module-level function")
    if function.__module__ == "__main__":
        raise TypeError(f"{function!r} can't be imported elsewhere: its module is the running program")
    return server.Request(
        module=function.__module__,
        function=function.__qualname__,
        memory_bytes=limits.memory_bytes,
        cpu_s=limits.cpu_s,
        wall_s=limits.wall_s,
        file_bytes=limits.file_bytes,
    )


async def _submitted(running: _Server, request: server.Request, argument: bytes, file: BinaryIO) -> _Call:
    submission = asyncio.ensure_future(asyncio.to_thread(running.submit, request, argument, file))
    try:
        return await asyncio.shield(submission)
    except asyncio.CancelledError:
        submission.add_done_callback(_hang_up)
        raise


def _hang_up(submission: asyncio.Future[_Call]) -> None:
    if not submission.cancelled() and submission.exception() is None:
        submission.result().close()


def _death(exit_code: int, limits: Limits) -> IsolationError:
    by_signal = {
        -signal.SIGXCPU: (IsolationReason.CPU_TIME, f"more than {limits.cpu_s} s of processor time were needed"),
        -signal.SIGALRM: (IsolationReason.WALL_TIME, f"more than {limits.wall_s} s went by"),
        -signal.SIGKILL: (IsolationReason.KILLED, "somebody else killed the child"),
    }
    if exit_code in by_signal:
        return IsolationError(*by_signal[exit_code])
    how = f"signal {signal.Signals(-exit_code).name}" if exit_code < 0 else f"exit code {exit_code}"
    return IsolationError(IsolationReason.CRASHED, f"the child died by {how}")
