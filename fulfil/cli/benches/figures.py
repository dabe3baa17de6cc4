"""A line of a benchmark's table."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """What was measured; `reached` is None where there is no target."""

    what: str
    value: str
    target: str = ""
    reached: bool | None = None

    def as_json(self) -> dict[str, str | bool | None]:
        """For machines."""
        return {"what": self.what, "figure": self.value, "target": self.target, "reached": self.reached}
