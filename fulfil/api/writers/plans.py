"""Planning the open milestones anew: one side proposes, the other agrees or not, the workflow puts it into force."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.errors import ProblemError, conflict, invalid, not_found
from fulfil.api.replanning import Wanted, plan_with
from fulfil.api.schemas.deliverables import MilestoneChange, NewMilestone, PlanEntry
from fulfil.api.writers.deliverables import HeldDeliverable
from fulfil.models.ids import new_id
from fulfil.models.messages.deliverables import DeliverableReportKind, PlanState, ReplannedMilestone
from fulfil.models.messages.events import EventType
from fulfil.models.milestones import LONGEST_PLAN_DAYS, PROVIDERS_MOVE, PlanError, check_replan
from fulfil.models.tables.deliverables import DeliverableRow, MilestoneRow, PlanProposalRow
from fulfil.models.tables.orders import OrderLineRow, OrderRow


async def propose_plan(held: HeldDeliverable, entries: Sequence[PlanEntry], note: str) -> None:
    """Propose the open milestones anew; the same proposal again changes nothing.

    Raises 409 while another proposal waits for its answer, 422 for shares that do not add up, or impossible dates.
    """
    await _propose(held, [ReplannedMilestone.model_validate(entry.model_dump()) for entry in entries], note)


async def propose_milestone(held: HeldDeliverable, new: NewMilestone) -> None:
    """Propose one more milestone; raises like `propose_plan`."""
    wanted = Wanted(None, new.title, new.due_at, new.share_bp)
    await _propose_wish(held, wanted, new.from_milestone_id, new.note)


async def propose_change(held: HeldDeliverable, milestone: MilestoneRow, change: MilestoneChange) -> None:
    """Propose another title, date or share of a milestone; raises like `propose_plan`."""
    held.check_running()
    if held.stands(milestone) not in PROVIDERS_MOVE:
        detail = f"The milestone is {held.stands(milestone).value}: only what awaits a submission is planned."
        raise held.refusal_of(milestone, "milestone_not_open", detail)
    wanted = Wanted(
        milestone_id=milestone.id,
        title=change.title or milestone.title,
        due_at=change.due_at or milestone.due_at,
        share_bp=change.share_bp or milestone.share_bp,
    )
    if (wanted.title, wanted.due_at, wanted.share_bp) == (milestone.title, milestone.due_at, milestone.share_bp):
        raise invalid("nothing_changed", "Title, date and share are what they were: name another.", "body")
    await _propose_wish(held, wanted, change.from_milestone_id, change.note)


async def accept_plan(held: HeldDeliverable, proposal_id: str) -> None:
    """Agree to the other side's proposal; raises 409 when what it plans is no longer open."""
    proposal = await _proposal(held, proposal_id)
    if proposal.state == PlanState.ACCEPTED:
        return
    _check_answerable(held, proposal, of_the_other_side=True)
    try:
        _check_plan(held, [ReplannedMilestone.model_validate(one) for one in proposal.milestones])
    except PlanError as error:
        raise held.refusal("plan_outdated", f"{error} Decline it, or ask for another.") from error
    _close(held, proposal, PlanState.ACCEPTED)
    await held.report(DeliverableReportKind.REPLANNED, proposal_id=proposal.id)
    await held.tell(EventType.PLAN_ACCEPTED, f"{proposal.id}:accepted", proposal_id=proposal.id)


async def decline_plan(held: HeldDeliverable, proposal_id: str, reason: str) -> None:
    """Say no to the other side's proposal; the plan stays as it is."""
    proposal = await _proposal(held, proposal_id)
    if proposal.state == PlanState.DECLINED:
        return
    _check_answerable(held, proposal, of_the_other_side=True)
    _close(held, proposal, PlanState.DECLINED)
    await held.tell(EventType.PLAN_DECLINED, f"{proposal.id}:declined", proposal_id=proposal.id, reason=reason)


async def withdraw_plan(held: HeldDeliverable, proposal_id: str) -> None:
    """Take one's own proposal back."""
    proposal = await _proposal(held, proposal_id)
    if proposal.state == PlanState.WITHDRAWN:
        return
    _check_answerable(held, proposal, of_the_other_side=False)
    _close(held, proposal, PlanState.WITHDRAWN)
    await held.tell(EventType.PLAN_WITHDRAWN, f"{proposal.id}:withdrawn", proposal_id=proposal.id)


