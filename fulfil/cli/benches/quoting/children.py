"""Runs a task of the benchmark in a process of its own, so that its CPU time and memory are its own too."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from fulfil.cli.exits import CommandError
from fulfil.kit.isolation import ENVIRONMENT

MEBIBYTE = 1 << 20
PATIENCE_S = 600


@dataclass(frozen=True)
class Ran:
    """What a child measured, and what the whole child took, its start and imports included."""

    numbers: dict[str, float]
    cpu_s: float
    peak_mib: float


def run_task(name: str, path: Path, times: int) -> Ran:
    """Run a task of `tasks.py` on a file; raises `CommandError` with the child's last words when it fails."""
    done = subprocess.run(  # noqa: S603 (our own module)
        [
            sys.executable,
            "-m",
            "fulfil.cli.benches.quoting.tasks",
            name,
            str(path),
            str(times),
        ],
        env=os.environ | ENVIRONMENT,  # as files are read
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"it ended with {done.returncode}"]
        raise CommandError(f"{name} could not be measured: {last[0]}")
    said = json.loads(done.stdout.splitlines()[-1])
    return Ran(said["numbers"], said["cpu_s"], said["peak_bytes"] / MEBIBYTE)
