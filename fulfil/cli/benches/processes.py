"""What the processes of a stack use: memory they hold, CPU time they spend."""

import time
from collections.abc import Callable, Mapping

import psutil

MIB = 1024 * 1024


def memory_mib(processes: Mapping[str, int]) -> dict[str, int]:
    """Resident memory by process name, children included, in MiB.

    PostgreSQL's backends share their buffers: the proportional size counts every page once.
    """
    return {
        name: _sum(pid, lambda process: int(process.memory_full_info().pss)) // MIB for name, pid in processes.items()
    }


def cpu_ms(processes: Mapping[str, int]) -> dict[str, int]:
    """CPU time spent so far by process name, in milliseconds, children included; ours as `players`."""
    return {name: _sum(pid, _spent_ms) for name, pid in processes.items()} | {
        "players": round(1000 * time.process_time())
    }


def spent_between(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """What was spent in the meantime by those that ran at both moments."""
    return {name: after[name] - spent for name, spent in before.items() if name in after}


def _spent_ms(process: psutil.Process) -> int:
    times = process.cpu_times()
    return round(1000 * (times.user + times.system + times.children_user + times.children_system))


def _sum(pid: int, measure: Callable[[psutil.Process], int]) -> int:
    total = 0
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in family:
        try:
            total += measure(process)
        except psutil.Error:
            continue
    return total
