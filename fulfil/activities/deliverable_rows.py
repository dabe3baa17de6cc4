"""A deliverable under its lock: its milestones, what was submitted of them last, and whose move it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.locking import hold_job, missing
from fulfil.models.messages.deliverables import (
    DeliverableState,
    MilestoneState,
    PlanState,
    RevisionState,
    SubmissionKind,
    SubmissionState,
)
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.jobs import JobState
from fulfil.models.messages.parties import Actor, WaitingOn
from fulfil.models.milestones import PROVIDERS_MOVE, Standing, deliverable_state_after, standing
from fulfil.models.tables.deliverables import (
    DeliverableRow,
    MilestoneRow,
    PlanProposalRow,
    RevisionRequestRow,
    SubmissionRow,
)
from fulfil.models.tables.timeline import append_event

NAMED = 120


@dataclass(frozen=True)
class HeldDeliverable:
    """A deliverable locked until the transaction ends; `submissions` are the latest by milestone, drafts left out."""

    row: DeliverableRow
    milestones: list[MilestoneRow]
    submissions: dict[str, SubmissionRow]

    def milestone(self, milestone_id: str) -> MilestoneRow:
        """One of its milestones; raises `row_missing` for another deliverable's."""
        for milestone in self.milestones:
            if milestone.id == milestone_id:
                return milestone
        raise missing("milestone", milestone_id)

    def stands(self, milestone: MilestoneRow) -> Standing:
        """How a milestone stands now, changes of this transaction included."""
        submission = self.submissions.get(milestone.id)
        said = None if submission is None else SubmissionState(submission.state)
        return standing(MilestoneState(milestone.state), said)

    def standing_so(self, *wanted: Standing) -> list[MilestoneRow]:
        """The milestones that stand in one of these ways, in their order."""
        return [milestone for milestone in self.milestones if self.stands(milestone) in wanted]

    def settle_state(self) -> None:
        """Let the state follow the milestones; while the last one is being paid it is `accepted`."""
        if self.standing_so(*PROVIDERS_MOVE, Standing.IN_REVIEW):
            self.row.state = deliverable_state_after([self.stands(milestone) for milestone in self.milestones])
        else:
            self.row.state = DeliverableState.ACCEPTED

    def next_step(self) -> NextStep:
        """The customer's while work is in review, else the provider's."""
        if reviewed := self.standing_so(Standing.IN_REVIEW):
            what = f"approve {named(reviewed[0])}, or ask for a revision"
            return NextStep(who=WaitingOn.CUSTOMER, what=what, by=reviewed[0].review_due_at)
        if due := self.standing_so(*PROVIDERS_MOVE):
            by = None if due[0].state == MilestoneState.DELAYED else due[0].due_at
            return NextStep(who=WaitingOn.PROVIDER, what=f"submit {named(due[0])}", by=by)
        return NextStep(who=WaitingOn.SYSTEM, what="pay the provider and close the deliverable")


def named(milestone: MilestoneRow) -> str:
    """How a timeline names a milestone."""
    return f"milestone {milestone.position} ({milestone.title[:NAMED]})"


async def hold_deliverable(session: AsyncSession, deliverable_id: str) -> HeldDeliverable:
    """Lock the deliverable, then its milestones; the API locks the deliverable for all that people do."""
    row = await session.get(DeliverableRow, deliverable_id, with_for_update={"key_share": True})
    if row is None:
        raise missing("deliverable", deliverable_id)
    locked = await session.scalars(
        select(MilestoneRow)
        .where(MilestoneRow.deliverable_id == deliverable_id)
        .order_by(MilestoneRow.id)
        .with_for_update(key_share=True)
    )
    latest = await session.scalars(
        select(SubmissionRow)
        .where(SubmissionRow.deliverable_id == deliverable_id, SubmissionRow.kind != SubmissionKind.DRAFT)
        .ext(distinct_on(SubmissionRow.milestone_id))
        .order_by(SubmissionRow.milestone_id, SubmissionRow.number.desc())
    )
    return HeldDeliverable(
        row=row,
        milestones=sorted(locked, key=lambda milestone: (milestone.position, milestone.id)),
        submissions={submission.milestone_id: submission for submission in latest},
    )


async def read_revision_due(session: AsyncSession, milestone_id: str) -> datetime | None:
    """Until when the revision asked for last has to come; None when none is awaited."""
    asked = (
        select(RevisionRequestRow.due_at)
        .where(RevisionRequestRow.milestone_id == milestone_id, RevisionRequestRow.state != RevisionState.COMPLETED)
        .order_by(RevisionRequestRow.number.desc())
        .limit(1)
    )
    return await session.scalar(asked)


async def end_proposal(session: AsyncSession, deliverable_id: str, at: datetime) -> None:
    """A deliverable that has ended is not planned any more."""
    await session.execute(
        update(PlanProposalRow)
        .where(PlanProposalRow.deliverable_id == deliverable_id, PlanProposalRow.state == PlanState.OPEN)
        .values(state=PlanState.WITHDRAWN, closed_at=at)
    )


async def drop_milestones(session: AsyncSession, milestones: Sequence[MilestoneRow], reason: str, at: datetime) -> None:
    """Call milestones off and close their jobs: nobody is paid for them. The caller writes the events.

    Locks the jobs; call it before the payment is locked.
    """
    for milestone in sorted(milestones, key=lambda one: one.job_id):
        held = await hold_job(session, milestone.job_id)
        held.job.state = JobState.CANCELLED
        held.job.closed_at = at
        held.job.close_reason = reason[:500]
        milestone.state = MilestoneState.CANCELLED
        milestone.review_due_at = milestone.rejected_at = None


async def tell_dropped(
    session: AsyncSession,
    held: HeldDeliverable,
    milestones: Sequence[MilestoneRow],
    *,
    reason: str,
    actor: Actor,
    at: datetime,
    next_step: NextStep | None = None,
) -> None:
    """One event per milestone that was called off; call it last, it takes the timeline's lock."""
    for milestone in milestones:
        await append_event(
            session,
            order_id=held.row.order_id,
            business_key=f"{milestone.id}:called_off",
            kind=EventType.MILESTONE_CALLED_OFF,
            at=at,
            actor=actor,
            subject=held.row.id,
            data={"milestone_id": milestone.id, "reason": reason},
            next_step=next_step,
        )
