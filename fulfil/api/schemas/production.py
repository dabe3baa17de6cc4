"""What providers report about the work in their hands, and what customers choose when it is late."""

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from fulfil.api.schemas.base import Body, Instant, Line, Note, Reason, Representation
from fulfil.models.ids import FileId, JobId, OrderId, ProviderId, StockItemId
from fulfil.models.messages.jobs import JobState
from fulfil.models.messages.promises import Choice, Trouble
from fulfil.models.messages.shipments import Correction

Photos = Annotated[
    list[FileId],
    Field(default_factory=list, max_length=20, description="Images you uploaded before."),
]
TrackingNumber = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[\w ./-]+$")
]
Percent = Annotated[int, Field(ge=0, le=100, strict=True)]
SideMm = Annotated[int, Field(ge=1, le=5_000, strict=True)]
Quantity = Annotated[int, Field(strict=True, ge=0, le=10_000_000)]
PickupCode = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9]{6}$")]


class Progress(Body):
    """How far the work is; never less than before, unless it is being made anew."""

    percent: Percent = Field(examples=[60])
    stage: Line | None = Field(None, max_length=80, examples=["Printing"])
    note: Note = Field("", examples=["First half printed"])
    photo_file_ids: Photos


class Delay(Body):
    """I will be late: the customer may wait for the new date, take another provider, or call the job off."""

    due_at: AwareDatetime = Field(
        examples=["2026-12-24T12:00:00Z"], description="Later than the promised date, at most 60 days from now."
    )
    reason: Reason = Field(examples=["A nozzle broke; the spare part comes on Monday."])


class QualityCheckItem(Body):
    """One criterion of the job's checklist, named by its code (or its title)."""

    code: Line | None = Field(None, max_length=40, examples=["dimensions"])
    name: Line | None = Field(None, examples=["Dimensions"])
    passed: bool = Field(strict=True)
    note: Note = ""
    photo_file_ids: Photos

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        if self.code is None and self.name is None:
            raise ValueError("name the criterion by its code")
        return self


class Quality(Body):
    """The quality check by the checklist of the job's process; one failed criterion fails it."""

    passed: bool | None = Field(default=None, strict=True, description="Left out: whether every criterion passed.")
    checks: list[QualityCheckItem] = Field(min_length=1, max_length=50)
    correction: Correction | None = Field(
        default=None, description="What follows a failed check: rework (unless said), or remake from the beginning."
    )
    remake_quantity: Quantity | None = Field(
        default=None, description="Material a remake takes beyond what is reserved, in the unit of your stock."
    )
    photo_file_ids: Photos


class MaterialUse(Body):
    """What the job really took, all in all, in the unit of the lot it was reserved from."""

    used_quantity: Quantity = Field(examples=[31])
    stock_item_id: StockItemId | None = Field(default=None, description="Which lot, if it was made from several.")
    note: Note = Field("", examples=["One part was printed twice."])


class GiveBack(Body):
    """I can't make it: the job is offered to others."""

    reason: Reason = Field(examples=["The machine has to go to repair."])


class GivenBack(Representation):
    """It is no longer hers."""

    job_id: JobId
    state: Literal[JobState.FAILED] = JobState.FAILED


class PickupReady(Body):
    """Where and when it can be picked up."""

    address: Line = Field(examples=["Printworks, Main Street 1, 10115 Berlin"])
    note: Note = Field("", examples=["Weekdays from 9 to 17"])


class Shipping(Body):
    """One parcel on its way; all pieces that are left, unless fewer are named."""

    carrier: Line = Field(max_length=80, examples=["DHL"])
    tracking_number: TrackingNumber = Field(examples=["00340434161094042557"])
    pieces: int | None = Field(default=None, strict=True, ge=1, le=1_000_000, examples=[2])
    mass_g: int | None = Field(default=None, strict=True, ge=1, le=1_000_000, examples=[420])
    size_mm: list[SideMm] | None = Field(default=None, min_length=3, max_length=3, examples=[[300, 200, 100]])


class Delivery(Body):
    """Handed over, with what proves it; a pickup is proved by the customer's code."""

    proof_note: Note = Field("", examples=["Signed by A. Lovelace"])
    photo_file_ids: Photos
    signature_file_id: FileId | None = Field(default=None, description="An image of the signature.")
    pickup_code: PickupCode | None = Field(default=None, examples=["018273"])


class ChoiceForJob(Body):
    """How a job that is late or lost goes on."""

    choice: Choice = Field(examples=["wait"])
    reason: Note = Field("", examples=["The fair is over before it comes."])


class CriterionOfJob(Representation):
    """One thing to look at before shipping."""

    code: str
    title: str
    required: bool
    photo_required: bool


class CheckedCriterion(Representation):
    """What was found."""

    code: str
    title: str
    passed: bool
    note: str
    photo_file_ids: list[str]


class QualityCheck(Representation):
    """A quality check as it was done; `correction` says what followed a failed one."""

    number: int
    passed: bool
    correction: Correction | None
    criteria: list[CheckedCriterion]
    checked_at: Instant
    checked_by: str | None = Field(description="Told to the provider and to staff.")


class TroubleOfJob(Representation):
    """The customer may choose until `answer_due_at`; silence means to wait."""

    kind: Trouble
    answer_due_at: Instant | None
    proposed_due_at: Instant | None
    choices: list[Choice]


class Pickup(Representation):
    """Ready to be picked up; `code` is for the customer alone, who says it when she takes the parts."""

    ready_at: Instant
    address: str
    note: str
    code: str | None


class LateJob(Representation):
    """A job that is late, will probably be, or has the customer choosing."""

    job_id: JobId
    order_id: OrderId
    provider_id: ProviderId
    provider_name: str
    title: str
    state: JobState
    percent: int
    due_at: Instant | None
    forecast_at: Instant | None
    at_risk_at: Instant | None
    trouble: TroubleOfJob | None


class LateJobs(Representation):
    """The longest overdue first."""

    data: list[LateJob]
