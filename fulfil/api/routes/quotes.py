"""Quotes: a price for a file, a material and a quantity."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends

from fulfil.api.access import Principal, Scope
from fulfil.api.dependencies import Context, IdempotencyKey, Paging, allowed
from fulfil.api.documentation import API, QUOTES, problems
from fulfil.api.errors import invalid, not_found
from fulfil.api.intentions import intend
from fulfil.api.readers.files import find_own_file
from fulfil.api.readers.quotes import find_quote
from fulfil.api.readers.quotes import list_quotes as read_quotes
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.quotes import NewQuote, Quote
from fulfil.api.writers.idempotency import claim
from fulfil.models.ids import QuoteId, new_id
from fulfil.models.messages.parties import Role
from fulfil.models.messages.quotes import PrepareQuote
from fulfil.quoting.formats import FileFormat

router = APIRouter(prefix=f"{API}/quotes", tags=[QUOTES])

Customer = Annotated[Principal, Depends(allowed(Scope.QUOTES_WRITE, Role.CUSTOMER))]
Reader = Annotated[Principal, Depends(allowed(Scope.QUOTES_READ, Role.CUSTOMER, Role.SUPPORT, Role.ADMIN))]


@router.post("", status_code=HTTPStatus.CREATED, responses=problems(401, 403, 404))
async def create_quote(context: Context, caller: Customer, new: NewQuote, key: IdempotencyKey = None) -> Quote:
    """Analyse the file and price it; 422 tells what stands in the way, and the remedy."""
    intention = intend(caller, key, "create_quote", new)
    async with context.begin() as session:
        file = await find_own_file(session, caller, new.file_id)
        if file is None:
            raise not_found("file of yours", "file_id")
        if file.format != FileFormat.STL:
            raise invalid("file_not_stl", f"This file is {file.format.upper()}: only STL can be priced.", "file_id")
        claimed = await claim(session, intention, new_id("quo"), context.clock())
        quote = await find_quote(session, caller, claimed.resource_id) if claimed.repeated else None
    if quote is not None:
        return quote
    prepared = await context.processes.prepare_quote(
        PrepareQuote(
            quote_id=claimed.resource_id,
            customer_id=caller.owner_id,
            file_id=file.id,
            file_sha256=file.sha256,
            process=new.process,
            material=new.material,
            quantity=new.quantity,
            currency=new.currency,
        )
    )
    if prepared.refusal_code is not None:
        raise invalid(prepared.refusal_code, prepared.refusal_detail or "", prepared.param or "file_id")
    async with context.begin() as session:
        return _existing(await find_quote(session, caller, claimed.resource_id))


@router.get("", responses=problems(401, 403))
async def list_quotes(context: Context, caller: Reader, page: Paging) -> Page[Quote]:
    """Your quotes, newest first."""
    async with context.begin() as session:
        return await read_quotes(session, caller, limit=page.limit, starting_after=page.starting_after)


@router.get("/{quote_id}", responses=problems(401, 403, 404))
async def get_quote(context: Context, caller: Reader, quote_id: QuoteId) -> Quote:
    """One of your quotes."""
    async with context.begin() as session:
        return _existing(await find_quote(session, caller, quote_id))


def _existing(quote: Quote | None) -> Quote:
    if quote is None:
        raise not_found("quote")
    return quote
