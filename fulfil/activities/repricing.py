"""Stored quotes priced again: by today's tariff, by their own as proof, by one that may come."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fulfil.activities.item_pricing import ItemPricer, Priced, PriceList
from fulfil.activities.quote_rows import StoredQuote, priced_of, wish_of
from fulfil.models.messages.prices import LeadTime, PricedQuote
from fulfil.models.messages.quotes import Refusal, ReplayedQuotes, RepricedItem, RepricedQuote
from fulfil.models.tables.quotes import QuoteItemRow
from fulfil.quoting.prices.pricing import price_quote
from fulfil.quoting.prices.tariffs import Tariff
from fulfil.quoting.refusals import QuotingRefusalError

SHOWN_CHANGES = 50


@dataclass(frozen=True)
class Repricing:
    """How a stored quote is priced again; `original` uses the coefficients it was estimated with."""

    tariff: Tariff
    original: bool
    afresh: bool


async def reprice(pricer: ItemPricer, stored: StoredQuote, how: Repricing) -> RepricedQuote:
    """The same files and wishes by another price list; nothing is stored."""
    counted = [row for row in stored.items if row.amount_minor > 0]
    priced = [await _price_again(pricer, stored, row, how) for row in counted]
    items = tuple(_compare(row, again) for row, again in zip(counted, priced, strict=True))
    quote = _total(stored, priced, how.tariff)
    before = stored.quote.total_minor
    differences = _differences(stored, counted, priced, quote)
    return RepricedQuote(
        quote_id=stored.quote.id,
        tariff_version=how.tariff.version,
        before_minor=before,
        after_minor=None if quote is None else quote.total_minor,
        difference_minor=None if quote is None else quote.total_minor - before,
        currency=stored.quote.currency,
        items=items,
        quote=quote,
        same=not differences,
        differences=differences,
    )


def sum_up(tariff_version: str, repriced: Sequence[RepricedQuote]) -> ReplayedQuotes:
    """The effect on all of them; quotes that can't be priced any more count on neither side."""
    before, after = Counter[str](), Counter[str]()
    priceable = [quote for quote in repriced if quote.after_minor is not None]
    for quote in priceable:
        before[quote.currency] += quote.before_minor
        after[quote.currency] += quote.after_minor or 0
    changed = sorted(priceable, key=lambda quote: abs(quote.difference_minor or 0), reverse=True)
    return ReplayedQuotes(
        tariff_version=tariff_version,
        quotes=len(repriced),
        unpriceable=len(repriced) - len(priceable),
        before_minor=dict(before),
        after_minor=dict(after),
        changed_most=tuple(
            quote.model_copy(update={"quote": None}) for quote in changed[:SHOWN_CHANGES] if quote.difference_minor
        ),
    )


async def _price_again(pricer: ItemPricer, stored: StoredQuote, row: QuoteItemRow, how: Repricing) -> Priced:
    prices = PriceList(
        tariff=how.tariff,
        currency=stored.quote.currency,
        tier=stored.quote.tier,
        coefficients=row.coefficients_version if how.original else None,
    )
    if how.afresh:
        return await pricer.price_afresh(wish_of(row), prices)
    return await pricer.price(wish_of(row), prices, lambda _: None)


def _compare(row: QuoteItemRow, again: Priced) -> RepricedItem:
    return RepricedItem(
        position=row.position,
        before_minor=row.amount_minor,
        after_minor=None if again.item.priced is None else again.item.priced.total_minor,
        refusal=again.item.refusal,
    )


def _total(stored: StoredQuote, priced: list[Priced], tariff: Tariff) -> PricedQuote | None:
    items = [again.item.priced for again in priced if again.item.priced is not None]
    if not items or len(items) < len(priced):
        return None
    try:
        return price_quote(items, tariff, stored.quote.currency, LeadTime(stored.quote.lead_time), stored.quote.tier)
    except QuotingRefusalError:
        return None


def _differences(
    stored: StoredQuote, rows: list[QuoteItemRow], priced: list[Priced], quote: PricedQuote | None
) -> tuple[str, ...]:
    """What is not the same to the letter, a sentence each."""
    found = list[str]()
    for row, again in zip(rows, priced, strict=True):
        before, after = priced_of(row), again.item.priced
        if after is None:
            refusal = again.item.refusal or Refusal(code="refused", detail="It is refused now.", param="file_id")
            found.append(f"Item {row.position + 1} has no price: {refusal.detail}")
        elif before is None or before.lines != after.lines:
            old = {} if before is None else {line.code: line for line in before.lines}
            changed = [line for line in after.lines if old.get(line.code) != line]
            gone = set(old) - {line.code for line in after.lines}
            names = [line.title for line in changed] + [old[code].title for code in sorted(gone)]
            found.append(f"Item {row.position + 1}: {', '.join(names)} differ.")
    if quote is not None and [line.model_dump(mode="json") for line in quote.lines] != stored.quote.lines:
        found.append("What is charged once per quote differs.")
    return tuple(found)
