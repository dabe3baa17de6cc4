"""Quotes: explained prices for files, proven and tried again on demand."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from fulfil.api.access import Principal, Scope
from fulfil.api.dependencies import Context, IdempotencyKey, Paging, allowed
from fulfil.api.documentation import API, QUOTES, problems
from fulfil.api.guest_limits import GuestAct
from fulfil.api.intentions import intend
from fulfil.api.quoting import ask_for_quote, follow_quote
from fulfil.api.readers.quotes import list_quotes as read_quotes
from fulfil.api.repricing import confirm_estimate as confirm
from fulfil.api.repricing import prove, replay
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.quotes import (
    EstimateConfirmation,
    EstimateToConfirm,
    NewQuote,
    PendingQuote,
    Quote,
    QuoteProof,
    QuoteReplay,
    QuotesReplayed,
)
from fulfil.models.ids import QuoteId
from fulfil.models.messages.parties import Role

router = APIRouter(prefix=f"{API}/quotes", tags=[QUOTES])

Customer = Annotated[Principal, Depends(allowed(Scope.QUOTES_WRITE, Role.CUSTOMER))]
Reader = Annotated[Principal, Depends(allowed(Scope.QUOTES_READ, Role.CUSTOMER, Role.SUPPORT, Role.ADMIN))]
Administrator = Annotated[Principal, Depends(allowed(Scope.SUPPORT_WRITE, Role.ADMIN))]
LONGEST_WAIT_S = 20
Wait = Annotated[
    float, Query(ge=0, le=LONGEST_WAIT_S, description="Wait up to so many seconds for the quote.", examples=[20])
]
PENDING: dict[int | str, dict[str, Any]] = {
    HTTPStatus.ACCEPTED.value: {"model": PendingQuote, "description": "Still measuring: ask again at `Location`."}
}


@router.post("", status_code=HTTPStatus.CREATED, responses={**problems(401, 403, 404, 429), **PENDING})
async def create_quote(
    context: Context,
    caller: Customer,
    request: Request,
    response: Response,
    new: NewQuote,
    wait: Wait = LONGEST_WAIT_S,
    key: IdempotencyKey = None,
) -> Quote | PendingQuote:
    """Measure files and price them; a bad file among several is an item that says why, a single one a 422.

    202 when it takes longer than `wait`: ask for the quote at `Location`, or repeat the request with its key.
    """
    context.guest_limits.count(GuestAct.QUOTE, request, caller)
    quote = await ask_for_quote(context, caller, new, key, wait)
    response.headers["Location"] = f"{API}/quotes/{quote.id}"
    if isinstance(quote, PendingQuote):
        response.status_code = HTTPStatus.ACCEPTED
    return quote


@router.get("", responses=problems(401, 403))
async def list_quotes(context: Context, caller: Reader, page: Paging) -> Page[Quote]:
    """Your quotes, newest first."""
    async with context.begin() as session:
        return await read_quotes(session, caller, limit=page.limit, starting_after=page.starting_after)


@router.post("/replay", responses=problems(401, 403))
async def replay_quotes(
    context: Context, caller: Administrator, asked: QuoteReplay, key: IdempotencyKey = None
) -> QuotesReplayed:
    """What another price list would do to the newest stored quotes; changes nothing."""
    return await replay(context, asked, intend(caller, key, "replay_quotes", asked))


@router.get("/{quote_id}", responses={**problems(401, 403, 404), **PENDING})
async def get_quote(
    context: Context, caller: Reader, quote_id: QuoteId, response: Response, wait: Wait = 0
) -> Quote | PendingQuote:
    """One of your quotes; 202 while its files are being measured."""
    quote = await follow_quote(context, caller, quote_id, wait)
    if isinstance(quote, PendingQuote):
        response.status_code = HTTPStatus.ACCEPTED
    return quote


@router.post("/{quote_id}/prove", responses=problems(401, 403, 404, 429))
async def prove_quote(
    context: Context, caller: Reader, request: Request, quote_id: QuoteId, key: IdempotencyKey = None
) -> QuoteProof:
    """Measure the files anew and price them by the versions of the quote: every line must come out the same."""
    del key  # changes nothing, so repeating is safe; a repetition joins a proof that is under way
    context.guest_limits.count(GuestAct.QUOTE, request, caller)
    return await prove(context, caller, quote_id)


@router.post("/{quote_id}/confirm-estimate", responses=problems(401, 403, 404, 409, 429))
async def confirm_estimate(
    context: Context,
    caller: Reader,
    request: Request,
    quote_id: QuoteId,
    wanted: EstimateToConfirm,
    key: IdempotencyKey = None,
) -> EstimateConfirmation:
    """Have a real slicer check an item's estimate: both numbers, and a warning when they are over 10 % apart."""
    del key  # once per item whoever asks, so repeating is safe
    context.guest_limits.count(GuestAct.QUOTE, request, caller)
    return await confirm(context, caller, quote_id, wanted.position)
