"""The order activities on PostgreSQL: a paid order opens its job, an order that did not complete is closed."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity
from temporalio.client import Client

from fulfil.activities.bookkeeping import UNPAID, book_authorization
from fulfil.activities.locking import hold_order, hold_payment
from fulfil.activities.opening import Opening, job_id_of, read_first_wave, read_lines, read_start
from fulfil.activities.telling import start_deliverable, start_job, tell_deliverable_withdrawn, tell_job_withdrawn
from fulfil.activities.withdrawing import name_opened, read_called_off, withdraw_all
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.models.messages.deliverables import DeliverableWithdrawn, StartDeliverable
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.jobs import JobWithdrawn, OfferWave, StartJob
from fulfil.models.messages.orders import (
    CloseOrder,
    JobOpened,
    LineKind,
    LineOpened,
    LinesOpened,
    LinesWithdrawal,
    OpenJob,
    OpenLines,
    OrderState,
    PlacedLine,
    WithdrawLines,
)
from fulfil.models.messages.parties import WaitingOn
from fulfil.models.messages.payments import PaymentState
from fulfil.models.tables.orders import OrderLineRow, OrderRow
from fulfil.models.tables.payments import PaymentRow
from fulfil.models.tables.timeline import append_event
from fulfil.ranking.rankings import DEFAULT, Ranking
from fulfil.workflows.ports.orders import OrderActivities

ENDS = {
    OrderState.EXPIRED: EventType.ORDER_EXPIRED,
    OrderState.CANCELLED: EventType.ORDER_CANCELLED,
    OrderState.CLOSED: EventType.ORDER_CLOSED,
}


class DatabaseOrderActivities(OrderActivities):
    """One transaction each; `open_job` starts the job's workflow after its commit."""

    def __init__(
        self,
        database: Database,
        client: Client,
        clock: Callable[[], datetime] = utc_now,
        *,
        ranking: Ranking = DEFAULT,
    ) -> None:
        """`ranking` orders who is asked first."""
        self._database = database
        self._client = client
        self._clock = clock
        self._ranking = ranking

    @activity.defn
    async def open_job(self, request: OpenJob) -> JobOpened:
        """Record the authorised payment, open the job with its first wave, start its workflow."""
        line = PlacedLine(line_id=request.line_id, kind=LineKind.MADE_TO_ORDER)
        lines = OpenLines(
            order_id=request.order_id,
            payment_intent_id=request.payment_intent_id,
            lines=(line,),
            policies=request.policies,
            capture_before=request.capture_before,
        )
        (start,), _ = await self._open(lines, revision=1)
        await start_job(self._client, start)
        return JobOpened(job_id=start.job_id, start=start)

    @activity.defn
    async def open_lines(self, request: OpenLines) -> LinesOpened:
        """Record the payment, open a job or a deliverable for each line, start their workflows."""
        jobs, deliverables = await self._open(request, revision=2)
        for job in jobs:
            await start_job(self._client, job)
        for deliverable in deliverables:
            await start_deliverable(self._client, deliverable)
        job_of = {job.line_id: job.job_id for job in jobs}
        deliverable_of = {start.line_id: start.deliverable_id for start in deliverables}
        return LinesOpened(
            lines=tuple(
                LineOpened(
                    line_id=line.line_id,
                    kind=line.kind,
                    job_id=job_of.get(line.line_id),
                    deliverable_id=deliverable_of.get(line.line_id),
                )
                for line in request.lines
            )
        )

    @activity.defn
    async def withdraw_lines(self, request: WithdrawLines) -> LinesWithdrawal:
        """Take every open job and deliverable back, or none when one has begun; then tell their workflows."""
        async with self._database.begin() as session:
            if request.whatever_is_open:
                request = await name_opened(session, request)
            withdrawal = await withdraw_all(session, request, self._clock())
            called_off = await read_called_off(session, request.deliverable_ids)
        if withdrawal.withdrawn:
            for job_id in request.job_ids:
                await tell_job_withdrawn(self._client, job_id, JobWithdrawn(reason=request.reason))
            for deliverable_id in request.deliverable_ids:
                told = DeliverableWithdrawn(reason=request.reason, called_off=tuple(called_off[deliverable_id]))
                await tell_deliverable_withdrawn(self._client, deliverable_id, told)
        return withdrawal

    @activity.defn
    async def close_order(self, request: CloseOrder) -> None:
        """Write the order's end; one that was never written needs none."""
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
            if request.state is not OrderState.CLOSED:
                order.cancel_reason = request.reason[:500]
            await append_event(
                session,
                order_id=request.order_id,
                business_key=f"{request.order_id}:{request.state.value}",
                kind=ENDS[request.state],
                at=at,
                actor=request.actor,
                subject=request.order_id,
                data={"reason": request.reason},
                next_step=NextStep(who=WaitingOn.NOBODY, what=f"the order is {request.state.value}"),
            )

    async def _open(self, request: OpenLines, *, revision: int) -> tuple[list[StartJob], list[StartDeliverable]]:
        """Write everything in one transaction, or read what was written; what the workflows are started with."""
        async with self._database.begin() as session:
            opening = Opening(session, request.policies, self._clock(), self._ranking)
            lines = await read_lines(session, [line.line_id for line in request.lines])
            is_new = await opening.write_jobs(lines)
            if is_new:
                payment = await hold_payment(session, request.order_id)
                order = await hold_order(session, request.order_id)
                has_services = any(line.kind == LineKind.SERVICE for line in lines)
                order.state = OrderState.IN_FULFILMENT if has_services else OrderState.PAID
                if payment.captured_at is None:
                    await book_authorization(session, payment, opening.at, request.capture_before)
            waves: list[tuple[OrderLineRow, OfferWave]] = []
            deliverables: list[StartDeliverable] = []
            for line in lines:
                if line.kind == LineKind.SERVICE:
                    start = await read_start(session, line, request.policies)
                    deliverables.append(start)
                    if is_new:
                        await opening.tell_deliverable(start, line)
                elif is_new:
                    waves.append((line, await opening.offer(line)))
                else:
                    waves.append((line, await read_first_wave(session, job_id_of(line.order_id, line.id))))
            capture_due_at = await self._capture_due(session, request)
        jobs = [
            StartJob(
                job_id=job_id_of(request.order_id, line.id),
                order_id=request.order_id,
                line_id=line.id,
                policies=request.policies,
                wave=wave,
                capture_due_at=capture_due_at,
                revision=revision,
            )
            for line, wave in waves
        ]
        return jobs, deliverables

    async def _capture_due(self, session: AsyncSession, request: OpenLines) -> datetime | None:
        """When a payment nobody has earned is captured all the same; None when it is, or its hold has no known end."""
        written = select(PaymentRow.capture_before).where(
            PaymentRow.order_id == request.order_id, PaymentRow.captured_at.is_(None)
        )
        capture_before = await session.scalar(written)
        if capture_before is None:
            return None
        return capture_before - timedelta(seconds=request.policies.capture_margin_s)
