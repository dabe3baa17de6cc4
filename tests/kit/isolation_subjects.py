"""What the tests run in isolated children; a module of its own, because children import it by name."""

import ctypes
import functools
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

from fulfil.kit.isolation import Subject


def subject(function: Callable[[bytes], bytes]) -> Subject:
    """A function of the whole file that answers in one frame."""

    @functools.wraps(function)
    def framed(file: BinaryIO, _: bytes) -> Iterable[bytes]:
        return [function(file.read())]

    return framed


@subject
def shout(content: bytes) -> bytes:
    return content.upper()


@subject
def describe(_: bytes) -> bytes:
    """Who runs this, and with what around it."""
    return json.dumps(
        {
            "pid": os.getpid(),
            "folder": str(Path.cwd()),
            "files": [path.name for path in Path().iterdir()],
            "environment": dict(os.environ),
            "core_bytes": resource.getrlimit(resource.RLIMIT_CORE)[1],
            "descriptors": len(list(Path("/proc/self/fd").iterdir())),
            "preloaded": "fulfil.quoting.refusals" in sys.modules,
            "threads": threading.active_count(),
        }
    ).encode()


@subject
def return_many(content: bytes) -> bytes:
    return bytes(int(content))


@subject
def loop_forever(_: bytes) -> bytes:
    while True:
        pass


@subject
def wait_forever(marker: bytes) -> bytes:
    """Write the process id into the file named by the content, then never return."""
    Path(marker.decode()).write_text(str(os.getpid()))
    while True:
        signal.pause()


@subject
def hog_memory(_: bytes) -> bytes:
    return b"".join(bytes([number % 256]) * (16 << 20) for number in range(1000))


@subject
def hog_memory_in_one_piece(_: bytes) -> bytes:
    return bytes(1 << 40)


@subject
def die_by_segmentation_fault(_: bytes) -> bytes:
    ctypes.string_at(0)
    return b"unreachable"


@subject
def die_by_signal(number: bytes) -> bytes:
    os.kill(os.getpid(), int(number))
    return b"unreachable"


@subject
def leave(_: bytes) -> bytes:
    os._exit(7)


@subject
def fail(_: bytes) -> bytes:
    raise ValueError("a bug in the function")


@subject
def leave_a_process_behind(_: bytes) -> bytes:
    """Fork a process that would outlive this one and return its id."""
    if (pid := os.fork()) == 0:
        time.sleep(600)
        os._exit(0)
    return str(pid).encode()


@subject
def fill_the_disk(_: bytes) -> bytes:
    with Path("large").open("wb") as file:
        file.write(bytes(2 << 20))
    return b"written"


@subject
def nap(seconds: bytes) -> bytes:
    time.sleep(float(seconds))
    return b"rested"


@subject
def reach_out(address: bytes) -> bytes:
    """What stood in the way of a connection to the port, and of starting a program."""
    refusals = list[str]()
    try:
        socket.create_connection(("127.0.0.1", int(address)))
    except OSError as error:
        refusals.append(type(error).__name__)
    try:
        subprocess.run(["true"], check=True)
    except OSError as error:
        refusals.append(type(error).__name__)
    return " ".join(refusals).encode()


def count_slowly(file: BinaryIO, argument: bytes) -> Iterable[bytes]:
    """A frame for each line of the file, the argument before each; the last one only after a while."""
    for line in file:
        yield argument + line.strip()
    time.sleep(0.5)
    yield b"end"


def die_half_way(_: BinaryIO, argument: bytes) -> Iterable[bytes]:
    yield argument
    os.kill(os.getpid(), signal.SIGSEGV)
