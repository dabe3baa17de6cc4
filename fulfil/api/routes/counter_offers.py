"""Counter-offers: another date or a lower price than was ordered."""

from typing import Annotated

from fastapi import APIRouter, Depends

from fulfil.api import countering
from fulfil.api.access import Principal, Scope
from fulfil.api.dependencies import Context, IdempotencyKey, allowed
from fulfil.api.documentation import API, OFFERS, problems
from fulfil.api.errors import not_found
from fulfil.api.intentions import intend
from fulfil.api.readers.counter_offers import is_concerned, list_counters
from fulfil.api.schemas.dispatch import CounterOffer, CounterOffers, CounterTerms
from fulfil.models.ids import CounterOfferId, JobId, OfferId
from fulfil.models.messages.dispatch import CounterState
from fulfil.models.messages.parties import Role

router = APIRouter(prefix=API, tags=[OFFERS])

Provider = Annotated[Principal, Depends(allowed(Scope.OFFERS_WRITE, Role.PROVIDER))]
Customer = Annotated[Principal, Depends(allowed(Scope.ORDERS_WRITE, Role.CUSTOMER))]
Reader = Annotated[Principal, Depends(allowed(Scope.JOBS_READ, Role.CUSTOMER, Role.PROVIDER, Role.SUPPORT, Role.ADMIN))]
ERRORS = problems(401, 403, 404, 409)


@router.post("/offers/{offer_id}/counter", status_code=201, responses=ERRORS)
async def counter_offer(
    context: Context, caller: Provider, offer_id: OfferId, terms: CounterTerms, key: IdempotencyKey = None
) -> CounterOffer:
    """Answer an open offer by another date or a lower price; the customer may take it, and others are asked meanwhile.

    It can still be taken after the offer has expired, until somebody accepts the job or its own time is over.
    """
    return await countering.counter(context, caller, offer_id, terms, intend(caller, key, f"counter:{offer_id}", terms))


@router.get("/jobs/{job_id}/counter-offers", responses=problems(401, 403, 404))
async def list_counter_offers(context: Context, caller: Reader, job_id: JobId) -> CounterOffers:
    """What providers would do instead: all of them for the customer, a provider's own for her."""
    async with context.begin() as session:
        if not await is_concerned(session, caller, job_id):
            raise not_found("job")
        return CounterOffers(data=await list_counters(session, caller, job_id, context.clock()))


@router.post("/counter-offers/{counter_id}/accept", responses=ERRORS)
async def accept_counter_offer(
    context: Context, caller: Customer, counter_id: CounterOfferId, key: IdempotencyKey = None
) -> CounterOffer:
    """Take it: its provider has the job, its date holds, and what it is cheaper by is paid back to you."""
    return await countering.take(context, caller, counter_id, intend(caller, key, f"accept_counter:{counter_id}"))


@router.post("/counter-offers/{counter_id}/decline", responses=ERRORS)
async def decline_counter_offer(
    context: Context, caller: Customer, counter_id: CounterOfferId, key: IdempotencyKey = None
) -> CounterOffer:
    """Not on these terms; the others are still asked."""
    intention = intend(caller, key, f"decline_counter:{counter_id}")
    return await countering.close(context, caller, counter_id, CounterState.DECLINED, intention)


@router.post("/counter-offers/{counter_id}/withdraw", responses=ERRORS)
async def withdraw_counter_offer(
    context: Context, caller: Provider, counter_id: CounterOfferId, key: IdempotencyKey = None
) -> CounterOffer:
    """Take it back while nobody has taken it."""
    intention = intend(caller, key, f"withdraw_counter:{counter_id}")
    return await countering.close(context, caller, counter_id, CounterState.WITHDRAWN, intention)
