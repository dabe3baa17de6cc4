"""How a command ends: 0 done, 1 failed, 2 wrong usage, 3 not found; `main` makes a line and a code of an error."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What scripts can rely on."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3


class CommandError(Exception):
    """The command failed; the message is for a person and says what to do."""

    exit_code = ExitCode.FAILED


class WrongUsageError(CommandError):
    """The command was called wrongly, in a way the option parser can't see."""

    exit_code = ExitCode.USAGE


class NotFoundError(CommandError):
    """What the command was asked about does not exist, or belongs to somebody else."""

    exit_code = ExitCode.NOT_FOUND
