"""What an order is of: quotes that bind and services that are offered, and the lines they become.

A quote becomes a line per process and material of its items. What is charged once (a small order, a lead time) is
spread over them in proportion, so that lines sum to the quote to the cent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.models.ids import derived_id
from fulfil.models.messages.deliverables import PlannedMilestone
from fulfil.models.messages.orders import LineKind, StartOrder
from fulfil.models.messages.prices import ItemWish
from fulfil.models.messages.quotes import QuoteStatus
from fulfil.models.money import Money, apportion
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.deliverables import ServiceRow
from fulfil.models.tables.orders import OrderLineRow
from fulfil.models.tables.quotes import FileAnalysisRow, FileRow, QuoteItemRow, QuoteRow
from fulfil.quoting.prices.charges import pieces_per_sheet
from fulfil.quoting.prices.tariffs import TariffError, load_tariff
from fulfil.quoting.prices.terms import SheetTerms, agree
from fulfil.quoting.refusals import QuotingRefusalError

LONGEST_TITLE = 300
VERIFIED = "verified"


@dataclass(frozen=True)
class WantedItem:
    """One file of a quote, its name, and the size of what was measured in it, in millimetres."""

    row: QuoteItemRow
    name: str
    size_mm: Sequence[float] | None


@dataclass(frozen=True)
class Wanted:
    """Everything that is ordered, as PostgreSQL has it; what is not found is left out."""

    quotes: Sequence[tuple[QuoteRow, Sequence[WantedItem]]]
    services: Sequence[tuple[ServiceRow, ProviderRow]]

    @property
    def currencies(self) -> set[str]:
        """An order is paid in one."""
        return {quote.currency for quote, _ in self.quotes} | {service.currency for service, _ in self.services}

    @property
    def total(self) -> Money:
        """The same, with the one currency of what is ordered."""
        (currency,) = self.currencies
        return Money(amount_minor=self.total_minor, currency=currency)

    @property
    def total_minor(self) -> int:
        """What all of it costs."""
        quoted = sum(quote.total_minor for quote, _ in self.quotes)
        return quoted + sum(service.price_minor for service, _ in self.services)


def quote_ids_of(request: StartOrder) -> tuple[str, ...]:
    """The quotes of an order; orders of old name one."""
    return request.quote_ids or ((request.quote_id,) if request.quote_id is not None else ())


async def read_wanted(session: AsyncSession, request: StartOrder) -> Wanted:
    """Read what an order names."""
    quotes = [await session.get(QuoteRow, quote_id) for quote_id in quote_ids_of(request)]
    services = [await session.get(ServiceRow, wanted.service_id) for wanted in request.services]
    return Wanted(
        quotes=[(quote, await _read_items(session, quote.id)) for quote in quotes if quote is not None],
        services=[
            (service, await session.get_one(ProviderRow, service.provider_id))
            for service in services
            if service is not None
        ],
    )


def refusal_of(request: StartOrder, wanted: Wanted, now: datetime) -> tuple[str, str] | None:
    """Why this can't be ordered, as a code and a sentence; None when it can."""
    if len(wanted.quotes) < len(quote_ids_of(request)):
        return "quote_not_found", "There is no such quote: ask for a new one."
    if len(wanted.services) < len(request.services):
        return "service_not_found", "There is no such service (any more)."
    for quote, _ in wanted.quotes:
        refusal = _refusal_of_quote(request, quote, now)
        if refusal is not None:
            return refusal
    for service, provider in wanted.services:
        if not service.active or provider.suspended_at is not None or provider.verification != VERIFIED:
            return "service_not_offered", f"{service.title} can't be ordered at present."
    return _refusal_of_price(request, wanted)


def lines_of(request: StartOrder, wanted: Wanted) -> list[OrderLineRow]:
    """The lines, in their order: of each quote by the first item of their kind, then the services."""
    lines = [line for quote, items in wanted.quotes for line in _lines_of_quote(request, quote, items)]
    lines += [
        _line_of_service(request, service, number) for number, (service, _) in enumerate(wanted.services, start=1)
    ]
    for position, line in enumerate(lines, start=1):
        line.position = position
    return lines


async def _read_items(session: AsyncSession, quote_id: str) -> list[WantedItem]:
    """What a quote gives a price for, in its order."""
    rows = await session.execute(
        select(QuoteItemRow, FileRow.name, FileAnalysisRow.analysis)
        .join(FileRow, FileRow.id == QuoteItemRow.file_id)
        .outerjoin(FileAnalysisRow, FileAnalysisRow.id == QuoteItemRow.analysis_id)
        .where(QuoteItemRow.quote_id == quote_id, QuoteItemRow.amount_minor > 0)
        .order_by(QuoteItemRow.position)
    )
    return [WantedItem(row, name, _size_of(analysis)) for row, name, analysis in rows]


