"""The rankings: named, versioned, pure; each a weighted sum of parts that say in a sentence what they saw."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from fulfil.models.money import format_money
from fulfil.ranking.facts import Place, ProviderFacts, WorkFacts
from fulfil.ranking.filters import best_lot, fitting_machines, quantity_in, spare_of

FULL = 1000
"""The most a part can be; its weight says how many of the 100 points that is worth."""
UNKNOWN = FULL // 2
ONE_MACHINE = 800
HALF_ANSWER_S = 90
"""Who answers in this time has half of the part for quick answers: it is how long a wave lasts."""
HALF_KM = 200
HALF_JOBS = 10
ENOUGH_TO_SPARE = 2 * FULL
"""With three times what is needed nobody runs short."""
EARTH_KM = 6371.0


class UnknownRankingError(ValueError):
    """There is no ranking of that name."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing a ranking looks at: from 0 to 1000 for a provider, times the weight; the weights add up to 100."""

    name: str
    weight: int
    value: Callable[[WorkFacts, ProviderFacts], int]
    sentence: Callable[[WorkFacts, ProviderFacts], str]


@dataclass(frozen=True, slots=True)
class PartOfScore:
    """What one part gave a provider, of how much, and why."""

    name: str
    points: int
    most: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """A way to order providers. A changed weight or part is a new version: old decisions stay explainable."""

    name: str
    version: int
    says: str
    parts: tuple[Part, ...]

    @property
    def key(self) -> str:
        """The name that never means anything else: `balanced.1`."""
        return f"{self.name}.{self.version}"

    def points(self, work: WorkFacts, provider: ProviderFacts) -> int:
        """Thousandths of a point, 100,000 at most."""
        points = 0
        for part in self.parts:
            points += part.weight * part.value(work, provider)
        return points

    def explain(self, work: WorkFacts, provider: ProviderFacts) -> tuple[PartOfScore, ...]:
        """The parts of the points, in the order of their weight."""
        return tuple(
            PartOfScore(
                name=part.name,
                points=part.weight * part.value(work, provider),
                most=part.weight * FULL,
                sentence=part.sentence(work, provider),
            )
            for part in self.parts
        )


def kilometres(one: Place, other: Place) -> int:
    """The way between two places over the ground, as the crow flies."""
    north = math.radians(other.latitude - one.latitude)
    east = math.radians(other.longitude - one.longitude)
    half = (
        math.sin(north / 2) ** 2
        + math.cos(math.radians(one.latitude)) * math.cos(math.radians(other.latitude)) * math.sin(east / 2) ** 2
    )
    return round(2 * EARTH_KM * math.asin(math.sqrt(min(1.0, half))))


def capability_value(work: WorkFacts, provider: ProviderFacts) -> int:
    """One machine that fits is good, a second one better; half without any on record."""
    if not provider.machines:
        return UNKNOWN
    fitting = fitting_machines(work, provider)
    return FULL if fitting > 1 else fitting * ONE_MACHINE


def capability_says(work: WorkFacts, provider: ProviderFacts) -> str:
    """What she can make it with."""
    can = f"Can make {work.process} in {work.material}"
    if not provider.machines:
        return f"{can}."
    return f"{can}, on {fitting_machines(work, provider)} of {len(provider.machines)} machines."


def stock_value(work: WorkFacts, provider: ProviderFacts) -> int:
    """Nothing for just enough, everything for three times as much."""
    lot = best_lot(work, provider)
    return 0 if lot is None else min(ENOUGH_TO_SPARE, spare_of(lot, work)) // 2


def stock_says(work: WorkFacts, provider: ProviderFacts) -> str:
    """What the lot it would be taken from has."""
    lot = best_lot(work, provider)
    if lot is None:
        return "Has no lot with enough of the material."
    colour = f" of {lot.colour}" if lot.colour else ""
    wanted = quantity_in(work, lot.unit) or 0
    return f"Has {lot.free} {lot.unit}{colour} in stock, {wanted} {lot.unit} are needed."


