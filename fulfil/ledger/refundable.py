"""What of an order can still be paid back, and where the money of each line is: held, or released to its provider."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.ledger.line_money import LineMoney, by_line, left_of, less_taken, take_of_line
from fulfil.models.messages.chargebacks import ChargebackLoss, ChargebackState
from fulfil.models.messages.parties import ActorKind
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.refunds import RefundAllocation, RefundPlan, RefundReason, RefundState
from fulfil.models.money import step_minor
from fulfil.models.tables.deliverables import MilestoneRow
from fulfil.models.tables.jobs import JobRow
from fulfil.models.tables.orders import OrderLineRow, OrderRow
from fulfil.models.tables.payments import ChargebackRow, PaymentRow, RefundRow

# Without a second person's word, and not about to ask for it.
UNASKED = (RefundState.REQUESTED, RefundState.SENT, RefundState.SUCCEEDED, RefundState.FAILED)


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


async def read_line_money(session: AsyncSession, order_id: str) -> list[LineMoney]:
    """Every part of every line and the shipping, less what refunds that are booked and lost chargebacks have taken."""
    order = await session.get_one(OrderRow, order_id)
    parts = [part for line in await read_parts(session, order_id) for part in line]
    if order.shipping_minor:
        parts.append(LineMoney(line_id=None, held_minor=order.shipping_minor, step_minor=step_minor(order.currency)))
    taken = await taken_of_lines(session, order_id)
    return [
        part
        for line_id, line in by_line(parts).items()
        for part in less_taken(line, [allocation for allocation in taken if allocation.line_id == line_id])
    ]


async def read_parts(session: AsyncSession, order_id: str) -> list[list[LineMoney]]:
    """The parts of each line as they were paid, in the order of its milestones, what no job earns last."""
    lines = select(OrderLineRow).where(OrderLineRow.order_id == order_id)
    jobs = (
        select(JobRow)
        .outerjoin(MilestoneRow, MilestoneRow.id == JobRow.milestone_id)
        .where(JobRow.order_id == order_id)
        .order_by(MilestoneRow.position, JobRow.opened_at, JobRow.id)
    )
    paid_for = [job for job in await session.scalars(jobs) if not is_unmade(job)]
    return [
        _parts_of(line, [job for job in paid_for if job.line_id == line.id])
        for line in await session.scalars(lines.order_by(OrderLineRow.position, OrderLineRow.id))
    ]


def is_unmade(job: JobRow) -> bool:
    """Whether a job ended without being paid: nobody earns its part of the line any more."""
    return job.closed_at is not None and job.released_minor is None


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
    """What refunds of an order (but one) took that no second person agreed to; what was called off needs none."""
    amounts = select(func.coalesce(func.sum(RefundRow.amount_minor), 0)).where(
        RefundRow.order_id == order_id,
        RefundRow.id != (but or ""),
        RefundRow.state.in_(UNASKED),
        RefundRow.decided_at.is_(None),
        RefundRow.reason != RefundReason.CANCELLATION,
        or_(RefundRow.reason != RefundReason.LATE, RefundRow.requested_by["kind"].as_string() != ActorKind.SYSTEM),
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
    lines = by_line(await read_line_money(session, order_id))
    for allocation in _allocations(reserved):
        parts = lines.get(allocation.line_id)
        if parts is not None:
            taken_now = take_of_line(parts, min(allocation.amount_minor, left_of(parts)))
            lines[allocation.line_id] = less_taken(parts, taken_now)
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
        lines=[part for parts in lines.values() for part in parts],
        unapproved_minor=await read_unapproved(session, order_id),
        lost_minor=lost_minor,
    )


def _parts_of(line: OrderLineRow, jobs: Sequence[JobRow]) -> list[LineMoney]:
    step = step_minor(line.currency)
    parts = [
        LineMoney(
            line_id=line.id,
            held_minor=job.amount_minor - (job.released_minor or 0),
            released_minor=job.released_minor or 0,
            provider_share_minor=job.payout_minor or 0,
            commission_minor=job.commission_minor or 0,
            commission_tax_minor=job.commission_tax_minor or 0,
            job_id=job.id,
            provider_id=job.provider_id if job.released_minor is not None else None,
            step_minor=step,
        )
        for job in jobs
    ]
    rest = line.amount_minor - sum(job.amount_minor for job in jobs)
    if rest > 0 or not parts:
        parts.append(LineMoney(line_id=line.id, held_minor=rest, step_minor=step))
    return parts


def _allocations(plans: Iterable[dict[str, object]]) -> Iterable[RefundAllocation]:
    for plan in plans:
        yield from RefundPlan.model_validate(plan).allocations
