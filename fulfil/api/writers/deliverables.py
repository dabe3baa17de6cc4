"""A deliverable in a transaction's hands: locked before anything is read of it, so that every race has one winner."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from fulfil.api.access import Principal
from fulfil.api.actions import deliverable_actions
from fulfil.api.delivery_turns import Turn, whose_turn
from fulfil.api.errors import ProblemError, conflict, not_found
from fulfil.api.intentions import Intention
from fulfil.api.writers.idempotency import claim
from fulfil.models.ids import new_id
from fulfil.models.messages.deliverables import (
    DeliverableReported,
    DeliverableReportKind,
    DeliverableState,
    MilestoneState,
    PlanState,
    RevisionState,
    SubmissionKind,
    SubmissionState,
)
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.parties import Role
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.milestones import (
    ENDED,
    Standing,
    deliverable_state_after,
    milestone_actions,
    standing,
)
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.deliverables import (
    DeliverableReportRow,
    DeliverableRow,
    FeedbackRow,
    MilestoneRow,
    PlanProposalRow,
    RevisionRequestRow,
    SubmissionRow,
)
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.timeline import append_event

CALLED_OFF = (OrderState.CANCELLING, OrderState.CANCELLED, OrderState.EXPIRED)


@dataclass
class HeldDeliverable:
    """A deliverable locked for a command of `caller`'s at `at`; `claimed_id` is what its Idempotency-Key stands for.

    By milestone, `submissions` are the latest that are no drafts, `revisions` those that are still awaited.
    """

    session: AsyncSession
    caller: Principal
    at: datetime
    claimed_id: str
    row: DeliverableRow
    milestones: list[MilestoneRow]
    submissions: dict[str, SubmissionRow]
    revisions: dict[str, RevisionRequestRow]
    proposal: PlanProposalRow | None
    rated: bool
    order_state: OrderState
    policies: OrderPolicies
    provider_suspended: bool

    @property
    def revisions_left(self) -> int:
        """How many revisions the customer may still ask for."""
        return max(self.row.revisions_included - self.row.revisions_used, 0)

    def stands(self, milestone: MilestoneRow) -> Standing:
        """How a milestone stands now, changes of this transaction included."""
        submission = self.submissions.get(milestone.id)
        return standing(
            MilestoneState(milestone.state), None if submission is None else SubmissionState(submission.state)
        )

    def standing_so(self, *wanted: Standing) -> list[MilestoneRow]:
        """The milestones that stand in one of these ways, in their order."""
        return [milestone for milestone in self.milestones if self.stands(milestone) in wanted]

    def milestone(self, milestone_id: str) -> MilestoneRow:
        """One of its milestones; raises 404 for another deliverable's."""
        for milestone in self.milestones:
            if milestone.id == milestone_id:
                return milestone
        raise not_found("milestone", "milestone_id")

    def actions(self) -> list[str]:
        """What the caller may do with the deliverable now."""
        return deliverable_actions(
            self.caller.role,
            [self.stands(milestone) for milestone in self.milestones],
            revisions_left=self.revisions_left,
            proposed_by=None if self.proposal is None else Role(self.proposal.proposed_by),
            rated=self.rated,
        )

    def refusal(self, code: str, detail: str) -> ProblemError:
        """409 about the deliverable as a whole."""
        return conflict(code, detail, state=self.row.state, allowed_actions=self.actions())

    def refusal_of(self, milestone: MilestoneRow, code: str, detail: str) -> ProblemError:
        """409 about one milestone: how it stands, and what may be done with it."""
        stands = self.stands(milestone)
        actions = milestone_actions(self.caller.role, stands, revisions_left=self.revisions_left)
        return conflict(code, detail, state=stands.value, allowed_actions=actions)

    def check_running(self) -> None:
        """Raise 409 when the order is called off, the deliverable over, or the provider suspended."""
        if self.order_state in CALLED_OFF:
            detail = f"The order is {self.order_state.value}: nothing of it is delivered any more."
            raise conflict("order_cancelled", detail, state=self.order_state.value)
        if self.row.closed_at is not None:
            raise self.refusal("deliverable_ended", f"The deliverable is {self.row.state}: nothing is to be done.")
        if self.caller.role is Role.PROVIDER and self.provider_suspended:
            detail = "You are suspended: write to support before you go on."
            raise conflict("provider_suspended", detail, state="suspended")

    def settle_state(self) -> None:
        """Let the deliverable's state follow its milestones; its end is written when the last one is paid."""
        state = deliverable_state_after([self.stands(milestone) for milestone in self.milestones])
        self.row.state = DeliverableState.ACCEPTED if state in ENDED else state

    async def report(
        self,
        kind: DeliverableReportKind,
        *,
        milestone_id: str | None = None,
        by: datetime | None = None,
        proposal_id: str | None = None,
    ) -> None:
        """Leave a message for the deliverable's workflow; the relay signals it."""
        report_id = new_id("rep")
        message = DeliverableReported(
            report_id=report_id, kind=kind, at=self.at, milestone_id=milestone_id, by=by, proposal_id=proposal_id
        )
        self.session.add(
            DeliverableReportRow(
                id=report_id,
                deliverable_id=self.row.id,
                business_key=f"{self.row.id}:report:{report_id}",
                message=message.model_dump(mode="json"),
                created_at=self.at,
            )
        )
        await self.session.execute(text("SELECT pg_notify('fulfil_deliverable_reports', '')"))

    async def tell(self, kind: EventType, key: str, **data: object) -> None:
        """Append an event with whose move it is now; the last statement, for it takes the timeline's lock."""
        await append_event(
            self.session,
            order_id=self.row.order_id,
            business_key=key,
            kind=kind,
            at=self.at,
            actor=self.caller.actor,
            subject=self.row.id,
            data=data,
            next_step=self.next_step(),
        )

    def next_step(self) -> NextStep | None:
        """Whose move it is now; once the deliverable has ended, that is not its business any more."""
        if self.row.closed_at is not None:
            return None
        due = {milestone_id: revision.due_at for milestone_id, revision in self.revisions.items()}
        turns = [Turn(milestone, self.stands(milestone), due.get(milestone.id)) for milestone in self.milestones]
        proposed_by = None if self.proposal is None else Role(self.proposal.proposed_by)
        return whose_turn(turns, proposed_by, self.policies.rejection_due_s)


