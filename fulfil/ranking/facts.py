"""What a decision is made from: the work and each provider as plain values, read once and stored with the decision."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from fulfil.ranking.standing import ProviderStanding

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the earth, in degrees."""

    latitude: float
    longitude: float


THICKNESS = re.compile(r"-\d+(\.\d+)?$")


@lru_cache(maxsize=1024)  # asked for each provider of each decision
def names_of(material: str) -> tuple[str, ...]:
    """A material's name, and without its thickness when it is a sheet."""
    plain = THICKNESS.sub("", material)
    return (material,) if plain == material else (material, plain)


@dataclass(frozen=True, slots=True)
class WorkFacts:
    """What is to be made, for how much, until when and where it goes; the limits are those of its order.

    `sheets` is what stock counted in sheets has to give; `box_mm` the sides of the largest part, the longest first.
    Colours are in lower case, as stock names them.
    """

    process: str
    material: str
    grams: int
    quantity: int
    amount_minor: int
    currency: str
    lead_time_days: int
    asked_at: datetime
    needed_by: datetime
    start_by: datetime
    newcomer_jobs: int
    newcomer_limit_minor: int
    colour: str | None = None
    sheets: int | None = None
    box_mm: tuple[float, ...] | None = None
    place: Place | None = None

    @property
    def materials(self) -> tuple[str, ...]:
        """The names by which it may be declared: a sheet's with its thickness (`ACRYLIC-3`), or without."""
        return names_of(self.material)


@dataclass(frozen=True, slots=True)
class Lot:
    """What is free of one lot of the material, in its own unit; leases that ended count as free."""

    colour: str
    unit: str
    free: int


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine for the process; without materials it takes all of them.

    `volume_mm` has its sides, the longest first: two are a bed, three a printer.
    """

    volume_mm: tuple[float, ...]
    materials: tuple[str, ...] = ()
    online: bool = True


@dataclass(frozen=True, slots=True)
class Closure:
    """A time in which she does not work."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """A provider as far as this job goes.

    `materials` are those she can do in the process; `machines` those on record for it. `hours` are minutes from
    midnight in her time zone, Monday first; None: she works every day. `asked` means that this round asked her
    already, `declined` and `had_it` that any round did and she said no, or lost the job again.
    """

    id: str
    standing: ProviderStanding
    score: int
    completed_jobs: int
    open_jobs: int
    capacity_jobs: int
    materials: tuple[str, ...]
    answer_s: int | None = None
    lots: tuple[Lot, ...] = ()
    machines: tuple[Machine, ...] = ()
    time_zone: str = "UTC"
    hours: tuple[tuple[int, int] | None, ...] | None = None
    closures: tuple[Closure, ...] = ()
    place: Place | None = None
    asked: bool = False
    declined: bool = False
    had_it: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a provider is left out: a code for machines and a sentence for people."""

    code: str
    detail: str
