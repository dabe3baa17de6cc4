"""Counter-offers, as the customer and the provider who made them see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.actions import counter_actions
from fulfil.api.schemas.dispatch import CounterOffer
from fulfil.models.messages.dispatch import CounterState
from fulfil.models.messages.jobs import JobState, OfferState
from fulfil.models.messages.parties import Role
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.money import Money, split_commission
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.dispatch import CounterOfferRow
from fulfil.models.tables.jobs import JobRow, OfferRow
from fulfil.models.tables.orders import OrderLineRow, OrderRow

CounterQuery = Select[CounterOfferRow, JobRow, OfferRow, ProviderRow]
CounterParts = tuple[CounterOfferRow, JobRow, OfferRow, ProviderRow]

TAKEABLE = (OfferState.OPEN, OfferState.EXPIRED)
UNTAKEN = (JobState.PENDING, JobState.OFFERED)


@dataclass(frozen=True)
class Counterable:
    """An offer as far as countering it goes: what the job costs now, and what was ordered."""

    offer_id: str
    job_id: str
    order_id: str
    provider_id: str
    is_open: bool
    state: OfferState
    price_minor: int
    currency: str
    lead_time_days: int
    policies: OrderPolicies


async def find_counterable(
    session: AsyncSession, caller: Principal, offer_id: str, now: datetime
) -> Counterable | None:
    """An offer to the caller."""
    row = (
        await session.execute(
            select(OfferRow, JobRow, OrderLineRow, OrderRow.policies)
            .join(JobRow, JobRow.id == OfferRow.job_id)
            .join(OrderLineRow, OrderLineRow.id == JobRow.line_id)
            .join(OrderRow, OrderRow.id == JobRow.order_id)
            .where(OfferRow.id == offer_id, OfferRow.provider_id == caller.owner_id)
        )
    ).one_or_none()
    if row is None:
        return None
    offer, job, line, policies = row
    return Counterable(
        offer_id=offer.id,
        job_id=job.id,
        order_id=job.order_id,
        provider_id=offer.provider_id,
        is_open=offer.state == OfferState.OPEN and offer.expires_at > now,
        state=OfferState(offer.state),
        price_minor=_price(job, await _taken(session, job.id)),
        currency=line.currency,
        lead_time_days=line.lead_time_days,
        policies=OrderPolicies.model_validate(policies),
    )


async def find_counter(session: AsyncSession, caller: Principal, counter_id: str, now: datetime) -> CounterOffer | None:
    """A counter-offer she made, or one for an order of hers; staff see all."""
    row = (await session.execute(_visible(caller).where(CounterOfferRow.id == counter_id))).one_or_none()
    return None if row is None else _represent(row, caller, now, await _taken(session, row[1].id))


async def list_counters(session: AsyncSession, caller: Principal, job_id: str, now: datetime) -> list[CounterOffer]:
    """Those of one job, newest first."""
    newest = (CounterOfferRow.created_at.desc(), CounterOfferRow.id.desc())
    rows = (await session.execute(_visible(caller).where(CounterOfferRow.job_id == job_id).order_by(*newest))).all()
    taken = await _taken(session, job_id)
    return [_represent(row, caller, now, taken) for row in rows]


async def is_concerned(session: AsyncSession, caller: Principal, job_id: str) -> bool:
    """Whether the job is of an order of hers, or was offered to her; staff are concerned with all."""
    query = select(JobRow.id).where(JobRow.id == job_id, JobRow.milestone_id.is_(None))
    if caller.role is Role.CUSTOMER:
        query = query.join(OrderRow, OrderRow.id == JobRow.order_id).where(OrderRow.customer_id == caller.owner_id)
    if caller.role is Role.PROVIDER:
        query = query.join(OfferRow, OfferRow.job_id == JobRow.id).where(OfferRow.provider_id == caller.owner_id)
    return await session.scalar(query.limit(1)) is not None


def _visible(caller: Principal) -> CounterQuery:
    query = (
        select(CounterOfferRow, JobRow, OfferRow, ProviderRow)
        .join(JobRow, JobRow.id == CounterOfferRow.job_id)
        .join(OfferRow, OfferRow.id == CounterOfferRow.offer_id)
        .join(ProviderRow, ProviderRow.id == CounterOfferRow.provider_id)
    )
    if caller.is_staff:
        return query
    if caller.role is Role.PROVIDER:
        return query.where(CounterOfferRow.provider_id == caller.owner_id)
    return query.join(OrderRow, OrderRow.id == JobRow.order_id).where(OrderRow.customer_id == caller.owner_id)


def _state(parts: CounterParts, now: datetime) -> CounterState:
    """An open one whose time is over, or whose job somebody else has, has expired whether or not that is written."""
    counter, job, offer, _ = parts
    state = CounterState(counter.state)
    takeable = offer.state in TAKEABLE and offer.round == job.round and job.state in UNTAKEN
    return CounterState.EXPIRED if state is CounterState.OPEN and not (takeable and counter.expires_at > now) else state


def _represent(parts: CounterParts, caller: Principal, now: datetime, taken: Sequence[CounterOfferRow]) -> CounterOffer:
    counter, job, _, provider = parts
    state = _state(parts, now)
    payout_minor, _ = split_commission(counter.amount_minor, provider.commission_bp, counter.currency)
    since = counter.closed_at if state is CounterState.ACCEPTED and counter.closed_at else now
    before = _price(job, [other for other in taken if other.id != counter.id and (other.closed_at or now) < since])
    return CounterOffer(
        id=counter.id,
        job_id=counter.job_id,
        order_id=counter.order_id,
        offer_id=counter.offer_id,
        provider_id=counter.provider_id,
        provider_name=provider.name,
        provider_score=provider.score,
        state=state,
        lead_time_days=counter.lead_time_days,
        due_at=since + timedelta(days=counter.lead_time_days),
        amount=Money(amount_minor=counter.amount_minor, currency=counter.currency),
        saving=Money(amount_minor=max(0, before - counter.amount_minor), currency=counter.currency),
        payout=None if caller.role is Role.CUSTOMER else Money(amount_minor=payout_minor, currency=counter.currency),
        note=counter.note,
        expires_at=counter.expires_at,
        created_at=counter.created_at,
        closed_at=counter.closed_at,
        allowed_actions=counter_actions(caller.role, state),
    )


async def _taken(session: AsyncSession, job_id: str) -> Sequence[CounterOfferRow]:
    """The counter-offers of a job that were taken, at most one in a round."""
    query = select(CounterOfferRow).where(
        CounterOfferRow.job_id == job_id, CounterOfferRow.state == CounterState.ACCEPTED
    )
    return (await session.scalars(query)).all()


def _price(job: JobRow, taken: Sequence[CounterOfferRow]) -> int:
    """What the job costs the customer after these: an earlier round may have ended with a lower price already."""
    return min([job.amount_minor, *(counter.amount_minor for counter in taken)])
