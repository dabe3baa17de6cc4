"""What an audit finds."""

from dataclasses import dataclass, field

SHOWN_EXAMPLES = 3


@dataclass(frozen=True)
class Finding:
    """A promise and whatever breaks it."""

    promise: str
    broken_by: list[str] = field(default_factory=list[str])

    @property
    def kept(self) -> bool:
        """Whether nothing breaks it."""
        return not self.broken_by

    def __str__(self) -> str:
        if self.kept:
            return f"{self.promise}: 0"
        shown = self.broken_by[:SHOWN_EXAMPLES] + ["..."] * (len(self.broken_by) > SHOWN_EXAMPLES)
        return f"{self.promise}: {len(self.broken_by)} ({'; '.join(shown)})"
