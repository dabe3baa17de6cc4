"""Deliverables: milestones, submissions, revisions, checks, plans, feedback."""

from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from fulfil.api.schemas.base import Body, Instant, Line, Note, Reason, Representation
from fulfil.api.schemas.offered_services import MOST_CRITERIA, Title, paragraphs
from fulfil.models.ids import DeliverableId, FileId, LineId, MilestoneId, PlanProposalId
from fulfil.models.messages.deliverables import (
    ChecklistState,
    DeliverableState,
    MilestoneState,
    PlanState,
    RevisionState,
    SubmissionKind,
    SubmissionState,
)
from fulfil.models.messages.events import NextStep
from fulfil.models.milestones import MOST_MILESTONES, Standing
from fulfil.models.money import Money

MOST_FILES = 50
MILESTONE_ID = "mil_01a1fd64aa6677a18c33bf20b84fe1e2"
FILE_ID = "fil_01a1fd64aa6677a18c33bf20b84fe1e2"
PROPOSAL_ID = "pln_01a1fd64aa6677a18c33bf20b84fe1e2"
DUE = "2027-02-01T12:00:00Z"

LongNote = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), AfterValidator(paragraphs)]
Wish = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=2000), AfterValidator(paragraphs)
]
PlanNote = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000), AfterValidator(paragraphs)]
Files = Annotated[
    list[FileId],
    Field(default_factory=list, max_length=MOST_FILES, description="Files you uploaded before.", examples=[[FILE_ID]]),
]
Share = Annotated[int, Field(ge=1, le=10_000, strict=True)]
Stars = Annotated[int, Field(ge=1, le=5, strict=True)]
InReview = Annotated[
    MilestoneId | None,
    Field(default=None, description="The milestone in review, when there is more than one.", examples=[MILESTONE_ID]),
]


class Work(Body):
    """Work on a milestone, shown to the customer as a draft or submitted for her approval."""

    milestone_id: MilestoneId = Field(examples=[MILESTONE_ID])
    note: LongNote = Field(default="", examples=["Both concepts, with dimensions."])
    file_ids: Files


class RevisionWish(Body):
    """What the customer wants changed; without a date it is due after the policy's time."""

    milestone_id: InReview
    text: Wish = Field(examples=["The lid should be 2 mm higher."])
    due_at: AwareDatetime | None = Field(default=None, examples=[DUE], description="From one to sixty days from now.")


class Approval(Body):
    """Which milestone; all that are in review when none is named."""

    milestone_id: MilestoneId | None = Field(default=None, examples=[MILESTONE_ID])


class Rejection(Body):
    """Why a milestone is not what was agreed; it can be submitted again for some time."""

    milestone_id: InReview
    reason: Reason


class DeliverableFeedback(Body):
    """What the customer thought of it, from 1 to 5."""

    quality: Stars = Field(examples=[5])
    communication: Stars = Field(examples=[4])
    timeliness: Stars = Field(examples=[5])
    comment: LongNote = Field(default="", examples=["Quick and exact."])


class Criterion(Body):
    """One criterion of the checklist, looked at."""

    name: Line = Field(examples=["Closed surface"])
    passed: bool = Field(strict=True, examples=[True])
    note: Note = ""
    photo_file_id: FileId | None = Field(default=None, description="An image you uploaded before.")


class MilestoneCheck(Body):
    """The quality checklist of a milestone: every criterion of the service, each once."""

    milestone_id: MilestoneId = Field(examples=[MILESTONE_ID])
    checks: list[Criterion] = Field(
        min_length=1, max_length=MOST_CRITERIA, examples=[[{"name": "Closed surface", "passed": True}]]
    )


class PlanEntry(Body):
    """An open milestone as you would have it; without an id it is a new one."""

    milestone_id: MilestoneId | None = Field(default=None, examples=[MILESTONE_ID])
    title: Title = Field(examples=["Finished model"])
    due_at: AwareDatetime = Field(examples=[DUE])
    share_bp: Share = Field(description="Of the whole price, in basis points.", examples=[7000])


class NewPlan(Body):
    """The open milestones planned anew: what is left out goes, and the shares add up to those that are open."""

    milestones: Annotated[list[PlanEntry], Field(min_length=1, max_length=MOST_MILESTONES)] = Field(
        examples=[[{"milestone_id": MILESTONE_ID, "title": "Finished model", "due_at": DUE, "share_bp": 7000}]]
    )
    note: PlanNote = Field(default="", examples=["The second part takes a week longer."])


class LinePlan(NewPlan):
    """The plan a provider proposes for a service line of a paid order."""

    line_id: LineId = Field(examples=["lin_01a1fd64aa6677a18c33bf20b84fe1e2"])


