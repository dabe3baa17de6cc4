"""Files to quotes: every file measured in a child process, priced by the tariff of the day, stored once."""

import asyncio
import dataclasses
import time
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity
from temporalio.exceptions import ApplicationError

from fulfil.activities.analysing import AnalysisDesk
from fulfil.activities.confirming import Confirmer, find_confirmation, store_confirmation
from fulfil.activities.item_pricing import ItemPricer, Priced, PriceList
from fulfil.activities.progress import Progress, beating
from fulfil.activities.quote_rows import StoredQuote, find_prepared, read_quote, store_quote
from fulfil.activities.repricing import Repricing, reprice, sum_up
from fulfil.gateways.slicer import PrusaSlicer
from fulfil.gateways.storage import ObjectStorage
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.kit.isolation import Isolation
from fulfil.models.messages.prices import PricedQuote
from fulfil.models.messages.quotes import (
    AnalyseFile,
    ConfirmEstimate,
    EstimateConfirmed,
    FileAnalysed,
    PreparedQuote,
    PrepareQuote,
    Pricing,
    QuotedItem,
    QuoteStatus,
    Refusal,
    ReplayedQuotes,
    ReplayQuotes,
    RepricedQuote,
    RepriceQuote,
)
from fulfil.models.tables.quotes import QuoteRow
from fulfil.quoting.analysis import Glance
from fulfil.quoting.items import first_price
from fulfil.quoting.prices.pricing import price_quote
from fulfil.quoting.prices.tariffs import Tariff, TariffError, load_tariff, parse_tariff
from fulfil.quoting.refusals import QuotingRefusalError
from fulfil.workflows.ports.quotes import QuoteActivities

# Loaded once by the isolation server, so that a call does not pay for importing them.
PRELOAD = ("fulfil.quoting.examination",)