def _size_of(analysis: dict[str, Any] | None) -> list[float] | None:
    measured = (analysis or {}).get("solid") or (analysis or {}).get("drawing")
    return [float(side) for side in measured["size_mm"]] if measured else None


def _refusal_of_quote(request: StartOrder, quote: QuoteRow, now: datetime) -> tuple[str, str] | None:
    if quote.customer_id != request.customer_id:
        return "quote_not_yours", "This quote was made for somebody else: ask for your own."
    if quote.status != QuoteStatus.FIRM or quote.total_minor == 0:
        return "quote_not_firm", "This quote has no binding price: see its findings."
    if quote.expires_at <= now:
        return "quote_expired", f"This quote expired at {quote.expires_at:%Y-%m-%d %H:%M} UTC: ask for a new one."
    return None


def _refusal_of_price(request: StartOrder, wanted: Wanted) -> tuple[str, str] | None:
    if len(wanted.currencies) > 1:
        mixed = ", ".join(sorted(wanted.currencies))
        return "currencies_mixed", f"An order is paid in one currency, and this one is of {mixed}: order each apart."
    if request.total is not None and request.total != wanted.total:
        return "price_changed", f"Together it costs {wanted.total} now, not {request.total}: order it anew."
    return None


def _lines_of_quote(request: StartOrder, quote: QuoteRow, items: Sequence[WantedItem]) -> list[OrderLineRow]:
    made: dict[tuple[str, str], list[WantedItem]] = {}
    for item in items:
        made.setdefault((item.row.process, item.row.material), []).append(item)
    groups = list(made.items())
    weights = [sum(item.row.amount_minor for item in group) for _, group in groups]
    amounts = apportion(quote.total_minor, weights, quote.currency)
    lines: list[OrderLineRow] = []
    for number, (((process, material), group), amount_minor) in enumerate(zip(groups, amounts, strict=True)):
        # The first has the id it had when a quote was one line.
        parts = (request.order_id, quote.id) if number == 0 else (request.order_id, quote.id, process, material)
        title = ", ".join(f"{item.row.quantity} x {item.name}" for item in group)
        lines.append(
            OrderLineRow(
                id=derived_id("lin", *parts),
                order_id=request.order_id,
                kind=LineKind.MADE_TO_ORDER,
                quote_id=quote.id,
                positions=[item.row.position for item in group],
                title=_shortened(title),
                process=process,
                material=material,
                material_g=sum(item.row.material_g for item in group),
                material_sheets=_sheets_of(quote, group),
                colour=None,
                box_mm=_largest(group),
                quantity=sum(item.row.quantity for item in group),
                lead_time_days=quote.lead_time_days,
                amount_minor=amount_minor,
                tax_bp=request.policies.tax_bp,
                currency=quote.currency,
            )
        )
    return lines


def _line_of_service(request: StartOrder, service: ServiceRow, number: int) -> OrderLineRow:
    plan = [PlannedMilestone.model_validate(planned) for planned in service.milestones]
    return OrderLineRow(
        id=derived_id("lin", request.order_id, service.id, str(number)),
        order_id=request.order_id,
        kind=LineKind.SERVICE,
        service_id=service.id,
        provider_id=service.provider_id,
        plan=[planned.model_dump(mode="json") for planned in plan],
        revisions_included=service.revisions_included,
        checklist=service.checklist,
        title=_shortened(service.title),
        process="",
        material="",
        material_g=0,
        quantity=1,
        lead_time_days=max(planned.days for planned in plan),
        amount_minor=service.price_minor,
        tax_bp=request.policies.tax_bp,
        currency=service.currency,
    )


def _largest(group: Sequence[WantedItem]) -> list[float] | None:
    """A box that every part of the group fits into; None when one was not measured."""
    sizes = [sorted(item.size_mm, reverse=True) for item in group if item.size_mm is not None]
    if len(sizes) < len(group) or len({len(size) for size in sizes}) != 1:
        return None
    return [max(sides) for sides in zip(*sizes, strict=True)]


def _sheets_of(quote: QuoteRow, group: Sequence[WantedItem]) -> int | None:
    """How many sheets the parts are cut from, each file by itself; None for what is not cut, or fits no known sheet."""
    sheets = 0
    for item in group:
        estimate = item.row.estimate
        if item.size_mm is None or estimate is None or estimate.get("sheet_mm") is None:
            return None
        try:
            wish = ItemWish.model_validate(item.row.wish)
            terms = agree(wish, quote.currency, load_tariff(quote.tariff_version), quote.tier)
        except (TariffError, QuotingRefusalError):
            return None  # priced by a list of old, or one that was sent along
        on_one = pieces_per_sheet(terms, item.size_mm) if isinstance(terms, SheetTerms) else None
        if on_one is None:
            return None
        sheets += ceil(item.row.quantity / on_one)
    return sheets or None


def _shortened(title: str) -> str:
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…"
