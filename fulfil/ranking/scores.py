"""How well a provider has done: four parts from counts of 30 days, shrunk towards the middle where they are few.

A newcomer stands at 50 in every part, as if she had been watched `PRIOR` times with half of it going well; what is
really seen of her outweighs that more and more. So one bad day ruins nobody, and one good day makes nobody first.
"""

from dataclasses import dataclass

VERSION = "score-1"
WINDOW_DAYS = 30
PRIOR = 5
"""How many observations the assumed beginning weighs."""
QUICK_S = 300
"""An answer after so many seconds counts half as much for speed as one at once."""
STARS = 3
"""What customers rate in one feedback: quality, communication, timeliness, from 1 to 5 each."""

ON_TIME_WEIGHT, ANSWER_WEIGHT, QUALITY_WEIGHT, CLAIMS_WEIGHT = 35, 20, 25, 20
SHARE_OF_SPEED = 0.25


@dataclass(frozen=True, slots=True)
class ScoreInputs:
    """Counts of one provider over one span of time; `kept` is part of `promised`, `in_time` of `asked`, and so on.

    `asked` are offers of waves she could answer (nobody was faster), `in_time` those she answered within the wave,
    `star_points` the sum of all stars. `completed` jobs were approved, `lost` ones were given back, taken from her or
    called off because they were late; refunds and chargebacks are jobs with such a claim.
    """

    promised: int = 0
    kept: int = 0
    asked: int = 0
    in_time: int = 0
    median_answer_s: int | None = None
    p90_answer_s: int | None = None
    checks: int = 0
    first_passed: int = 0
    feedbacks: int = 0
    star_points: int = 0
    completed: int = 0
    lost: int = 0
    refunded: int = 0
    charged_back: int = 0


@dataclass(frozen=True, slots=True)
class ScorePart:
    """One part: `value` from 0 to 1 after shrinking, `weight` in hundredths of the whole, what it was seen in."""

    name: str
    value: float
    weight: int
    observations: int
    evidence: str


@dataclass(frozen=True, slots=True)
class Score:
    """The whole, from 0 to 100, with the version of the function that made it."""

    score: int
    parts: tuple[ScorePart, ...]
    version: str = VERSION


def score_of(inputs: ScoreInputs) -> Score:
    """Score these counts."""
    parts = (_on_time(inputs), _answers(inputs), _quality(inputs), _claims(inputs))
    return Score(round(sum(part.value * part.weight for part in parts)), parts)


def share(part: int, whole: int) -> float | None:
    """A share from 0 to 1; None of nothing."""
    return part / whole if whole else None


def stars_of(inputs: ScoreInputs) -> float | None:
    """The average of all stars, from 1 to 5."""
    return share(inputs.star_points, inputs.feedbacks * STARS)


def _shrunk(good: float, seen: int) -> float:
    return (good + PRIOR / 2) / (seen + PRIOR)


def _on_time(inputs: ScoreInputs) -> ScorePart:
    return ScorePart(
        name="on_time",
        value=_shrunk(inputs.kept, inputs.promised),
        weight=ON_TIME_WEIGHT,
        observations=inputs.promised,
        evidence=f"{inputs.kept} of {inputs.promised} promised dates kept",
    )


def _answers(inputs: ScoreInputs) -> ScorePart:
    answered = _shrunk(inputs.in_time, inputs.asked)
    median_s = inputs.median_answer_s
    quick = 0.0 if median_s is None else QUICK_S / (QUICK_S + median_s)
    speed = _shrunk(quick * inputs.in_time, inputs.in_time)
    typically = "" if median_s is None else f", typically after {median_s} s"
    return ScorePart(
        name="answers",
        value=(1 - SHARE_OF_SPEED) * answered + SHARE_OF_SPEED * speed,
        weight=ANSWER_WEIGHT,
        observations=inputs.asked,
        evidence=f"{inputs.in_time} of {inputs.asked} offers answered within their wave{typically}",
    )


def _quality(inputs: ScoreInputs) -> ScorePart:
    # Every feedback is one observation: five stars are wholly good, one star is not at all.
    liked = (inputs.star_points - inputs.feedbacks * STARS) / (STARS * 4)
    stars = stars_of(inputs)
    rated = "" if stars is None else f", {stars:.1f} stars in {inputs.feedbacks} feedback(s)"
    return ScorePart(
        name="quality",
        value=_shrunk(inputs.first_passed + liked, inputs.checks + inputs.feedbacks),
        weight=QUALITY_WEIGHT,
        observations=inputs.checks + inputs.feedbacks,
        evidence=f"{inputs.first_passed} of {inputs.checks} first checks passed{rated}",
    )


def _claims(inputs: ScoreInputs) -> ScorePart:
    # A claim may reach back to a job of an earlier month: then there are more claims than jobs to have them.
    claims = inputs.lost + inputs.refunded + inputs.charged_back
    seen = max(inputs.completed + inputs.lost, claims)
    return ScorePart(
        name="claims",
        value=_shrunk(seen - claims, seen),
        weight=CLAIMS_WEIGHT,
        observations=seen,
        evidence=(
            f"{inputs.completed} jobs completed, {inputs.lost} given back or taken away, "
            f"{inputs.refunded} refunded for quality or lateness, {inputs.charged_back} lost to chargebacks"
        ),
    )
