"""Offers: a provider sees hers and answers them; the first to accept has the job."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from fulfil.api.access import Principal, Scope
from fulfil.api.answering import accept, decline
from fulfil.api.dependencies import Context, IdempotencyKey, Paging, allowed
from fulfil.api.documentation import API, OFFERS, problems
from fulfil.api.errors import not_found
from fulfil.api.intentions import intend
from fulfil.api.readers.offers import OfferFilter, find_offer
from fulfil.api.readers.offers import list_offers as read_offers
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.jobs import Acceptance, Decline, Offer
from fulfil.models.ids import OfferId
from fulfil.models.messages.jobs import OfferState, Stage
from fulfil.models.messages.parties import Role

router = APIRouter(prefix=f"{API}/offers", tags=[OFFERS])

Provider = Annotated[Principal, Depends(allowed(Scope.OFFERS_WRITE, Role.PROVIDER))]
Reader = Annotated[Principal, Depends(allowed(Scope.OFFERS_READ, Role.PROVIDER, Role.SUPPORT, Role.ADMIN))]


@router.get("", responses=problems(401, 403))
async def list_offers(
    context: Context,
    caller: Reader,
    page: Paging,
    state: Annotated[OfferState | None, Query(description="Only offers in this state.")] = None,
    stage: Annotated[Stage | None, Query(description="Only those made so; `open_board` is the open board.")] = None,
) -> Page[Offer]:
    """Your offers, newest first."""
    async with context.begin() as session:
        return await read_offers(session, caller, OfferFilter(state, stage), page.limit, page.starting_after)


@router.get("/{offer_id}", responses=problems(401, 403, 404))
async def get_offer(context: Context, caller: Reader, offer_id: OfferId) -> Offer:
    """One offer."""
    async with context.begin() as session:
        return _existing(await find_offer(session, caller, offer_id))


@router.post("/{offer_id}/accept", responses=problems(401, 403, 404, 409))
async def accept_offer(context: Context, caller: Provider, offer_id: OfferId, key: IdempotencyKey = None) -> Acceptance:
    """Take the job: your material is reserved, the customer's payment captured. Too late is a 409 that says why."""
    return await accept(context, caller, offer_id, intend(caller, key, f"accept_offer:{offer_id}"))


@router.post("/{offer_id}/decline", responses=problems(401, 403, 404, 409))
async def decline_offer(
    context: Context, caller: Provider, offer_id: OfferId, answer: Decline, key: IdempotencyKey = None
) -> Offer:
    """Say no; you are not asked again for this job."""
    intention = intend(caller, key, f"decline_offer:{offer_id}", answer)
    await decline(context, caller, offer_id, answer, intention)
    async with context.begin() as session:
        return _existing(await find_offer(session, caller, offer_id))


def _existing(offer: Offer | None) -> Offer:
    if offer is None:
        raise not_found("offer")
    return offer
