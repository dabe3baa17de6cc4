"""Counter-offers as their provider and the customer leave them: open, withdrawn, declined; taken ones are not ours."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.readers.counter_offers import Counterable
from fulfil.models.messages.dispatch import CounterState
from fulfil.models.messages.events import EventType
from fulfil.models.tables.dispatch import CounterOfferRow
from fulfil.models.tables.timeline import append_event

CLOSED_BY = {
    CounterState.DECLINED: EventType.JOB_COUNTER_DECLINED,
    CounterState.WITHDRAWN: EventType.JOB_COUNTER_WITHDRAWN,
}


@dataclass(frozen=True)
class Terms:
    """What she offers."""

    amount_minor: int
    lead_time_days: int
    note: str


async def write_counter(
    session: AsyncSession, caller: Principal, counter_id: str, offer: Counterable, terms: Terms, at: datetime
) -> bool:
    """Write it with its event; False when she has another one open for this offer."""
    ended = (CounterOfferRow.state == CounterState.OPEN) & (CounterOfferRow.expires_at <= at)
    await session.execute(
        update(CounterOfferRow)
        .where(CounterOfferRow.offer_id == offer.offer_id, ended)
        .values(state=CounterState.EXPIRED, closed_at=at)
    )
    written = await session.scalar(
        insert(CounterOfferRow)
        .values(
            id=counter_id,
            job_id=offer.job_id,
            offer_id=offer.offer_id,
            order_id=offer.order_id,
            provider_id=offer.provider_id,
            amount_minor=terms.amount_minor,
            currency=offer.currency,
            lead_time_days=terms.lead_time_days,
            note=terms.note,
            state=CounterState.OPEN,
            expires_at=at + timedelta(seconds=offer.policies.counter_due_s),
            created_at=at,
        )
        .on_conflict_do_nothing()
        .returning(CounterOfferRow.id)
    )
    if written is None:
        return False
    await append_event(
        session,
        order_id=offer.order_id,
        business_key=f"{counter_id}:countered",
        kind=EventType.JOB_COUNTERED,
        at=at,
        actor=caller.actor,
        subject=offer.job_id,
        data={
            "counter_id": counter_id,
            "offer_id": offer.offer_id,
            "provider_id": offer.provider_id,
            "lead_time_days": terms.lead_time_days,
            "amount_minor": terms.amount_minor,
            "currency": offer.currency,
            "note": terms.note,
        },
    )
    return True


async def close_counter(
    session: AsyncSession, caller: Principal, counter_id: str, state: CounterState, at: datetime
) -> CounterState:
    """Decline or withdraw it; returns the state it is in, which is another one when it was not open any more.

    Waits for a claim that is being secured by it.
    """
    counter = await session.scalar(select(CounterOfferRow).where(CounterOfferRow.id == counter_id).with_for_update())
    if counter is None or counter.state != CounterState.OPEN:
        return CounterState.EXPIRED if counter is None else CounterState(counter.state)
    counter.state, counter.closed_at = state, at
    await append_event(
        session,
        order_id=counter.order_id,
        business_key=f"{counter_id}:{state.value}",
        kind=CLOSED_BY[state],
        at=at,
        actor=caller.actor,
        subject=counter.job_id,
        data={"counter_id": counter_id, "offer_id": counter.offer_id, "provider_id": counter.provider_id},
    )
    return state