def score_value(work: WorkFacts, provider: ProviderFacts) -> int:
    """Her score of the last 30 days, 0 to 100."""
    del work
    return provider.score * (FULL // 100)


def score_says(work: WorkFacts, provider: ProviderFacts) -> str:
    """How well she has done."""
    del work
    return f"Score {provider.score}."


def response_value(work: WorkFacts, provider: ProviderFacts) -> int:
    """Half for an answer within a wave's time, less and less for slower ones."""
    del work
    return UNKNOWN if provider.answer_s is None else FULL * HALF_ANSWER_S // (HALF_ANSWER_S + max(0, provider.answer_s))


def response_says(work: WorkFacts, provider: ProviderFacts) -> str:
    """How quick she is."""
    del work
    if provider.answer_s is None:
        return "Has not answered offers lately."
    return f"Answers offers within {provider.answer_s} s, in the middle."


def load_value(work: WorkFacts, provider: ProviderFacts) -> int:
    """How much of her capacity is free."""
    del work
    if provider.capacity_jobs <= 0:
        return 0
    return FULL * max(0, provider.capacity_jobs - provider.open_jobs) // provider.capacity_jobs


def load_says(work: WorkFacts, provider: ProviderFacts) -> str:
    """How busy she is, and whether she is still proving herself."""
    said = f"{provider.open_jobs} of {provider.capacity_jobs} jobs in hand."
    if provider.completed_jobs >= work.newcomer_jobs:
        return said
    limit = format_money(work.newcomer_limit_minor, work.currency)
    return f"{said} Newcomer: one job at a time, up to {limit}."


def distance_value(work: WorkFacts, provider: ProviderFacts) -> int:
    """All for next door, half at 200 km, and half when a place is not known."""
    if work.place is None or provider.place is None:
        return UNKNOWN
    return FULL * HALF_KM // (HALF_KM + kilometres(work.place, provider.place))


def distance_says(work: WorkFacts, provider: ProviderFacts) -> str:
    """How far it has to travel."""
    if work.place is None or provider.place is None:
        return "The distance is not known."
    return f"{kilometres(work.place, provider.place)} km from the customer."


def turn_value(work: WorkFacts, provider: ProviderFacts) -> int:
    """All for who has completed nothing yet, half after ten jobs."""
    del work
    return FULL * HALF_JOBS // (HALF_JOBS + max(0, provider.completed_jobs))


def turn_says(work: WorkFacts, provider: ProviderFacts) -> str:
    """How often it was her turn."""
    del work
    return f"Has completed {provider.completed_jobs} jobs."


_CAPABILITY = ("capability", capability_value, capability_says)
_STOCK = ("stock", stock_value, stock_says)
_SCORE = ("score", score_value, score_says)
_RESPONSE = ("response", response_value, response_says)
_LOAD = ("load", load_value, load_says)
_DISTANCE = ("distance", distance_value, distance_says)
_TURN = ("turn", turn_value, turn_says)


def _part(
    weight: int,
    about: tuple[str, Callable[[WorkFacts, ProviderFacts], int], Callable[[WorkFacts, ProviderFacts], str]],
) -> Part:
    name, value, sentence = about
    return Part(name, weight, value, sentence)


RANKINGS: tuple[Ranking, ...] = (
    Ranking(
        name="balanced",
        version=1,
        says="who is capable, well supplied, good, quick, free and near",
        parts=(
            *(_part(40, _SCORE), _part(15, _RESPONSE), _part(15, _LOAD)),
            *(_part(10, _CAPABILITY), _part(10, _STOCK), _part(10, _DISTANCE)),
        ),
    ),
    Ranking(
        name="nearest",
        version=1,
        says="who is near, then who is good and free",
        parts=(_part(70, _DISTANCE), _part(20, _SCORE), _part(10, _LOAD)),
    ),
    Ranking(
        name="fairest",
        version=1,
        says="who has had few jobs and has few in hand, then who is good",
        parts=(_part(40, _TURN), _part(40, _LOAD), _part(20, _SCORE)),
    ),
)
DEFAULT = RANKINGS[0]


def ranking_named(name: str) -> Ranking:
    """The newest version of `balanced`, or exactly `balanced.1`; raises `UnknownRankingError` naming all there are."""
    found = [ranking for ranking in RANKINGS if name in (ranking.name, ranking.key)]
    if not found:
        known = ", ".join(sorted({ranking.name for ranking in RANKINGS}))
        raise UnknownRankingError(f"There is no ranking {name!r}: there are {known}.")
    return max(found, key=lambda ranking: ranking.version)
