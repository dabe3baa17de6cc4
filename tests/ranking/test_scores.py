"""Scores: bounded, 50 for a newcomer, better for good news and worse for bad, whatever came before."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulfil.ranking.scores import STARS, VERSION, ScoreInputs, score_of, stars_of

COUNT = st.integers(0, 500)


@st.composite
def inputs(draw: st.DrawFn) -> ScoreInputs:
    """Any counts that can have been counted."""
    whole = {name: draw(COUNT) for name in ("promised", "asked", "checks", "feedbacks")}
    in_time = draw(st.integers(0, whole["asked"]))
    return ScoreInputs(
        **whole,
        kept=draw(st.integers(0, whole["promised"])),
        in_time=in_time,
        median_answer_s=draw(st.integers(0, 100_000)) if in_time else None,
        first_passed=draw(st.integers(0, whole["checks"])),
        star_points=draw(st.integers(STARS * whole["feedbacks"], 5 * STARS * whole["feedbacks"])),
        completed=draw(COUNT),
        lost=draw(COUNT),
        refunded=draw(COUNT),
        charged_back=draw(COUNT),
    )


def exact(counts: ScoreInputs) -> float:
    """The score before it is rounded."""
    return sum(part.value * part.weight for part in score_of(counts).parts)


def test_a_newcomer_starts_in_the_middle_of_every_part() -> None:
    score = score_of(ScoreInputs())
    assert (score.score, score.version) == (50, VERSION)
    assert {part.value for part in score.parts} == {0.5}
    assert sum(part.weight for part in score.parts) == 100


@given(inputs())
def test_a_score_lies_between_nothing_and_a_hundred(counts: ScoreInputs) -> None:
    score = score_of(counts)
    assert 0 <= score.score <= 100
    assert all(0 <= part.value <= 1 for part in score.parts)


GOOD: dict[str, dict[str, int]] = {
    "a promised date kept": {"promised": 1, "kept": 1},
    "an offer answered in time": {"asked": 1, "in_time": 1},
    "a first check passed": {"checks": 1, "first_passed": 1},
    "a feedback with all stars": {"feedbacks": 1, "star_points": 5 * STARS},
    "a job completed": {"completed": 1},
}
BAD: dict[str, dict[str, int]] = {
    "a promised date missed": {"promised": 1},
    "an offer not answered": {"asked": 1},
    "a first check failed": {"checks": 1},
    "a feedback with one star": {"feedbacks": 1, "star_points": STARS},
    "a job given back": {"lost": 1},
    "a refund for quality": {"refunded": 1},
    "a lost chargeback": {"charged_back": 1},
}


def plus(counts: ScoreInputs, news: dict[str, int]) -> ScoreInputs:
    """The counts with one more observation."""
    return replace(counts, **{name: getattr(counts, name) + more for name, more in news.items()})


@pytest.mark.parametrize("news", sorted(GOOD))
@given(counts=inputs())
def test_good_news_never_lowers_a_score(news: str, counts: ScoreInputs) -> None:
    assert (
        exact(plus(replace(counts, median_answer_s=0), GOOD[news])) >= exact(replace(counts, median_answer_s=0)) - 1e-9
    )


@pytest.mark.parametrize("news", sorted(BAD))
@given(counts=inputs())
def test_bad_news_never_raises_a_score(news: str, counts: ScoreInputs) -> None:
    assert exact(plus(counts, BAD[news])) <= exact(counts) + 1e-9


@given(inputs(), st.integers(0, 10_000))
def test_slower_answers_never_raise_a_score(counts: ScoreInputs, more_s: int) -> None:
    if counts.median_answer_s is not None:
        slower = replace(counts, median_answer_s=counts.median_answer_s + more_s)
        assert exact(slower) <= exact(counts) + 1e-9


def test_little_evidence_moves_a_score_less_than_much() -> None:
    few = score_of(ScoreInputs(promised=2, kept=2, checks=2, first_passed=2, completed=2))
    many = score_of(ScoreInputs(promised=200, kept=200, checks=200, first_passed=200, completed=200))
    assert 50 < few.score < many.score
    assert many.score > 85


def test_a_part_says_what_it_was_made_of() -> None:
    counts = ScoreInputs(promised=4, kept=3, asked=5, in_time=4, median_answer_s=40, feedbacks=2, star_points=27)
    parts = {part.name: part for part in score_of(counts).parts}
    assert parts["on_time"].evidence == "3 of 4 promised dates kept"
    assert parts["answers"].evidence == "4 of 5 offers answered within their wave, typically after 40 s"
    assert parts["quality"].evidence == "0 of 0 first checks passed, 4.5 stars in 2 feedback(s)"
    assert stars_of(counts) == 4.5
