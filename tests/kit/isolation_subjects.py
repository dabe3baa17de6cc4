"""What the tests run in isolated children; a module of its own, because children import it by name."""

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path


def shout(content: bytes) -> bytes:
    return content.upper()


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
            "preloaded": "fulfil.quoting.analysis" in sys.modules,
            "threads": threading.active_count(),
        }
    ).encode()


def return_many(content: bytes) -> bytes:
    return bytes(int(content))


def loop_forever(_: bytes) -> bytes:
    while True:
        pass


def wait_forever(marker: bytes) -> bytes:
    """Write the process id into the file named by the content, then never return."""
    Path(marker.decode()).write_text(str(os.getpid()))
    while True:
        signal.pause()


def hog_memory(_: bytes) -> bytes:
    return b"".join(bytes([number % 256]) * (16 << 20) for number in range(1000))


def hog_memory_in_one_piece(_: bytes) -> bytes:
    return bytes(1 << 40)


def die_by_segmentation_fault(_: bytes) -> bytes:
    ctypes.string_at(0)
    return b"unreachable"


def die_by_signal(number: bytes) -> bytes:
    os.kill(os.getpid(), int(number))
    return b"unreachable"


def leave(_: bytes) -> bytes:
    os._exit(7)


def fail(_: bytes) -> bytes:
    raise ValueError("a bug in the function")


def leave_a_process_behind(_: bytes) -> bytes:
    """Start a process that would outlive this one and return its id."""
    return str(subprocess.Popen(["sleep", "600"]).pid).encode()


def fill_the_disk(_: bytes) -> bytes:
    with Path("large").open("wb") as file:
        file.write(bytes(2 << 20))
    return b"written"


def nap(seconds: bytes) -> bytes:
    time.sleep(float(seconds))
    return b"rested"
