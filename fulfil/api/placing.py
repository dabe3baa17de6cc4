"""Placing an order: the key claims an order id, the workflow is started or joined, the projection answers."""

from datetime import timedelta
from http import HTTPStatus

from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.context import ApiContext
from fulfil.api.dependencies import required
from fulfil.api.errors import ProblemError, conflict, invalid, not_found
from fulfil.api.intentions import Intention, intend
from fulfil.api.outages import stripe_outages
from fulfil.api.processes import ProcessEndedError
from fulfil.api.readers.orders import may_see_order
from fulfil.api.readers.quotes import find_quote
from fulfil.api.readers.stripe_customers import find_stripe_customer
from fulfil.api.schemas.orders import NewOrder
from fulfil.api.schemas.quotes import Quote
from fulfil.api.writers.idempotency import Claim, claim, find_claim
from fulfil.models.ids import new_id
from fulfil.models.messages.orders import OrderPlaced, StartOrder
from fulfil.models.messages.quotes import QuoteStatus

CONFLICTS = ("quote_expired", "quote_not_firm", "quote_mixed_materials")


async def place(context: ApiContext, caller: Principal, new: NewOrder, key: str | None) -> str:
    """The id of the order, written and payable.

    Raises 400 without a key, 404 for another's quote, 409 for one that can't be ordered, 422 for another total,
    a card that is not saved, or another request under the same key.
    """
    intention = intend(caller, required(key), "create_order", new)
    if new.payment_method is not None:
        await _check_saved_card(context, caller, new.payment_method, intention)
    async with context.begin() as session:
        claimed, quote = await _claim_order(context, session, caller, new, intention)
        if claimed.repeated and await may_see_order(session, caller, claimed.resource_id) is not None:
            return claimed.resource_id
    start = StartOrder(
        order_id=claimed.resource_id,
        customer_id=caller.owner_id,
        quote_id=quote.id,
        placed_by=caller.actor,
        payment_method_id=new.payment_method,
    )
    try:
        placed = await context.processes.place_order(
            start,
            total=quote.total,
            due_at=context.clock() + timedelta(seconds=start.policies.payment_due_s),
            update_id=intention.derive_id("upd"),
        )
    except ProcessEndedError:
        await _ended(context, caller, start.order_id)
        return start.order_id
    _check_placed(placed)
    return placed.order_id


async def _check_saved_card(context: ApiContext, caller: Principal, payment_method: str, intention: Intention) -> None:
    """Only her own saved cards can be charged without her; what was ordered before is not asked again."""
    async with context.begin() as session:
        ordered = await find_claim(session, intention) is not None
        payer = await find_stripe_customer(session, caller.owner_id)
    if ordered:
        return
    with stripe_outages():
        saved = await context.stripe.list_saved_cards(payer) if payer else []
    if payment_method not in {card.id for card in saved}:
        detail = "This is none of your saved cards: save it first, or order without it and pay afterwards."
        raise invalid("payment_method_not_saved", detail, "payment_method")


async def _claim_order(
    context: ApiContext, session: AsyncSession, caller: Principal, new: NewOrder, intention: Intention
) -> tuple[Claim, Quote]:
    """Everything that can be refused is refused before the key is taken, so that it can be corrected."""
    found = await find_claim(session, intention)
    quote = await find_quote(session, caller, new.quote_id)
    if quote is None:
        raise not_found("quote", "quote_id")
    if found is not None:
        return found, quote
    _check_firm(quote)
    if quote.expires_at <= context.clock():
        raise conflict("quote_expired", "This quote has expired: ask for a new one.", state="expired")
    if new.total is not None and new.total != quote.total:
        raise invalid("amount_mismatch", f"The quote is {quote.total}: send that total, or leave it out.", "total")
    return await claim(session, intention, new_id("ord"), context.clock()), quote


def _check_firm(quote: Quote) -> None:
    """One line of an order is one job: a binding price for one process in one material."""
    if quote.status is not QuoteStatus.FIRM:
        how = f" {quote.next.what}" if quote.next else ""
        raise conflict("quote_not_firm", f"This quote has no binding price.{how}", state=quote.status)
    made_of = {(item.price.process, item.price.material) for item in quote.items if item.price is not None}
    if len(made_of) > 1:
        parts = ", ".join(f"{process} in {material}" for process, material in sorted(made_of))
        raise conflict(
            "quote_mixed_materials",
            f"An order is made of one material by one process, and this quote has {parts}: ask for a quote of each.",
            state=quote.status,
        )


async def _ended(context: ApiContext, caller: Principal, order_id: str) -> None:
    """The workflow ended before we could ask it: either the order is written, or it was refused."""
    async with context.begin() as session:
        if await may_see_order(session, caller, order_id) is not None:
            return
    outcome = await context.processes.order_outcome(order_id)
    reason = outcome.reason if outcome else None
    raise conflict("order_refused", reason or "The order could not be placed; nothing was charged.", state="refused")


def _check_placed(placed: OrderPlaced) -> None:
    if placed.refusal_code is None:
        return
    detail = placed.refusal_detail or "The quote can't be ordered."
    if placed.refusal_code in CONFLICTS:
        raise conflict(placed.refusal_code, detail, state=placed.refusal_code.removeprefix("quote_"))
    raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, placed.refusal_code, detail, param="quote_id")
