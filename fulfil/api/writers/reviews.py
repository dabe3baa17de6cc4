"""What a customer says to submitted work: approve, ask for a revision, reject; and her feedback in the end."""

from datetime import datetime, timedelta

from fulfil.api.errors import invalid
from fulfil.api.schemas.deliverables import DeliverableFeedback, Rejection, RevisionWish
from fulfil.api.writers.deliverables import HeldDeliverable
from fulfil.models.ids import new_id
from fulfil.models.messages.deliverables import (
    ChecklistState,
    DeliverableReportKind,
    MilestoneState,
    RevisionState,
    SubmissionState,
)
from fulfil.models.messages.events import EventType
from fulfil.models.milestones import PROVIDERS_MOVE, Standing
from fulfil.models.tables.deliverables import FeedbackRow, MilestoneRow, RevisionRequestRow, SubmissionRow

SHORTEST_REVISION, LONGEST_REVISION = timedelta(days=1), timedelta(days=60)
OPEN = (*PROVIDERS_MOVE, Standing.IN_REVIEW)
STARS = {"quality", "communication", "timeliness"}


async def write_approval(held: HeldDeliverable, milestone_id: str | None) -> None:
    """Accept a milestone in review, or all that are; what is approved already stays so."""
    named = None if milestone_id is None else held.milestone(milestone_id)
    if named is not None and held.stands(named) is Standing.COMPLETED:
        return
    approved = held.standing_so(Standing.IN_REVIEW) if named is None else [named]
    said = _last_answer(held, None)
    if not approved and said is not None and said.state == SubmissionState.APPROVED:
        return
    held.check_running()
    if not approved:
        raise held.refusal("not_in_review", "Nothing of the deliverable is in review: there is nothing to approve.")
    for milestone in approved:
        _check_in_review(held, milestone)
        _answer(held, milestone, SubmissionState.APPROVED)
        milestone.state, milestone.completed_at, milestone.percent = MilestoneState.COMPLETED, held.at, 100
        milestone.review_due_at = None
        await held.report(DeliverableReportKind.APPROVED, milestone_id=milestone.id)
    held.settle_state()
    for milestone in approved:
        await held.tell(
            EventType.MILESTONE_APPROVED, f"{milestone.id}:approved", milestone_id=milestone.id, by_silence=False
        )


async def write_revision(held: HeldDeliverable, wish: RevisionWish) -> None:
    """Ask for a change; stops the clock of silence.

    Raises 409 `revisions_used_up` when no more are included, 422 for a date that is too soon or too late.
    """
    held.check_running()
    milestone = _in_review(held, wish.milestone_id)
    if held.revisions_left == 0:
        raise held.refusal_of(
            milestone,
            "revisions_used_up",
            f"All {held.row.revisions_included} included revisions are used: approve the milestone, or reject it.",
        )
    due_at = _due_date(held, wish.due_at)
    submission = _answer(held, milestone, SubmissionState.REVISION_REQUESTED)
    held.row.revisions_used += 1
    revision = RevisionRequestRow(
        id=new_id("rev"),
        deliverable_id=held.row.id,
        milestone_id=milestone.id,
        submission_id=submission,
        number=held.row.revisions_used,
        text=wish.text,
        state=RevisionState.PENDING,
        due_at=due_at,
        created_at=held.at,
    )
    held.session.add(revision)
    held.revisions[milestone.id] = revision
    _take_back(milestone)
    held.settle_state()
    await held.report(DeliverableReportKind.REVISION_REQUESTED, milestone_id=milestone.id, by=due_at)
    await held.tell(
        EventType.MILESTONE_REVISION_REQUESTED,
        f"{revision.id}:requested",
        milestone_id=milestone.id,
        revision_id=revision.id,
        number=revision.number,
        left=held.revisions_left,
        text=revision.text,
        due_at=due_at.isoformat(),
    )


