"""What a provider works with and when: machines, working hours, closures."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from fulfil.api.schemas.base import Body, Instant, Line, Representation
from fulfil.api.schemas.providers import Material, Process, TimeZone
from fulfil.models.messages.providers import Weekday

CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00")
Side = Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]


def _clock(text: str) -> str:
    if not CLOCK.fullmatch(text):
        raise ValueError("must be a time of day such as 09:00; 24:00 ends a day")
    return text


def _forwards(hours: tuple[str, str]) -> tuple[str, str]:
    opens, closes = hours
    if closes <= opens:
        raise ValueError(
            "must end after it begins, on the same day: work across midnight belongs to two days, until 24:00 and "
            "from 00:00"
        )
    return hours


Clock = Annotated[str, StringConstraints(max_length=5), AfterValidator(_clock)]
Hours = Annotated[tuple[Clock, Clock], AfterValidator(_forwards)]


class NewMachine(Body):
    """A machine; work that fits none of those online for its process is not offered to her."""

    name: Annotated[Line, StringConstraints(max_length=120)] = Field(examples=["Prusa MK4 no. 3"])
    process: Process = Field(examples=["fdm"])
    materials: list[Material] = Field(min_length=1, max_length=100, examples=[["PLA", "PETG"]])
    volume_mm: list[Side] = Field(
        min_length=2,
        max_length=3,
        description="Width, depth and height of what a printer can make; width and depth of a bed.",
        examples=[[250, 210, 220]],
    )
    online: bool = Field(default=True, strict=True, description="False while it is being repaired.")


class Machine(Representation):
    """A machine of a provider."""

    id: str
    provider_id: str
    name: str
    process: str
    materials: list[str]
    volume_mm: list[float]
    online: bool
    created_at: Instant


class Machines(Representation):
    """All machines of a provider, in the order they were entered."""

    data: list[Machine]


class NewCalendar(Body):
    """When she works, in her own time zone."""

    time_zone: TimeZone = Field(examples=["Europe/Berlin"])
    working_hours: dict[Weekday, Hours] | None = Field(
        min_length=1,
        description="From when to when on which weekday; a weekday left out is free. Null: she works at all times.",
        examples=[{"mon": ["09:00", "17:00"], "fri": ["09:00", "13:00"]}],
    )


class NewClosure(Body):
    """A time in which she does not work."""

    starts_at: AwareDatetime
    ends_at: AwareDatetime
    reason: Annotated[Line, StringConstraints(max_length=300)] = Field(examples=["Summer holidays"])

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.ends_at <= self.starts_at:
            raise ValueError("ends_at must be after starts_at")
        return self


class Closure(Representation):
    """A time in which she does not work."""

    id: str
    provider_id: str
    starts_at: Instant
    ends_at: Instant
    reason: str
    created_at: Instant


class Closures(Representation):
    """Closures that are not over, the next one first."""

    data: list[Closure]


class Calendar(Representation):
    """When she works."""

    provider_id: str
    time_zone: str
    working_hours: dict[Weekday, tuple[str, str]] | None
    closures: list[Closure] = Field(description="Those that are not over, the next one first.")
