"""A decision: facts filtered and ranked, kept so that it can be explained and played again under another ranking."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from fulfil.ranking.facts import ProviderFacts, Refusal, WorkFacts
from fulfil.ranking.filters import OFFERING, Filter, refusal_of
from fulfil.ranking.rankings import Ranking

MOST_KEPT = 100
"""Of so many of the best candidates the facts are kept."""
MOST_EXCLUDED_KEPT = 200


class Ranked(NamedTuple):
    """A candidate and what she got, in thousandths of a point."""

    provider: ProviderFacts
    points: int


class Excluded(NamedTuple):
    """A provider who could not be asked, and why."""

    provider_id: str
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Decision:
    """All candidates, the best first; whom it left out; and the ranking it was taken with."""

    ranking: Ranking
    work: WorkFacts
    ranked: Sequence[Ranked]
    excluded: Sequence[Excluded]


def decide(
    work: WorkFacts, providers: Iterable[ProviderFacts], ranking: Ranking, filters: tuple[Filter, ...] = OFFERING
) -> Decision:
    """Who is asked in which order; who is as good as another by points comes first by less load, then by age."""
    able: list[ProviderFacts] = []
    excluded: list[Excluded] = []
    for provider in providers:
        refusal = refusal_of(work, provider, filters)
        if refusal is None:
            able.append(provider)
        else:
            excluded.append(Excluded(provider.id, refusal))
    excluded.sort(key=lambda out: out.provider_id)
    return Decision(ranking, work, rank(work, able, ranking), excluded)


def rank(work: WorkFacts, providers: Iterable[ProviderFacts], ranking: Ranking) -> list[Ranked]:
    """The best first."""
    ranked = [Ranked(provider, ranking.points(work, provider)) for provider in providers]
    ranked.sort(key=lambda one: (-one.points, one.provider.open_jobs, one.provider.id))
    return ranked


_WORK = TypeAdapter(WorkFacts)
_PROVIDER = TypeAdapter(ProviderFacts)


def stored_work(work: WorkFacts) -> dict[str, Any]:
    """The work as it is kept."""
    return dict(_WORK.dump_python(work, mode="json", exclude_defaults=True))


def read_work(stored: object) -> WorkFacts:
    """The work as it was kept; what a later version added takes its default."""
    return _WORK.validate_python(stored)


def stored_candidates(decision: Decision) -> list[dict[str, Any]]:
    """The best hundred with their facts and what every part gave them."""
    return [
        {
            "points": one.points,
            "parts": {
                part.name: part.weight * part.value(decision.work, one.provider) for part in decision.ranking.parts
            },
            "facts": _PROVIDER.dump_python(one.provider, mode="json", exclude_defaults=True),
        }
        for one in decision.ranked[:MOST_KEPT]
    ]


def read_provider(stored: object) -> ProviderFacts:
    """A candidate's facts as they were kept."""
    return _PROVIDER.validate_python(stored)


def stored_excluded(decision: Decision) -> list[dict[str, str]]:
    """Whom it left out, two hundred at most; how many there were is counted beside it."""
    return [
        {"provider_id": out.provider_id, "code": out.refusal.code, "detail": out.refusal.detail}
        for out in decision.excluded[:MOST_EXCLUDED_KEPT]
    ]