async def write_rejection(held: HeldDeliverable, rejection: Rejection) -> None:
    """Say that it is not what was agreed; not submitted again in time, it is called off and paid back.

    What is rejected already for the same reason stays so.
    """
    said = _last_answer(held, rejection.milestone_id)
    if said is not None and (said.state, said.reason) == (SubmissionState.REJECTED, rejection.reason):
        return
    held.check_running()
    milestone = _in_review(held, rejection.milestone_id)
    submission = _answer(held, milestone, SubmissionState.REJECTED, rejection.reason)
    _take_back(milestone)
    milestone.rejected_at = held.at
    held.settle_state()
    by = held.at + timedelta(seconds=held.policies.rejection_due_s)
    await held.report(DeliverableReportKind.REJECTED, milestone_id=milestone.id, by=by)
    await held.tell(
        EventType.MILESTONE_REJECTED,
        f"{milestone.id}:rejected:{submission}",
        milestone_id=milestone.id,
        submission_id=submission,
        reason=rejection.reason,
    )


async def write_completion(held: HeldDeliverable) -> None:
    """Say that all is done; what is done ends by itself, so there is nothing to write."""
    check_completed(held)


async def write_feedback(held: HeldDeliverable, feedback: DeliverableFeedback) -> None:
    """What the customer thought of it; once, after its completion."""
    check_completed(held)
    if held.rated:
        raise held.refusal("feedback_given", "You have rated this deliverable: a rating stays as it is.")
    held.session.add(
        FeedbackRow(
            deliverable_id=held.row.id,
            provider_id=held.row.provider_id,
            **feedback.model_dump(),
            created_at=held.at,
        )
    )
    await held.tell(EventType.DELIVERABLE_RATED, f"{held.row.id}:rated", **feedback.model_dump(include=STARS))


def check_completed(held: HeldDeliverable) -> None:
    """Raise 409 unless every milestone that was not called off is completed."""
    for milestone in held.standing_so(*OPEN):
        stands = held.stands(milestone).value.replace("_", " ")
        raise held.refusal("milestones_open", f"Milestone {milestone.position} is {stands}: it comes first.")
    if not held.standing_so(Standing.COMPLETED):
        raise held.refusal("nothing_completed", "Every milestone was called off: nothing was completed.")


def _last_answer(held: HeldDeliverable, milestone_id: str | None) -> SubmissionRow | None:
    """What was answered last, of one milestone or of all, when nothing of it waits: saying so again is nothing new."""
    asked = [one for one in held.submissions.values() if milestone_id in (None, one.milestone_id)]
    answered = [(one.answered_at, one.id, one) for one in asked if one.answered_at is not None]
    return max(answered)[-1] if answered and len(answered) == len(asked) else None


def _in_review(held: HeldDeliverable, milestone_id: str | None) -> MilestoneRow:
    """The milestone that is meant; one that is not named must be the only one in review."""
    if milestone_id is not None:
        milestone = held.milestone(milestone_id)
        _check_in_review(held, milestone)
        return milestone
    reviewed = held.standing_so(Standing.IN_REVIEW)
    if not reviewed:
        raise held.refusal("not_in_review", "Nothing of the deliverable is in review.")
    if len(reviewed) > 1:
        raise invalid("milestone_ambiguous", f"{len(reviewed)} milestones are in review: name one.", "milestone_id")
    return reviewed[0]


def _check_in_review(held: HeldDeliverable, milestone: MilestoneRow) -> None:
    stands = held.stands(milestone)
    if stands is not Standing.IN_REVIEW:
        detail = f"The milestone is {stands.value}: only work in review can be answered."
        raise held.refusal_of(milestone, "not_in_review", detail)


def _answer(held: HeldDeliverable, milestone: MilestoneRow, state: SubmissionState, reason: str | None = None) -> str:
    """Write the customer's answer to what was submitted last; its id."""
    submission = held.submissions[milestone.id]
    submission.state, submission.reason, submission.answered_at = state, reason, held.at
    return submission.id


def _take_back(milestone: MilestoneRow) -> None:
    """The work goes on; what is submitted next is checked anew."""
    milestone.submitted_at = milestone.review_due_at = None
    milestone.check_state = ChecklistState.PENDING


def _due_date(held: HeldDeliverable, asked: datetime | None) -> datetime:
    if asked is None:
        return held.at + timedelta(seconds=held.policies.revision_due_s)
    if not held.at + SHORTEST_REVISION <= asked <= held.at + LONGEST_REVISION:
        days = f"{SHORTEST_REVISION.days} to {LONGEST_REVISION.days} days from now"
        raise invalid("due_date_out_of_bounds", f"A revision is due {days}: leave due_at out, or move it.", "due_at")
    return asked
