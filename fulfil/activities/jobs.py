"""The job activities on PostgreSQL: waves, refusals, reminders, taking back, new rounds, and jobs nobody made."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity
from temporalio.client import Client

from fulfil.activities.dispatching import WaveKey, first_wave, open_offers, read_wave
from fulfil.activities.locking import HeldJob, hold_job, hold_offer, hold_order
from fulfil.activities.taking_back import drop_unsecured_claim, take_back
from fulfil.activities.telling import tell_job_withdrawn, tell_order_job_closed
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.jobs import (
    BeginRound,
    CloseJob,
    DeclineOffer,
    JobClosed,
    JobOutcome,
    JobState,
    JobWithdrawal,
    JobWithdrawn,
    OfferState,
    OfferWave,
    OpenWave,
    Remind,
    RoundBegun,
    WithdrawJob,
)
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.parties import SYSTEM, WaitingOn
from fulfil.models.tables.jobs import OfferRow
from fulfil.models.tables.timeline import append_event
from fulfil.workflows.ports.jobs import JobActivities

OFFERABLE = (JobState.PENDING, JobState.OFFERED, JobState.ACCEPTED)
NOBODY_MADE_IT = {
    JobState.DECLINED_BY_ALL: JobOutcome.DECLINED_BY_ALL,
    JobState.FAILED: JobOutcome.PAYMENT_LOST,
    JobState.CANCELLED: JobOutcome.WITHDRAWN,
}
SETTLING = (JobState.APPROVED, JobState.CLOSED)


class DatabaseJobActivities(JobActivities):
    """One transaction each, under the job's lock; signals to the sibling workflow follow the commit."""

    def __init__(self, database: Database, client: Client, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._client = client
        self._clock = clock

    @activity.defn
    async def open_wave(self, request: OpenWave) -> OfferWave:
        """Expire the open offers and offer the job to the next providers; `offers` is empty when none is left."""
        at, wave = self._clock(), WaveKey(request.round, request.stage, request.number)
        async with self._database.begin() as session:
            held = await hold_job(session, request.job_id)
            if held.job.state not in OFFERABLE or held.production is not None or held.job.round != request.round:
                stored = await read_wave(session, held.job, wave)
                return stored or OfferWave(stage=request.stage, number=request.number, offers=[], ends_at=at)
            await drop_unsecured_claim(session, held, at)
            return await open_offers(session, held.job, held.line, wave, request.policies, at)

    @activity.defn
    async def decline_offer(self, request: DeclineOffer) -> None:
        """Write that a provider said no, even if the offer has just expired: she is not asked again."""
        at = self._clock()
        async with self._database.begin() as session:
            job_id = await session.scalar(select(OfferRow.job_id).where(OfferRow.id == request.offer_id))
            held = await hold_job(session, job_id or "")
            offer = await hold_offer(session, request.offer_id)
            if offer.state not in (OfferState.OPEN, OfferState.EXPIRED):
                return
            offer.state = OfferState.DECLINED
            offer.close_reason = request.reason[:500]
            offer.closed_at = at
            await append_event(
                session,
                order_id=held.job.order_id,
                business_key=f"{offer.id}:declined",
                kind=EventType.OFFER_DECLINED,
                at=at,
                actor=request.actor,
                subject=held.job.id,
                data={"offer_id": offer.id, "reason": request.reason},
            )

    @activity.defn
    async def withdraw_job(self, request: WithdrawJob) -> JobWithdrawal:
        """Take the job back unless production has started; then tell the job workflow."""
        async with self._database.begin() as session:
            held = await hold_job(session, request.job_id)
            state = JobState(held.job.state)
            if state in SETTLING or held.started:
                shown = held.production.state if held.production is not None else state
                return JobWithdrawal(job_id=request.job_id, withdrawn=False, state=JobState(shown))
            if state not in NOBODY_MADE_IT:
                await self._withdraw(session, held, request)
            state = JobState(held.job.state)
        await tell_job_withdrawn(self._client, request.job_id, JobWithdrawn(reason=request.reason))
        return JobWithdrawal(job_id=request.job_id, withdrawn=True, state=state)

    @activity.defn
    async def begin_round(self, request: BeginRound) -> RoundBegun:
        """Release the provider's claim and material, exclude her, and offer the first wave of a new round."""
        at, first = self._clock(), first_wave(request.round)
        async with self._database.begin() as session:
            held = await hold_job(session, request.job_id)
            if held.job.round >= request.round:
                stored = await read_wave(session, held.job, first)
                begun = stored or OfferWave(stage=first.stage, number=first.number, offers=[], ends_at=at)
                return RoundBegun(job_id=request.job_id, round=request.round, wave=begun)
            if held.job.state not in OFFERABLE or (request.only_if_not_started and held.started):
                return RoundBegun(job_id=request.job_id, round=request.round, wave=None)
            await take_back(session, held, request.reason, at)
            held.job.state = JobState.PENDING
            held.job.round = request.round
            await append_event(
                session,
                order_id=request.order_id,
                business_key=f"{request.job_id}:redispatched:{request.round}",
                kind=EventType.JOB_REDISPATCHED,
                at=at,
                actor=request.actor,
                subject=request.job_id,
                data={"round": request.round, "reason": request.reason},
                next_step=NextStep(who=WaitingOn.SYSTEM, what="find another provider"),
            )
            wave = await open_offers(session, held.job, held.line, first, request.policies, at)
        return RoundBegun(job_id=request.job_id, round=request.round, wave=wave)

    @activity.defn
    async def close_job(self, request: CloseJob) -> None:
        """Write that nobody makes the job, withdraw what is open, and tell the order workflow."""
        at = self._clock()
        async with self._database.begin() as session:
            held = await hold_job(session, request.job_id)
            if held.job.closed_at is None:
                await self._close(session, held, request, at)
            outcome = NOBODY_MADE_IT.get(JobState(held.job.state))
            reason = held.job.close_reason
        if outcome is not None:
            closed = JobClosed(job_id=request.job_id, outcome=outcome, reason=reason)
            await tell_order_job_closed(self._client, request.order_id, closed)

    @activity.defn
    async def remind(self, request: Remind) -> None:
        """Write a reminder into the timeline."""
        async with self._database.begin() as session:
            await append_event(
                session,
                order_id=request.order_id,
                business_key=f"{request.job_id}:reminder:{request.number}",
                kind=EventType.REMINDER_SENT,
                at=self._clock(),
                actor=SYSTEM,
                subject=request.job_id,
                data={"who": request.who, "what": request.what, "by": request.by.isoformat()},
                next_step=NextStep(who=WaitingOn(request.who), what=request.what, by=request.by),
            )

    async def _withdraw(self, session: AsyncSession, held: HeldJob, request: WithdrawJob) -> None:
        at, reason = self._clock(), request.reason[:500]
        await take_back(session, held, reason, at)
        held.job.state = JobState.CANCELLED
        held.job.closed_at = at
        held.job.close_reason = reason
        order = await hold_order(session, request.order_id)
        order.state = OrderState.CANCELLING
        order.cancel_reason = reason
        for subject, what, kind in (
            (request.job_id, "cancelled", EventType.JOB_CANCELLED),
            (request.order_id, "cancelling", EventType.ORDER_CANCELLING),
        ):
            await append_event(
                session,
                order_id=request.order_id,
                business_key=f"{subject}:{what}",
                kind=kind,
                at=at,
                actor=request.actor,
                subject=subject,
                data={"reason": request.reason},
                next_step=NextStep(who=WaitingOn.SYSTEM, what="return the payment"),
            )

    async def _close(self, session: AsyncSession, held: HeldJob, request: CloseJob, at: datetime) -> None:
        await take_back(session, held, request.reason, at)
        held.job.state = request.state
        held.job.closed_at = at
        held.job.close_reason = request.reason[:500]
        declined = request.state is JobState.DECLINED_BY_ALL
        await append_event(
            session,
            order_id=request.order_id,
            business_key=f"{request.job_id}:{request.state.value}",
            kind=EventType.JOB_DECLINED_BY_ALL if declined else EventType.JOB_CANCELLED,
            at=at,
            actor=SYSTEM,
            subject=request.job_id,
            data={"state": request.state.value, "reason": request.reason},
            next_step=NextStep(who=WaitingOn.SYSTEM, what="call the order off and return the payment"),
        )
