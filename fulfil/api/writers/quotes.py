"""Requests for quotes: rows the API owns; the quotes themselves are written by the worker."""

from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.models.tables.quotes import QuoteRequestRow


async def write_quote_request(
    session: AsyncSession, *, quote_id: str, customer_id: str, request: dict[str, Any], at: datetime
) -> datetime:
    """Write what was asked, once; when it was asked."""
    await session.execute(
        insert(QuoteRequestRow)
        .values(id=quote_id, customer_id=customer_id, request=request, created_at=at)
        .on_conflict_do_nothing()
    )
    row = await session.get_one(QuoteRequestRow, quote_id)
    return row.created_at
