"""The timeline: append-only events, and the head that numbers them and says whose move it is."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Integer, String, UniqueConstraint, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.parties import Actor
from fulfil.models.tables.base import Base, Id, Key


class TimelineRow(Base):
    """Head of an order's timeline; its row lock gives events of one order their gap-free sequence.

    `stuck_*` are set while a step is parked.
    """

    __tablename__ = "timelines"

    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    last_sequence: Mapped[int] = mapped_column(Integer)
    next_who: Mapped[str] = mapped_column(String(20))
    next_what: Mapped[str] = mapped_column(String(300))
    next_by: Mapped[datetime | None] = mapped_column(index=True)
    stuck_step: Mapped[str | None] = mapped_column(String(80), index=True)
    stuck_since: Mapped[datetime | None]
    stuck_cause: Mapped[str | None] = mapped_column(String(2000))
    stuck_workflow_id: Mapped[str | None] = mapped_column(String(120))
    stuck_allowed: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))


class EventRow(Base):
    """One fact; `offset` is global, `sequence` per order, `business_key` makes a retry find it.

    Offsets are given before commit, so a follower of all orders must stay below the oldest running
    transaction: `WHERE transaction_id < pg_snapshot_xmin(pg_current_snapshot())`. Within one order the
    timeline's row lock makes offset order equal commit order.
    """

    __tablename__ = "events"
    __table_args__ = (UniqueConstraint("order_id", "sequence"),)

    offset: Mapped[int] = mapped_column("offset", BigInteger, Identity(always=True), primary_key=True)
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"))
    sequence: Mapped[int] = mapped_column(Integer)
    business_key: Mapped[Key] = mapped_column(unique=True)
    type: Mapped[str] = mapped_column(String(60))
    at: Mapped[datetime]
    actor_kind: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[str] = mapped_column(String(120))
    subject: Mapped[str] = mapped_column(String(120))
    data: Mapped[dict[str, Any]]
    next: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    transaction_id: Mapped[int] = mapped_column(BigInteger, server_default=text("(pg_current_xact_id()::text)::bigint"))


LOCK_HEAD = text("SELECT last_sequence FROM timelines WHERE order_id = :order_id FOR UPDATE")
ADD_HEAD = text(
    "INSERT INTO timelines (order_id, last_sequence, next_who, next_what) VALUES (:order_id, 0, 'system', '') "
    "ON CONFLICT DO NOTHING"
)
APPEND = text("""
WITH head AS (
    UPDATE timelines SET
        last_sequence = last_sequence + 1,
        next_who = coalesce(CAST(:next_who AS text), next_who),
        next_what = coalesce(CAST(:next_what AS text), next_what),
        next_by = CASE WHEN CAST(:next_who AS text) IS NULL THEN next_by ELSE CAST(:next_by AS timestamptz) END
    WHERE order_id = :order_id AND NOT EXISTS (SELECT FROM events WHERE business_key = :business_key)
    RETURNING last_sequence
), appended AS (
    INSERT INTO events (order_id, sequence, business_key, type, at, actor_kind, actor_id, subject, data, next)
    SELECT :order_id, last_sequence, :business_key, :type, :at, :actor_kind, :actor_id, :subject, :data, :next
    FROM head RETURNING order_id
)
SELECT pg_notify('fulfil_events', order_id) FROM appended
""").bindparams(bindparam("data", type_=JSONB), bindparam("next", type_=JSONB(none_as_null=True)))


async def append_event(  # noqa: PLR0913 (an event has these parts)
    session: AsyncSession,
    *,
    order_id: str,
    business_key: str,
    kind: EventType,
    at: datetime,
    actor: Actor,
    subject: str,
    data: dict[str, Any],
    next_step: NextStep | None = None,
) -> bool:
    """Append one event and move the timeline's head; False when `business_key` is already there (a retry).

    Takes the head's row lock, so call it in the transaction that establishes the fact, after every other lock.
    Followers are woken through channel `fulfil_events`, whose payload is the order's id.
    """
    await session.flush()
    # A statement of its own: only what begins after the lock is sure to see the event of whoever held it before.
    if await session.scalar(LOCK_HEAD, {"order_id": order_id}) is None:
        await session.execute(ADD_HEAD, {"order_id": order_id})
    appended = await session.execute(
        APPEND,
        {
            "order_id": order_id,
            "business_key": business_key,
            "type": kind.value,
            "at": at,
            "actor_kind": actor.kind.value,
            "actor_id": actor.id,
            "subject": subject,
            "data": data,
            "next": next_step.model_dump(mode="json") if next_step else None,
            "next_who": next_step.who.value if next_step else None,
            "next_what": next_step.what if next_step else None,
            "next_by": next_step.by if next_step else None,
        },
    )
    return appended.first() is not None
