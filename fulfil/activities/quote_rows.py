"""Quotes as rows: written whole in one transaction, read back as what they were made of."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.item_pricing import Priced
from fulfil.models.messages.prices import ItemWish, PricedItem, PricedQuote
from fulfil.models.messages.quotes import PreparedQuote, PrepareQuote, QuoteItemWish, QuoteStatus, ReadingOptions
from fulfil.models.tables.quotes import QuoteItemRow, QuoteRow
from fulfil.quoting.analysis import ANALYSER_VERSION
from fulfil.quoting.findings.table import CURRENT_RULES_VERSION

VALIDITY = timedelta(days=7)


@dataclass(frozen=True)
class StoredQuote:
    """A quote and its items, in their order."""

    quote: QuoteRow
    items: list[QuoteItemRow]


async def find_prepared(session: AsyncSession, quote_id: str) -> PreparedQuote | None:
    """The answer given when this quote was prepared, if it was."""
    row = await session.get(QuoteRow, quote_id)
    return None if row is None else _prepared(row)


async def read_quote(session: AsyncSession, quote_id: str) -> StoredQuote:
    """A stored quote; raises `sqlalchemy.exc.NoResultFound`."""
    quote = await session.get_one(QuoteRow, quote_id)
    items = select(QuoteItemRow).where(QuoteItemRow.quote_id == quote_id).order_by(QuoteItemRow.position)
    return StoredQuote(quote, list(await session.scalars(items)))


async def store_quote(
    session: AsyncSession,
    request: PrepareQuote,
    items: list[Priced],
    quote: PricedQuote,
    *,
    took_ms: int,
    at: datetime,
) -> PreparedQuote:
    """Insert unless another attempt was faster; either way the stored quote is the answer."""
    values = {
        "id": request.quote_id,
        "customer_id": request.customer_id,
        "status": status_of(items).value,
        "currency": quote.currency,
        "tier": quote.tier,
        "lead_time": quote.lead_time.value,
        "lead_time_days": quote.lead_time_days,
        "lead_time_options": [option.model_dump(mode="json") for option in quote.lead_time_options],
        "lines": [line.model_dump(mode="json") for line in quote.lines],
        "items_minor": quote.items_minor,
        "total_minor": quote.total_minor,
        "tariff_version": quote.tariff_version,
        "rules_version": CURRENT_RULES_VERSION,
        "total_calculation_time_ms": took_ms,
        "created_at": at,
        "expires_at": at + VALIDITY,
    }
    created = await session.scalar(
        insert(QuoteRow).values(values).on_conflict_do_nothing(index_elements=["id"]).returning(QuoteRow.id)
    )
    if created is not None:
        session.add_all(
            _item_row(request, position, wish, priced)
            for position, (wish, priced) in enumerate(zip(request.items, items, strict=True))
        )
    return _prepared(await session.get_one(QuoteRow, request.quote_id))


def status_of(items: list[Priced]) -> QuoteStatus:
    """The worst of the items that could be read; refused when none could."""
    states = {priced.item.status for priced in items}
    for state in (QuoteStatus.MANUAL, QuoteStatus.PROVISIONAL, QuoteStatus.FIRM):
        if state in states:
            return state
    return QuoteStatus.REFUSED


def wish_of(row: QuoteItemRow) -> QuoteItemWish:
    """What the customer asked for."""
    return QuoteItemWish(
        file_id=row.file_id,
        file_sha256=row.file_sha256,
        wish=ItemWish.model_validate(row.wish),
        options=ReadingOptions.model_validate(row.options, strict=False),
        accepted=QuoteItemWish.model_validate(
            {"file_id": row.file_id, "file_sha256": "", "wish": row.wish, "accepted": row.accepted}, strict=False
        ).accepted,
    )


def priced_of(row: QuoteItemRow) -> PricedItem | None:
    """What it was priced at."""
    return None if row.priced is None else PricedItem.model_validate(row.priced, strict=False)


def _item_row(request: PrepareQuote, position: int, wish: QuoteItemWish, priced: Priced) -> QuoteItemRow:
    item = priced.item
    return QuoteItemRow(
        quote_id=request.quote_id,
        position=position,
        file_id=wish.file_id,
        file_sha256=wish.file_sha256,
        analysis_id=None if priced.analysis is None else priced.analysis.id,
        status=item.status.value,
        process=item.priced.process if item.priced else wish.wish.process,
        material=item.priced.material if item.priced else wish.wish.material,
        quantity=wish.wish.quantity,
        material_g=item.priced.material_g if item.priced else 0,
        wish=wish.wish.model_dump(mode="json"),
        options=wish.options.model_dump(mode="json"),
        accepted=[code.value for code in wish.accepted],
        findings=[finding.model_dump(mode="json") for finding in item.findings],
        estimate=None if item.estimate is None else item.estimate.model_dump(mode="json"),
        priced=None if item.priced is None else item.priced.model_dump(mode="json"),
        refusal=None if item.refusal is None else item.refusal.model_dump(mode="json"),
        # What a person must look at counts towards no total: its lines only tell what it would cost.
        amount_minor=item.priced.total_minor if item.priced and item.status is not QuoteStatus.MANUAL else 0,
        analyser_version=ANALYSER_VERSION if priced.analysis is not None else None,
        coefficients_version=None if item.estimate is None else item.estimate.coefficients_version,
        calculation_time_ms=priced.calculation_time_ms,
    )


def _prepared(row: QuoteRow) -> PreparedQuote:
    return PreparedQuote(
        quote_id=row.id,
        status=QuoteStatus(row.status),
        total_minor=row.total_minor,
        currency=row.currency,
        expires_at=row.expires_at,
    )
