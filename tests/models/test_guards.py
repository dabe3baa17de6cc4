"""What the database itself refuses, whoever asks."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import literal, select, table, text
from sqlalchemy.exc import DBAPIError

from fulfil.kit.database import Database
from fulfil.ledger import entries
from fulfil.ledger.accounts import NEVER_CREDIT, NEVER_DEBIT
from fulfil.ledger.posting import post
from fulfil.models.ids import new_id
from fulfil.models.messages.events import EventType
from fulfil.models.messages.parties import SYSTEM
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.timeline import append_event

AT = datetime(2030, 1, 1, tzinfo=UTC)


async def add_order(owner: Database) -> str:
    """An order with one event and one ledger transaction."""
    order_id = new_id("ord")
    async with owner.begin() as session:
        session.add(
            OrderRow(
                id=order_id,
                customer_id=new_id("cus"),
                state="paid",
                total_minor=100,
                currency="eur",
                policies={},
                placed_at=AT,
            )
        )
        await session.flush()
        await append_event(
            session,
            order_id=order_id,
            business_key=f"{order_id}:placed",
            kind=EventType.ORDER_PLACED,
            at=AT,
            actor=SYSTEM,
            subject=order_id,
            data={},
        )
        await post(
            session,
            entries.charge(order_id, 100, pending=True),
            business_key=f"{order_id}:charge",
            order_id=order_id,
            effective_at=AT,
            currency="eur",
            stripe_object_id=f"ch_{order_id}",
            balance_transaction_id=f"txn_{order_id}",
        )
    return order_id


async def refusal_of(database: Database, statement: str, **parameters: object) -> str:
    """The message PostgreSQL refuses a statement with."""
    with pytest.raises(DBAPIError) as refusal:
        async with database.begin() as session:
            await session.execute(text(statement), parameters)
    return str(refusal.value.orig)


async def assert_denied(database: Database, *statements: str) -> None:
    """PostgreSQL says that this role may not."""
    for statement in statements:
        assert "permission denied" in await refusal_of(database, statement), statement


CHANGES_OF_THE_PAST = (
    "UPDATE events SET subject = 'forged'",
    "UPDATE ledger_transactions SET kind = 'forged'",
    "UPDATE ledger_postings SET account = 'forged'",
    "DELETE FROM events",
    "DELETE FROM ledger_transactions",
    "DELETE FROM ledger_postings",
)


async def test_no_process_may_change_or_delete_the_past(api_database: Database, worker_database: Database) -> None:
    for database in (api_database, worker_database):
        await assert_denied(
            database,
            *CHANGES_OF_THE_PAST,
            "UPDATE stock_movements SET kind = 'forged'",
            "DELETE FROM stock_movements",
            "DELETE FROM job_reports",
            "TRUNCATE events",
        )


async def test_even_the_owner_only_appends(owner_database: Database) -> None:
    await add_order(owner_database)

    for statement in (*CHANGES_OF_THE_PAST, "TRUNCATE events", "TRUNCATE ledger_transactions CASCADE"):
        assert "append-only" in await refusal_of(owner_database, statement), statement


async def test_the_ledger_refuses_a_transaction_that_does_not_sum_to_zero(owner_database: Database) -> None:
    order_id = await add_order(owner_database)
    unbalanced = """
        WITH written AS (
            INSERT INTO ledger_transactions
                (business_key, kind, order_id, effective_at, created_at, chain, chain_sequence, hash)
            VALUES ('forged', 'charge', :order_id, now(), now(), :order_id, 2, '') RETURNING id)
        INSERT INTO ledger_postings (transaction_id, account, amount_minor, currency)
        SELECT id, account, amount, currency FROM written, (VALUES {legs}) AS legs (account, amount, currency)
    """
    cases = {
        "('a', 100, 'eur'), ('b', -99, 'eur')": "off by eur 1",
        "('a', 100, 'eur'), ('b', -100, 'usd')": "does not sum to zero",
        "('a', 100, 'eur')": "has 1 posting",
    }
    for legs, message in cases.items():
        assert message in await refusal_of(owner_database, unbalanced.format(legs=legs), order_id=order_id)


async def test_the_ledger_refuses_a_transaction_without_postings(owner_database: Database) -> None:
    order_id = await add_order(owner_database)
    empty = (
        "INSERT INTO ledger_transactions"
        " (business_key, kind, order_id, effective_at, created_at, chain, chain_sequence, hash)"
        " VALUES ('empty', 'charge', :order_id, now(), now(), :order_id, 2, '')"
    )
    assert "has 0 posting" in await refusal_of(owner_database, empty, order_id=order_id)


async def test_a_leg_added_later_must_balance_too(owner_database: Database) -> None:
    await add_order(owner_database)
    late = (
        "INSERT INTO ledger_postings (transaction_id, account, amount_minor, currency) "
        "SELECT id, 'a', 1, 'eur' FROM ledger_transactions"
    )
    assert "does not sum to zero" in await refusal_of(owner_database, late)


async def test_posting_twice_under_one_key_writes_once(owner_database: Database) -> None:
    order_id = await add_order(owner_database)
    async with owner_database.begin() as session:
        again = await post(
            session,
            entries.charge(order_id, 100, pending=False),
            business_key=f"{order_id}:charge",
            order_id=order_id,
            effective_at=AT,
            currency="eur",
        )
    assert again is False


async def test_one_object_of_stripe_has_one_transaction_of_a_kind(owner_database: Database) -> None:
    order_id = await add_order(owner_database)
    with pytest.raises(DBAPIError, match="uq_ledger_transactions_stripe_object_id_kind"):
        async with owner_database.begin() as session:
            await post(
                session,
                entries.charge(order_id, 100, pending=False),
                business_key="another key",
                order_id=order_id,
                effective_at=AT,
                currency="eur",
                stripe_object_id=f"ch_{order_id}",
            )


async def test_two_transactions_can_not_have_one_place_in_a_chain(owner_database: Database) -> None:
    order_id = await add_order(owner_database)
    second = (
        "INSERT INTO ledger_transactions"
        " (business_key, kind, order_id, effective_at, created_at, chain, chain_sequence, hash)"
        " VALUES ('forged', 'charge', :order_id, now(), now(), :order_id, 1, '')"
    )
    refusal = await refusal_of(owner_database, second, order_id=order_id)
    assert "uq_ledger_transactions_chain_chain_sequence" in refusal


GUARDED = {
    "liability:held:x": 1,
    "liability:payable:x": 1,
    "liability:refund_due:x": 1,
    "liability:credit:x": 1,
    "memo:authorized:x": -1,
    "asset:refunds_in_transit:x": -1,
    "asset:chargeback:x": -1,
    "asset:receivable:x": -1,
}


def test_the_database_guards_the_accounts_that_the_ledger_says_never_turn() -> None:
    assert {account.rpartition(":")[0] + ":" for account in GUARDED} == {*NEVER_DEBIT, *NEVER_CREDIT}


@pytest.mark.parametrize(("account", "sign"), GUARDED.items())
async def test_no_guarded_account_turns_its_sign_in_any_currency(
    worker_database: Database, account: str, sign: int
) -> None:
    async def move(key: str, amount: int, currency: str = "eur") -> None:
        async with worker_database.begin() as session:
            await post(
                session,
                entries.entry("moved", (account, amount), ("asset:bank", -amount)),
                business_key=key,
                order_id=None,
                effective_at=AT,
                currency=currency,
            )

    await move("filled", -5 * sign)
    await move("half emptied", 3 * sign)
    with pytest.raises(DBAPIError, match="ck_ledger_balances_sign"):
        await move("overdrawn", 3 * sign)
    with pytest.raises(DBAPIError, match="ck_ledger_balances_sign"):
        await move("another currency", sign, "usd")
    await move("emptied", 2 * sign)
    async with worker_database.begin() as session:
        kept = (await session.execute(text("SELECT account, currency, balance_minor FROM ledger_balances"))).all()
    assert [tuple(row) for row in kept] == [(account, "eur", 0)]


async def test_nobody_writes_kept_balances_anchors_or_reconciliations_after_the_fact(
    api_database: Database, worker_database: Database, owner_database: Database
) -> None:
    for database in (api_database, worker_database):
        await assert_denied(
            database,
            "UPDATE ledger_balances SET balance_minor = 0",
            "INSERT INTO ledger_balances DEFAULT VALUES",
            "DELETE FROM ledger_balances",
            "UPDATE ledger_anchors SET root = ''",
            "UPDATE reconciliations SET findings = '[]'",
            "DELETE FROM balance_transactions",
            "UPDATE transfer_reversals SET amount_minor = 0",
        )
    await assert_denied(api_database, "INSERT INTO ledger_anchors DEFAULT VALUES", "SELECT cut_ledger()")
    async with owner_database.begin() as session:
        await session.execute(
            text(
                "INSERT INTO ledger_anchors (root, chains, last_transaction_id, created_at)"
                " VALUES (repeat('0', 64), 1, 1, now())"
            )
        )
    for statement in ("UPDATE ledger_anchors SET root = ''", "DELETE FROM ledger_anchors", "TRUNCATE ledger_anchors"):
        assert "append-only" in await refusal_of(owner_database, statement)


async def test_the_api_may_not_write_what_a_workflow_owns(api_database: Database) -> None:
    await assert_denied(
        api_database,
        "UPDATE orders SET state = 'forged'",
        "UPDATE payments SET state = 'forged'",
        "UPDATE refunds SET state = 'forged'",
        "UPDATE jobs SET state = 'forged'",
        "UPDATE offers SET state = 'forged'",
        "DELETE FROM orders",
    )


async def test_the_api_may_not_insert_money_or_prices(api_database: Database) -> None:
    await assert_denied(
        api_database,
        "INSERT INTO ledger_transactions DEFAULT VALUES",
        "INSERT INTO ledger_postings DEFAULT VALUES",
        "INSERT INTO transfers DEFAULT VALUES",
        "INSERT INTO quotes DEFAULT VALUES",
        "INSERT INTO order_lines DEFAULT VALUES",
        "INSERT INTO productions DEFAULT VALUES",
    )


async def test_the_worker_may_not_write_what_the_api_owns(worker_database: Database) -> None:
    await assert_denied(
        worker_database,
        "INSERT INTO accounts DEFAULT VALUES",
        "INSERT INTO api_keys DEFAULT VALUES",
        "INSERT INTO idempotency_keys DEFAULT VALUES",
        "INSERT INTO workflow_resets DEFAULT VALUES",
        "INSERT INTO files DEFAULT VALUES",
        "INSERT INTO stripe_customers DEFAULT VALUES",
    )


async def test_the_worker_marks_reports_and_events_but_never_rewrites_them(worker_database: Database) -> None:
    async with worker_database.begin() as session:
        await session.execute(text("UPDATE job_reports SET signalled_at = now(), attempts = 1, last_error = NULL"))
        await session.execute(text("UPDATE stripe_events SET processed_at = now(), attempts = 1, not_before = NULL"))
        await session.execute(text("SELECT id FROM stripe_events FOR UPDATE SKIP LOCKED"))
    await assert_denied(
        worker_database,
        "UPDATE job_reports SET data = '{}'",
        "UPDATE stripe_events SET payload = '{}'",
        "UPDATE providers SET commission_bp = 0",
    )


async def test_the_api_moves_productions_and_the_timeline(api_database: Database, owner_database: Database) -> None:
    order_id = await add_order(owner_database)
    async with api_database.begin() as session:
        await session.execute(text("SELECT offer_id FROM productions FOR NO KEY UPDATE"))
        await session.execute(text("UPDATE productions SET percent = 50"))
        written = await append_event(
            session,
            order_id=order_id,
            business_key=f"{order_id}:reset",
            kind=EventType.SUPPORT_RESET,
            at=AT,
            actor=SYSTEM,
            subject=order_id,
            data={},
        )
    assert written


async def test_both_roles_read_every_table(
    owner_database: Database, api_database: Database, worker_database: Database
) -> None:
    tables = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    async with owner_database.begin() as session:
        names = list((await session.scalars(tables)).all())
    assert len(names) > 15
    for database in (api_database, worker_database):
        async with database.begin() as session:
            for name in names:
                await session.execute(select(literal(1)).select_from(table(name)).limit(1))


async def test_a_table_of_ones_own_does_not_take_the_place_of_the_kept_balances(
    owner_database: Database, worker_database: Database
) -> None:
    order_id = await add_order(owner_database)
    async with worker_database.begin() as session:
        columns = "account text, currency text, balance_minor bigint"
        await session.execute(text(f"CREATE TEMPORARY TABLE ledger_balances ({columns})"))
        await session.execute(text("GRANT ALL ON ledger_balances TO PUBLIC"))
        with pytest.raises(DBAPIError, match="ck_ledger_balances_sign"):
            await post(
                session,
                entries.refund_decided(order_id, 101),
                business_key=f"{order_id}:decided",
                order_id=order_id,
                effective_at=AT,
                currency="eur",
            )
        await session.rollback()
