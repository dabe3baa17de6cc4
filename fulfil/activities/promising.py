"""The promised dates of jobs on PostgreSQL: looked at, flagged, moved, and jobs called off because of them."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity
from temporalio.client import Client

from fulfil.activities.locking import HeldJob, hold_job
from fulfil.activities.taking_back import take_back
from fulfil.activities.telling import tell_order_job_closed
from fulfil.activities.under_way import is_under_way
from fulfil.forecasts.reported import forecast_production
from fulfil.inventory.leases import renew_reservation
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.jobs import JobClosed, JobOutcome, JobState
from fulfil.models.messages.parties import SYSTEM, WaitingOn
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.promises import (
    CallOffJob,
    CheckPromise,
    JobCalledOff,
    PromiseChecked,
    PromiseState,
    SetPromise,
    Trouble,
)
from fulfil.models.tables.jobs import ProductionRow
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.timeline import EventRow, append_event
from fulfil.workflows.ports.promises import PromiseActivities


class DatabasePromiseActivities(PromiseActivities):
    """One transaction each, under the production's lock that every report takes; keys name the promise's provider."""

    def __init__(self, database: Database, client: Client, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._client = client
        self._clock = clock

    @activity.defn
    async def check_promise(self, request: CheckPromise) -> PromiseChecked:
        """Forecast whether the date is kept; a job at risk or overdue is flagged, the customer given a choice.

        What was on its way once has kept its date, though it came back. A production that is closed has none to miss:
        its job hears of the new round by another way.
        """
        at = self._clock()
        async with self._database.begin() as session:
            held = await hold_job(session, request.job_id)
            production = held.production
            if production is None or held.shipped:
                return PromiseChecked(state=PromiseState.KEPT)
            # By the workflow's clock, which set the timer: what is due for it is due here.
            forecast_at = await forecast_production(session, production, request.at)
            if request.at >= request.due_at:
                await _flag_missed(session, production, request, forecast_at, at)
                return PromiseChecked(state=PromiseState.MISSED, forecast_at=forecast_at)
            if forecast_at is None or forecast_at <= request.due_at:
                production.at_risk_at = None
                return PromiseChecked(state=PromiseState.ON_TIME, forecast_at=forecast_at)
            await _flag_at_risk(session, production, request, forecast_at, at)
            return PromiseChecked(state=PromiseState.AT_RISK, forecast_at=forecast_at)

    @activity.defn
    async def set_promise(self, request: SetPromise) -> None:
        """Write the date that holds from now on, and that nobody has to choose any more."""
        at = self._clock()
        async with self._database.begin() as session:
            held = await hold_job(session, request.job_id)
            production = held.production
            if production is None or held.shipped:
                return
            key = f"{production.offer_id}:promise_moved:{request.number}"
            if await _is_told(session, key):
                return  # what was reported since is not undone by a retry
            production.due_at = request.due_at
            _end_trouble(production)
            if production.started_at is not None:
                await _keep_material(session, production, at)
            await append_event(
                session,
                order_id=request.order_id,
                business_key=key,
                kind=EventType.JOB_PROMISE_MOVED,
                at=at,
                actor=request.actor,
                subject=request.job_id,
                data={
                    "due_at": request.due_at.isoformat(),
                    "trouble": request.trouble,
                    "by_silence": request.by_silence,
                },
                next_step=NextStep(who=WaitingOn.PROVIDER, what=_provider_has_to(production), by=request.due_at),
            )

    @activity.defn
    async def call_off_job(self, request: CallOffJob) -> JobCalledOff:
        """End a job the customer does not wait for any longer, unless it was shipped meanwhile; tell the order."""
        at, key = self._clock(), f"{request.job_id}:called_off"
        async with self._database.begin() as session:
            held = await hold_job(session, request.job_id)
            if held.job.closed_at is None and held.production is not None and not await is_under_way(session, held):
                await _call_off(session, held, request, key, at)
            called_off = await _is_told(session, key)
            state = JobState(held.job.state if held.production is None or called_off else held.production.state)
        if called_off:
            closed = JobClosed(job_id=request.job_id, outcome=JobOutcome.CALLED_OFF, reason=request.trouble.value)
            await tell_order_job_closed(self._client, request.order_id, closed)
        return JobCalledOff(job_id=request.job_id, called_off=called_off, state=state)


async def _is_told(session: AsyncSession, key: str) -> bool:
    return await session.scalar(select(EventRow.offset).where(EventRow.business_key == key)) is not None


async def _keep_material(session: AsyncSession, production: ProductionRow, at: datetime) -> None:
    """What is made later needs its material for longer."""
    pinned = await session.scalar(select(OrderRow.policies).where(OrderRow.id == production.order_id))
    lease_s = OrderPolicies.model_validate(pinned).production_lease_s
    expires_at = max(production.due_at or at, at) + timedelta(seconds=lease_s)
    await renew_reservation(session, production.offer_id, expires_at, at)


def _end_trouble(production: ProductionRow) -> None:
    production.trouble = None
    production.trouble_answer_due_at = None
    production.proposed_due_at = None
    production.at_risk_at = None


def _provider_has_to(production: ProductionRow) -> str:
    if production.state == JobState.ACCEPTED:
        return "start production"
    return "ship the parts" if production.state == JobState.READY else "make the parts and check their quality"


async def _flag_at_risk(
    session: AsyncSession, production: ProductionRow, request: CheckPromise, forecast_at: datetime, at: datetime
) -> None:
    production.at_risk_at = production.at_risk_at or at
    what = "report how far the work is, or name a later date"
    next_step = NextStep(who=WaitingOn.PROVIDER, what=what, by=request.due_at)
    await _tell(session, production, request, EventType.JOB_AT_RISK, forecast_at, at, next_step)


async def _flag_missed(
    session: AsyncSession, production: ProductionRow, request: CheckPromise, forecast_at: datetime | None, at: datetime
) -> None:
    """A delay that was announced, or a lost parcel, has given the customer her choice already."""
    next_step = None
    if production.trouble is None:
        production.trouble = Trouble.DEADLINE_MISSED
        production.trouble_answer_due_at = request.answer_due_at
        what = "wait for it, ask another provider, or take the money back"
        next_step = NextStep(who=WaitingOn.CUSTOMER, what=what, by=request.answer_due_at)
    await _tell(session, production, request, EventType.JOB_DEADLINE_MISSED, forecast_at, at, next_step)


async def _tell(
    session: AsyncSession,
    production: ProductionRow,
    request: CheckPromise,
    kind: EventType,
    forecast_at: datetime | None,
    at: datetime,
    next_step: NextStep | None,
) -> None:
    await append_event(
        session,
        order_id=request.order_id,
        business_key=f"{production.offer_id}:promise:{request.number}",
        kind=kind,
        at=at,
        actor=SYSTEM,
        subject=request.job_id,
        data={
            "due_at": request.due_at.isoformat(),
            "forecast_at": forecast_at.isoformat() if forecast_at is not None else None,
        },
        next_step=next_step,
    )


async def _call_off(session: AsyncSession, held: HeldJob, request: CallOffJob, key: str, at: datetime) -> None:
    reason = request.reason or request.trouble.value
    if held.production is not None:
        _end_trouble(held.production)
    await take_back(session, held, reason, at)
    held.job.state = JobState.CANCELLED
    held.job.closed_at = at
    held.job.close_reason = reason[:500]
    await append_event(
        session,
        order_id=request.order_id,
        business_key=key,
        kind=EventType.JOB_CALLED_OFF,
        at=at,
        actor=request.actor,
        subject=request.job_id,
        data={"trouble": request.trouble, "reason": request.reason},
        next_step=NextStep(who=WaitingOn.SYSTEM, what="return the payment of what was called off"),
    )
