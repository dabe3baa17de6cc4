"""Offers, jobs and the provider's reports."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from fulfil.api.schemas.base import Body, Instant, Line, Note, Representation
from fulfil.models.ids import FileId
from fulfil.models.messages.events import NextStep
from fulfil.models.messages.findings import FindingCode
from fulfil.models.messages.geometry import LengthUnit, Operation
from fulfil.models.messages.jobs import JobState, OfferState, Stage
from fulfil.models.money import Money

Photos = Annotated[
    list[FileId],
    Field(default_factory=list, max_length=20, description="Images you uploaded before."),
]
TrackingNumber = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[\w ./-]+$")
]
Percent = Annotated[int, Field(ge=0, le=100, strict=True)]


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


class Decline(Body):
    """Why not; the ranking may learn from it."""

    reason: Note = Field("", examples=["Machine in repair"])


class Production(Representation):
    """How far the provider is."""

    percent: int
    start_due_at: Instant
    started_at: Instant | None
    quality_passed_at: Instant | None
    shipped_at: Instant | None
    carrier: str | None
    tracking_number: str | None
    delivered_at: Instant | None


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
    next: NextStep | None
    allowed_actions: list[str]
    opened_at: Instant
    accepted_at: Instant | None
    approved_at: Instant | None
    closed_at: Instant | None


class Progress(Body):
    """How far the work is; never less than before."""

    percent: Percent = Field(examples=[60])
    note: Note = Field("", examples=["First half printed"])
    photo_file_ids: Photos


class QualityCheckItem(Body):
    """One thing looked at."""

    name: Line = Field(examples=["Dimensions"])
    passed: bool = Field(strict=True)
    note: Note = ""


class Quality(Body):
    """The quality check; a failed one leaves the job in production."""

    passed: bool = Field(strict=True)
    checks: list[QualityCheckItem] = Field(min_length=1, max_length=50)
    photo_file_ids: Photos


class Shipping(Body):
    """On its way."""

    carrier: Line = Field(max_length=80, examples=["DHL"])
    tracking_number: TrackingNumber = Field(examples=["00340434161094042557"])


class Delivery(Body):
    """Handed over."""

    proof_note: Note = Field("", examples=["Signed by A. Lovelace"])
