"""Settling a job: the approval that fixes the shares, and the transaction that releases the money and closes all."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.exceptions import ApplicationError

from fulfil.activities.bookkeeping import COMMISSION, STRIPE_BALANCE, held, payable
from fulfil.activities.locking import HeldJob, hold_job, hold_order, missing
from fulfil.activities.reserving import consume_material
from fulfil.gateways.stripe import TransferFacts
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.jobs import JobState
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.parties import SYSTEM, Actor, ActorKind, WaitingOn
from fulfil.models.messages.payments import JobSettlement, SettleJob
from fulfil.models.money import share_minor
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.jobs import JobRow
from fulfil.models.tables.ledger import post
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.payments import PaymentRow, TransferRow
from fulfil.models.tables.timeline import append_event


@dataclass(frozen=True)
class Payout:
    """Who gets what of an approved job; fixed at approval, so that no later change moves a half-paid amount."""

    provider_id: str
    stripe_account_id: str | None
    account_id_at_approval: str | None
    charge_id: str | None
    released_minor: int
    commission_minor: int
    payout_minor: int
    currency: str


async def approve_job(session: AsyncSession, request: SettleJob, at: datetime) -> Payout | JobSettlement:
    """Write the approval and fix the shares; the settlement, if the job was paid out already."""
    held_job = await hold_job(session, request.job_id)
    stored = await _read_settlement(session, request)
    return stored or await _approve(session, held_job, request, at)


async def _read_settlement(session: AsyncSession, request: SettleJob) -> JobSettlement | None:
    transfer = await session.scalar(select(TransferRow).where(TransferRow.job_id == request.job_id))
    if transfer is None:
        return None
    order = await session.get_one(OrderRow, request.order_id)
    return _settlement(transfer, order_closed=order.state == OrderState.CLOSED)


async def _approve(session: AsyncSession, held_job: HeldJob, request: SettleJob, at: datetime) -> Payout:
    job = held_job.job
    if job.provider_id is None or job.state not in (JobState.ACCEPTED, JobState.APPROVED):
        raise ApplicationError(
            f"job {job.id} is {job.state}, there is nothing to release", type="job_not_settleable", non_retryable=True
        )
    provider = await session.get_one(ProviderRow, job.provider_id)
    payment = await session.get_one(PaymentRow, request.order_id)
    line = held_job.line
    if job.state == JobState.ACCEPTED:
        job.state = JobState.APPROVED
        job.approved_at = at
        commission = share_minor(line.amount_minor, provider.commission_bp)
        job.commission_minor, job.payout_minor = commission, line.amount_minor - commission
        job.payout_account_id = provider.stripe_account_id
    order = await session.get_one(OrderRow, request.order_id)
    customer = Actor(kind=ActorKind.CUSTOMER, id=order.customer_id)
    await append_event(
        session,
        order_id=request.order_id,
        business_key=f"{job.id}:approved",
        kind=EventType.JOB_APPROVED,
        at=at,
        actor=SYSTEM if request.approved_by_silence else customer,
        subject=job.id,
        data={"by_silence": request.approved_by_silence},
        next_step=NextStep(who=WaitingOn.SYSTEM, what="pay the provider"),
    )
    commission_minor = job.commission_minor or 0
    return Payout(
        provider_id=provider.id,
        stripe_account_id=provider.stripe_account_id,
        account_id_at_approval=job.payout_account_id,
        charge_id=payment.charge_id,
        released_minor=line.amount_minor,
        commission_minor=commission_minor,
        payout_minor=line.amount_minor - commission_minor,
        currency=line.currency,
    )


async def release_money(
    session: AsyncSession, request: SettleJob, payout: Payout, transfer: TransferFacts, at: datetime
) -> JobSettlement:
    """The provider is paid: ledger, stock, production, job and (with its last job) the order, in one transaction."""
    held_job = await hold_job(session, request.job_id)
    stored = await _read_settlement(session, request)
    if stored is not None:
        return stored
    await _end_job(session, held_job, at)
    row = TransferRow(
        id=transfer.id,
        order_id=request.order_id,
        job_id=request.job_id,
        provider_id=payout.provider_id,
        business_key=f"{request.job_id}:transfer",
        amount_minor=payout.payout_minor,
        commission_minor=payout.commission_minor,
        currency=payout.currency,
        created_at=at,
    )
    session.add(row)
    await session.flush()
    order = await hold_order(session, request.order_id)
    await _book(session, request, payout, transfer, at)
    order_closed = await _close_with_last_job(session, order, at)
    return _settlement(row, order_closed=order_closed)


async def _end_job(session: AsyncSession, held_job: HeldJob, at: datetime) -> None:
    job = held_job.job
    if job.offer_id is None or job.provider_id is None:
        raise missing("provider of job", job.id)
    if held_job.production is not None:
        held_job.production.state = JobState.APPROVED
        held_job.production.closed_at = at
    job.state = JobState.CLOSED
    job.closed_at = at
    provider = await session.get_one(ProviderRow, job.provider_id, with_for_update={"key_share": True})
    provider.completed_jobs += 1
    await consume_material(session, job.offer_id, at)


async def _book(
    session: AsyncSession, request: SettleJob, payout: Payout, transfer: TransferFacts, at: datetime
) -> None:
    await post(
        session,
        business_key=f"{request.job_id}:release",
        kind="release",
        order_id=request.order_id,
        effective_at=at,
        currency=payout.currency,
        postings={
            held(request.order_id): payout.released_minor,
            payable(payout.provider_id): -payout.payout_minor,
            COMMISSION: -payout.commission_minor,
        },
    )
    await post(
        session,
        business_key=f"{request.job_id}:transfer",
        kind="transfer",
        order_id=request.order_id,
        effective_at=at,
        currency=payout.currency,
        postings={payable(payout.provider_id): payout.payout_minor, STRIPE_BALANCE: -payout.payout_minor},
        stripe_object_id=transfer.id,
    )
    await append_event(
        session,
        order_id=request.order_id,
        business_key=f"{request.job_id}:released",
        kind=EventType.PAYMENT_RELEASED,
        at=at,
        actor=SYSTEM,
        subject=request.job_id,
        data={
            "amount_minor": payout.released_minor,
            "currency": payout.currency,
            "transfer_id": transfer.id,
        },
    )


async def _close_with_last_job(session: AsyncSession, order: OrderRow, at: datetime) -> bool:
    open_job = select(JobRow.id).where(JobRow.order_id == order.id, JobRow.closed_at.is_(None)).limit(1)
    if await session.scalar(open_job) is not None:
        return False
    order.state = OrderState.CLOSED
    order.closed_at = at
    for kind, what, nxt in (
        (EventType.ORDER_COMPLETED, "completed", None),
        (EventType.ORDER_CLOSED, "closed", NextStep(who=WaitingOn.NOBODY, what="everything is done")),
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
    return True


def _settlement(transfer: TransferRow, *, order_closed: bool) -> JobSettlement:
    return JobSettlement(
        job_id=transfer.job_id,
        released_minor=transfer.amount_minor + transfer.commission_minor,
        commission_minor=transfer.commission_minor,
        payout_minor=transfer.amount_minor,
        currency=transfer.currency,
        transfer_id=transfer.id,
        order_closed=order_closed,
    )
