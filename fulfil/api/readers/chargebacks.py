"""Chargebacks: the rows that their workflow's activities write, and what support added."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.readers.paging import newest_first
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.chargebacks import Chargeback, ChargebackSummary, Statement
from fulfil.models.messages.chargebacks import UNDECIDED, ChargebackLoss, ChargebackState
from fulfil.models.messages.events import NextStep
from fulfil.models.messages.parties import WaitingOn
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.money import Money
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.payments import ChargebackRow, ChargebackStatementRow

AWAITING_ANSWER = ("warning_needs_response", "needs_response")
APPEALABLE = "appeal_needs_response"


async def list_chargebacks(
    session: AsyncSession, *, state: ChargebackState | None, limit: int, starting_after: str | None
) -> Page[ChargebackSummary]:
    """All of them, or those in one state, newest first."""
    query = select(ChargebackRow, OrderRow).join(OrderRow, OrderRow.id == ChargebackRow.order_id)
    if state is not None:
        query = query.where(ChargebackRow.state == state)
    rows, has_more = await newest_first(
        session,
        query,
        moment=ChargebackRow.opened_at,
        identity=ChargebackRow.id,
        limit=limit,
        starting_after=starting_after,
    )
    return Page(data=[_summary(row, order) for row, order in rows], has_more=has_more)


async def find_chargeback(session: AsyncSession, chargeback_id: str) -> Chargeback | None:
    """One, with its evidence."""
    query = (
        select(ChargebackRow, OrderRow)
        .join(OrderRow, OrderRow.id == ChargebackRow.order_id)
        .where(ChargebackRow.id == chargeback_id)
    )
    found = (await session.execute(query)).one_or_none()
    if found is None:
        return None
    row, order = found
    statements = (
        select(ChargebackStatementRow)
        .where(ChargebackStatementRow.chargeback_id == chargeback_id)
        .order_by(ChargebackStatementRow.created_at, ChargebackStatementRow.id)
    )
    return Chargeback(
        **dict(_summary(row, order)),
        evidence=row.evidence,
        staged_at=row.staged_at,
        statements=[
            Statement(id=one.id, text=one.text, written_by=one.written_by, created_at=one.created_at)
            for one in await session.scalars(statements)
        ],
        loss=None if row.loss is None else ChargebackLoss.model_validate(row.loss),
    )


def _summary(row: ChargebackRow, order: OrderRow) -> ChargebackSummary:
    return ChargebackSummary(
        id=row.id,
        order_id=row.order_id,
        stripe_dispute_id=row.stripe_dispute_id,
        state=ChargebackState(row.state),
        stripe_status=row.stripe_status,
        reason=row.reason,
        is_inquiry=row.is_inquiry,
        amount=Money(amount_minor=row.amount_minor, currency=row.currency),
        fee=Money(amount_minor=row.fee_minor, currency=row.currency),
        evidence_due_at=row.evidence_due_at,
        submitted_at=row.submitted_at,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        next=next_of(row, OrderPolicies.model_validate(order.policies)),
        allowed_actions=actions_of(row),
    )


def actions_of(row: ChargebackRow) -> list[str]:
    """What the workflow would accept, unless one of its steps is parked."""
    if row.stripe_status not in AWAITING_ANSWER:
        return []
    answers = ["evidence", *(["submit"] if row.staged_at is not None else [])]
    return answers if row.is_inquiry else [*answers, "accept"]


def next_of(row: ChargebackRow, policies: OrderPolicies) -> NextStep | None:
    """Whose move it is; None once it is decided."""
    due = row.evidence_due_at
    if row.state not in UNDECIDED:
        return None
    if row.stripe_status == APPEALABLE:
        return NextStep(who=WaitingOn.SUPPORT, what="appeal in the payment provider's dashboard, or leave it", by=due)
    if row.stripe_status not in AWAITING_ANSWER:
        return NextStep(who=WaitingOn.NOBODY, what="the customer's bank decides")
    if row.staged_at is None:
        return NextStep(who=WaitingOn.SYSTEM, what="put the evidence together", by=due)
    by = None if due is None else due - timedelta(seconds=policies.evidence_submit_s)
    return NextStep(
        who=WaitingOn.SUPPORT, what="check the evidence and submit it; what is staged then goes by itself", by=by
    )
