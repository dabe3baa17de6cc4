"""What of an order can still be paid back, and where the money of each line is: held, or released to its provider."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.models.messages.chargebacks import ChargebackLoss, ChargebackState
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.refunds import RefundAllocation, RefundPlan, RefundReason, RefundState
from fulfil.models.money import step_minor
from fulfil.models.tables.jobs import JobRow
from fulfil.models.tables.orders import OrderLineRow, OrderRow
from fulfil.models.tables.payments import ChargebackRow, PaymentRow, RefundRow

# Without a second person's word, and not about to ask for it.
UNASKED = (RefundState.REQUESTED, RefundState.SENT, RefundState.SUCCEEDED, RefundState.FAILED)


@dataclass(frozen=True)
class LineMoney:
    """The money of one line (of the shipping when `line_id` is None) that no refund or lost chargeback has taken.

    `released_minor` is `provider_share_minor` and `commission_minor`, which includes `commission_tax_minor`. Only
    multiples of `step_minor` can be asked back of a transfer, or refunded.
    """

    line_id: str | None
    held_minor: int
    released_minor: int = 0
    provider_share_minor: int = 0
    commission_minor: int = 0
    commission_tax_minor: int = 0
    job_id: str | None = None
    provider_id: str | None = None
    step_minor: int = 1

    @property
    def left_minor(self) -> int:
        """What can still be paid back of the line."""
        return self.held_minor + self.released_minor

    def less(self, taken: RefundAllocation) -> "LineMoney":
        """What is left after a refund."""
        return replace(
            self,
            held_minor=self.held_minor - taken.held_minor,
            released_minor=self.released_minor - taken.released_minor,
            provider_share_minor=self.provider_share_minor - taken.provider_share_minor,
            commission_minor=self.commission_minor - taken.commission_minor,
            commission_tax_minor=self.commission_tax_minor - taken.commission_tax_minor,
        )


@dataclass(frozen=True)
class Refundable:
    """The facts a refund is planned from; `left_minor` is captured less refunded, being refunded and charged back.

    `unapproved_minor` is what was refunded, or is being, without a second person's approval; `lost_minor` what lost
    chargebacks gave back.
    """

    order_id: str
    currency: str
    payment_state: str
    captured: bool
    frozen: bool
    left_minor: int
    shipping_minor: int
    policies: OrderPolicies
    lines: Sequence[LineMoney]
    unapproved_minor: int = 0
    lost_minor: int = 0


def take(line: LineMoney, amount_minor: int) -> RefundAllocation:
    """Take an amount of a line: what is held first, then what was released, pro rata of its shares, to the cent.

    The provider gives whole steps, which her transfer can be reversed by. The last cent taken of a line takes the last
    cent of every share, whatever was rounded before.
    """
    held = min(line.held_minor, amount_minor)
    released = amount_minor - held
    if released > line.released_minor:
        raise ValueError(f"{amount_minor} of {line.left_minor}")
    provider_share = _provider_share(line, released)
    commission = released - provider_share
    return RefundAllocation(
        line_id=line.line_id,
        held_minor=held,
        released_minor=released,
        provider_share_minor=provider_share,
        commission_minor=commission,
        commission_tax_minor=_share(line.commission_tax_minor, commission, line.commission_minor),
        job_id=line.job_id,
        provider_id=line.provider_id if released else None,
    )


async def read_line_money(session: AsyncSession, order_id: str) -> list[LineMoney]:
    """Every line and the shipping, less what refunds that are booked and lost chargebacks have taken."""
    order = await session.get_one(OrderRow, order_id)
    rows = await session.execute(
        select(OrderLineRow, JobRow)
        .outerjoin(JobRow, JobRow.line_id == OrderLineRow.id)
        .where(OrderLineRow.order_id == order_id)
        .order_by(OrderLineRow.id)
    )
    lines = [_line_money(line, job) for line, job in rows]
    if order.shipping_minor:
        lines.append(LineMoney(line_id=None, held_minor=order.shipping_minor, step_minor=step_minor(order.currency)))
    left = {line.line_id: line for line in lines}
    for allocation in await taken_of_lines(session, order_id):
        if allocation.line_id in left:
            left[allocation.line_id] = left[allocation.line_id].less(allocation)
    return list(left.values())


async def taken_of_lines(session: AsyncSession, *order_ids: str) -> list[RefundAllocation]:
    """What booked refunds and lost chargebacks have taken of each line of these orders."""
    booked = select(RefundRow.plan).where(
        RefundRow.order_id.in_(order_ids),
        RefundRow.sent_at.is_not(None),
        RefundRow.state != RefundState.REJECTED,
    )
    return [*_allocations(await session.scalars(booked)), *await lost_of_lines(session, *order_ids)]


async def lost_of_lines(session: AsyncSession, *order_ids: str) -> list[RefundAllocation]:
    """What lost chargebacks have taken of each line of these orders."""
    losses = select(ChargebackRow.loss).where(ChargebackRow.order_id.in_(order_ids), ChargebackRow.loss.is_not(None))
    found = [ChargebackLoss.model_validate(loss) for loss in await session.scalars(losses)]
    return [allocation for loss in found for allocation in loss.allocations]


async def is_held_back(session: AsyncSession, payment: PaymentRow) -> bool:
    """Whether a chargeback keeps the order's money from refunds; inquiries alone do not: a refund ends them."""
    if payment.frozen_at is None:
        return False
    undecided = select(func.bool_and(ChargebackRow.is_inquiry)).where(
        ChargebackRow.order_id == payment.order_id, ChargebackRow.closed_at.is_(None)
    )
    return await session.scalar(undecided) is not True


