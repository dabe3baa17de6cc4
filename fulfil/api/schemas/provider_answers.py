"""How providers do: the score with its parts, and the figures of a span of time."""

from pydantic import Field

from fulfil.api.schemas.base import Instant, Representation
from fulfil.models.messages.jobs import JobState
from fulfil.models.money import Money


class ScoreInputs(Representation):
    """The counts a score is made of."""

    promised: int = Field(description="Dates that came due: jobs and milestones.")
    kept: int = Field(description="Of these, on their way, ready or submitted by the date.")
    asked: int = Field(description="Offers of waves she could answer: nobody was faster.")
    in_time: int = Field(description="Of these, answered within the wave.")
    median_answer_s: int | None
    p90_answer_s: int | None
    checks: int = Field(description="First quality checks.")
    first_passed: int
    feedbacks: int
    star_points: int = Field(description="All stars together, three ratings from 1 to 5 in each feedback.")
    completed: int = Field(description="Jobs and milestones approved.")
    lost: int = Field(description="Jobs given back, taken from her, or called off because they were late.")
    refunded: int = Field(description="Jobs with a refund for quality or lateness.")
    charged_back: int = Field(description="Jobs with a lost chargeback about the goods.")


class ScorePart(Representation):
    """One part of a score."""

    name: str = Field(examples=["on_time"])
    value: float = Field(description="From 0 to 1, drawn towards 0.5 while little was seen.", examples=[0.85])
    weight: int = Field(description="In hundredths of the whole.", examples=[35])
    observations: int
    evidence: str = Field(examples=["9 of 10 promised dates kept"])


class ProviderScore(Representation):
    """The score of the last days as it is now; dispatch ranks by the one that was last written."""

    provider_id: str
    score: int = Field(ge=0, le=100, examples=[72])
    version: str = Field(examples=["score-1"])
    days: int = Field(examples=[30])
    parts: list[ScorePart]
    inputs: ScoreInputs
    computed_at: Instant
    stored_score: int = Field(description="What dispatch ranks by.")
    stored_at: Instant | None = Field(description="Null when no upkeep has scored her yet.")


class Earnings(Representation):
    """What was released of jobs approved in the time, by currency; later refunds are not taken off."""

    jobs: int
    revenue: Money
    payout: Money
    commission: Money = Field(description="Its tax included.")


class ProviderStatistics(Representation):
    """Figures of one provider over the last `days`; shares are null when there was nothing to count."""

    provider_id: str
    name: str
    days: int
    score: int
    response_median_s: int | None
    response_p90_s: int | None
    answered_in_time_rate: float | None
    completion_rate: float | None = Field(description="Completed of completed and lost.")
    on_time_rate: float | None
    first_pass_rate: float | None
    stars: float | None
    completed: int
    lost: int
    earnings: list[Earnings]
    jobs_by_state: dict[JobState, int] = Field(description="In hand, or ended in the time.")


class ProviderRanking(Representation):
    """Providers side by side, the best score first."""

    days: int
    data: list[ProviderStatistics]
