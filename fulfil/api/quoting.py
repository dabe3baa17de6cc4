"""Asking for a quote: the key claims its id, the work is started or joined, the stored quote answers."""

from fulfil.api.access import Principal
from fulfil.api.context import ApiContext
from fulfil.api.errors import invalid, not_found
from fulfil.api.intentions import intend
from fulfil.api.quote_work import WAITING, WorkState, not_prepared
from fulfil.api.readers.files import find_own_files
from fulfil.api.readers.quotes import AskedQuote, find_asked_quote, find_quote
from fulfil.api.schemas.files import File
from fulfil.api.schemas.quotes import NewQuote, PendingQuote, Quote
from fulfil.api.writers.idempotency import claim
from fulfil.api.writers.quotes import write_quote_request
from fulfil.models.ids import new_id
from fulfil.models.messages.quotes import AnalysisProgress, PrepareQuote, QuoteItemWish, QuoteStatus
from fulfil.quoting.formats import QUOTABLE_FORMATS, FileFormat, refuse_unquotable


async def ask_for_quote(
    context: ApiContext, caller: Principal, new: NewQuote, key: str | None, wait_s: float
) -> Quote | PendingQuote:
    """The quote, or how far it is after `wait_s`.

    Raises 404 for another's file, 422 when there is one file and it is refused, 503 when the work can't be done now.
    """
    intention = intend(caller, key, "create_quote", new)
    async with context.begin() as session:
        files = await find_own_files(session, caller, {item.file_id for item in new.items})
        for position, item in enumerate(new.items):
            if item.file_id not in files:
                raise not_found("file of yours", f"items.{position}.file_id")
        if len(new.items) == 1:
            _check_format(files[new.items[0].file_id])
        claimed = await claim(session, intention, new_id("quo"), context.clock())
        quote = await find_quote(session, caller, claimed.resource_id) if claimed.repeated else None
        asked = await write_quote_request(
            session,
            quote_id=claimed.resource_id,
            customer_id=caller.owner_id,
            request=new.model_dump(mode="json"),
            at=context.clock(),
        )
    if quote is not None:
        return _answerable(quote)
    request = _request(claimed.resource_id, caller, new, files)
    if await context.quote_work.prepare_quote(request, wait_s) is None:
        look = await context.quote_work.look_at_quote(claimed.resource_id, 0) if wait_s else None
        return _pending(AskedQuote(claimed.resource_id, asked), look.progress if look else WAITING)
    async with context.begin() as session:
        quote = await find_quote(session, caller, claimed.resource_id)
    if quote is None:
        raise not_prepared()
    return _answerable(quote)


async def follow_quote(context: ApiContext, caller: Principal, quote_id: str, wait_s: float) -> Quote | PendingQuote:
    """The quote, or how far it is after `wait_s`; 503 when it failed and must be asked for again."""
    async with context.begin() as session:
        quote = await find_quote(session, caller, quote_id)
        asked = await find_asked_quote(session, caller, quote_id) if quote is None else None
    if quote is not None:
        return quote
    if asked is None:
        raise not_found("quote")
    look = await context.quote_work.look_at_quote(quote_id, wait_s)
    if look.state in (WorkState.WAITING, WorkState.RUNNING):
        return _pending(asked, look.progress)
    async with context.begin() as session:
        quote = await find_quote(session, caller, quote_id)
    if quote is None:
        raise not_prepared()
    return quote


def _check_format(file: File) -> None:
    """A photo alone needs no work to be refused."""
    if file.format not in QUOTABLE_FORMATS:
        refusal = refuse_unquotable(FileFormat(file.format))
        raise invalid(refusal.code, refusal.detail, "items.0.file_id")


def _request(quote_id: str, caller: Principal, new: NewQuote, files: dict[str, File]) -> PrepareQuote:
    return PrepareQuote(
        quote_id=quote_id,
        customer_id=caller.owner_id,
        items=tuple(
            QuoteItemWish(
                file_id=item.file_id,
                file_sha256=files[item.file_id].sha256,
                wish=item.wish(),
                options=item.options(),
                accepted=tuple(dict.fromkeys(item.accept)),
            )
            for item in new.items
        ),
        currency=new.currency,
        lead_time=new.lead_time,
        tier=new.tier,
    )


def _pending(asked: AskedQuote, progress: AnalysisProgress) -> PendingQuote:
    return PendingQuote(id=asked.id, progress=progress, created_at=asked.asked_at)


def _answerable(quote: Quote) -> Quote:
    """One file that is refused is an error of the request; among several it is a line of the answer."""
    if quote.status is QuoteStatus.REFUSED and len(quote.items) == 1:
        refusal = quote.items[0].refusal
        if refusal is not None:
            raise invalid(refusal.code, refusal.detail, refusal.param)
    return quote
