"""Quotes."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.readers.paging import newest_first
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.quotes import Quote
from fulfil.models.messages.quotes import Geometry, QuoteLine, QuoteStatus
from fulfil.models.money import Money
from fulfil.models.tables.quotes import QuoteRow


async def find_quote(session: AsyncSession, caller: Principal, quote_id: str) -> Quote | None:
    """A quote of the caller's; staff see all."""
    row = await session.get(QuoteRow, quote_id)
    if row is None or not (caller.is_staff or row.customer_id == caller.party_id):
        return None
    return represent_quote(row)


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
    return Page(data=[represent_quote(row) for (row,) in rows], has_more=has_more)


def represent_quote(row: QuoteRow) -> Quote:
    """The row as the API shows it."""
    return Quote(
        id=row.id,
        status=QuoteStatus(row.status),
        file_id=row.file_id,
        process=row.process,
        material=row.material,
        quantity=row.quantity,
        geometry=Geometry.model_validate(row.geometry, strict=False),
        lines=[QuoteLine.model_validate(line) for line in row.lines],
        total=Money(amount_minor=row.total_minor, currency=row.currency),
        lead_time_days=row.lead_time_days,
        material_g=row.material_g,
        total_calculation_time_ms=row.calculation_time_ms,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
