"""Posting on real PostgreSQL: guards, keys and chains hold under random sequences and many writers at once."""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from fulfil.kit.database import Database
from fulfil.ledger import entries
from fulfil.ledger.checks_of_postings import check_postings
from fulfil.ledger.entries import Entry
from fulfil.ledger.posting import NotCorrectableError, correct, post
from fulfil.models.ids import new_id
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.payments import PaymentRow
from tests.ledger.facts import Fact, Names, facts
from tests.ledger.oracle import Oracle

AT = datetime(2026, 11, 21, 9, 30, 0, 123_456, tzinfo=UTC)
LOCK = text("SELECT order_id FROM payments WHERE order_id = :order_id FOR NO KEY UPDATE")
BALANCES = text("SELECT account, sum(amount_minor)::bigint AS balance FROM ledger_postings GROUP BY account")


async def add_order(owner: Database, order_id: str) -> str:
    """An order and its payment, paid."""
    async with owner.begin() as session:
        session.add(
            OrderRow(
                id=order_id,
                customer_id=new_id("cus"),
                state="paid",
                total_minor=1_000,
                currency="eur",
                policies={},
                placed_at=AT,
            )
        )
        await session.flush()
        session.add(
            PaymentRow(
                order_id=order_id,
                payment_intent_id=f"pi_{order_id}",
                client_secret="secret",
                state="captured",
                amount_minor=1_000,
                currency="eur",
                updated_at=AT,
            )
        )
    return order_id


async def told(database: Database, order_id: str | None, key: str, posted: Entry, *, lock: bool = True) -> str:
    """Post as an activity does: `posted`, `known` or `refused`."""
    try:
        async with database.begin() as session:
            if lock and order_id is not None:
                await session.execute(LOCK, {"order_id": order_id})
            written = await post(session, posted, business_key=key, order_id=order_id, effective_at=AT, currency="eur")
    except IntegrityError:
        return "refused"
    return "posted" if written else "known"


async def balances(database: Database) -> dict[str, int]:
    """By account."""
    async with database.begin() as session:
        return {row.account: row.balance for row in await session.execute(BALANCES)}


async def assert_sound(database: Database, order_id: str) -> None:
    """Sums, chain and kept balances of the order are right."""
    async with database.begin() as session:
        assert await check_postings(session, order_id) == []


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told_facts=st.lists(facts(), min_size=5, max_size=30), paid=st.integers(1, 8))
async def test_postgresql_posts_ignores_and_refuses_what_the_oracle_does(
    owner_database: Database, worker_database: Database, told_facts: list[Fact], paid: int
) -> None:
    names, oracle = Names.fresh(), Oracle()
    await add_order(owner_database, names.order)
    before = await balances(worker_database)
    for fact in [Fact("paid", "charge", (paid,)), *told_facts]:
        said = oracle.post(fact.key, fact.name, fact.amounts)
        key = f"{names.order}:{fact.key}"
        assert await told(worker_database, names.order, key, fact.entry(names)) == said, fact
    after = await balances(worker_database)
    for pot, (account, sign) in names.pots.items():
        assert after.get(account, 0) - before.get(account, 0) == sign * oracle.pots[pot], pot
    await assert_sound(worker_database, names.order)


async def test_of_many_writers_on_one_order_only_so_many_succeed_as_there_is_money(
    owner_database: Database, worker_database: Database
) -> None:
    order_id = await add_order(owner_database, new_id("ord"))
    assert await told(worker_database, order_id, "charge", entries.charge(order_id, 100, pending=False)) == "posted"
    answers = await asyncio.gather(
        *(
            told(worker_database, order_id, f"refund:{number % 40}", entries.refund_decided(order_id, 7))
            for number in range(50)
        )
    )
    assert answers.count("posted") == 100 // 7
    assert set(answers) == {"posted", "known", "refused"} or set(answers) == {"posted", "refused"}
    assert (await balances(worker_database))[f"liability:held:{order_id}"] == -(100 % 7)
    await assert_sound(worker_database, order_id)


