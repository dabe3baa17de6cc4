"""Run as a script: becomes a supervised program that the kernel ends when its supervisor dies, however it dies.

`python -I -S launch.py SUPERVISOR_PID DEATH_SIGNAL USER_ID GROUP_ID PROGRAM ARGUMENT…` (ids of -1: stay who we are).
It imports next to nothing and replaces itself, so it costs some 15 ms and leaves no process behind.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Drop privileges, tie our life to the supervisor's, become the program."""
    supervisor, death_signal, user, group = (int(argument) for argument in arguments[:4])
    program = arguments[4:]
    if user >= 0:
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
    if sys.platform == "linux":
        # After the change of user, because that resets it; before looking at the parent, or its death might be missed.
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != supervisor:
        sys.exit(f"the supervisor {supervisor} has gone")
    os.execvpe(program[0], program, os.environ)  # noqa: S606 (the program is our own)


if __name__ == "__main__":
    main(sys.argv[1:])
