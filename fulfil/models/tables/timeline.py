"""The timeline: append-only events, and the head that numbers them and says whose move it is."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Integer, String, UniqueConstraint, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.parties import Actor, WaitingOn
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

    Takes the head's row lock, so call it in the transaction that establishes the fact, and always lock
    in the order production, job, stock, timeline.
    """
    head = await session.get(TimelineRow, order_id, with_for_update=True)
    if head is None:
        head = TimelineRow(order_id=order_id, last_sequence=0, next_who=WaitingOn.SYSTEM, next_what="")
        session.add(head)
    elif await session.scalar(select(EventRow.offset).where(EventRow.business_key == business_key)):
        return False
    head.last_sequence += 1
    if next_step is not None:
        head.next_who, head.next_what, head.next_by = next_step.who, next_step.what, next_step.by
    await session.flush()
    session.add(
        EventRow(
            order_id=order_id,
            sequence=head.last_sequence,
            business_key=business_key,
            type=kind,
            at=at,
            actor_kind=actor.kind,
            actor_id=actor.id,
            subject=subject,
            data=data,
            next=next_step.model_dump(mode="json") if next_step else None,
        )
    )
    await session.flush()
    await session.execute(text("SELECT pg_notify('fulfil_events', :order_id)"), {"order_id": order_id})
    return True