class GeometryQuoteActivities(QuoteActivities):
    """Quotes by measured geometry; a refusal is an answer, trouble around it raises."""

    def __init__(
        self,
        *,
        database: Database,
        storage: ObjectStorage,
        isolation: Isolation,
        slicer: PrusaSlicer | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._clock = clock
        self._desk = AnalysisDesk(database=database, storage=storage, isolation=isolation, clock=clock)
        self._pricer = ItemPricer(self._desk, storage)
        self._confirmer = Confirmer(slicer, isolation, self._desk)

    @activity.defn
    async def analyse_file(self, request: AnalyseFile) -> FileAnalysed:
        """Measure a file in a child process and store what was found; heartbeats `AnalysisProgress`."""
        async with beating() as progress:
            tell = progress.listen(0, lambda _: None)
            stored = await self._desk.ensure(request.file_sha256, request.options, tell)
        return FileAnalysed(analysis_id=stored.id, refusal=stored.analysis.refusal)

    @activity.defn
    async def prepare_quote(self, request: PrepareQuote) -> PreparedQuote:
        """Measure what is not measured yet, price every file, store the quote; heartbeats `AnalysisProgress`."""
        async with self._database.begin() as session:
            prepared = await find_prepared(session, request.quote_id)
        if prepared is not None:
            return prepared
        began = time.perf_counter()
        tariff = load_tariff()
        async with beating(len(request.items)) as progress:
            items = await asyncio.gather(
                *(self._price(request, position, tariff, progress) for position in range(len(request.items)))
            )
        items, quote = _totalled(request, tariff, items)
        took_ms = round((time.perf_counter() - began) * 1000)
        async with self._database.begin() as session:
            return await store_quote(session, request, items, quote, took_ms=took_ms, at=self._clock())

    @activity.defn
    async def reprice_quote(self, request: RepriceQuote) -> RepricedQuote:
        """Price a stored quote by another price list, or prove it by its own; changes nothing."""
        async with self._database.begin() as session:
            stored = await read_stored(session, request.quote_id)
        async with beating():
            return await reprice(self._pricer, stored, _how(request, stored))

    @activity.defn
    async def replay_quotes(self, request: ReplayQuotes) -> ReplayedQuotes:
        """Price the newest stored quotes by another price list; changes nothing."""
        how = Repricing(_parsed(request.tariff), original=False, afresh=False)
        newest = select(QuoteRow.id).where(QuoteRow.total_minor > 0).order_by(QuoteRow.created_at.desc(), QuoteRow.id)
        async with self._database.begin() as session:
            quotes = list(await session.scalars(newest.limit(request.limit)))
        repriced = list[RepricedQuote]()
        async with beating():
            for quote_id in quotes:
                async with self._database.begin() as session:
                    stored = await read_quote(session, quote_id)
                repriced.append(await reprice(self._pricer, stored, how))
        return sum_up(how.tariff.version, repriced)

    @activity.defn
    async def confirm_estimate(self, request: ConfirmEstimate) -> EstimateConfirmed:
        """Slice an item for real and store both numbers."""
        async with self._database.begin() as session:
            known = await find_confirmation(session, request)
            stored = await read_stored(session, request.quote_id)
        if known is not None:
            return known
        row = next((item for item in stored.items if item.position == request.position), None)
        if row is None:
            raise ApplicationError("the quote has no such item", type="item_not_found", non_retryable=True)
        async with beating():
            confirmed = await self._confirmer.confirm(
                row, tariff_version=stored.quote.tariff_version, currency=stored.quote.currency
            )
        if confirmed.refusal is None:
            async with self._database.begin() as session:
                await store_confirmation(session, request, confirmed, self._clock())
        return confirmed

    async def _price(self, request: PrepareQuote, position: int, tariff: Tariff, progress: Progress) -> Priced:
        wish = request.items[position]
        prices = PriceList(tariff, request.currency, request.tier)

        def glance(first: Glance) -> str | None:
            return first_price(first, wish.wish, request.currency, tariff, request.tier)

        return await self._pricer.price(wish, prices, progress.listen(position, glance))


async def read_stored(session: AsyncSession, quote_id: str) -> StoredQuote:
    """A stored quote; one that isn't there can't appear by trying again."""
    try:
        return await read_quote(session, quote_id)
    except NoResultFound as error:
        raise ApplicationError("there is no such quote", type="quote_not_found", non_retryable=True) from error


def _totalled(request: PrepareQuote, tariff: Tariff, items: list[Priced]) -> tuple[list[Priced], PricedQuote]:
    """The items with a binding or provisional price, put together; too large an order refuses all of them."""
    priced = [
        item.item.priced
        for item in items
        if item.item.priced is not None and item.item.status in {QuoteStatus.FIRM, QuoteStatus.PROVISIONAL}
    ]
    if not priced:
        return items, _nothing(request, tariff)
    try:
        return items, price_quote(priced, tariff, request.currency, request.lead_time, request.tier)
    except QuotingRefusalError as refusal:
        reason = Refusal(code=refusal.code.value, detail=refusal.detail, param=refusal.param)
        item = QuotedItem(status=QuoteStatus.REFUSED, refusal=reason)
        return [dataclasses.replace(each, item=item) for each in items], _nothing(request, tariff)


def _nothing(request: PrepareQuote, tariff: Tariff) -> PricedQuote:
    return PricedQuote(
        currency=request.currency,
        lines=(),
        items_minor=0,
        total_minor=0,
        lead_time=request.lead_time,
        lead_time_days=0,
        lead_time_options=(),
        tier=request.tier,
        tariff_version=tariff.version,
    )


def _how(request: RepriceQuote, stored: StoredQuote) -> Repricing:
    if request.pricing is Pricing.GIVEN:
        return Repricing(_parsed(request.tariff or ""), original=False, afresh=request.afresh)
    if request.pricing is Pricing.TODAY:
        return Repricing(load_tariff(), original=False, afresh=request.afresh)
    try:
        return Repricing(load_tariff(stored.quote.tariff_version), original=True, afresh=request.afresh)
    except TariffError as error:
        raise ApplicationError(str(error), type="tariff_unknown", non_retryable=True) from error


def _parsed(document: str) -> Tariff:
    try:
        return parse_tariff(document.encode())
    except TariffError as error:
        raise ApplicationError(str(error), type="tariff_invalid", non_retryable=True) from error
