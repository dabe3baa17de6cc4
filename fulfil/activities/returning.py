"""Giving money back because something was called off: which refund is to be started, under the payment's lock.

Its id is made of what is called off, so that a repeated step, and a reset workflow, find it.
"""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.locking import missing
from fulfil.ledger.line_money import by_line
from fulfil.ledger.refundable import read_refundable
from fulfil.models.ids import derived_id
from fulfil.models.messages.parties import SYSTEM
from fulfil.models.messages.payments import ReturnedHow, ReturnLine, ReturnPayment
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.refunds import RefundLine, RefundReason, RefundScope, StartRefund
from fulfil.models.money import step_minor
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.payments import PaymentRow, RefundRow

LONGEST_NOTE = 500


@dataclass(frozen=True)
class Returning:
    """How the money goes back; `start` is None when its refund is written already, or there is nothing to refund."""

    how: ReturnedHow
    amount_minor: int
    refund_id: str | None = None
    start: StartRefund | None = None


async def refund_of_rest(session: AsyncSession, payment: PaymentRow, request: ReturnPayment) -> Returning:
    """The refund of all that is left of a captured payment; the caller holds it."""
    refund_id = derived_id("ref", request.order_id, "cancellation")
    written = await _written(session, refund_id)
    if written is not None:
        return written
    left = payment.amount_minor - payment.refunded_minor - payment.refunding_minor
    if left == 0:
        return Returning(ReturnedHow.REFUND_PENDING if payment.refunding_minor else ReturnedHow.REFUNDED, 0)
    start = StartRefund(
        refund_id=refund_id,
        order_id=request.order_id,
        reason=RefundReason.CANCELLATION,
        note=request.reason[:LONGEST_NOTE],
        requested_by=SYSTEM,
        looks_s=await _looks(session, request.order_id),
    )
    return Returning(ReturnedHow.REFUND_PENDING, left, refund_id, start)


async def refund_of_line(session: AsyncSession, payment: PaymentRow, request: ReturnLine) -> Returning:
    """The refund of what is held of one line, or of a part of it: never of what was released, or is paid back already.

    The caller holds the payment, which is captured.
    """
    refund_id = derived_id("ref", request.order_id, request.line_id, request.refund_reason.value)
    written = await _written(session, refund_id)
    if written is not None:
        return written
    left = await read_refundable(session, request.order_id)
    if left is None:
        raise missing("payment of order", request.order_id)
    held = sum(max(part.held_minor, 0) for part in left.lines if part.line_id == request.line_id)
    wanted = held if request.amount_minor is None else min(request.amount_minor, held)
    amount = min(wanted, left.left_minor)
    amount -= amount % step_minor(payment.currency)
    if amount == 0:
        return Returning(ReturnedHow.REFUND_PENDING if payment.refunding_minor else ReturnedHow.REFUNDED, 0)
    start = StartRefund(
        refund_id=refund_id,
        order_id=request.order_id,
        scope=RefundScope(lines=(RefundLine(line_id=request.line_id, amount_minor=amount),)),
        reason=request.refund_reason,
        note=request.note[:LONGEST_NOTE],
        requested_by=SYSTEM,
        looks_s=await _looks(session, request.order_id),
    )
    return Returning(ReturnedHow.REFUND_PENDING, amount, refund_id, start)


async def scope_of_held(session: AsyncSession, order_id: str) -> RefundScope | None:
    """What is held of an order, without what was released of it; None when nothing is."""
    left = await read_refundable(session, order_id)
    if left is None or left.left_minor == 0:
        return None
    if not any(part.released_minor for part in left.lines):
        return RefundScope()
    budget, lines = left.left_minor, list[RefundLine]()
    for line_id, parts in by_line(left.lines).items():
        amount = min(sum(max(part.held_minor, 0) for part in parts), budget)
        if amount and line_id is not None:
            budget -= amount
            lines.append(RefundLine(line_id=line_id, amount_minor=amount))
    return RefundScope(lines=tuple(lines)) if lines else None


async def _written(session: AsyncSession, refund_id: str) -> Returning | None:
    refund = await session.get(RefundRow, refund_id)
    return None if refund is None else Returning(ReturnedHow.REFUND_PENDING, refund.amount_minor, refund_id)


async def _looks(session: AsyncSession, order_id: str) -> tuple[int, ...]:
    order = await session.get_one(OrderRow, order_id)
    return OrderPolicies.model_validate(order.policies).refund_looks_s
