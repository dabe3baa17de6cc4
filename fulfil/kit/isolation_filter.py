"""A seccomp filter: the process that installs it can't reach a network, start a program or trace another, ever again.

Needs no privilege, unlike namespaces, so it works in a container too. Source: seccomp(2), linux/filter.h.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Mapping
from dataclasses import dataclass

PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2
RETURN_ALLOW = 0x7FFF0000
RETURN_ERROR = 0x00050000
RETURN_KILL = 0x80000000

LOAD_WORD = 0x20
JUMP_IF_EQUAL = 0x15
JUMP_IF_AT_LEAST = 0x35
RETURN = 0x06
NUMBER_OFFSET = 0
ARCHITECTURE_OFFSET = 4
INSTRUCTION = struct.Struct("=HBBI")
# x86-64 answers to a second set of system call numbers (x32) above this one.
X32 = 0x40000000


@dataclass(frozen=True)
class _Machine:
    """Its identity in audit.h, and the numbers of the calls refused."""

    audit: int
    calls: Mapping[str, int]


MACHINES = {
    "x86_64": _Machine(
        0xC000003E,
        {
            "socket": 41,
            "connect": 42,
            "bind": 49,
            "execve": 59,
            "ptrace": 101,
            "process_vm_writev": 311,
            "execveat": 322,
            "io_uring_setup": 425,
        },
    ),
    "aarch64": _Machine(
        0xC00000B7,
        {
            "socket": 198,
            "connect": 203,
            "bind": 200,
            "execve": 221,
            "ptrace": 117,
            "process_vm_writev": 271,
            "execveat": 281,
            "io_uring_setup": 425,
        },
    ),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def refuse_dangerous_calls() -> None:
    """Have the kernel answer such calls of this process and its children with EACCES; raises `OSError`."""
    machine = MACHINES.get(platform.machine())
    if machine is None:
        raise OSError(errno.ENOSYS, f"no system call filter is known for {platform.machine()}")
    instructions = _instructions(machine)
    program = _Program(len(instructions) // INSTRUCTION.size, instructions)
    libc = ctypes.CDLL(None, use_errno=True)
    _checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _checked(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0))


def _instructions(machine: _Machine) -> bytes:
    numbers = list(machine.calls.values())
    steps = [
        (LOAD_WORD, 0, 0, ARCHITECTURE_OFFSET),
        (JUMP_IF_EQUAL, 1, 0, machine.audit),
        (RETURN, 0, 0, RETURN_KILL),
        (LOAD_WORD, 0, 0, NUMBER_OFFSET),
        (JUMP_IF_AT_LEAST, len(numbers) + 1, 0, X32),
        *((JUMP_IF_EQUAL, len(numbers) - place, 0, number) for place, number in enumerate(numbers)),
        (RETURN, 0, 0, RETURN_ALLOW),
        (RETURN, 0, 0, RETURN_ERROR | errno.EACCES),
    ]
    return b"".join(INSTRUCTION.pack(*step) for step in steps)


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"the system call filter was refused: {os.strerror(number)}")
