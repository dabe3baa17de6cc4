"""The deliverable activities on PostgreSQL: what time does to milestones, and how a deliverable ends."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from fulfil.activities.deliverable_rows import (
    HeldDeliverable,
    drop_milestones,
    end_proposal,
    hold_deliverable,
    named,
    read_revision_due,
    tell_dropped,
)
from fulfil.activities.replanning import is_plan_agreed, put_into_force
from fulfil.activities.telling import tell_deliverable_withdrawn, tell_order_deliverable_closed
from fulfil.activities.withdrawing import may_withdraw, withdraw_held_deliverable
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.models.messages.deliverables import (
    ApplyPlan,
    ApproveSilently,
    CallOffRejected,
    CloseDeliverable,
    DeliverableClosed,
    DeliverableOutcome,
    DeliverableState,
    DeliverableWithdrawal,
    DeliverableWithdrawn,
    MarkDelayed,
    MilestoneApproval,
    MilestoneCalledOff,
    MilestoneState,
    PlanApplied,
    RemindOfReview,
    SubmissionState,
    WithdrawDeliverable,
)
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.parties import SYSTEM, ActorKind, WaitingOn
from fulfil.models.milestones import PROVIDERS_MOVE, Standing
from fulfil.models.tables.deliverables import MilestoneRow
from fulfil.models.tables.timeline import EventRow, append_event
from fulfil.workflows.ports.deliverables import DeliverableActivities

NOT_AGAIN = "rejected, and not submitted again in time"


class DatabaseDeliverableActivities(DeliverableActivities):
    """One transaction each, under the deliverable's lock; signals follow the commit."""

    def __init__(self, database: Database, client: Client, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._client = client
        self._clock = clock

    @activity.defn
    async def approve_silently(self, request: ApproveSilently) -> MilestoneApproval:
        """Approve a submission nobody answered in time, unless somebody has answered meanwhile."""
        at = self._clock()
        async with self._database.begin() as session:
            held = await hold_deliverable(session, request.deliverable_id)
            milestone = held.milestone(request.milestone_id)
            if held.stands(milestone) is Standing.COMPLETED:
                return MilestoneApproval(approved=True, by_silence=await _is_by_silence(session, milestone))
            if not _is_in_review(held, milestone, request.review_due_at):
                return MilestoneApproval(approved=False, by_silence=False)
            submission = held.submissions[milestone.id]
            submission.state, submission.answered_at = SubmissionState.APPROVED, at
            milestone.state, milestone.completed_at, milestone.percent = MilestoneState.COMPLETED, at, 100
            milestone.review_due_at = None
            held.settle_state()
            await append_event(
                session,
                order_id=request.order_id,
                business_key=_approval_key(milestone),
                kind=EventType.MILESTONE_APPROVED,
                at=at,
                actor=SYSTEM,
                subject=request.deliverable_id,
                data={"milestone_id": milestone.id, "by_silence": True},
                next_step=held.next_step(),
            )
        return MilestoneApproval(approved=True, by_silence=True)

    @activity.defn
    async def remind_of_review(self, request: RemindOfReview) -> None:
        """Remind the customer of a submission, unless she has answered."""
        async with self._database.begin() as session:
            held = await hold_deliverable(session, request.deliverable_id)
            milestone = held.milestone(request.milestone_id)
            if not _is_in_review(held, milestone, request.review_due_at):
                return
            what = f"approve {named(milestone)}, or ask for a revision"
            by = request.review_due_at
            await append_event(
                session,
                order_id=request.order_id,
                business_key=f"{milestone.id}:reminder:{by.isoformat()}",
                kind=EventType.REMINDER_SENT,
                at=self._clock(),
                actor=SYSTEM,
                subject=request.deliverable_id,
                data={"who": WaitingOn.CUSTOMER.value, "what": what, "by": by.isoformat()},
                next_step=NextStep(who=WaitingOn.CUSTOMER, what=what, by=by),
            )

    @activity.defn
    async def mark_delayed(self, request: MarkDelayed) -> None:
        """Write that a milestone's date passed without a submission, and what the customer may do."""
        at = self._clock()
        async with self._database.begin() as session:
            held = await hold_deliverable(session, request.deliverable_id)
            milestone = held.milestone(request.milestone_id)
            stands = held.stands(milestone)
            revision_due = await read_revision_due(session, milestone.id) if stands is Standing.REVISING else None
            if not _is_awaited(held, milestone) or (revision_due or milestone.due_at) > request.due_at:
                return
            milestone.state, milestone.delayed_at = MilestoneState.DELAYED, milestone.delayed_at or at
            late = f"submit {named(milestone)}: it is late, and the customer may open a dispute"
            await append_event(
                session,
                order_id=request.order_id,
                business_key=f"{milestone.id}:delayed:{request.due_at.isoformat()}",
                kind=EventType.MILESTONE_DELAYED,
                at=at,
                actor=SYSTEM,
                subject=request.deliverable_id,
                data={"milestone_id": milestone.id, "due_at": request.due_at.isoformat()},
                next_step=None if held.standing_so(Standing.IN_REVIEW) else NextStep(who=WaitingOn.PROVIDER, what=late),
            )

    @activity.defn
    async def apply_plan(self, request: ApplyPlan) -> PlanApplied:
        """Put the agreed plan of the open milestones into force: jobs and amounts follow, what is paid stays."""
        async with self._database.begin() as session:
            held = await hold_deliverable(session, request.deliverable_id)
            return await put_into_force(session, held, request, self._clock())

    @activity.defn
    async def call_off_rejected(self, request: CallOffRejected) -> MilestoneCalledOff:
        """Call off a milestone that was rejected and not submitted again, unless it was, or is to be planned anew."""
        at = self._clock()
        async with self._database.begin() as session:
            held = await hold_deliverable(session, request.deliverable_id)
            milestone = held.milestone(request.milestone_id)
            if held.stands(milestone) is Standing.CANCELLED:
                return MilestoneCalledOff(called_off=True)
            rejected_at = milestone.rejected_at
            is_rejected = held.stands(milestone) is Standing.REJECTED and rejected_at is not None
            if not is_rejected or (rejected_at is not None and rejected_at > request.rejected_at):
                return MilestoneCalledOff(called_off=False)
            if await is_plan_agreed(session, request.deliverable_id):
                return MilestoneCalledOff(called_off=False)
            await drop_milestones(session, [milestone], NOT_AGAIN, at)
            held.settle_state()
            following = held.next_step()
            await tell_dropped(session, held, [milestone], reason=NOT_AGAIN, actor=SYSTEM, at=at, next_step=following)
        return MilestoneCalledOff(called_off=True)

    @activity.defn
    async def withdraw_deliverable(self, request: WithdrawDeliverable) -> DeliverableWithdrawal:
        """Call off what is open, unless work waits for the customer's answer; then tell the deliverable workflow.

        Nothing is withdrawn of a deliverable that has ended by itself, or whose last milestone is being paid.
        """
        async with self._database.begin() as session:
            held = await hold_deliverable(session, request.deliverable_id)
            if may_withdraw(held):
                await withdraw_held_deliverable(session, held, request, self._clock())
            called_off = held.standing_so(Standing.CANCELLED)
            withdrawal = DeliverableWithdrawal(
                deliverable_id=held.row.id,
                withdrawn=_is_withdrawn(held),
                state=DeliverableState(held.row.state),
                unpaid_minor=sum(milestone.amount_minor for milestone in called_off),
                settled=bool(held.standing_so(Standing.COMPLETED)),
            )
        if withdrawal.withdrawn:
            told = DeliverableWithdrawn(
                reason=request.reason, called_off=tuple(milestone.id for milestone in called_off)
            )
            await tell_deliverable_withdrawn(self._client, request.deliverable_id, told)
        return withdrawal

    @activity.defn
    async def close_deliverable(self, request: CloseDeliverable) -> DeliverableClosed:
        """Write the end, by what became of the milestones, and tell the order workflow."""
        async with self._database.begin() as session:
            held = await hold_deliverable(session, request.deliverable_id)
            still = held.standing_so(*PROVIDERS_MOVE, Standing.IN_REVIEW)
            if still:
                raise ApplicationError(
                    f"{still[0].id} is {held.stands(still[0]).value}", type="milestones_open", non_retryable=True
                )
            closed = _closed(held)
            if held.row.closed_at is None:
                await self._close(session, held, closed)
        await tell_order_deliverable_closed(self._client, request.order_id, closed)
        return closed

    async def _close(self, session: AsyncSession, held: HeldDeliverable, closed: DeliverableClosed) -> None:
        at, completed = self._clock(), closed.outcome is DeliverableOutcome.COMPLETED
        held.row.state = DeliverableState.COMPLETED if completed else DeliverableState.REJECTED
        held.row.closed_at = at
        await end_proposal(session, held.row.id, at)
        give_back = NextStep(who=WaitingOn.SYSTEM, what="return what was called off")
        await append_event(
            session,
            order_id=held.row.order_id,
            business_key=_end_key(held),
            kind=EventType.DELIVERABLE_COMPLETED if completed else EventType.DELIVERABLE_CANCELLED,
            at=at,
            actor=SYSTEM,
            subject=held.row.id,
            data={} if completed else {"reason": closed.reason},
            next_step=give_back if closed.unpaid_minor else None,
        )


def _closed(held: HeldDeliverable) -> DeliverableClosed:
    called_off = held.standing_so(Standing.CANCELLED)
    outcome, reason = DeliverableOutcome.COMPLETED, None
    if _is_withdrawn(held):
        outcome, reason = DeliverableOutcome.WITHDRAWN, held.row.close_reason
    elif not held.standing_so(Standing.COMPLETED):
        outcome, reason = DeliverableOutcome.CALLED_OFF, NOT_AGAIN
    return DeliverableClosed(
        deliverable_id=held.row.id,
        line_id=held.row.line_id,
        outcome=outcome,
        unpaid_minor=sum(milestone.amount_minor for milestone in called_off),
        reason=reason,
    )


def _is_withdrawn(held: HeldDeliverable) -> bool:
    """Only the order closes a deliverable with a reason."""
    return held.row.closed_at is not None and held.row.close_reason is not None


def _is_in_review(held: HeldDeliverable, milestone: MilestoneRow, until: datetime) -> bool:
    """Whether the submission that has to be answered until then still waits: a later one has a later time."""
    due = milestone.review_due_at
    return held.stands(milestone) is Standing.IN_REVIEW and due is not None and due <= until


def _is_awaited(held: HeldDeliverable, milestone: MilestoneRow) -> bool:
    """Whether its date counts: what was rejected has one again once it is planned anew."""
    stands = held.stands(milestone)
    is_planned_anew = stands is Standing.REJECTED and milestone.rejected_at is None
    return stands in (Standing.OPEN, Standing.REVISING) or is_planned_anew


def _approval_key(milestone: MilestoneRow) -> str:
    """The customer's approval has the same key: a milestone is approved once."""
    return f"{milestone.id}:approved"


def _end_key(held: HeldDeliverable) -> str:
    return f"{held.row.id}:closed"


async def _is_by_silence(session: AsyncSession, milestone: MilestoneRow) -> bool:
    who = select(EventRow.actor_kind).where(EventRow.business_key == _approval_key(milestone))
    return await session.scalar(who) == ActorKind.SYSTEM
