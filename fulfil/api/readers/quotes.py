"""Quotes with everything their items rest on, and requests whose quote is still being made."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.firming import next_of
from fulfil.api.readers.analyses import represent_drawing, represent_previews, represent_solid
from fulfil.api.readers.paging import newest_first
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.quotes import EstimateConfirmation, Quote, QuotedFile, QuoteItem, QuoteVersions
from fulfil.models.messages.estimates import Estimate
from fulfil.models.messages.findings import Finding, FindingCode
from fulfil.models.messages.prices import ItemWish, LeadTime, LeadTimeOption, PricedItem, PriceLine
from fulfil.models.messages.quotes import QuoteStatus, ReadingOptions, Refusal
from fulfil.models.money import Money
from fulfil.models.tables.quotes import (
    EstimateConfirmationRow,
    FileAnalysisRow,
    FileRow,
    QuoteItemRow,
    QuoteRequestRow,
    QuoteRow,
)

# Refusals name a field of the item they are about; anything else is a field of the whole request.
ITEM_FIELDS = (
    *("file_id", "process", "material", "quantity", "thickness_mm", "infill_percent", "unit", "operations", "accept"),
)
Json = dict[str, Any] | None
ItemParts = tuple[QuoteItemRow, FileRow, EstimateConfirmationRow | None, Json, Json, Json]


async def find_quote(session: AsyncSession, caller: Principal, quote_id: str) -> Quote | None:
    """A quote of the caller's; staff see all."""
    row = await session.get(QuoteRow, quote_id)
    if row is None or not (caller.is_staff or row.customer_id == caller.party_id):
        return None
    items = await _read_items(session, [quote_id])
    return represent_quote(row, items[quote_id])


async def list_quotes(
    session: AsyncSession, caller: Principal, *, limit: int, starting_after: str | None
) -> Page[Quote]:
    """Hers, newest first; staff see all."""
    query = select(QuoteRow)
    if not caller.is_staff:
        query = query.where(QuoteRow.customer_id == caller.owner_id)
    rows, has_more = await newest_first(
        session,
        query,
        moment=QuoteRow.created_at,
        identity=QuoteRow.id,
        limit=limit,
        starting_after=starting_after,
    )
    items = await _read_items(session, [row.id for (row,) in rows])
    return Page(data=[represent_quote(row, items[row.id]) for (row,) in rows], has_more=has_more)


@dataclass(frozen=True)
class AskedQuote:
    """A quote that was asked for and may not be there yet."""

    id: str
    asked_at: datetime


async def find_asked_quote(session: AsyncSession, caller: Principal, quote_id: str) -> AskedQuote | None:
    """A request of the caller's for a quote; staff see all."""
    row = await session.get(QuoteRequestRow, quote_id)
    if row is None or not (caller.is_staff or row.customer_id == caller.party_id):
        return None
    return AskedQuote(row.id, row.created_at)


async def _read_items(session: AsyncSession, quote_ids: Sequence[str]) -> dict[str, list[ItemParts]]:
    # What an analysis says of layers is long, and of no use here.
    facts = FileAnalysisRow.analysis
    query = (
        select(
            *(QuoteItemRow, FileRow, EstimateConfirmationRow),
            *(facts["solid"], facts["drawing"], FileAnalysisRow.artefacts),
        )
        .join(FileRow, FileRow.id == QuoteItemRow.file_id)
        .outerjoin(FileAnalysisRow, FileAnalysisRow.id == QuoteItemRow.analysis_id)
        .outerjoin(
            EstimateConfirmationRow,
            and_(
                EstimateConfirmationRow.quote_id == QuoteItemRow.quote_id,
                EstimateConfirmationRow.position == QuoteItemRow.position,
            ),
        )
        .where(QuoteItemRow.quote_id.in_(quote_ids))
        .order_by(QuoteItemRow.quote_id, QuoteItemRow.position)
    )
    found: dict[str, list[ItemParts]] = defaultdict(list)
    for item, file, confirmation, solid, drawing, artefacts in await session.execute(query):
        found[item.quote_id].append((item, file, confirmation, solid, drawing, artefacts))
    return found


def represent_quote(row: QuoteRow, parts: Sequence[ItemParts]) -> Quote:
    """The rows as the API shows them."""
    items = [_represent_item(part, row.currency) for part in parts]
    return Quote(
        id=row.id,
        status=QuoteStatus(row.status),
        items=items,
        lines=[PriceLine.model_validate(line) for line in row.lines],
        items_total=Money(amount_minor=row.items_minor, currency=row.currency),
        total=Money(amount_minor=row.total_minor, currency=row.currency),
        lead_time=LeadTime(row.lead_time),
        lead_time_days=row.lead_time_days,
        lead_time_options=[LeadTimeOption.model_validate(option) for option in row.lead_time_options],
        tier=row.tier,
        versions=QuoteVersions(tariff=row.tariff_version, rules=row.rules_version),
        next=next_of(QuoteStatus(row.status), items),
        calculation_time_ms=sum(item.calculation_time_ms for item in items),
        total_calculation_time_ms=row.total_calculation_time_ms,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


def _represent_item(parts: ItemParts, currency: str) -> QuoteItem:
    row, file, confirmation, solid, drawing, artefacts = parts
    status = QuoteStatus(row.status)
    counted = row.priced is not None and status is not QuoteStatus.MANUAL
    return QuoteItem(
        position=row.position,
        status=status,
        file=QuotedFile(id=file.id, name=file.name, format=file.format),
        wish=ItemWish.model_validate(row.wish),
        options=ReadingOptions.model_validate(row.options),
        accepted=[FindingCode(code) for code in row.accepted],
        solid=represent_solid(solid),
        drawing=represent_drawing(drawing),
        findings=[Finding.model_validate(finding) for finding in row.findings],
        estimate=Estimate.model_validate(row.estimate) if row.estimate else None,
        price=PricedItem.model_validate(row.priced) if row.priced is not None else None,
        amount=Money(amount_minor=row.amount_minor, currency=currency) if counted else None,
        refusal=_represent_refusal(row),
        previews=(
            represent_previews(artefacts, file_id=row.file_id, analysis_id=row.analysis_id)
            if artefacts is not None and row.analysis_id is not None
            else None
        ),
        confirmation=_represent_confirmation(confirmation),
        calculation_time_ms=row.calculation_time_ms,
        analyser_version=row.analyser_version,
        coefficients_version=row.coefficients_version,
    )


def _represent_refusal(row: QuoteItemRow) -> Refusal | None:
    if row.refusal is None:
        return None
    refusal = Refusal.model_validate(row.refusal)
    return refusal.model_copy(update={"param": item_param(row.position, refusal.param)})


def item_param(position: int, param: str) -> str:
    """The path of an item's field in the request."""
    return f"items.{position}.{param}" if param.partition(".")[0] in ITEM_FIELDS else param


def _represent_confirmation(row: EstimateConfirmationRow | None) -> EstimateConfirmation | None:
    if row is None:
        return None
    return EstimateConfirmation.model_validate({**row.confirmation, "confirmed_at": row.created_at})
