"""Deliverables, as their customer, their provider and support see them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.actions import deliverable_actions
from fulfil.api.delivery_turns import Turn, whose_turn
from fulfil.api.readers.jobs import payout_left
from fulfil.api.readers.paging import newest_first
from fulfil.api.readers.submissions import awaited_revisions, latest_submissions, read_revisions, read_submissions
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.deliverables import (
    CheckedCriterion,
    Checklist,
    Deliverable,
    Feedback,
    Milestone,
    PlanEntry,
    PlanProposal,
)
from fulfil.ledger.refundable import taken_of_lines
from fulfil.models.messages.deliverables import (
    ChecklistState,
    DeliverableState,
    MilestoneState,
    PlanState,
    SubmissionState,
)
from fulfil.models.messages.events import NextStep
from fulfil.models.messages.parties import Role
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.refunds import RefundAllocation
from fulfil.models.milestones import Standing, milestone_actions, standing
from fulfil.models.money import Money
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.deliverables import DeliverableRow, FeedbackRow, MilestoneRow, PlanProposalRow
from fulfil.models.tables.jobs import JobRow
from fulfil.models.tables.orders import OrderLineRow, OrderRow

DeliverableQuery = Select[DeliverableRow, ProviderRow, OrderRow, PlanProposalRow, FeedbackRow]
DeliverableParts = tuple[DeliverableRow, ProviderRow, OrderRow, PlanProposalRow | None, FeedbackRow | None]


@dataclass(frozen=True)
class _MilestoneParts:
    row: MilestoneRow
    job: JobRow
    line: OrderLineRow
    submission: SubmissionState | None
    revision_due_at: datetime | None

    @property
    def stands(self) -> Standing:
        return standing(MilestoneState(self.row.state), self.submission)


async def find_deliverable(session: AsyncSession, caller: Principal, deliverable_id: str) -> Deliverable | None:
    """A deliverable the caller has to do with, with its submissions and revision requests."""
    query = _select_deliverables(caller).where(DeliverableRow.id == deliverable_id)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    [shown] = await _represent(session, caller, [row])
    return shown.model_copy(
        update={
            "submissions": await read_submissions(session, deliverable_id),
            "revisions": await read_revisions(session, deliverable_id),
        }
    )


async def find_deliverables_of_order(session: AsyncSession, caller: Principal, order_id: str) -> list[Deliverable]:
    """Those of an order that the caller has to do with, in the order they began; without their submissions."""
    query = _select_deliverables(caller).where(DeliverableRow.order_id == order_id)
    rows = await session.execute(query.order_by(DeliverableRow.opened_at, DeliverableRow.id))
    parts: list[DeliverableParts] = list(rows)
    return await _represent(session, caller, parts)


async def list_deliverables(
    session: AsyncSession,
    caller: Principal,
    *,
    order_id: str | None,
    state: DeliverableState | None,
    limit: int,
    starting_after: str | None,
) -> Page[Deliverable]:
    """A provider's own, a customer's, all for staff; newest first."""
    query = _select_deliverables(caller)
    if order_id is not None:
        query = query.where(DeliverableRow.order_id == order_id)
    if state is not None:
        query = query.where(DeliverableRow.state == state)
    rows, has_more = await newest_first(
        session,
        query,
        moment=DeliverableRow.opened_at,
        identity=DeliverableRow.id,
        limit=limit,
        starting_after=starting_after,
    )
    return Page(data=await _represent(session, caller, rows), has_more=has_more)


def _select_deliverables(caller: Principal) -> DeliverableQuery:
    query = (
        select(DeliverableRow, ProviderRow, OrderRow, PlanProposalRow, FeedbackRow)
        .join(ProviderRow, ProviderRow.id == DeliverableRow.provider_id)
        .join(OrderRow, OrderRow.id == DeliverableRow.order_id)
        .outerjoin(
            PlanProposalRow,
            (PlanProposalRow.deliverable_id == DeliverableRow.id) & (PlanProposalRow.state == PlanState.OPEN),
        )
        .outerjoin(FeedbackRow, FeedbackRow.deliverable_id == DeliverableRow.id)
    )
    if caller.is_staff:
        return query
    party = DeliverableRow.provider_id if caller.role is Role.PROVIDER else DeliverableRow.customer_id
    return query.where(party == caller.owner_id)


async def _represent(session: AsyncSession, caller: Principal, rows: Sequence[DeliverableParts]) -> list[Deliverable]:
    milestones = await _read_milestones(session, [row[0].id for row in rows])
    taken = [] if caller.role is Role.CUSTOMER else await taken_of_lines(session, *{row[0].order_id for row in rows})
    return [_represent_one(caller, row, milestones[row[0].id], taken) for row in rows]


async def _read_milestones(session: AsyncSession, deliverable_ids: Sequence[str]) -> dict[str, list[_MilestoneParts]]:
    query = (
        select(MilestoneRow, JobRow, OrderLineRow)
        .join(JobRow, JobRow.id == MilestoneRow.job_id)
        .join(OrderLineRow, OrderLineRow.id == JobRow.line_id)
        .where(MilestoneRow.deliverable_id.in_(deliverable_ids))
        .order_by(MilestoneRow.position, MilestoneRow.id)
    )
    said = await latest_submissions(session, deliverable_ids)
    awaited = await awaited_revisions(session, deliverable_ids)
    found = defaultdict[str, list[_MilestoneParts]](list)
    for row, job, line in await session.execute(query):
        found[row.deliverable_id].append(_MilestoneParts(row, job, line, said.get(row.id), awaited.get(row.id)))
    return found


def _represent_one(
    caller: Principal,
    parts: DeliverableParts,
    milestones: list[_MilestoneParts],
    taken: Sequence[RefundAllocation],
) -> Deliverable:
    row, provider, order, proposal, feedback = parts
    proposed_by = Role(proposal.proposed_by) if proposal else None
    left = max(row.revisions_included - row.revisions_used, 0)
    shown = [
        _represent_milestone(caller, one, left, payout=payout_left(one.job, one.line, provider.commission_bp, taken))
        for one in milestones
    ]
    return Deliverable(
        id=row.id,
        order_id=row.order_id,
        line_id=row.line_id,
        provider_id=row.provider_id,
        provider_name=provider.name,
        customer_id=None if caller.role is Role.PROVIDER else row.customer_id,
        title=row.title,
        state=DeliverableState(row.state),
        milestones=shown,
        revisions_included=row.revisions_included,
        revisions_left=left,
        checklist=row.checklist,
        plan_proposal=_represent_proposal(proposal) if proposal else None,
        feedback=_represent_feedback(feedback) if feedback else None,
        next=_next_step(row, order, milestones, proposed_by),
        allowed_actions=deliverable_actions(
            caller.role,
            [one.stands for one in shown],
            revisions_left=left,
            proposed_by=proposed_by,
            rated=feedback is not None,
        ),
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        close_reason=row.close_reason,
    )


def _next_step(
    row: DeliverableRow, order: OrderRow, milestones: list[_MilestoneParts], proposed_by: Role | None
) -> NextStep | None:
    """Of this deliverable alone, whatever else its order waits for; nobody's once it has ended."""
    if row.closed_at is not None:
        return None
    turns = [Turn(one.row, one.stands, one.revision_due_at) for one in milestones]
    return whose_turn(turns, proposed_by, OrderPolicies.model_validate(order.policies).rejection_due_s)


