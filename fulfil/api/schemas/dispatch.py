"""Counter-offers, support's choice of a provider, and why whom was asked."""

from typing import Annotated

from pydantic import Field

from fulfil.api.schemas.base import Body, Instant, Note, Reason, Representation
from fulfil.models.ids import ProviderId
from fulfil.models.messages.dispatch import CounterState
from fulfil.models.messages.jobs import OfferState, Stage
from fulfil.models.money import Money


class CounterTerms(Body):
    """What you would do instead: another date, a lower price, or both."""

    lead_time_days: Annotated[int, Field(ge=1, le=365, strict=True)] | None = Field(
        None, description="Days from acceptance until it is on its way; as ordered unless given.", examples=[10]
    )
    amount: Money | None = Field(
        None,
        description="What the customer pays, your commission included; as paid unless given, and never more than that.",
        examples=[{"amount_minor": 4500, "currency": "eur"}],
    )
    note: Note = Field("", description="The customer reads it.", examples=["My large printer is free from Monday."])


class CounterOffer(Representation):
    """What a provider would do instead; the customer may take it until it expires or somebody accepts the job."""

    id: str
    job_id: str
    order_id: str
    offer_id: str
    provider_id: str
    provider_name: str
    provider_score: int
    state: CounterState
    lead_time_days: int
    due_at: Instant = Field(description="By when it would be on its way, if taken now.")
    amount: Money
    saving: Money = Field(description="What is paid back to the customer when it is taken.")
    payout: Money | None = Field(description="What the provider gets; null for the customer.")
    note: str
    expires_at: Instant
    created_at: Instant
    closed_at: Instant | None
    allowed_actions: list[str]


class CounterOffers(Representation):
    """Those of one job, newest first."""

    data: list[CounterOffer]


class ProviderChoice(Body):
    """Whom support asks, and why her."""

    provider_id: ProviderId
    reason: Reason


class OfferByChoice(Representation):
    """She is asked."""

    job_id: str
    offer_id: str
    provider_id: str
    expires_at: Instant


class ScorePart(Representation):
    """What one part of the ranking gave her, in thousandths of a point, and what it saw."""

    name: str = Field(examples=["distance"])
    points: int = Field(examples=[7142])
    most: int = Field(examples=[10000])
    sentence: str = Field(examples=["80 km from the customer."])


class Replayed(Representation):
    """Where she would stand under another ranking; `moved` is positive when that is further up."""

    position: int
    moved: int
    points: int
    would_be_asked: bool
    parts: list[ScorePart]


class RankedCandidate(Representation):
    """One provider of a decision, as it was taken; `answer` and its time are of the offer she got, if any."""

    position: int
    provider_id: str
    provider_name: str
    points: int = Field(description="Thousandths of a point; 100000 is the most there is.")
    parts: list[ScorePart]
    asked: bool
    offer_id: str | None
    answer: OfferState | None
    answered_at: Instant | None
    close_reason: str | None
    replayed: Replayed | None


class LeftOut(Representation):
    """A provider who could make it and could not be asked."""

    provider_id: str
    provider_name: str
    code: str = Field(examples=["stock_short"])
    detail: str


class Decision(Representation):
    """One wave: whom it ranked how, whom it left out; the facts of the hundred best are kept."""

    round: int
    wave: int
    stage: Stage
    ranking: str = Field(examples=["balanced.1"])
    decided_at: Instant
    asked: int
    candidates: list[RankedCandidate]
    left_out: list[LeftOut]
    left_out_count: int


class ChosenProvider(Representation):
    """A provider support asked by her own choice."""

    round: int
    provider_id: str
    provider_name: str
    offer_id: str
    answer: OfferState
    offered_at: Instant
    answered_at: Instant | None
    close_reason: str | None


class Dispatch(Representation):
    """Every decision about a job, oldest first; with `replayed_with` beside what another ranking would have done."""

    job_id: str
    replayed_with: str | None
    decisions: list[Decision]
    chosen_by_support: list[ChosenProvider]
