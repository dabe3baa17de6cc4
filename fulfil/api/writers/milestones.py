"""What a provider does with a milestone: progress, drafts, checks, submissions, revisions begun."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, select

from fulfil.api.errors import ProblemError, invalid, not_found
from fulfil.api.readers.files import find_images, find_own_files
from fulfil.api.schemas.deliverables import Criterion, MilestoneCheck, MilestoneProgress, Work
from fulfil.api.writers.deliverables import HeldDeliverable
from fulfil.models.ids import new_id
from fulfil.models.messages.deliverables import (
    ChecklistState,
    DeliverableReportKind,
    MilestoneState,
    PlanState,
    RevisionState,
    SubmissionKind,
    SubmissionState,
)
from fulfil.models.messages.events import EventType
from fulfil.models.milestones import PROVIDERS_MOVE, Standing
from fulfil.models.tables.deliverables import MilestoneRow, RevisionRequestRow, SubmissionRow

NOT_WORKED_ON = {
    Standing.IN_REVIEW: "is in review: wait for the customer's answer",
    Standing.COMPLETED: "is completed: nothing more is submitted for it",
    Standing.CANCELLED: "was called off: nothing is submitted for it",
}


async def write_progress(held: HeldDeliverable, milestone: MilestoneRow, progress: MilestoneProgress) -> None:
    """How far the work is, told once however often it is said; raises 409 when it would go backwards."""
    _check_in_work(held, milestone)
    if progress.percent < milestone.percent:
        raise held.refusal_of(
            milestone, "progress_backwards", f"The milestone is at {milestone.percent} %: report at least that."
        )
    milestone.percent = progress.percent
    _begin(milestone)
    said = hashlib.sha256(progress.note.encode()).hexdigest()[:16]
    await held.tell(
        EventType.MILESTONE_PROGRESSED,
        f"{milestone.id}:progressed:{progress.percent}:{said}",
        milestone_id=milestone.id,
        percent=progress.percent,
        note=progress.note,
    )


async def write_draft(held: HeldDeliverable, work: Work) -> None:
    """Show the customer a draft; her time to answer does not begin."""
    milestone = held.milestone(work.milestone_id)
    _check_in_work(held, milestone)
    submission = await _add_submission(held, milestone, work, SubmissionKind.DRAFT)
    _begin(milestone)
    await held.tell(
        EventType.MILESTONE_DRAFTED,
        f"{milestone.id}:drafted:{submission.id}",
        milestone_id=milestone.id,
        submission_id=submission.id,
        number=submission.number,
        note=submission.note,
    )


async def write_submission(held: HeldDeliverable, work: Work) -> None:
    """Submit a milestone, or its revision; from now on silence approves it in time.

    Raises 409 `check_missing` when the service has a checklist that is not passed.
    """
    milestone = held.milestone(work.milestone_id)
    _check_in_work(held, milestone)
    if held.row.checklist and milestone.check_state != ChecklistState.PASSED:
        raise held.refusal_of(
            milestone,
            "check_missing",
            f"The quality checklist is {milestone.check_state}: it must be passed before the milestone is submitted.",
        )
    again = milestone.id in held.submissions
    kind = SubmissionKind.REVISION if again else SubmissionKind.FINAL
    if (revision := held.revisions.pop(milestone.id, None)) is not None:
        revision.state, revision.completed_at = RevisionState.COMPLETED, held.at
    submission = await _add_submission(held, milestone, work, kind)
    held.submissions[milestone.id] = submission
    review_due_at = held.at + timedelta(seconds=held.policies.review_due_s)
    milestone.state = MilestoneState.IN_PROGRESS
    milestone.submitted_at, milestone.review_due_at, milestone.rejected_at = held.at, review_due_at, None
    held.settle_state()
    await held.report(DeliverableReportKind.SUBMITTED, milestone_id=milestone.id, by=review_due_at)
    await _outdate_proposal(held)
    await held.tell(
        EventType.MILESTONE_SUBMITTED,
        f"{milestone.id}:submitted:{submission.id}",
        milestone_id=milestone.id,
        submission_id=submission.id,
        number=submission.number,
        note=submission.note,
    )


async def write_check(held: HeldDeliverable, check: MilestoneCheck) -> None:
    """What the quality checklist found; raises 422 unless every criterion of the service is answered once."""
    milestone = held.milestone(check.milestone_id)
    _check_in_work(held, milestone)
    _check_criteria(held.row.checklist, check.checks)
    photos = sorted({one.photo_file_id for one in check.checks if one.photo_file_id is not None})
    await _check_photos(held, photos)
    passed = all(one.passed for one in check.checks)
    found = [one.model_dump(mode="json", exclude_none=True) for one in check.checks]
    milestone.check_state = ChecklistState.PASSED if passed else ChecklistState.FAILED
    milestone.check_result = {"checks": found, "photo_file_ids": photos, "at": held.at.isoformat()}
    _begin(milestone)
    await held.tell(
        EventType.MILESTONE_CHECKED,
        f"{milestone.id}:checked:{held.claimed_id}",
        milestone_id=milestone.id,
        passed=passed,
        checks=found,
    )


async def begin_revision(held: HeldDeliverable, revision_id: str) -> None:
    """Say that the work on a revision has begun; beginning it twice changes nothing."""
    revision = await held.session.get(RevisionRequestRow, revision_id)
    if revision is None or revision.deliverable_id != held.row.id:
        raise not_found("revision request")
    if revision.state == RevisionState.IN_PROGRESS:
        return
    held.check_running()
    milestone = held.milestone(revision.milestone_id)
    if revision.state != RevisionState.PENDING or held.stands(milestone) is not Standing.REVISING:
        raise held.refusal_of(milestone, "revision_state", f"The revision is {revision.state}: it can't be begun.")
    revision.state = RevisionState.IN_PROGRESS
    await held.tell(
        EventType.MILESTONE_REVISION_BEGUN,
        f"{revision.id}:begun",
        milestone_id=milestone.id,
        revision_id=revision.id,
    )


async def _outdate_proposal(held: HeldDeliverable) -> None:
    """A proposal plans all that awaits a submission: once some of it is submitted, it fits no more."""
    if (proposal := held.proposal) is not None:
        proposal.state, proposal.closed_at = PlanState.WITHDRAWN, held.at
        held.proposal = None
        await held.tell(EventType.PLAN_WITHDRAWN, f"{proposal.id}:withdrawn", proposal_id=proposal.id)


def _check_in_work(held: HeldDeliverable, milestone: MilestoneRow) -> None:
    held.check_running()
    stands = held.stands(milestone)
    if stands not in PROVIDERS_MOVE:
        raise held.refusal_of(milestone, f"milestone_{stands.value}", f"The milestone {NOT_WORKED_ON[stands]}.")


def _begin(milestone: MilestoneRow) -> None:
    """A milestone that is late stays so until it is submitted."""
    if milestone.state == MilestoneState.PENDING:
        milestone.state = MilestoneState.IN_PROGRESS


async def _add_submission(
    held: HeldDeliverable, milestone: MilestoneRow, work: Work, kind: SubmissionKind
) -> SubmissionRow:
    await _check_files(held, work.file_ids)
    last = await held.session.scalar(
        select(func.max(SubmissionRow.number)).where(SubmissionRow.milestone_id == milestone.id)
    )
    submission = SubmissionRow(
        id=new_id("sub"),
        deliverable_id=held.row.id,
        milestone_id=milestone.id,
        number=(last or 0) + 1,
        kind=kind,
        state=SubmissionState.DRAFT if kind is SubmissionKind.DRAFT else SubmissionState.IN_REVIEW,
        note=work.note,
        file_ids=work.file_ids,
        created_at=held.at,
    )
    held.session.add(submission)
    return submission


async def _check_files(held: HeldDeliverable, file_ids: Sequence[str]) -> None:
    if len(set(file_ids)) != len(file_ids):
        raise invalid("file_twice", "A file stands twice in the list: name each once.", "file_ids")
    owned = await find_own_files(held.session, held.caller, file_ids) if file_ids else {}
    for file_id in file_ids:
        if file_id not in owned:
            raise _not_usable(
                f"{file_id} is not a file you uploaded: send it to POST /files?purpose=submission first.", "file_ids"
            )


async def _check_photos(held: HeldDeliverable, photos: list[str]) -> None:
    known = await find_images(held.session, held.caller.owner_id, photos) if photos else set[str]()
    for file_id in photos:
        if file_id not in known:
            detail = f"{file_id} is not an image you uploaded: send JPEG, PNG, WebP or GIF to POST /files first."
            raise _not_usable(detail, "checks")


def _check_criteria(checklist: Sequence[str], checks: Sequence[Criterion]) -> None:
    """A service without a checklist leaves it to the provider what she looks at."""
    names = [one.name for one in checks]
    if len(set(names)) != len(names):
        raise invalid("criterion_twice", "A criterion stands twice in the checks: answer each once.", "checks")
    missing = [name for name in checklist if name not in names]
    unknown = [name for name in names if checklist and name not in checklist]
    if missing:
        raise invalid("criterion_missing", f"{missing[0]!r} is not answered: answer every criterion.", "checks")
    if unknown:
        raise invalid("criterion_unknown", f"{unknown[0]!r} is not on the checklist: leave it out.", "checks")


def _not_usable(detail: str, param: str) -> ProblemError:
    return invalid("file_not_usable" if param == "file_ids" else "photo_not_usable", detail, param)
