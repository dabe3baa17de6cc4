"""One file of a quote: the wish agreed, the file measured, the item priced; a refusal is an item too."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fulfil.activities.analysing import AnalysisDesk, StoredAnalysis
from fulfil.gateways.storage import ObjectStorage
from fulfil.models.messages.quotes import AnalysisProgress, QuotedItem, QuoteItemWish, QuoteStatus, Refusal
from fulfil.quoting.analysis import Glance
from fulfil.quoting.artefacts import ArtefactKind
from fulfil.quoting.items import quote_item
from fulfil.quoting.prices.tariffs import Tariff
from fulfil.quoting.prices.terms import agree
from fulfil.quoting.refusals import QuotingRefusalError


@dataclass(frozen=True)
class PriceList:
    """By what an item is priced; `coefficients` None takes the newest."""

    tariff: Tariff
    currency: str
    tier: str
    coefficients: str | None = None


@dataclass(frozen=True)
class Priced:
    """An item, the analysis it rests on, and how long both took."""

    item: QuotedItem
    analysis: StoredAnalysis | None
    calculation_time_ms: int


class ItemPricer:
    """Prices files one by one, measuring those that are not measured yet."""

    def __init__(self, desk: AnalysisDesk, storage: ObjectStorage) -> None:
        self._desk = desk
        self._storage = storage

    async def price(
        self, wish: QuoteItemWish, prices: PriceList, tell: Callable[[AnalysisProgress | Glance], None]
    ) -> Priced:
        """The priced item; raises only what is neither the customer's nor the file's fault."""
        return await self._price(wish, prices, lambda: self._desk.ensure(wish.file_sha256, wish.options, tell))

    async def price_afresh(self, wish: QuoteItemWish, prices: PriceList) -> Priced:
        """As `price`, with the file measured again, whatever is stored."""
        return await self._price(wish, prices, lambda: self._desk.measure_afresh(wish.file_sha256, wish.options))

    async def _price(
        self, wish: QuoteItemWish, prices: PriceList, analyse: Callable[[], Awaitable[StoredAnalysis]]
    ) -> Priced:
        began = time.perf_counter()
        stored: StoredAnalysis | None = None
        try:
            terms = agree(wish.wish, prices.currency, prices.tariff, prices.tier)
            stored = await analyse()
            motion = stored.artefacts.get(ArtefactKind.MOTION)
            content = None if motion is None else await self._storage.get(motion)
            item = quote_item(stored.analysis, content, terms, wish.accepted, coefficients=prices.coefficients)
        except QuotingRefusalError as refusal:
            reason = Refusal(code=refusal.code.value, detail=refusal.detail, param=refusal.param)
            item = QuotedItem(status=QuoteStatus.REFUSED, refusal=reason)
        return Priced(item, stored, round((time.perf_counter() - began) * 1000))
