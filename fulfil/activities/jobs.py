"""The job activities on PostgreSQL: waves, refusals, reminders, taking back, new rounds, and jobs nobody made."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity
from temporalio.client import Client

from fulfil.activities.dispatching import WaveKey, first_wave, open_offers, read_wave
from fulfil.activities.locking import HeldJob, hold_job, hold_offer
from fulfil.activities.operators_choice import offer_by_choice
from fulfil.activities.taking_back import drop_unsecured_claim, take_back
from fulfil.activities.telling import tell_job_withdrawn, tell_order_job_closed
from fulfil.activities.under_way import is_under_way
from fulfil.activities.withdrawing import has_begun, withdraw_held_job
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
    OfferToProvider,
    OfferWave,
    OpenWave,
    ProviderOffered,
    Remind,
    RoundBegun,
    WithdrawJob,
)
from fulfil.models.messages.parties import SYSTEM, WaitingOn
from fulfil.models.tables.jobs import OfferRow
from fulfil.models.tables.timeline import append_event
from fulfil.ranking.rankings import DEFAULT, Ranking
from fulfil.workflows.ports.jobs import JobActivities

OFFERABLE = (JobState.PENDING, JobState.OFFERED, JobState.ACCEPTED)
NOBODY_MADE_IT = {
    JobState.DECLINED_BY_ALL: JobOutcome.DECLINED_BY_ALL,
    JobState.FAILED: JobOutcome.PAYMENT_LOST,
    JobState.CANCELLED: JobOutcome.WITHDRAWN,
}


class DatabaseJobActivities(JobActivities):
    """One transaction each, under the job's lock; signals to the sibling workflow follow the commit."""

    def __init__(
        self,
        database: Database,
        client: Client,
        clock: Callable[[], datetime] = utc_now,
        *,
        ranking: Ranking = DEFAULT,
    ) -> None:
        """`ranking` orders who is asked."""
        self._database = database
        self._client = client
        self._clock = clock
        self._ranking = ranking

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
            return await open_offers(session, held.job, held.line, wave, request.policies, at, ranking=self._ranking)

    @activity.defn
    async def offer_to_provider(self, request: OfferToProvider) -> ProviderOffered:
        """Offer the job to the provider support chose, beside those asked already; or say why she can't be asked."""
        async with self._database.begin() as session:
            return await offer_by_choice(session, await hold_job(session, request.job_id), request, self._clock())

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
            offer.close_reason = ": ".join(part for part in (request.code, request.reason) if part)[:500]
            offer.closed_at = at
            await append_event(
                session,
                order_id=held.job.order_id,
                business_key=f"{offer.id}:declined",
                kind=EventType.OFFER_DECLINED,
                at=at,
                actor=request.actor,
                subject=held.job.id,
                data={
                    "offer_id": offer.id,
                    "reason": request.reason,
                    **({"code": request.code} if request.code else {}),
                },
            )

    @activity.defn
    async def withdraw_job(self, request: WithdrawJob) -> JobWithdrawal:
        """Take the job back unless production has started; then tell the job workflow."""
        async with self._database.begin() as session:
            held = await hold_job(session, request.job_id)
            state, begun = JobState(held.job.state), has_begun(held)
            if begun is not None:
                return JobWithdrawal(job_id=request.job_id, withdrawn=False, state=begun)
            if state not in NOBODY_MADE_IT:
                await withdraw_held_job(session, held, request, self._clock())
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
            stays = (request.only_if_not_started and held.started) or (
                request.only_if_not_shipped and await is_under_way(session, held)
            )
            if held.job.state not in OFFERABLE or held.delivered or stays:
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
            wave = await open_offers(session, held.job, held.line, first, request.policies, at, ranking=self._ranking)
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
            next_step=NextStep(who=WaitingOn.SYSTEM, what="return the payment"),
        )
