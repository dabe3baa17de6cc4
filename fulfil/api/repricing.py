"""Stored quotes by other price lists: proofs, recalculations and replays; nothing is changed by any of them."""

import json

from fulfil.api.access import Principal
from fulfil.api.context import ApiContext
from fulfil.api.errors import conflict, invalid, not_found
from fulfil.api.intentions import Intention
from fulfil.api.readers.orders import find_quotes_of_order
from fulfil.api.readers.quotes import find_quote, item_param
from fulfil.api.schemas.base import Difference
from fulfil.api.schemas.quotes import (
    EstimateConfirmation,
    OrderRecalculation,
    Quote,
    QuoteProof,
    QuoteReplay,
    QuotesReplayed,
    ReplayedSum,
    Repriced,
    RepricedItem,
)
from fulfil.models.messages.quotes import (
    ConfirmEstimate,
    Pricing,
    ReplayQuotes,
    RepricedQuote,
    RepriceQuote,
)
from fulfil.models.money import Money
from fulfil.quoting.prices.tariffs import TariffError, parse_tariff
from fulfil.workflows.ids import proof_activity_id, recalculation_activity_id


async def prove(context: ApiContext, caller: Principal, quote_id: str) -> QuoteProof:
    """Measure and price a quote again by its own versions; 404 for another's."""
    await _existing(context, caller, quote_id)
    request = RepriceQuote(quote_id=quote_id, pricing=Pricing.ORIGINAL, afresh=True)
    repriced = await context.quote_work.reprice_quote(request, activity_id=proof_activity_id(quote_id))
    return QuoteProof(
        **dict(_represent(repriced)),  # the fields of the base
        same=repriced.same,
        differences=list(repriced.differences),
    )


async def recalculate(context: ApiContext, caller: Principal, order_id: str) -> OrderRecalculation:
    """What an order would cost today; 404 for another's."""
    async with context.begin() as session:
        quote_ids = await find_quotes_of_order(session, caller, order_id)
    if quote_ids is None:
        raise not_found("order")
    if len(quote_ids) != 1:
        raise conflict(
            "not_one_quote",
            f"This order is of {len(quote_ids)} quotes: recalculate a quote by `POST /quotes/{{id}}/recalculate`.",
            state="placed",
        )
    (quote_id,) = quote_ids
    request = RepriceQuote(quote_id=quote_id, pricing=Pricing.TODAY)
    repriced = await context.quote_work.reprice_quote(request, activity_id=recalculation_activity_id(order_id))
    return OrderRecalculation(**dict(_represent(repriced)), order_id=order_id)


async def replay(context: ApiContext, asked: QuoteReplay, intention: Intention) -> QuotesReplayed:
    """What another price list would do to stored quotes; 422 names the field of a list that can't be used."""
    tariff = json.dumps(asked.tariff)
    try:
        parse_tariff(tariff.encode())
    except TariffError as error:
        field = "tariff" if error.field == "tariff" else f"tariff.{error.field}"
        raise invalid("tariff_invalid", f"{field}: {error.detail}", field) from error
    replayed = await context.quote_work.replay_quotes(
        ReplayQuotes(tariff=tariff, limit=asked.limit), replay_id=intention.derive_id("rpl")
    )
    currencies = sorted(set(replayed.before_minor) & set(replayed.after_minor))
    return QuotesReplayed(
        tariff_version=replayed.tariff_version,
        quotes=replayed.quotes,
        unpriceable=replayed.unpriceable,
        sums=[
            ReplayedSum(
                before=_money(before := replayed.before_minor[currency], currency),
                after=_money(after := replayed.after_minor[currency], currency),
                difference=Difference(amount_minor=after - before, currency=currency),
            )
            for currency in currencies
        ],
        changed_most=[_represent(repriced) for repriced in replayed.changed_most],
    )


async def confirm_estimate(
    context: ApiContext, caller: Principal, quote_id: str, position: int
) -> EstimateConfirmation:
    """Have a real slicer check an item's estimate, once; 422 when there is no slicer for it."""
    quote = await _existing(context, caller, quote_id)
    item = next((item for item in quote.items if item.position == position), None)
    if item is None:
        raise invalid("position_unknown", f"This quote has the items 0 to {len(quote.items) - 1}.", "position")
    if item.confirmation is not None:
        return item.confirmation
    if item.estimate is None:
        detail = "This item has no estimate to confirm: see its refusal or findings."
        raise conflict("item_not_estimated", detail, state=item.status)
    confirmed = await context.quote_work.confirm_estimate(ConfirmEstimate(quote_id=quote_id, position=position))
    if confirmed.refusal is not None:
        refusal = confirmed.refusal
        raise invalid(refusal.code, refusal.detail, item_param(position, refusal.param))
    return EstimateConfirmation(**dict(confirmed), confirmed_at=context.clock())


async def _existing(context: ApiContext, caller: Principal, quote_id: str) -> Quote:
    async with context.begin() as session:
        quote = await find_quote(session, caller, quote_id)
    if quote is None:
        raise not_found("quote")
    return quote


def _represent(repriced: RepricedQuote) -> Repriced:
    currency = repriced.currency
    return Repriced(
        quote_id=repriced.quote_id,
        tariff_version=repriced.tariff_version,
        before=_money(repriced.before_minor, currency),
        after=None if repriced.after_minor is None else _money(repriced.after_minor, currency),
        difference=(
            None
            if repriced.difference_minor is None
            else Difference(amount_minor=repriced.difference_minor, currency=currency)
        ),
        items=_represent_items(repriced, currency),
    )


def _represent_items(repriced: RepricedQuote, currency: str) -> list[RepricedItem]:
    return [
        RepricedItem(
            position=item.position,
            before=_money(item.before_minor, currency),
            after=None if item.after_minor is None else _money(item.after_minor, currency),
            difference=(
                None
                if item.after_minor is None
                else Difference(amount_minor=item.after_minor - item.before_minor, currency=currency)
            ),
            refusal=item.refusal,
        )
        for item in repriced.items
    ]


def _money(amount_minor: int, currency: str) -> Money:
    return Money(amount_minor=amount_minor, currency=currency)