async def take_in_hand(
    session: AsyncSession, caller: Principal, deliverable_id: str, intention: Intention, at: datetime
) -> HeldDeliverable | None:
    """Lock the caller's deliverable for a command; None when the command was carried out before.

    Raises 404 for a stranger's. The weak lock leaves foreign keys of rows that arrive meanwhile alone.
    """
    row = await session.scalar(
        select(DeliverableRow)
        .where(DeliverableRow.id == deliverable_id, _party(caller) == caller.owner_id)
        .with_for_update(key_share=True)
    )
    if row is None:
        raise not_found("deliverable")
    claimed = await claim(session, intention, new_id("upd"), at)
    if claimed.repeated:
        return None
    return await _read(session, caller, row, claimed.resource_id, await _not_before_last(session, row.id, at))


async def deliverable_of(session: AsyncSession, caller: Principal, milestone_id: str) -> str:
    """The deliverable a milestone of the caller's belongs to; raises 404 for a stranger's."""
    deliverable_id = await session.scalar(
        select(DeliverableRow.id)
        .join(MilestoneRow, MilestoneRow.deliverable_id == DeliverableRow.id)
        .where(MilestoneRow.id == milestone_id, _party(caller) == caller.owner_id)
    )
    if deliverable_id is None:
        raise not_found("milestone")
    return deliverable_id


def _party(caller: Principal) -> InstrumentedAttribute[str]:
    return DeliverableRow.provider_id if caller.role is Role.PROVIDER else DeliverableRow.customer_id


async def _not_before_last(session: AsyncSession, deliverable_id: str, at: datetime) -> datetime:
    """The time of a command, later than all that was done before it: the workflow believes the latest word.

    Clocks of hosts differ, and a command that waited for the lock was told its time before.
    """
    said = select(func.max(DeliverableReportRow.created_at)).where(
        DeliverableReportRow.deliverable_id == deliverable_id
    )
    last = await session.scalar(said)
    return at if last is None or last <= at else last + timedelta(microseconds=1)


async def _read(
    session: AsyncSession, caller: Principal, row: DeliverableRow, claimed_id: str, at: datetime
) -> HeldDeliverable:
    milestones = await session.scalars(
        select(MilestoneRow)
        .where(MilestoneRow.deliverable_id == row.id)
        .order_by(MilestoneRow.position, MilestoneRow.id)
    )
    latest = await session.scalars(
        select(SubmissionRow)
        .where(SubmissionRow.deliverable_id == row.id, SubmissionRow.kind != SubmissionKind.DRAFT)
        .ext(distinct_on(SubmissionRow.milestone_id))
        .order_by(SubmissionRow.milestone_id, SubmissionRow.number.desc())
    )
    awaited = await session.scalars(
        select(RevisionRequestRow)
        .where(RevisionRequestRow.deliverable_id == row.id, RevisionRequestRow.state != RevisionState.COMPLETED)
        .order_by(RevisionRequestRow.number)
    )
    proposal = await session.scalar(
        select(PlanProposalRow).where(PlanProposalRow.deliverable_id == row.id, PlanProposalRow.state == PlanState.OPEN)
    )
    order = await session.get_one(OrderRow, row.order_id)
    provider = await session.get_one(ProviderRow, row.provider_id)
    return HeldDeliverable(
        session=session,
        caller=caller,
        at=at,
        claimed_id=claimed_id,
        row=row,
        milestones=list(milestones),
        submissions={submission.milestone_id: submission for submission in latest},
        revisions={revision.milestone_id: revision for revision in awaited},
        proposal=proposal,
        rated=await session.get(FeedbackRow, row.id) is not None,
        order_state=OrderState(order.state),
        policies=OrderPolicies.model_validate(order.policies),
        provider_suspended=provider.suspended_at is not None,
    )
