"""The timeline's rows: each event once, numbered without gaps, and whose move it is."""

import asyncio

from sqlalchemy import text

from fulfil.kit.database import Database
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.parties import SYSTEM, WaitingOn
from fulfil.models.tables.timeline import append_event
from tests.models.test_guards import AT, add_order


async def test_an_event_is_written_once_and_numbered_without_gaps(owner_database: Database) -> None:
    order_id = await add_order(owner_database)
    for key in ("second", "second", "third"):
        async with owner_database.begin() as session:
            await append_event(
                session,
                order_id=order_id,
                business_key=f"{order_id}:{key}",
                kind=EventType.REMINDER_SENT,
                at=AT,
                actor=SYSTEM,
                subject=order_id,
                data={},
            )
    async with owner_database.begin() as session:
        rows = await session.execute(text("SELECT sequence, business_key FROM events ORDER BY sequence"))
        assert [tuple(row) for row in rows] == [
            (1, f"{order_id}:placed"),
            (2, f"{order_id}:second"),
            (3, f"{order_id}:third"),
        ]


async def test_events_written_at_the_same_moment_are_numbered_without_gaps_and_each_once(
    owner_database: Database, worker_database: Database
) -> None:
    order_id = await add_order(owner_database)

    async def remind(key: str) -> bool:
        async with worker_database.begin() as session:
            return await append_event(
                session,
                order_id=order_id,
                business_key=f"{order_id}:{key}",
                kind=EventType.REMINDER_SENT,
                at=AT,
                actor=SYSTEM,
                subject=order_id,
                data={},
                next_step=NextStep(who=WaitingOn.CUSTOMER, what=key, by=AT),
            )

    written = await asyncio.gather(*(remind(f"reminder {n % 5}") for n in range(20)))

    assert sum(written) == 5
    async with owner_database.begin() as session:
        rows = await session.execute(text('SELECT sequence FROM events ORDER BY "offset"'))
        assert [row.sequence for row in rows] == [1, 2, 3, 4, 5, 6]
        head = (await session.execute(text("SELECT last_sequence, next_who, next_by FROM timelines"))).one()
        assert tuple(head) == (6, "customer", AT)


async def test_an_event_without_a_next_step_leaves_whose_move_it_is(owner_database: Database) -> None:
    order_id = await add_order(owner_database)
    for key, step in (("asked", NextStep(who=WaitingOn.CUSTOMER, what="pay", by=AT)), ("noted", None)):
        async with owner_database.begin() as session:
            await append_event(
                session,
                order_id=order_id,
                business_key=f"{order_id}:{key}",
                kind=EventType.REMINDER_SENT,
                at=AT,
                actor=SYSTEM,
                subject=order_id,
                data={},
                next_step=step,
            )
    async with owner_database.begin() as session:
        head = (await session.execute(text("SELECT next_who, next_what, next_by FROM timelines"))).one()
        assert tuple(head) == ("customer", "pay", AT)
        stored = (await session.execute(text("SELECT next IS NULL FROM events ORDER BY sequence"))).scalars().all()
        assert stored == [True, False, True]