def _represent_milestone(caller: Principal, parts: _MilestoneParts, left: int, *, payout: Money) -> Milestone:
    row, stands = parts.row, parts.stands
    amount = Money(amount_minor=row.amount_minor, currency=row.currency)
    return Milestone(
        id=row.id,
        position=row.position,
        title=row.title,
        state=MilestoneState(row.state),
        stands=stands,
        percent=row.percent,
        share_bp=row.share_bp,
        amount=None if caller.role is Role.PROVIDER else amount,
        payout=None if caller.role is Role.CUSTOMER else payout,
        due_at=row.due_at,
        delayed_at=row.delayed_at,
        submitted_at=row.submitted_at,
        review_due_at=row.review_due_at,
        rejected_at=row.rejected_at,
        completed_at=row.completed_at,
        checklist=_represent_check(row),
        allowed_actions=milestone_actions(caller.role, stands, revisions_left=left),
    )


def _represent_check(row: MilestoneRow) -> Checklist:
    result: dict[str, Any] = row.check_result or {}
    return Checklist(
        state=ChecklistState(row.check_state),
        checks=[CheckedCriterion.model_validate(one) for one in result.get("checks", ())],
        checked_at=result.get("at"),
    )


def _represent_proposal(row: PlanProposalRow) -> PlanProposal:
    return PlanProposal(
        id=row.id,
        proposed_by=cast("Literal['customer', 'provider']", row.proposed_by),
        milestones=[PlanEntry.model_validate(one) for one in row.milestones],
        note=row.note,
        state=PlanState(row.state),
        created_at=row.created_at,
    )


def _represent_feedback(row: FeedbackRow) -> Feedback:
    return Feedback(
        quality=row.quality,
        communication=row.communication,
        timeliness=row.timeliness,
        comment=row.comment,
        created_at=row.created_at,
    )
