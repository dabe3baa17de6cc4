"""Cursor pages, newest first, by a moment and an id."""

from datetime import datetime
from typing import TypeVarTuple

from sqlalchemy import ColumnElement, Select, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from fulfil.api.errors import invalid

Selected = TypeVarTuple("Selected")


async def newest_first(
    session: AsyncSession,
    query: Select[*Selected],
    *,
    moment: InstrumentedAttribute[datetime],
    identity: InstrumentedAttribute[str],
    limit: int,
    starting_after: str | None,
) -> tuple[list[tuple[*Selected]], bool]:
    """The rows of one page, and whether there are more; 422 when `starting_after` is no row of that table."""
    if starting_after is not None:
        query = query.where(await _beyond(session, moment, identity, starting_after))
    found = await session.execute(query.order_by(moment.desc(), identity.desc()).limit(limit + 1))
    rows: list[tuple[*Selected]] = list(found)
    return rows[:limit], len(rows) > limit


async def _beyond(
    session: AsyncSession, moment: InstrumentedAttribute[datetime], identity: InstrumentedAttribute[str], cursor: str
) -> ColumnElement[bool]:
    at = await session.scalar(select(moment).where(identity == cursor))
    if at is None:
        raise invalid("cursor_unknown", "There is no such item: take the last id of a page.", "starting_after")
    return tuple_(moment, identity) < tuple_(at, cursor)
