"""Taking a counter-offer: held with the claim, decided with the acceptance, its lower price paid back afterwards."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import Client

from fulfil.activities.locking import missing
from fulfil.activities.telling import start_refund
from fulfil.kit.database import Database
from fulfil.models.ids import derived_id
from fulfil.models.messages.dispatch import CounterState
from fulfil.models.messages.events import EventType
from fulfil.models.messages.jobs import AcceptanceOutcome, AcceptanceSecured, OfferState, SecureAcceptance
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.refunds import RefundLine, RefundReason, RefundScope, StartRefund
from fulfil.models.tables.dispatch import CounterOfferRow
from fulfil.models.tables.jobs import JobRow, OfferRow
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.timeline import append_event
from fulfil.ranking.facts import Refusal

TAKEABLE = (OfferState.OPEN, OfferState.EXPIRED)
"""A counter-offer outlives its offer's time, not its provider's no."""


async def hold_counter(session: AsyncSession, counter_id: str) -> CounterOfferRow:
    """Lock a counter-offer; the caller holds its job and offer."""
    counter = await session.get(CounterOfferRow, counter_id, with_for_update={"key_share": True})
    if counter is None:
        raise missing("counter-offer", counter_id)
    return counter


def refusal_of_counter(counter: CounterOfferRow, offer: OfferRow, job: JobRow, at: datetime) -> Refusal | None:
    """Why it can't be taken (any more)."""
    if counter.offer_id != offer.id or offer.round != job.round or offer.state not in TAKEABLE:
        return Refusal("counter_closed", "Its offer was declined, withdrawn, or belongs to an earlier round.")
    if counter.state != CounterState.OPEN:
        return Refusal(f"counter_{counter.state}", f"The counter-offer is {counter.state}.")
    if counter.expires_at <= at:
        return Refusal("counter_expired", "The counter-offer has expired.")
    return None


async def close_counters(session: AsyncSession, job_id: str, at: datetime) -> None:
    """Nobody can take the other counter-offers of a job any more."""
    await session.execute(
        update(CounterOfferRow)
        .where(CounterOfferRow.job_id == job_id, CounterOfferRow.state == CounterState.OPEN)
        .values(state=CounterState.EXPIRED, closed_at=at)
    )


async def drop_counter(session: AsyncSession, offer_id: str, at: datetime) -> None:
    """The claim that took it came to nothing, and its offer with it."""
    await session.execute(
        update(CounterOfferRow)
        .where(CounterOfferRow.offer_id == offer_id, CounterOfferRow.state == CounterState.ACCEPTED)
        .values(state=CounterState.EXPIRED, closed_at=at)
    )


async def tell_taken(session: AsyncSession, request: SecureAcceptance, counter: CounterOfferRow, at: datetime) -> None:
    """Write that the customer took it; the acceptance names the date."""
    await append_event(
        session,
        order_id=request.order_id,
        business_key=f"{counter.id}:taken",
        kind=EventType.JOB_COUNTER_TAKEN,
        at=at,
        actor=request.actor,
        subject=request.job_id,
        data={
            "counter_id": counter.id,
            "provider_id": counter.provider_id,
            "lead_time_days": counter.lead_time_days,
            "amount_minor": counter.amount_minor,
            "currency": counter.currency,
        },
    )


async def return_discount(
    database: Database, client: Client, request: SecureAcceptance, secured: AcceptanceSecured
) -> None:
    """Start the refund of what the taken counter-offer is cheaper by; its id is the same at every attempt."""
    if request.counter_id is None or secured.outcome is not AcceptanceOutcome.SECURED:
        return
    async with database.begin() as session:
        counter = await session.get_one(CounterOfferRow, request.counter_id)
        job = await session.get_one(JobRow, request.job_id)
        paid_minor = await _price_before(session, job, counter)
        policies = await session.scalar(select(OrderRow.policies).where(OrderRow.id == request.order_id))
    discount = paid_minor - counter.amount_minor
    if discount <= 0:
        return
    await start_refund(
        client,
        StartRefund(
            refund_id=derived_id("ref", counter.id, "discount"),
            order_id=request.order_id,
            scope=RefundScope(lines=(RefundLine(line_id=job.line_id, amount_minor=discount),)),
            reason=RefundReason.CANCELLATION,
            note="A counter-offer at a lower price was taken.",
            requested_by=request.actor,
            looks_s=OrderPolicies.model_validate(policies).refund_looks_s,
        ),
    )


async def _price_before(session: AsyncSession, job: JobRow, counter: CounterOfferRow) -> int:
    """What the job cost before: an earlier round may have ended with a lower price already."""
    lowest = await session.scalar(
        select(func.min(CounterOfferRow.amount_minor)).where(
            CounterOfferRow.job_id == job.id,
            CounterOfferRow.state == CounterState.ACCEPTED,
            CounterOfferRow.id != counter.id,
        )
    )
    return job.amount_minor if lowest is None else min(job.amount_minor, lowest)
