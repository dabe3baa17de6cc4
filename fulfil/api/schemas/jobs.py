"""Offers, jobs and the provider's reports."""

from typing import Literal

from pydantic import Field

from fulfil.api.schemas.base import Body, Instant, Note, Representation
from fulfil.api.schemas.production import CriterionOfJob, Pickup, QualityCheck, TroubleOfJob
from fulfil.api.schemas.shipments import Shipment
from fulfil.models.messages.dispatch import DeclineCode
from fulfil.models.messages.events import NextStep
from fulfil.models.messages.findings import FindingCode
from fulfil.models.messages.geometry import LengthUnit, Operation
from fulfil.models.messages.jobs import JobState, OfferState, Stage
from fulfil.models.money import Money


class WorkFile(Representation):
    """One file to make so many times, and how it was understood when it was priced: make it so, not as it looks.

    A file without a unit of its own is made to `size_mm`; `operations` tell what each colour or layer means.
    """

    file_id: str
    name: str
    quantity: int
    unit: LengthUnit | None = None
    size_mm: list[float] | None = Field(default=None, examples=[[64.0, 46.0, 52.0]])
    infill_percent: int | None = None
    thickness_mm: float | None = None
    operations: dict[str, Operation] | None = Field(default=None, examples=[{"#ff0000": "cut"}])
    accepted_risks: list[FindingCode] = Field(default_factory=list[FindingCode])


class Work(Representation):
    """What is to be made; `file_id` is the first of the `files`."""

    title: str
    process: str
    material: str
    material_g: int
    quantity: int
    lead_time_days: int
    file_id: str
    files: list[WorkFile]


class Offer(Representation):
    """A provider's chance at a job; `payout` is what she gets for it."""

    id: str
    job_id: str
    provider_id: str
    state: OfferState
    stage: Stage
    wave: int
    reasons: list[str] = Field(description="Why she was asked.")
    close_reason: str | None
    work: Work
    payout: Money
    offered_at: Instant
    expires_at: Instant
    allowed_actions: list[str]


class Acceptance(Representation):
    """The job is hers; production has to start in time."""

    job_id: str
    offer_id: str
    state: Literal[JobState.ACCEPTED] = JobState.ACCEPTED
    start_due_at: Instant | None
    due_at: Instant | None = Field(default=None, description="By when it is promised to be on its way.")


class Decline(Body):
    """Why not: a code to count, and a note to read."""

    code: DeclineCode | None = Field(None, examples=["machine_down"])
    reason: Note = Field("", examples=["Machine in repair until Monday"])


class Production(Representation):
    """How far the provider is; `due_at` is when it is promised to be on its way, or ready to be picked up."""

    percent: int
    stage: str | None
    start_due_at: Instant
    started_at: Instant | None
    due_at: Instant | None
    at_risk_at: Instant | None
    remakes: int
    reported_at: Instant | None
    pickup_ready_at: Instant | None
    quality_passed_at: Instant | None
    shipped_at: Instant | None
    carrier: str | None
    tracking_number: str | None
    delivered_at: Instant | None


class Making(Representation):
    """What is told of one job: when it will probably be ready, what is checked, what was found, what was sent."""

    forecast_at: Instant | None
    checklist: list[CriterionOfJob]
    checks: list[QualityCheck]
    shipments: list[Shipment]
    pieces_left: int = Field(description="Not yet on their way, or lost.")
    pickup: Pickup | None


class Job(Representation):
    """The making of one order line."""

    id: str
    order_id: str
    state: JobState
    round: int
    provider_id: str | None
    provider_name: str | None
    work: Work
    amount: Money | None = Field(description="The line's price; null for the provider, who sees her payout.")
    payout: Money | None = Field(
        description="What she gets, less what refunds and lost chargebacks took; null for the customer."
    )
    production: Production | None
    trouble: TroubleOfJob | None = Field(description="Why the customer has a choice, and until when.")
    making: Making | None = Field(default=None, description="Null in lists.")
    next: NextStep | None
    allowed_actions: list[str]
    opened_at: Instant
    accepted_at: Instant | None
    approved_at: Instant | None
    closed_at: Instant | None
