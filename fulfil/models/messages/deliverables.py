"""What is said to and by the deliverable workflow: milestones, submissions, revisions, approval."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from fulfil.models.ids import DeliverableId, JobId, LineId, MilestoneId, OrderId, PlanProposalId, ProviderId
from fulfil.models.messages.base import Message
from fulfil.models.messages.parties import Actor
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.money import AmountMinor


class DeliverableState(StrEnum):
    """Where a deliverable stands, by its latest submission; `completed`, `rejected` and `cancelled` end it."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    IN_REVIEW = "in_review"
    REVISION_REQUESTED = "revision_requested"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class MilestoneState(StrEnum):
    """A milestone is paid when it is completed; `delayed` is one whose date passed without a submission."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    DELAYED = "delayed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class SubmissionKind(StrEnum):
    """A draft is shown without starting the customer's time to answer."""

    DRAFT = "draft"
    FINAL = "final"
    REVISION = "revision"


class SubmissionState(StrEnum):
    """What the customer said to it."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    REVISION_REQUESTED = "revision_requested"
    APPROVED = "approved"
    REJECTED = "rejected"


class RevisionState(StrEnum):
    """Where a requested revision stands."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class ChecklistState(StrEnum):
    """Of a quality checklist."""

    PENDING = "pending"
    PASSED = "passed"
    FAILED = "failed"


class PlanState(StrEnum):
    """Of a proposal to plan the milestones anew."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class PlannedMilestone(Message):
    """A milestone as a plan names it: `share_bp` of the price, in basis points; days count from the order."""

    title: str
    days: int = Field(ge=1)
    share_bp: int = Field(ge=1, le=10_000)


class ReplannedMilestone(Message):
    """One of the open milestones as a proposal would have it; without an id it is a new one.

    The shares of a proposal are of the line's price, like a plan's, and make up those of the milestones it replaces.
    """

    milestone_id: MilestoneId | None = None
    title: str
    due_at: datetime
    share_bp: int = Field(ge=1, le=10_000)


class MilestoneClock(Message):
    """What the workflow knows of a milestone: when it is due, and the job it is paid by."""

    milestone_id: MilestoneId
    job_id: JobId
    due_at: datetime


class StartDeliverable(Message):
    """The deliverable workflow's input: the plan both sides began with."""

    deliverable_id: DeliverableId
    order_id: OrderId
    line_id: LineId
    provider_id: ProviderId
    milestones: tuple[MilestoneClock, ...]
    policies: OrderPolicies


class DeliverableReportKind(StrEnum):
    """What moves a deliverable's clocks; recorded by the API, signalled by its relay."""

    SUBMITTED = "submitted"
    REVISION_REQUESTED = "revision_requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    REPLANNED = "replanned"


class DeliverableReported(Message):
    """Signal: recorded at this time. `by` is until when the other side has to act."""

    report_id: str
    kind: DeliverableReportKind
    at: datetime
    milestone_id: MilestoneId | None = None
    by: datetime | None = None
    proposal_id: PlanProposalId | None = None


class ApplyPlan(Message):
    """Activity input: both sides agreed on another plan of what is open."""

    deliverable_id: DeliverableId
    order_id: OrderId
    proposal_id: PlanProposalId


class PlanApplied(Message):
    """All milestones that are open now; `applied` False when work was submitted meanwhile, and the old plan holds."""

    applied: bool
    milestones: tuple[MilestoneClock, ...]
    dropped: tuple[MilestoneId, ...] = ()
    """Those the plan called off; one that is in neither list was approved, which is reported."""


class ApproveSilently(Message):
    """Activity input: the customer's time to answer a submission is over; what was said meanwhile counts."""

    deliverable_id: DeliverableId
    order_id: OrderId
    milestone_id: MilestoneId
    review_due_at: datetime


class MilestoneApproval(Message):
    """`approved` tells that the milestone is completed, by silence or by the customer herself a moment before."""

    approved: bool
    by_silence: bool = True


class RemindOfReview(Message):
    """Activity input: the customer has not answered a submission yet; who has is not reminded."""

    deliverable_id: DeliverableId
    order_id: OrderId
    milestone_id: MilestoneId
    review_due_at: datetime


class MarkDelayed(Message):
    """Activity input: a milestone's date, or a revision's, passed without a submission; once per date."""

    deliverable_id: DeliverableId
    order_id: OrderId
    milestone_id: MilestoneId
    due_at: datetime


class CallOffRejected(Message):
    """Activity input: a rejected milestone was not submitted again in time."""

    deliverable_id: DeliverableId
    order_id: OrderId
    milestone_id: MilestoneId
    rejected_at: datetime


class MilestoneCalledOff(Message):
    """`called_off` False: it was submitted again, or approved, meanwhile."""

    called_off: bool


class WithdrawDeliverable(Message):
    """Take back what is open of a deliverable; refused while a submission waits for the customer's answer."""

    deliverable_id: DeliverableId
    order_id: OrderId
    actor: Actor
    reason: str
    whole_order: bool = True


class DeliverableWithdrawal(Message):
    """`withdrawn` False: a submission is in review. `settled` tells that milestones were paid before."""

    deliverable_id: DeliverableId
    withdrawn: bool
    state: DeliverableState
    unpaid_minor: AmountMinor = 0
    settled: bool = False


class DeliverableWithdrawn(Message):
    """Signal to the deliverable: the order took back what was open; anything else was approved, which is reported."""

    reason: str
    called_off: tuple[MilestoneId, ...] = ()


class CloseDeliverable(Message):
    """Activity input: no milestone is open any more; write the end and tell the order."""

    deliverable_id: DeliverableId
    order_id: OrderId


class DeliverableOutcome(StrEnum):
    """`completed` when everything not called off was approved; `called_off` when nothing was."""

    COMPLETED = "completed"
    CALLED_OFF = "called_off"
    WITHDRAWN = "withdrawn"


class DeliverableClosed(Message):
    """Signal to the order, and the deliverable workflow's result; `unpaid_minor` of the line goes back."""

    deliverable_id: DeliverableId
    line_id: LineId
    outcome: DeliverableOutcome
    unpaid_minor: AmountMinor = 0
    reason: str | None = None
