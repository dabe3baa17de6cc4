"""Placing an order: the key claims an order id, the workflow is started or joined, the projection answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.context import ApiContext
from fulfil.api.dependencies import required
from fulfil.api.errors import ProblemError, conflict, invalid, not_found
from fulfil.api.intentions import Intention, intend
from fulfil.api.outages import stripe_outages
from fulfil.api.processes import ProcessEndedError
from fulfil.api.readers.orderable_services import OrderableService, find_orderable
from fulfil.api.readers.orders import may_see_order
from fulfil.api.readers.quotes import find_quote
from fulfil.api.readers.stripe_customers import find_stripe_customer
from fulfil.api.schemas.orders import NewOrder
from fulfil.api.schemas.quotes import Quote
from fulfil.api.writers.addresses import write_address
from fulfil.api.writers.idempotency import Claim, claim, find_claim
from fulfil.models.ids import new_id
from fulfil.models.messages.orders import OrderedService, OrderPlaced, StartOrder
from fulfil.models.messages.quotes import QuoteStatus
from fulfil.models.money import LARGEST_MINOR, Money

REVISION = 2
"""Which version of the process new orders run by."""
CONFLICTS = ("quote_expired", "quote_not_firm", "service_not_offered", "currencies_mixed", "price_changed")


@dataclass(frozen=True)
class Asked:
    """What is ordered, as it was found, and what it costs."""

    quotes: list[Quote]
    services: list[OrderableService]
    total: Money


async def place(context: ApiContext, caller: Principal, new: NewOrder, key: str | None) -> str:
    """The id of the order, written and payable.

    Raises 400 without a key, 404 for another's quote, 409 for what can't be ordered (together), 422 for another total,
    a quote named twice, a card that is not saved, or another request under the same key.
    """
    intention = intend(caller, required(key), "create_order", new)
    if new.payment_method is not None:
        await _check_saved_card(context, caller, new.payment_method, intention)
    async with context.begin() as session:
        claimed, asked = await _claim_order(context, session, caller, new, intention)
        if claimed.repeated and await may_see_order(session, caller, claimed.resource_id) is not None:
            return claimed.resource_id
    start = StartOrder(
        order_id=claimed.resource_id,
        customer_id=caller.owner_id,
        placed_by=caller.actor,
        quote_ids=tuple(quote.id for quote in asked.quotes),
        services=tuple(OrderedService(service_id=service.id) for service in asked.services),
        delivery_method=new.delivery_method,
        revision=REVISION,
        payment_method_id=new.payment_method,
        total=asked.total,
    )
    try:
        placed = await context.processes.place_order(
            start,
            total=asked.total,
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
) -> tuple[Claim, Asked]:
    """Everything that can be refused is refused before the key is taken, so that it can be corrected."""
    found = await find_claim(session, intention)
    quotes = await _find_quotes(session, caller, new)
    services = await _find_services(session, new)
    prices = [*(quote.total for quote in quotes), *(service.price for service in services)]
    _check_currency(prices)
    total = prices[0].model_copy(update={"amount_minor": sum(price.amount_minor for price in prices)})
    if total.amount_minor > LARGEST_MINOR:
        raise invalid("amount_too_large", "No payment carries so much: order it in parts.", "lines")
    asked = Asked(quotes, services, total)
    if found is not None:
        return found, asked
    for quote in quotes:
        _check_quote(quote, context.clock())
    for service in services:
        if not service.offered:
            raise conflict("service_not_offered", f"{service.title} can't be ordered at present.", state="not_offered")
    if new.total is not None and new.total != total:
        raise invalid("amount_mismatch", f"Together it is {total}: send that total, or leave it out.", "total")
    claimed = await claim(session, intention, new_id("ord"), context.clock())
    if new.deliver_to is not None and not claimed.repeated:
        await write_address(session, claimed.resource_id, new.deliver_to, context.clock())
    return claimed, asked


async def _find_quotes(session: AsyncSession, caller: Principal, new: NewOrder) -> list[Quote]:
    names = [line.quote_id for line in new.wanted if line.quote_id is not None]
    if len(set(names)) < len(names):
        raise invalid("quote_twice", "Order each quote once: it names its quantities.", "lines")
    found = [await find_quote(session, caller, name) for name in names]
    if None in found:
        raise not_found("quote", "quote_id" if new.quote_id is not None else "lines")
    return [quote for quote in found if quote is not None]


async def _find_services(session: AsyncSession, new: NewOrder) -> list[OrderableService]:
    names = [line.service_id for line in new.wanted if line.service_id is not None]
    found = [await find_orderable(session, name) for name in names]
    if None in found:
        raise not_found("service", "lines")
    return [service for service in found if service is not None]


def _check_currency(prices: Sequence[Money]) -> None:
    currencies = sorted({price.currency for price in prices})
    if len(currencies) > 1:
        together = ", ".join(currencies)
        detail = f"An order is paid in one currency, and this one is of {together}: order what is in each apart."
        raise conflict("currencies_mixed", detail, state="unplaced")


def _check_quote(quote: Quote, now: datetime) -> None:
    if quote.status is not QuoteStatus.FIRM:
        how = f" {quote.next.what}" if quote.next else ""
        raise conflict("quote_not_firm", f"This quote has no binding price.{how}", state=quote.status)
    if quote.expires_at <= now:
        raise conflict("quote_expired", "This quote has expired: ask for a new one.", state="expired")


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
        state = placed.refusal_code.removeprefix("quote_").removeprefix("service_")
        raise conflict(placed.refusal_code, detail, state=state)
    raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, placed.refusal_code, detail, param="quote_id")
