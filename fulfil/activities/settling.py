"""Settling a job: the approval that releases what is held, then the transfer that pays the provider and closes all.

A milestone's job has a provider from the start, and neither offer, production nor material; what approved it stands in
the deliverable's part of the timeline.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.exceptions import ApplicationError

from fulfil.activities.bookkeeping import moved_money
from fulfil.activities.chargeback_bookkeeping import next_while_frozen
from fulfil.activities.locking import HeldJob, hold_job, hold_order, hold_payment, missing
from fulfil.activities.mirroring import post_moved
from fulfil.activities.releasing import PAY_PROVIDER, read_nettable, release_held
from fulfil.gateways.stripe.facts import TransferFacts
from fulfil.inventory.consumption import consume_material
from fulfil.ledger import entries
from fulfil.ledger.posting import post
from fulfil.ledger.refundable import taken_of_lines
from fulfil.models.messages.documents import PlatformIdentity
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.jobs import JobState
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.parties import SYSTEM, Actor, ActorKind, WaitingOn
from fulfil.models.messages.payments import JobSettlement, SettleJob
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.jobs import JobRow
from fulfil.models.tables.ledger import LedgerTransactionRow
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.payments import ChargebackRow, PaymentRow, TransferRow
from fulfil.models.tables.timeline import append_event


@dataclass(frozen=True)
class Payout:
    """Who gets what of a released job; fixed at approval, so that no later change moves a half-paid amount."""

    provider_id: str
    stripe_account_id: str | None
    account_id_at_approval: str | None
    charge_id: str | None
    commission_minor: int
    transfer_minor: int
    netted_minor: int
    currency: str
    is_repeated: bool = False
    """Whether an attempt before this one may have transferred it already."""
    transfer_key: str = ""


async def approve_job(
    session: AsyncSession, request: SettleJob, at: datetime, platform: PlatformIdentity
) -> Payout | JobSettlement:
    """Write the approval and release what is held of the job.

    The settlement, if the job was settled already, or if a chargeback holds the money (`frozen`).
    """
    held = await hold_job(session, request.job_id)
    job = held.job
    if job.state == JobState.CLOSED and job.released_minor is not None:
        return await _settlement(session, held)
    if job.provider_id is None or job.state not in (JobState.ACCEPTED, JobState.APPROVED):
        raise ApplicationError(
            f"job {job.id} is {job.state}, there is nothing to release", type="job_not_settleable", non_retryable=True
        )
    provider = await session.get_one(ProviderRow, job.provider_id, with_for_update={"key_share": True})
    payment = await hold_payment(session, request.order_id)
    order = await hold_order(session, request.order_id)
    following = PAY_PROVIDER if payment.frozen_at is None else await next_while_frozen(session, order.id)
    await _write_approval(session, job, order, request, at, following)
    is_repeated = job.released_minor is not None
    if payment.frozen_at is None and not is_repeated:
        await release_held(session, held, provider, at, platform)
    if payment.frozen_at is not None:
        return await _settlement(session, held, frozen=True)
    return await _payout(session, held, provider, payment.charge_id, is_repeated=is_repeated)


async def net_taken(session: AsyncSession, request: SettleJob, at: datetime) -> Payout:
    """What is left to transfer of a released job when a refund or a lost chargeback took from it before it was paid.

    Only for a payout that Stripe does not have yet. Once per taking: a repeated call finds the job's columns changed.
    """
    held = await hold_job(session, request.job_id)
    job = held.job
    provider = await session.get_one(ProviderRow, job.provider_id, with_for_update={"key_share": True})
    payment = await hold_payment(session, request.order_id)
    taken = await taken_of_lines(session, request.order_id)
    if any(part.job_id == job.id and part.released_minor for part in taken):
        left = (job.payout_minor or 0) - (job.netted_minor or 0)
        more = min(left, await read_nettable(session, provider.id, held.line.currency))
        if more and await post(
            session,
            entries.netting(provider.id, more),
            business_key=f"{job.id}:netting:{job.netted_minor or 0}",
            order_id=job.order_id,
            effective_at=at,
            currency=held.line.currency,
        ):
            job.netted_minor = (job.netted_minor or 0) + more
    return await _payout(session, held, provider, payment.charge_id, is_repeated=True)


async def close_settled(
    session: AsyncSession, request: SettleJob, payout: Payout, transfer: TransferFacts | None, at: datetime
) -> JobSettlement:
    """The provider is paid: transfer, stock, production, job and (with its last job) the order, in one transaction.

    `transfer` is None when nothing was left to pay.
    """
    held = await hold_job(session, request.job_id)
    if held.job.state == JobState.CLOSED:
        return await _settlement(session, held)
    await _end_job(session, held, at)
    await hold_payment(session, request.order_id)
    order = await hold_order(session, request.order_id)
    if transfer is not None:
        await _book_transfer(session, request, payout, transfer, at)
    await _close_with_last_job(session, order, at)
    return await _settlement(session, held)


async def _payout(
    session: AsyncSession, held: HeldJob, provider: ProviderRow, charge_id: str | None, *, is_repeated: bool
) -> Payout:
    job = held.job
    # One key is one amount: what was kept after the approval makes the payout another one.
    kept = select(LedgerTransactionRow.id).where(
        LedgerTransactionRow.order_id == job.order_id,
        LedgerTransactionRow.business_key.startswith(f"{job.id}:netting:"),
    )
    is_less = is_repeated and await session.scalar(kept.limit(1)) is not None
    return Payout(
        provider_id=provider.id,
        stripe_account_id=provider.stripe_account_id,
        account_id_at_approval=job.payout_account_id,
        charge_id=charge_id,
        commission_minor=job.commission_minor or 0,
        transfer_minor=(job.payout_minor or 0) - (job.netted_minor or 0),
        netted_minor=job.netted_minor or 0,
        currency=held.line.currency,
        is_repeated=is_repeated,
        transfer_key=f"{job.id}:transfer:{job.netted_minor}" if is_less else f"{job.id}:transfer",
    )


async def _write_approval(
    session: AsyncSession, job: JobRow, order: OrderRow, request: SettleJob, at: datetime, following: NextStep
) -> None:
    if job.state == JobState.ACCEPTED:
        job.state = JobState.APPROVED
        job.approved_at = at
    if job.milestone_id is not None:
        return
    customer = Actor(kind=ActorKind.CUSTOMER, id=order.customer_id)
    await append_event(
        session,
        order_id=order.id,
        business_key=f"{job.id}:approved",
        kind=EventType.JOB_APPROVED,
        at=at,
        actor=SYSTEM if request.approved_by_silence else customer,
        subject=job.id,
        data={"by_silence": request.approved_by_silence},
        next_step=following,
    )


async def _end_job(session: AsyncSession, held: HeldJob, at: datetime) -> None:
    job = held.job
    if job.provider_id is None or (job.offer_id is None and job.milestone_id is None):
        raise missing("provider of job", job.id)
    if held.production is not None:
        held.production.state = JobState.APPROVED
        held.production.closed_at = at
    job.state = JobState.CLOSED
    job.closed_at = at
    provider = await session.get_one(ProviderRow, job.provider_id, with_for_update={"key_share": True})
    if not await _has_open_job(session, JobRow.line_id == job.line_id):
        provider.completed_jobs += 1
    if job.offer_id is not None:
        await consume_material(session, job.offer_id, at)


async def _book_transfer(
    session: AsyncSession, request: SettleJob, payout: Payout, transfer: TransferFacts, at: datetime
) -> None:
    key = f"{request.job_id}:transfer"
    moved = moved_money(transfer.entry, transfer.id, amount_minor=-payout.transfer_minor, currency=payout.currency)
    session.add(
        TransferRow(
            id=transfer.id,
            order_id=request.order_id,
            job_id=request.job_id,
            provider_id=payout.provider_id,
            business_key=key,
            amount_minor=payout.transfer_minor,
            commission_minor=payout.commission_minor,
            netted_minor=payout.netted_minor,
            currency=payout.currency,
            created_at=at,
        )
    )
    await post_moved(
        session,
        entries.transfer(payout.provider_id, payout.transfer_minor, pending=moved.is_pending),
        moved,
        business_key=key,
        order_id=request.order_id,
        effective_at=at,
        stripe_object_id=transfer.id,
    )
    await append_event(
        session,
        order_id=request.order_id,
        business_key=f"{request.job_id}:transferred",
        kind=EventType.PAYMENT_TRANSFERRED,
        at=at,
        actor=SYSTEM,
        subject=request.job_id,
        data={"provider_id": payout.provider_id, "transfer_id": transfer.id},
    )


async def _close_with_last_job(session: AsyncSession, order: OrderRow, at: datetime) -> None:
    if await _has_open_job(session, JobRow.order_id == order.id):
        return
    order.state = OrderState.CLOSED
    order.closed_at = at
    for kind, what, nxt in (
        (EventType.ORDER_COMPLETED, "completed", None),
        (EventType.ORDER_CLOSED, "closed", NextStep(who=WaitingOn.NOBODY, what=await _word_end(session, order))),
    ):
        await append_event(
            session,
            order_id=order.id,
            business_key=f"{order.id}:{what}",
            kind=kind,
            at=at,
            actor=SYSTEM,
            subject=order.id,
            data={},
            next_step=nxt,
        )


async def _has_open_job(session: AsyncSession, of: ColumnElement[bool]) -> bool:
    await session.flush()
    return await session.scalar(select(JobRow.id).where(of, JobRow.closed_at.is_(None)).limit(1)) is not None


async def _word_end(session: AsyncSession, order: OrderRow) -> str:
    """What there is to say at the end: a lost chargeback is not to be read as a sale."""
    lost = await session.scalar(
        select(func.sum(ChargebackRow.amount_minor)).where(
            ChargebackRow.order_id == order.id, ChargebackRow.loss.is_not(None)
        )
    )
    if not lost:
        return "everything is done"
    payment = await session.get_one(PaymentRow, order.id)
    part = "the" if lost >= payment.amount_minor - payment.refunded_minor else "part of the"
    return f"closed: {part} money was lost to a chargeback"


async def _settlement(session: AsyncSession, held: HeldJob, *, frozen: bool = False) -> JobSettlement:
    """What is written of the job: the answer of every attempt that comes after."""
    job = held.job
    transfer_id = await session.scalar(select(TransferRow.id).where(TransferRow.job_id == job.id))
    order = await session.get_one(OrderRow, job.order_id)
    return JobSettlement(
        job_id=job.id,
        released_minor=job.released_minor or 0,
        commission_minor=job.commission_minor or 0,
        payout_minor=job.payout_minor or 0,
        netted_minor=job.netted_minor or 0,
        currency=held.line.currency,
        transfer_id=transfer_id,
        order_closed=order.state == OrderState.CLOSED,
        frozen=frozen,
        milestone_id=job.milestone_id,
    )
