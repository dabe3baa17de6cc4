"""What every hostile file of the corpus is: a name, a generator, and how reading it must end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

# "refused": a reader raises `QuotingRefusalError`; "finding": it is read whole, and a finding or a measured fact
# (open, inside out, overlapping, …) says what is odd; "limits": only the child's limits end it (memory, time, a
# crash of foreign code), so it is never read in this process.
Expectation = Literal["refused", "finding", "limits"]


@dataclass(frozen=True)
class HostileFile:
    """One file; `make` is deterministic and takes less than a second."""

    name: str
    make: Callable[[], bytes]
    expects: Expectation