async def read_unapproved(session: AsyncSession, order_id: str, but: str | None = None) -> int:
    """What refunds of an order (but one) took or reserved that no second person agreed to; cancellations need none."""
    amounts = select(func.coalesce(func.sum(RefundRow.amount_minor), 0)).where(
        RefundRow.order_id == order_id,
        RefundRow.id != (but or ""),
        RefundRow.state.in_(UNASKED),
        RefundRow.decided_at.is_(None),
        RefundRow.reason != RefundReason.CANCELLATION,
    )
    return int(await session.scalar(amounts) or 0)


async def read_refundable(session: AsyncSession, order_id: str) -> Refundable | None:
    """The facts of an order, with what refunds not yet booked have reserved taken off; None without a payment.

    Call it under the payment's lock to write by it, without to show it.
    """
    payment = await session.get(PaymentRow, order_id)
    if payment is None:
        return None
    order = await session.get_one(OrderRow, order_id)
    # A lost one stays lost while an appeal against it is with the bank.
    is_lost = (ChargebackRow.state == ChargebackState.LOST) | ChargebackRow.loss.is_not(None)
    lost = select(func.coalesce(func.sum(ChargebackRow.amount_minor), 0)).where(
        ChargebackRow.order_id == order_id, is_lost, ChargebackRow.state != ChargebackState.WON
    )
    lost_minor = int(await session.scalar(lost) or 0)
    taken = payment.refunded_minor + payment.refunding_minor + lost_minor
    reserved = await session.scalars(
        select(RefundRow.plan)
        .where(
            RefundRow.order_id == order_id,
            RefundRow.sent_at.is_(None),
            RefundRow.state.in_([RefundState.REQUESTED, RefundState.AWAITING_APPROVAL]),
        )
        .order_by(RefundRow.id)
    )
    lines = {line.line_id: line for line in await read_line_money(session, order_id)}
    for allocation in _allocations(reserved):
        line = lines.get(allocation.line_id)
        if line is not None:
            lines[line.line_id] = line.less(take(line, min(allocation.amount_minor, line.left_minor)))
    captured = payment.captured_at is not None
    return Refundable(
        order_id=order_id,
        currency=payment.currency,
        payment_state=payment.state,
        captured=captured,
        frozen=await is_held_back(session, payment),
        left_minor=max(payment.amount_minor - taken, 0) if captured else 0,
        shipping_minor=order.shipping_minor,
        policies=OrderPolicies.model_validate(order.policies),
        lines=list(lines.values()),
        unapproved_minor=await read_unapproved(session, order_id),
        lost_minor=lost_minor,
    )


def _line_money(line: OrderLineRow, job: JobRow | None) -> LineMoney:
    step = step_minor(line.currency)
    if job is None or job.released_minor is None:
        return LineMoney(line_id=line.id, held_minor=line.amount_minor, job_id=job.id if job else None, step_minor=step)
    return LineMoney(
        line_id=line.id,
        held_minor=line.amount_minor - job.released_minor,
        released_minor=job.released_minor,
        provider_share_minor=job.payout_minor or 0,
        commission_minor=job.commission_minor or 0,
        commission_tax_minor=job.commission_tax_minor or 0,
        job_id=job.id,
        provider_id=job.provider_id,
        step_minor=step,
    )


def _allocations(plans: Iterable[dict[str, object]]) -> Iterable[RefundAllocation]:
    for plan in plans:
        yield from RefundPlan.model_validate(plan).allocations


def _provider_share(line: LineMoney, taken: int) -> int:
    """Her part of what is taken of the released money: pro rata to the nearest step, half a step to the commission."""
    if taken == line.released_minor:
        return line.provider_share_minor
    step, whole = line.step_minor, line.released_minor
    steps = -((whole * step - 2 * line.provider_share_minor * taken) // (2 * whole * step))
    # The commission can't give more than it has left, nor she.
    least = max(taken - line.commission_minor, 0)
    return min(max(steps * step, least), taken, line.provider_share_minor)


def _share(part: int, taken: int, whole: int) -> int:
    """`part * taken / whole`, rounded half up; never more than `part`."""
    return (2 * part * taken + whole) // (2 * whole) if whole else 0