class PlanAnswer(Body):
    """Which proposal is meant, so that nobody agrees to one she has not seen."""

    proposal_id: PlanProposalId = Field(examples=[PROPOSAL_ID])


class PlanRefusal(PlanAnswer):
    """Which proposal, and why not."""

    reason: Note = Field(default="", examples=["Too late for the fair."])


class NewMilestone(Body):
    """One more milestone; its share is taken from a named one, or from all open ones in proportion."""

    deliverable_id: DeliverableId = Field(examples=["del_01a1fd64aa6677a18c33bf20b84fe1e2"])
    title: Title = Field(examples=["Assembly drawing"])
    due_at: AwareDatetime = Field(examples=[DUE])
    share_bp: Share = Field(examples=[1000])
    from_milestone_id: MilestoneId | None = Field(default=None, examples=[MILESTONE_ID])
    note: PlanNote = ""


class MilestoneChange(Body):
    """What should be different; a changed share is balanced by a named milestone, or by all other open ones."""

    title: Title | None = Field(default=None, examples=["Assembly drawing"])
    due_at: AwareDatetime | None = Field(default=None, examples=[DUE])
    share_bp: Share | None = Field(default=None, examples=[1500])
    from_milestone_id: MilestoneId | None = Field(default=None, examples=[MILESTONE_ID])
    note: PlanNote = ""


class MilestoneProgress(Body):
    """How far the work is; never less than before."""

    percent: int = Field(ge=0, le=100, strict=True, examples=[60])
    note: Note = Field(default="", examples=["The lid is done."])


class MilestoneCompletion(Body):
    """A word about what is submitted without files."""

    note: LongNote = Field(default="", examples=["As agreed by phone."])


class SubmittedFile(Representation):
    """A file of a submission; `preview` is a picture of it where there is one, else it is known by name and size."""

    id: str
    name: str
    format: str
    size_bytes: int
    content: str = Field(examples=["/api/v1/files/fil_…/content"])
    preview: str | None = Field(examples=["/api/v1/files/fil_…/preview.png?analysis=ana_…"])


class Submission(Representation):
    """Work as it was shown or submitted."""

    id: str
    milestone_id: str
    number: int
    kind: SubmissionKind
    state: SubmissionState
    note: str
    files: list[SubmittedFile]
    reason: str | None = Field(description="Why it was rejected.")
    created_at: Instant
    answered_at: Instant | None


class RevisionRequest(Representation):
    """What the customer wants changed, counted against what is included."""

    id: str
    milestone_id: str
    submission_id: str
    number: int
    text: str
    state: RevisionState
    due_at: Instant
    created_at: Instant
    completed_at: Instant | None


class CheckedCriterion(Representation):
    """A criterion as it was found."""

    name: str
    passed: bool
    note: str = ""
    photo_file_id: str | None = None


class Checklist(Representation):
    """The latest check of a milestone; work that has to be changed is checked anew."""

    state: ChecklistState
    checks: list[CheckedCriterion]
    checked_at: Instant | None


class Milestone(Representation):
    """One part of a deliverable, paid on its own once it is completed."""

    id: str
    position: int
    title: str
    state: MilestoneState
    stands: Standing = Field(description="Its state with what was said to its latest submission.")
    percent: int
    share_bp: int
    amount: Money | None = Field(description="Its price; null for the provider, who sees her payout.")
    payout: Money | None = Field(description="What the provider gets for it; null for the customer.")
    due_at: Instant
    delayed_at: Instant | None
    submitted_at: Instant | None
    review_due_at: Instant | None = Field(description="Silence approves at this time.")
    rejected_at: Instant | None
    completed_at: Instant | None
    checklist: Checklist
    allowed_actions: list[str]


class PlanProposal(Representation):
    """The open milestones as one side would have them; in force once the other side accepts."""

    id: str
    proposed_by: Literal["customer", "provider"]
    milestones: list[PlanEntry]
    note: str
    state: PlanState
    created_at: Instant


class Feedback(Representation):
    """What the customer thought of it."""

    quality: int
    communication: int
    timeliness: int
    comment: str
    created_at: Instant


class Deliverable(Representation):
    """The delivery of one service line; `submissions` and `revisions` are null in lists."""

    id: str
    order_id: str
    line_id: str
    provider_id: str
    provider_name: str
    customer_id: str | None = Field(description="Null for the provider.")
    title: str
    state: DeliverableState
    milestones: list[Milestone]
    revisions_included: int
    revisions_left: int
    checklist: list[str]
    plan_proposal: PlanProposal | None = Field(description="The one that waits for an answer.")
    feedback: Feedback | None
    next: NextStep | None
    allowed_actions: list[str]
    opened_at: Instant
    closed_at: Instant | None
    close_reason: str | None
    submissions: list[Submission] | None = None
    revisions: list[RevisionRequest] | None = None
