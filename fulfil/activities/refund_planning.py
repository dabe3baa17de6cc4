"""Planning refunds under the payment's lock: one is written with its amount reserved, and planned anew to be booked."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.locking import missing
from fulfil.activities.promises import promises_of
from fulfil.ledger.refund_plans import EXCEEDS_PAID, allocate_anew, approve_by, is_called_off, plan_refund
from fulfil.ledger.refundable import is_held_back, read_line_money, read_refundable, read_unapproved
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.parties import SYSTEM, ActorKind, WaitingOn
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
from fulfil.models.tables.payments import PaymentRow, RefundRow, TransferRow
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
    by_system = request.requested_by.kind is ActorKind.SYSTEM
    plan = plan_refund(left, request.scope, request.reason, by_system=by_system)
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

    A line may have been released, or a chargeback opened or lost, since the refund was asked for. So much may not be
    left of the order at all: then it can only be rejected.
    """
    plan, reason = plan_of(row), RefundReason(row.reason)
    parts = allocate_anew(await read_line_money(session, row.order_id), plan)
    order = await session.get_one(OrderRow, row.order_id)
    frozen = await is_held_back(session, payment)
    plan = approve_by(
        plan if parts is None else plan.model_copy(update={"allocations": await _reversible(session, row, parts)}),
        reason,
        OrderPolicies.model_validate(order.policies).refund_approval_above,
        unapproved_minor=await read_unapproved(session, row.order_id, but=row.id),
        frozen=frozen,
        called_off=is_called_off(reason, by_system=row.requested_by.get("kind") == ActorKind.SYSTEM),
    )
    if parts is None:
        reasons = (*plan.approval_reasons, EXCEEDS_PAID)
        plan = plan.model_copy(update={"needs_approval": True, "approval_reasons": reasons})
    row.plan = plan.model_dump(mode="json")
    row.updated_at = at
    agreed = row.decided_at is not None and not frozen and parts is not None
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
    """How much of each released part can be asked back of which transfer; fixed here, so that a retry asks alike.

    Less what other refunds have been promised of the same transfer; the rest stays owed by the provider.
    """
    fixed: list[RefundAllocation] = []
    for part in parts:
        transfer, amount = None, 0
        if part.provider_share_minor and part.job_id is not None and part.provider_id is not None:
            transfer, left = await _most_left(session, part.job_id, part.provider_id, row.currency)
            amount = min(part.provider_share_minor, left)
            amount -= amount % step_minor(row.currency)
        transfer_id = transfer.id if transfer is not None and amount else None
        fixed.append(part.model_copy(update={"reversal_minor": amount, "transfer_id": transfer_id}))
    return tuple(fixed)


async def _most_left(
    session: AsyncSession, job_id: str, provider_id: str, currency: str
) -> tuple[TransferRow | None, int]:
    """The transfer of a job that has most left to take back: what was given back again was a transfer of its own."""
    found: tuple[TransferRow | None, int] = (None, 0)
    promises = await promises_of(session, provider_id, currency)
    for transfer in await session.scalars(select(TransferRow).where(TransferRow.job_id == job_id)):
        promised = sum(promise.amount_minor for promise in promises if promise.transfer_id == transfer.id)
        left = transfer.amount_minor - transfer.reversed_minor - promised
        if left > found[1]:
            found = (transfer, left)
    return found


async def _to_approve(session: AsyncSession, row: RefundRow) -> NextStep | None:
    return await next_of_ended(session, row.order_id, WaitingOn.SUPPORT, f"approve or reject the refund {row.id}")
