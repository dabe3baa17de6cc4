"""The order activities on PostgreSQL: a paid order opens its job, an order that did not complete is closed."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity
from temporalio.client import Client

from fulfil.activities.bookkeeping import UNPAID, book_authorization
from fulfil.activities.dispatching import first_wave, open_offers, read_wave
from fulfil.activities.locking import hold_job, hold_order, hold_payment
from fulfil.activities.telling import start_job
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.models.ids import derived_id
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.jobs import JobState, OfferWave, StartJob
from fulfil.models.messages.orders import CloseOrder, JobOpened, OpenJob, OrderState
from fulfil.models.messages.parties import SYSTEM, WaitingOn
from fulfil.models.messages.payments import PaymentState
from fulfil.models.tables.jobs import JobRow
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.payments import PaymentRow
from fulfil.models.tables.timeline import append_event
from fulfil.workflows.ports.orders import OrderActivities


def job_id_of(request: OpenJob) -> str:
    """The one job of an order line, the same at every attempt."""
    return derived_id("job", request.order_id, request.line_id)


class DatabaseOrderActivities(OrderActivities):
    """One transaction each; `open_job` starts the job's workflow after its commit."""

    def __init__(self, database: Database, client: Client, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._client = client
        self._clock = clock

    @activity.defn
    async def open_job(self, request: OpenJob) -> JobOpened:
        """Record the authorised payment, open the job with its first wave, start its workflow."""
        async with self._database.begin() as session:
            wave = await self._open(session, request)
            capture_due_at = await self._capture_due(session, request)
        start = StartJob(
            job_id=job_id_of(request),
            order_id=request.order_id,
            line_id=request.line_id,
            policies=request.policies,
            wave=wave,
            capture_due_at=capture_due_at,
        )
        await start_job(self._client, start)
        return JobOpened(job_id=start.job_id, start=start)

    @activity.defn
    async def close_order(self, request: CloseOrder) -> None:
        """Write that the order expired or was cancelled; one that was never written needs no end."""
        at = self._clock()
        async with self._database.begin() as session:
            if await session.scalar(select(OrderRow.id).where(OrderRow.id == request.order_id)) is None:
                return
            payment = await hold_payment(session, request.order_id)
            order = await hold_order(session, request.order_id)
            if payment.state in UNPAID:
                payment.state = PaymentState.CANCELLED
                payment.updated_at = at
            if order.state == request.state:
                return
            order.state = request.state
            order.closed_at = at
            order.cancel_reason = request.reason[:500]
            expired = request.state is OrderState.EXPIRED
            await append_event(
                session,
                order_id=request.order_id,
                business_key=f"{request.order_id}:{request.state.value}",
                kind=EventType.ORDER_EXPIRED if expired else EventType.ORDER_CANCELLED,
                at=at,
                actor=request.actor,
                subject=request.order_id,
                data={"reason": request.reason},
                next_step=NextStep(who=WaitingOn.NOBODY, what=f"the order is {request.state.value}"),
            )

    async def _open(self, session: AsyncSession, request: OpenJob) -> OfferWave:
        at, job_id = self._clock(), job_id_of(request)
        created = await session.scalar(
            insert(JobRow)
            .values(
                id=job_id,
                order_id=request.order_id,
                line_id=request.line_id,
                state=JobState.PENDING,
                round=1,
                opened_at=at,
            )
            .on_conflict_do_nothing()
            .returning(JobRow.id)
        )
        held = await hold_job(session, job_id)
        if created is None:
            return await self._read_first_wave(session, held.job)
        payment = await hold_payment(session, request.order_id)
        order = await hold_order(session, request.order_id)
        order.state = OrderState.PAID
        await book_authorization(session, payment, at, request.capture_before)
        await append_event(
            session,
            order_id=request.order_id,
            business_key=f"{job_id}:opened",
            kind=EventType.JOB_OPENED,
            at=at,
            actor=SYSTEM,
            subject=job_id,
            data={"line_id": held.line.id, "process": held.line.process, "material": held.line.material},
            next_step=NextStep(who=WaitingOn.SYSTEM, what="find a provider"),
        )
        return await open_offers(session, held.job, held.line, first_wave(of_round=1), request.policies, at)

    async def _capture_due(self, session: AsyncSession, request: OpenJob) -> datetime | None:
        """When a payment nobody has earned is captured all the same; None when the bank named no end of its hold."""
        written = select(PaymentRow.capture_before).where(PaymentRow.order_id == request.order_id)
        capture_before = await session.scalar(written)
        if capture_before is None:
            return None
        return capture_before - timedelta(seconds=request.policies.capture_margin_s)

    async def _read_first_wave(self, session: AsyncSession, job: JobRow) -> OfferWave:
        """What the job began with, in its first round; without a capable provider that was nothing."""
        first = first_wave(of_round=1)
        stored = await read_wave(session, job, first)
        return stored or OfferWave(stage=first.stage, number=first.number, offers=[], ends_at=job.opened_at)
