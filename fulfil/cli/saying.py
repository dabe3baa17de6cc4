"""Progress of long commands, with the seconds since they began."""

import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape

from fulfil.cli.rendering import console
from fulfil.cli.running import OutputFormat


@dataclass
class Progress:
    """Says what happens, unless the output is for a machine."""

    output: OutputFormat = OutputFormat.TABLE
    out: Console = field(default_factory=console)
    _began: float = field(default_factory=time.monotonic)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the command began."""
        return time.monotonic() - self._began

    def say(self, what: str) -> None:
        """A line of progress."""
        if self.output is OutputFormat.TABLE:
            self.out.print(f"[dim]{self.elapsed_s:6.1f} s[/]  {escape(what)}", soft_wrap=True)

    def report(self, name: str, what: str) -> None:
        """What a supervisor says about a process."""
        self.say(f"{name:9} {what}")
