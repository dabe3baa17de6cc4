"""An agreed plan put into force: open milestones are kept, replaced and dropped; what is paid or in review stays."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.deliverable_rows import HeldDeliverable, drop_milestones, tell_dropped
from fulfil.activities.locking import hold_job, hold_payment, missing
from fulfil.ledger.refundable import lost_of_lines
from fulfil.models.ids import derived_id
from fulfil.models.messages.deliverables import (
    ApplyPlan,
    ChecklistState,
    MilestoneClock,
    MilestoneState,
    PlanApplied,
    PlanState,
    ReplannedMilestone,
    RevisionState,
)
from fulfil.models.messages.events import EventType
from fulfil.models.messages.jobs import JobState
from fulfil.models.messages.parties import SYSTEM
from fulfil.models.messages.refunds import RefundPlan, RefundState
from fulfil.models.milestones import PROVIDERS_MOVE, PlanError, Standing, check_replan, split_by_share
from fulfil.models.tables.deliverables import MilestoneRow, PlanProposalRow, RevisionRequestRow
from fulfil.models.tables.jobs import JobRow
from fulfil.models.tables.payments import RefundRow
from fulfil.models.tables.timeline import EventRow, append_event

PLANNED_ANEW = "planned anew"


async def put_into_force(session: AsyncSession, held: HeldDeliverable, request: ApplyPlan, at: datetime) -> PlanApplied:
    """Apply an accepted proposal once; `applied` False, and the old plan holds, when it no longer fits what is open.

    It does not fit when work was submitted, or money of a milestone refunded, after both sides had agreed.
    """
    told = await _read_told(session, request.proposal_id)
    if told is not None:
        return told
    proposal = await session.get(PlanProposalRow, request.proposal_id, with_for_update={"key_share": True})
    if proposal is None:
        raise missing("plan proposal", request.proposal_id)
    plan = [ReplannedMilestone.model_validate(one) for one in proposal.milestones]
    replaced = held.standing_so(*PROVIDERS_MOVE)
    kept_ids = {one.milestone_id for one in plan}
    dropped = [milestone for milestone in replaced if milestone.id not in kept_ids]
    jobs = {milestone.id: (await hold_job(session, milestone.job_id)).job for milestone in _by_job(replaced)}
    await hold_payment(session, request.order_id)
    try:
        amounts = _amounts(held, replaced, plan)
        _check_taken(replaced, plan, amounts, await _taken_of_jobs(session, request.order_id))
    except PlanError as error:
        return await _decline(session, held, proposal, str(error), at)
    await drop_milestones(session, dropped, PLANNED_ANEW, at)
    for milestone in dropped:  # its share and its money are in the plan that replaces it
        milestone.share_bp = milestone.amount_minor = jobs[milestone.id].amount_minor = 0
    places = _free_places(held, len(plan))
    for number, (one, amount, place) in enumerate(zip(plan, amounts, places, strict=True)):
        if one.milestone_id is None:
            await _add_milestone(session, held, derived_id("mil", proposal.id, str(number)), one, amount, place, at)
        else:
            milestone = held.milestone(one.milestone_id)
            jobs[milestone.id].amount_minor = amount
            _change_milestone(milestone, one, amount, place)
            await _move_revision(session, milestone)
    return await _tell(session, held, proposal, dropped, at)


async def is_plan_agreed(session: AsyncSession, deliverable_id: str) -> bool:
    """Whether a plan both sides agreed to waits to be put into force; the caller holds the deliverable."""
    told = exists().where(EventRow.business_key == PlanProposalRow.id + ":applied")
    agreed = select(PlanProposalRow.id).where(
        PlanProposalRow.deliverable_id == deliverable_id, PlanProposalRow.state == PlanState.ACCEPTED, ~told
    )
    return await session.scalar(agreed.limit(1)) is not None


def _by_job(milestones: Sequence[MilestoneRow]) -> list[MilestoneRow]:
    return sorted(milestones, key=lambda milestone: milestone.job_id)


def _amounts(held: HeldDeliverable, replaced: Sequence[MilestoneRow], plan: Sequence[ReplannedMilestone]) -> list[int]:
    if held.row.closed_at is not None or not replaced:
        raise PlanError("nothing_open", "No milestone awaits a submission any more.")
    open_minor, currency = sum(milestone.amount_minor for milestone in replaced), replaced[0].currency
    check_replan(plan, {milestone.id: milestone.share_bp for milestone in replaced}, open_minor, currency)
    return split_by_share(open_minor, [one.share_bp for one in plan], currency)


def _check_taken(
    replaced: Sequence[MilestoneRow],
    plan: Sequence[ReplannedMilestone],
    amounts: Sequence[int],
    taken_of: dict[str, int],
) -> None:
    """What was refunded of a milestone stays with it: it is not dropped, nor planned for less."""
    planned = {one.milestone_id: amount for one, amount in zip(plan, amounts, strict=True)}
    for milestone in replaced:
        if taken_of.get(milestone.job_id, 0) > planned.get(milestone.id, 0):
            raise PlanError("milestone_refunded", f"Money of milestone {milestone.position} was refunded meanwhile.")


async def _taken_of_jobs(session: AsyncSession, order_id: str) -> dict[str, int]:
    """What refunds, decided or asked for, and lost chargebacks take of each job; the caller holds the payment."""
    refunds = await session.scalars(
        select(RefundRow.plan).where(RefundRow.order_id == order_id, RefundRow.state != RefundState.REJECTED)
    )
    allocations = [part for plan in refunds for part in RefundPlan.model_validate(plan).allocations]
    taken: dict[str, int] = {}
    for part in [*allocations, *await lost_of_lines(session, order_id)]:
        if part.job_id is not None:
            taken[part.job_id] = taken.get(part.job_id, 0) + part.amount_minor
    return taken


def _free_places(held: HeldDeliverable, count: int) -> list[int]:
    """The positions that milestones in review and completed ones leave."""
    fixed = {milestone.position for milestone in held.standing_so(Standing.IN_REVIEW, Standing.COMPLETED)}
    return [place for place in range(1, count + len(fixed) + 1) if place not in fixed][:count]


def _change_milestone(milestone: MilestoneRow, one: ReplannedMilestone, amount: int, place: int) -> None:
    """As agreed; a date that was missed, or a rejection, is settled by the new plan."""
    milestone.title, milestone.due_at, milestone.share_bp = one.title, one.due_at, one.share_bp
    milestone.amount_minor, milestone.position = amount, place
    milestone.delayed_at = milestone.rejected_at = None
    if milestone.state == MilestoneState.DELAYED:
        milestone.state = MilestoneState.IN_PROGRESS if milestone.percent else MilestoneState.PENDING


async def _move_revision(session: AsyncSession, milestone: MilestoneRow) -> None:
    """A revision that is awaited is due when its milestone is: both sides agreed on that date later."""
    await session.execute(
        update(RevisionRequestRow)
        .where(RevisionRequestRow.milestone_id == milestone.id, RevisionRequestRow.state != RevisionState.COMPLETED)
        .values(due_at=milestone.due_at)
    )


async def _add_milestone(
    session: AsyncSession,
    held: HeldDeliverable,
    milestone_id: str,
    one: ReplannedMilestone,
    amount: int,
    place: int,
    at: datetime,
) -> None:
    job_id = derived_id("job", held.row.order_id, milestone_id)
    session.add(
        JobRow(
            id=job_id,
            order_id=held.row.order_id,
            line_id=held.row.line_id,
            milestone_id=milestone_id,
            amount_minor=amount,
            state=JobState.ACCEPTED,
            round=1,
            provider_id=held.row.provider_id,
            opened_at=at,
            accepted_at=at,
        )
    )
    await session.flush()
    milestone = MilestoneRow(
        id=milestone_id,
        deliverable_id=held.row.id,
        job_id=job_id,
        position=place,
        title=one.title,
        share_bp=one.share_bp,
        amount_minor=amount,
        currency=held.milestones[0].currency,
        state=MilestoneState.PENDING,
        percent=0,
        due_at=one.due_at,
        check_state=ChecklistState.PENDING,
    )
    session.add(milestone)
    held.milestones.append(milestone)


async def _tell(
    session: AsyncSession,
    held: HeldDeliverable,
    proposal: PlanProposalRow,
    dropped: Sequence[MilestoneRow],
    at: datetime,
) -> PlanApplied:
    held.milestones.sort(key=lambda milestone: (milestone.position, milestone.id))
    held.settle_state()
    dropped_ids = [milestone.id for milestone in dropped]
    applied = PlanApplied(applied=True, milestones=_clocks(held), dropped=tuple(dropped_ids))
    await tell_dropped(session, held, dropped, reason=PLANNED_ANEW, actor=SYSTEM, at=at)
    await append_event(
        session,
        order_id=held.row.order_id,
        business_key=f"{proposal.id}:applied",
        kind=EventType.PLAN_APPLIED,
        at=at,
        actor=SYSTEM,
        subject=held.row.id,
        data={"proposal_id": proposal.id, "applied": applied.model_dump(mode="json")},
        next_step=held.next_step(),
    )
    return applied


def _clocks(held: HeldDeliverable) -> tuple[MilestoneClock, ...]:
    return tuple(
        MilestoneClock(milestone_id=milestone.id, job_id=milestone.job_id, due_at=milestone.due_at)
        for milestone in held.standing_so(*PROVIDERS_MOVE, Standing.IN_REVIEW)
    )


async def _decline(
    session: AsyncSession, held: HeldDeliverable, proposal: PlanProposalRow, reason: str, at: datetime
) -> PlanApplied:
    proposal.state, proposal.closed_at = PlanState.DECLINED, at
    declined = PlanApplied(applied=False, milestones=_clocks(held))
    await append_event(
        session,
        order_id=held.row.order_id,
        business_key=f"{proposal.id}:declined",
        kind=EventType.PLAN_DECLINED,
        at=at,
        actor=SYSTEM,
        subject=held.row.id,
        data={"proposal_id": proposal.id, "reason": reason, "applied": declined.model_dump(mode="json")},
        next_step=None if held.row.closed_at is not None else held.next_step(),
    )
    return declined


async def _read_told(session: AsyncSession, proposal_id: str) -> PlanApplied | None:
    """What an attempt before this one wrote: work may have been submitted by the new plan since."""
    keys = (f"{proposal_id}:applied", f"{proposal_id}:declined")
    data = await session.scalar(select(EventRow.data).where(EventRow.business_key.in_(keys)))
    return None if data is None else PlanApplied.model_validate(data["applied"])
