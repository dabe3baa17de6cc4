"""The timeline of an order: append-only events by global offset."""

from collections.abc import Mapping

from sqlalchemy import ARRAY, BigInteger, String, column, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.disclosure import disclose, hidden_from
from fulfil.models.messages.events import EventType, NextStep, TimelineEvent
from fulfil.models.messages.parties import Actor, ActorKind
from fulfil.models.tables.timeline import EventRow


async def read_events(
    session: AsyncSession, caller: Principal, order_id: str, *, after: int = 0, limit: int
) -> list[TimelineEvent]:
    """Events of one order beyond an offset as the caller may see them, oldest first."""
    rows = await session.scalars(
        select(EventRow)
        .where(EventRow.order_id == order_id, EventRow.offset > after, EventRow.type.not_in(hidden_from(caller)))
        .order_by(EventRow.offset)
        .limit(limit)
    )
    told = [disclose(represent_event(row), caller) for row in rows]
    return [event for event in told if event is not None]


async def read_new_events(session: AsyncSession, beyond: Mapping[str, int]) -> list[TimelineEvent]:
    """Events of several orders, each beyond its own offset, oldest first; whole, so `disclose` them to their reader."""
    wanted = (
        func.unnest(literal(list(beyond.keys()), ARRAY(String)), literal(list(beyond.values()), ARRAY(BigInteger)))
        .table_valued(column("order_id", String), column("beyond", BigInteger))
        .render_derived(name="wanted")
    )
    rows = await session.scalars(
        select(EventRow)
        .join(wanted, (EventRow.order_id == wanted.c.order_id) & (EventRow.offset > wanted.c.beyond))
        .order_by(EventRow.offset)
    )
    return [represent_event(row) for row in rows]


def represent_event(row: EventRow) -> TimelineEvent:
    """All of the row; its offset is its id."""
    return TimelineEvent(
        id=row.offset,
        order_id=row.order_id,
        sequence=row.sequence,
        type=EventType(row.type),
        at=row.at,
        actor=Actor(kind=ActorKind(row.actor_kind), id=row.actor_id),
        subject=row.subject,
        data=row.data,
        next=None if row.next is None else NextStep.model_validate(row.next),
    )
