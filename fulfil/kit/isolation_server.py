"""The process behind `isolation`: single-threaded, its modules loaded once, it forks a child for every call.

Not `multiprocessing`'s fork server, because that imports the caller's main module again in every child and hands
children the caller's environment, secrets included.

Arguments: the control socket's descriptor, a folder for the children's folders (removed at the end), modules to load.

Protocol: over the control socket comes one byte with four file descriptors: the call's lifeline, the socket for the
answer, the request, which is a line of JSON (`Request`) followed by the argument, and the file. The child writes
frames (`FRAME`: a mark and a size, then that many bytes); this process writes the child's exit code (`EXIT_CODE`) to
the lifeline. When the caller closes the lifeline the child is killed; when the control socket ends, everything is.
"""

import gc
import importlib
import json
import os
import resource
import selectors
import shutil
import signal
import socket
import struct
import sys
import tempfile
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass
from types import FrameType
from typing import NoReturn

from fulfil.kit.isolation_filter import refuse_dangerous_calls

READY = b"R"
FRAME = struct.Struct("<cI")
YIELDED = b"+"
FINISHED = b"="
RAISED = b"!"
OUT_OF_MEMORY = b"M"
EXIT_CODE = struct.Struct("<i")


@dataclass(frozen=True)
class Request:
    """What a child has to run, and within which limits (bytes and seconds)."""

    module: str
    function: str
    memory_bytes: int
    cpu_s: int
    wall_s: float
    file_bytes: int

    def encode(self) -> bytes:
        """One line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"


@dataclass(frozen=True)
class _Call:
    pid: int
    lifeline: socket.socket
    folder: str


class _ForkServer:
    """Forks, watches and buries children until the control socket ends."""

    def __init__(self, control: socket.socket, folder: str) -> None:
        self._control = control
        self._folder = folder
        self._calls: dict[int, _Call] = {}
        self._selector = selectors.DefaultSelector()
        self._wake_reader, self._wake_writer = socket.socketpair()

    def run(self) -> None:
        """Serve until the caller is gone, then kill what still runs."""
        self._wake_reader.settimeout(0)
        self._wake_writer.settimeout(0)
        signal.set_wakeup_fd(self._wake_writer.fileno())
        signal.signal(signal.SIGCHLD, _wake)
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(self._wake_reader, selectors.EVENT_READ)
        self._control.sendall(READY)
        while self._turn():
            pass
        for call in list(self._calls.values()):
            self._bury(call)

    def _turn(self) -> bool:
        for key, _ in self._selector.select():
            if key.fileobj is self._control:
                message, descriptors, _, _ = socket.recv_fds(self._control, 1, 4)
                if not message:
                    return False
                self._accept(*descriptors)
            elif key.fileobj is self._wake_reader:
                self._wake_reader.recv(4096)
                self._reap()
            elif key.data in self._calls:  # nothing is ever sent this way: the caller has hung up
                self._selector.unregister(key.fileobj)
                _kill(key.data)
        return True

    def _accept(self, lifeline_descriptor: int, answer: int, request: int, content: int) -> None:
        lifeline = socket.socket(fileno=lifeline_descriptor)
        try:
            folder = tempfile.mkdtemp(dir=self._folder)
            pid = os.fork()
        except OSError:  # no memory, no processes, no disk: this call gets no exit code, the next may fare better
            traceback.print_exc()
            lifeline.close()
            _close(answer, request, content)
            return
        if pid == 0:
            self._become_child(lifeline, answer, request, content, folder)
        _close(answer, request, content)
        with suppress(PermissionError, ProcessLookupError):  # the child does the same; whoever comes first
            os.setpgid(pid, pid)
        self._calls[pid] = _Call(pid, lifeline, folder)
        self._selector.register(lifeline, selectors.EVENT_READ, data=pid)

    def _become_child(self, lifeline: socket.socket, answer: int, request: int, content: int, folder: str) -> NoReturn:
        exit_code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._selector.close()
            # A child holding another call's lifeline would outlive its caller's interest in it.
            for other in (self._control, self._wake_reader, self._wake_writer, lifeline):
                other.close()
            for call in self._calls.values():
                call.lifeline.close()
            os.setpgid(0, 0)
            os.chdir(folder)
            with socket.socket(fileno=answer) as connection:
                _answer(connection, request, content)
            exit_code = 0
        except BaseException:  # noqa: BLE001 (whatever it was, this process must not live on as a second server)
            traceback.print_exc()
        finally:
            os._exit(exit_code)

    def _reap(self) -> None:
        while self._calls:
            dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if dead is None:
                return
            self._bury(self._calls[dead.si_pid])

    def _bury(self, call: _Call) -> None:
        del self._calls[call.pid]
        # Whatever the child started itself; before the child is reaped, for then its number may be another's.
        _kill(call.pid)
        _, status = os.waitpid(call.pid, 0)
        with suppress(KeyError):  # unregistered already when the caller has hung up
            self._selector.unregister(call.lifeline)
        with suppress(OSError), call.lifeline:  # the caller may be gone
            call.lifeline.sendall(EXIT_CODE.pack(os.waitstatus_to_exitcode(status)))
        shutil.rmtree(call.folder, ignore_errors=True)  # a leftover in the temporary folder must not stop the service


def _answer(connection: socket.socket, request_descriptor: int, content_descriptor: int) -> None:
    with os.fdopen(request_descriptor, "rb") as letter, os.fdopen(content_descriptor, "rb") as file:
        letter.seek(0)
        request = Request(**json.loads(letter.readline()))
        _limit(request)
        refuse_dangerous_calls()
        try:
            file.seek(0)
            function = getattr(importlib.import_module(request.module), request.function)
            for frame in function(file, letter.read()):
                _send(connection, YIELDED, frame)
            _send(connection, FINISHED)
        except MemoryError:
            _send(connection, OUT_OF_MEMORY)
        except BaseException:  # noqa: BLE001 (reported to the caller)
            _send(connection, RAISED, traceback.format_exc().encode())


def _send(connection: socket.socket, mark: bytes, body: bytes = b"") -> None:
    connection.sendall(FRAME.pack(mark, len(body)))
    connection.sendall(body)


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _limit(request: Request) -> None:
    """Have the kernel send SIGALRM after `wall_s` and SIGXCPU after `cpu_s`, and refuse memory beyond the limit."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, request.wall_s)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (request.cpu_s, request.cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (request.file_bytes, request.file_bytes))
    resource.setrlimit(resource.RLIMIT_AS, (request.memory_bytes, request.memory_bytes))


def _kill(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _wake(signal_number: int, frame: FrameType | None) -> None:
    """Exists so that the signal reaches the wake-up socket; the loop does the work."""
    del signal_number, frame


def main() -> None:
    """Load the modules, then serve until the caller is gone."""
    control_descriptor, folder, *modules = sys.argv[1:]
    for module in modules:
        importlib.import_module(module)
    gc.freeze()  # collections in a child must not copy the pages it shares with this process
    try:
        with socket.socket(fileno=int(control_descriptor)) as control:
            _ForkServer(control, folder).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # the caller removes what is left


if __name__ == "__main__":
    main()
