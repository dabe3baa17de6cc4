"""Rankings are pure, complete, fair to the order of their input, and never punish a better score."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulfil.ranking.facts import Lot, Place, ProviderFacts, WorkFacts
from fulfil.ranking.rankings import (
    DEFAULT,
    FULL,
    RANKINGS,
    Ranking,
    UnknownRankingError,
    kilometres,
    ranking_named,
)
from tests.ranking.samples import PLACES, PROVIDERS, WORK, WORKS, provider

KEYS = sorted(ranking.key for ranking in RANKINGS)


@given(WORKS, PROVIDERS, st.sampled_from(RANKINGS))
def test_every_part_stays_within_its_weight_and_says_why(
    work: WorkFacts, provider: ProviderFacts, ranking: Ranking
) -> None:
    parts = ranking.explain(work, provider)
    assert sum(part.most for part in parts) == 100 * FULL
    assert all(0 <= part.points <= part.most for part in parts)
    assert all(part.sentence.endswith(".") for part in parts)
    assert sum(part.points for part in parts) == ranking.points(work, provider)


@given(WORKS, PROVIDERS, st.sampled_from(RANKINGS), st.integers(0, 100))
def test_a_better_score_never_costs_points(
    work: WorkFacts, provider: ProviderFacts, ranking: Ranking, score: int
) -> None:
    low, high = sorted([provider.score, score])
    assert ranking.points(work, replace(provider, score=low)) <= ranking.points(work, replace(provider, score=high))


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"score": 60}, {"score": 59}),
        ({"answer_s": 10}, {"answer_s": 300}),
        ({"open_jobs": 0}, {"open_jobs": 1}),
        ({"lots": (Lot("", "g", 300),)}, {"lots": (Lot("", "g", 150),)}),
        ({"place": Place(52.5, 13.4)}, {"place": Place(48.1, 11.6)}),
    ],
)
def test_the_default_prefers_all_else_being_equal(better: dict[str, object], worse: dict[str, object]) -> None:
    assert DEFAULT.points(WORK, provider(**better)) > DEFAULT.points(WORK, provider(**worse))


@given(PLACES, PLACES)
def test_distances_are_those_of_a_globe(one: Place, other: Place) -> None:
    assert kilometres(one, other) == kilometres(other, one) <= 20_016
    assert kilometres(one, one) == 0


def test_berlin_is_504_km_from_munich() -> None:
    assert kilometres(Place(52.52, 13.405), Place(48.137, 11.575)) == 504


def test_a_ranking_is_found_by_its_name_or_by_one_version() -> None:
    assert ranking_named("balanced") is ranking_named("balanced.1") is DEFAULT
    assert len(set(KEYS)) == len(RANKINGS)
    with pytest.raises(UnknownRankingError, match="there are balanced, fairest, nearest"):
        ranking_named("cheapest")
