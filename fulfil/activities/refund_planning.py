"""Planning refunds under the payment's lock: one is written with its amount reserved, and planned anew to be booked."""

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.locking import missing
from fulfil.ledger.refund_plans import allocate, approve_by, plan_refund
from fulfil.ledger.refundable import read_line_money, read_refundable
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.parties import SYSTEM, WaitingOn
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.refunds import (
    RefundAllocation,
    RefundOpened,
    RefundPlan,
    RefundReason,
    RefundRoute,
    RefundState,
    StartRefund,
)
from fulfil.models.money import step_minor
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.payments import PaymentRow, RefundRow, TransferReversalRow, TransferRow
from fulfil.models.tables.timeline import append_event

ENDED = (OrderState.CLOSED, OrderState.CANCELLING, OrderState.CANCELLED, OrderState.EXPIRED)


def state_of(row: RefundRow) -> RefundState:
    """Where the process goes on: what is booked but in nobody's hands yet is still to be sent."""
    state = RefundState(row.state)
    handed_over = row.route == RefundRoute.CARD and row.stripe_refund_id is not None
    return RefundState.REQUESTED if state is RefundState.SENT and not handed_over else state


def plan_of(row: RefundRow) -> RefundPlan:
    """The plan it was opened with, as it was booked."""
    return RefundPlan.model_validate(row.plan)


def opened(row: RefundRow) -> RefundOpened:
    """The answer to whoever asked for it."""
    return RefundOpened(refund_id=row.id, state=state_of(row), plan=plan_of(row))


async def hold_refund(session: AsyncSession, refund_id: str) -> RefundRow:
    """Lock a refund; the caller holds its payment."""
    row = await session.get(RefundRow, refund_id, with_for_update={"key_share": True})
    if row is None:
        raise missing("refund", refund_id)
    return row


async def next_of_ended(session: AsyncSession, order_id: str, who: WaitingOn, what: str) -> NextStep | None:
    """Whose move it is by a refund, once the order itself waits for nobody; a running order keeps its own."""
    order = await session.get_one(OrderRow, order_id)
    return NextStep(who=who, what=what) if order.state in ENDED else None


async def write_request(session: AsyncSession, payment: PaymentRow, request: StartRefund, at: datetime) -> RefundOpened:
    """Write the refund and reserve its amount, or say why not; the caller holds the payment."""
    left = await read_refundable(session, request.order_id)
    if left is None:
        raise missing("payment of order", request.order_id)
    plan = plan_refund(left, request.scope, request.reason)
    if plan.refusal_code is not None:
        return RefundOpened(refund_id=request.refund_id, state=RefundState.REJECTED, plan=plan)
    state = RefundState.AWAITING_APPROVAL if plan.needs_approval else RefundState.REQUESTED
    row = RefundRow(
        id=request.refund_id,
        order_id=request.order_id,
        amount_minor=plan.amount_minor,
        currency=plan.currency,
        state=state,
        reason=request.reason,
        note=request.note[:500],
        plan=plan.model_dump(mode="json"),
        route=RefundRoute.CARD,
        requested_by=request.requested_by.model_dump(mode="json"),
        requested_at=at,
        updated_at=at,
    )
    session.add(row)
    payment.refunding_minor += plan.amount_minor
    payment.updated_at = at
    await append_event(
        session,
        order_id=request.order_id,
        business_key=f"{request.refund_id}:requested",
        kind=EventType.REFUND_REQUESTED,
        at=at,
        actor=request.requested_by,
        subject=request.refund_id,
        data={
            "amount_minor": plan.amount_minor,
            "currency": plan.currency,
            "reason": request.reason.value,
            "approval_reasons": list(plan.approval_reasons),
        },
        next_step=await _to_approve(session, row) if plan.needs_approval else None,
    )
    return opened(row)


async def plan_anew(session: AsyncSession, payment: PaymentRow, row: RefundRow, at: datetime) -> RefundPlan | None:
    """The plan to book, by where the money of its lines is now; None when a person has to agree (again) first.

    A line may have been released, or a chargeback opened, since the refund was asked for.
    """
    plan, reason = plan_of(row), RefundReason(row.reason)
    lines = {line.line_id: line for line in await read_line_money(session, row.order_id)}
    wanted = [(lines[part.line_id], part.amount_minor) for part in plan.allocations]
    order = await session.get_one(OrderRow, row.order_id)
    plan = approve_by(
        plan.model_copy(update={"allocations": await _reversible(session, row, allocate(wanted))}),
        reason,
        OrderPolicies.model_validate(order.policies).refund_approval_above,
        frozen=payment.frozen_at is not None,
    )
    row.plan = plan.model_dump(mode="json")
    row.updated_at = at
    agreed = row.decided_at is not None and payment.frozen_at is None
    if agreed or not plan.needs_approval:
        return plan
    row.state = RefundState.AWAITING_APPROVAL
    row.decided_at, row.decided_by = None, None
    await append_event(
        session,
        order_id=row.order_id,
        business_key=f"{row.id}:needs_approval:{at.isoformat()}",
        kind=EventType.REFUND_REQUESTED,
        at=at,
        actor=SYSTEM,
        subject=row.id,
        data={
            "amount_minor": row.amount_minor,
            "currency": row.currency,
            "reason": row.reason,
            "approval_reasons": list(plan.approval_reasons),
        },
        next_step=await _to_approve(session, row),
    )
    return None


async def _reversible(
    session: AsyncSession, row: RefundRow, parts: tuple[RefundAllocation, ...]
) -> tuple[RefundAllocation, ...]:
    """How much of each released part can be asked back of its job's transfer; fixed here, so that a retry asks alike.

    Less what other refunds have been promised of the same transfer; the rest stays owed by the provider.
    """
    fixed: list[RefundAllocation] = []
    for part in parts:
        amount = 0
        if part.provider_share_minor and part.job_id is not None:
            transfer = await session.scalar(select(TransferRow).where(TransferRow.job_id == part.job_id))
            if transfer is not None:
                promised = await _promised(session, row, part.job_id)
                left = transfer.amount_minor - transfer.reversed_minor - promised
                amount = min(part.provider_share_minor, max(left, 0))
                amount -= amount % step_minor(row.currency)
        fixed.append(part.model_copy(update={"reversal_minor": amount}))
    return tuple(fixed)


async def _promised(session: AsyncSession, row: RefundRow, job_id: str) -> int:
    """What booked refunds in nobody's hands yet are going to reverse of a job's transfer."""
    done = exists().where(TransferReversalRow.business_key == RefundRow.id + f":reversal:{job_id}")
    others = select(RefundRow.plan).where(
        RefundRow.order_id == row.order_id,
        RefundRow.id != row.id,
        RefundRow.state == RefundState.SENT,
        RefundRow.stripe_refund_id.is_(None),
        ~done,
    )
    plans = [RefundPlan.model_validate(plan) for plan in await session.scalars(others)]
    return sum(part.reversal_minor for plan in plans for part in plan.allocations if part.job_id == job_id)


async def _to_approve(session: AsyncSession, row: RefundRow) -> NextStep | None:
    return await next_of_ended(session, row.order_id, WaitingOn.SUPPORT, f"approve or reject the refund {row.id}")