async def deliverable_of_line(session: AsyncSession, provider: Principal, line_id: str) -> str:
    """The deliverable of a provider's service line; raises 404 for a stranger's, 409 before the order is paid."""
    found = await session.scalar(
        select(DeliverableRow.id).where(
            DeliverableRow.line_id == line_id, DeliverableRow.provider_id == provider.owner_id
        )
    )
    if found is not None:
        return found
    state = await session.scalar(
        select(OrderRow.state)
        .join(OrderLineRow, OrderLineRow.order_id == OrderRow.id)
        .where(OrderLineRow.id == line_id, OrderLineRow.provider_id == provider.owner_id)
    )
    if state is None:
        raise not_found("service line", "line_id")
    raise conflict("not_paid", f"The order is {state}: its deliverable begins when it is paid.", state=state)


async def _propose_wish(held: HeldDeliverable, wanted: Wanted, from_milestone_id: str | None, note: str) -> None:
    try:
        plan = plan_with(_open_plan(held), wanted, from_milestone_id)
    except PlanError as error:
        raise _refused(error, "share_bp") from error
    await _propose(held, plan, note)


async def _propose(held: HeldDeliverable, plan: Sequence[ReplannedMilestone], note: str) -> None:
    held.check_running()
    stored = [one.model_dump(mode="json") for one in plan]
    if held.proposal is not None:
        if held.proposal.proposed_by == held.caller.role and held.proposal.milestones == stored:
            return
        detail = "A plan waits for its answer: accept, decline or withdraw it before you propose another."
        raise held.refusal("plan_open", detail)
    if not held.standing_so(*PROVIDERS_MOVE):
        raise held.refusal("nothing_to_plan", "No milestone awaits a submission: there is nothing to plan anew.")
    try:
        _check_plan(held, plan)
    except PlanError as error:
        raise _refused(error, "milestones") from error
    _check_dates(held, plan)
    held.proposal = PlanProposalRow(
        id=new_id("pln"),
        deliverable_id=held.row.id,
        proposed_by=held.caller.role.value,
        milestones=stored,
        note=note,
        state=PlanState.OPEN,
        created_at=held.at,
    )
    held.session.add(held.proposal)
    await held.tell(
        EventType.PLAN_PROPOSED,
        f"{held.proposal.id}:proposed",
        proposal_id=held.proposal.id,
        milestones=stored,
        note=note,
    )


def _open_plan(held: HeldDeliverable) -> list[ReplannedMilestone]:
    return [
        ReplannedMilestone(milestone_id=row.id, title=row.title, due_at=row.due_at, share_bp=row.share_bp)
        for row in held.standing_so(*PROVIDERS_MOVE)
    ]


def _check_plan(held: HeldDeliverable, plan: Sequence[ReplannedMilestone]) -> None:
    rows = held.standing_so(*PROVIDERS_MOVE)
    shares = {row.id: row.share_bp for row in rows}
    check_replan(plan, shares, sum(row.amount_minor for row in rows), held.milestones[0].currency)


def _check_dates(held: HeldDeliverable, plan: Sequence[ReplannedMilestone]) -> None:
    """A date of today's plan may stay even if it has passed."""
    known = {row.id: row.due_at for row in held.milestones}
    latest = held.at + timedelta(days=LONGEST_PLAN_DAYS)
    for one in plan:
        unchanged = one.milestone_id is not None and known.get(one.milestone_id) == one.due_at
        if not unchanged and not held.at < one.due_at <= latest:
            detail = f"{one.title!r} must be due in the future, within {LONGEST_PLAN_DAYS} days."
            raise invalid("due_date_out_of_bounds", detail, "due_at")


async def _proposal(held: HeldDeliverable, proposal_id: str) -> PlanProposalRow:
    proposal = await held.session.get(PlanProposalRow, proposal_id)
    if proposal is None or proposal.deliverable_id != held.row.id:
        raise not_found("plan proposal", "proposal_id")
    return proposal


def _check_answerable(held: HeldDeliverable, proposal: PlanProposalRow, *, of_the_other_side: bool) -> None:
    if proposal.state != PlanState.OPEN:
        raise held.refusal("plan_state", f"The proposal is {proposal.state}: it has been answered.")
    if of_the_other_side:
        held.check_running()
    if of_the_other_side == (proposal.proposed_by == held.caller.role):
        whose = "your own: the other side answers it" if of_the_other_side else "the other side's: decline it"
        raise held.refusal("wrong_side", f"The proposal is {whose}.")


def _close(held: HeldDeliverable, proposal: PlanProposalRow, state: PlanState) -> None:
    proposal.state, proposal.closed_at = state, held.at
    held.proposal = None


def _refused(error: PlanError, param: str) -> ProblemError:
    return invalid(error.code, str(error), param)