async def test_of_many_writers_of_one_fact_one_writes_it(owner_database: Database, worker_database: Database) -> None:
    order_id = await add_order(owner_database, new_id("ord"))
    charge = entries.charge(order_id, 100, pending=False)
    answers = await asyncio.gather(*(told(worker_database, order_id, "charge", charge) for _ in range(20)))
    assert sorted(answers) == ["known"] * 19 + ["posted"]


async def test_a_writer_without_the_lock_breaks_no_chain(owner_database: Database, worker_database: Database) -> None:
    order_id = await add_order(owner_database, new_id("ord"))
    answers = await asyncio.gather(
        *(
            told(worker_database, order_id, f"{n}", entries.charge(order_id, 1, pending=False), lock=False)
            for n in range(20)
        )
    )
    assert "posted" in answers
    assert (await balances(worker_database))[f"liability:held:{order_id}"] == -answers.count("posted")
    await assert_sound(worker_database, order_id)


async def test_writers_of_the_platforms_chain_wait_for_each_other(worker_database: Database) -> None:
    answers = await asyncio.gather(
        *(told(worker_database, None, f"platform:{n}", entries.topped_up(5, pending=False)) for n in range(20))
    )
    assert answers == ["posted"] * 20
    async with worker_database.begin() as session:
        assert await check_postings(session, None) == []


async def test_a_correction_reverses_once_names_what_and_why_and_stays_in_the_chain(
    owner_database: Database, worker_database: Database
) -> None:
    order_id = await add_order(owner_database, new_id("ord"))
    await told(worker_database, order_id, f"{order_id}:charge", entries.charge(order_id, 100, pending=False))
    async with worker_database.begin() as session:
        number = (await session.execute(text("SELECT id FROM ledger_transactions"))).scalar_one()
        right = entries.charge(order_id, 90, pending=False)
        assert await correct(session, number, reason="10 too much", effective_at=AT, replacement=right)
    async with worker_database.begin() as session:
        assert not await correct(session, number, reason="10 too much", effective_at=AT, replacement=right)
        rows = (
            await session.execute(
                text("SELECT id, business_key, kind, reverses, note FROM ledger_transactions ORDER BY id")
            )
        ).all()
    assert [(row.business_key, row.kind, row.reverses, row.note) for row in rows[1:]] == [
        (f"{order_id}:charge:correction", "correction", number, "10 too much"),
        (f"{order_id}:charge:corrected", "charge", None, "10 too much"),
    ]
    assert (await balances(worker_database))[f"liability:held:{order_id}"] == -90
    await assert_sound(worker_database, order_id)
    async with worker_database.begin() as session:
        for wrong in (rows[1].id, 10**9):
            with pytest.raises(NotCorrectableError):
                await correct(session, wrong, reason="no", effective_at=AT)


async def test_a_correction_that_would_turn_an_account_is_refused(
    owner_database: Database, worker_database: Database
) -> None:
    order_id = await add_order(owner_database, new_id("ord"))
    await told(worker_database, order_id, "charge", entries.charge(order_id, 100, pending=False))
    await told(worker_database, order_id, "refund", entries.refund_decided(order_id, 60))
    async with owner_database.begin() as session:
        number = (await session.execute(text("SELECT min(id) FROM ledger_transactions"))).scalar_one()
    with pytest.raises(IntegrityError, match="ck_ledger_balances_sign"):
        async with worker_database.begin() as session:
            await correct(session, number, reason="too late", effective_at=AT)
    await assert_sound(worker_database, order_id)


async def test_only_the_activities_may_write_the_books(api_database: Database) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        async with api_database.begin() as session:
            await post(
                session,
                entries.topped_up(5, pending=False),
                business_key="platform:x",
                order_id=None,
                effective_at=AT,
                currency="eur",
            )
