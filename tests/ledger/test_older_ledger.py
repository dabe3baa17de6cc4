"""Books from before chains and mirrored entries keep their sums, and are chained."""

import asyncio
import secrets

from sqlalchemy import text

from fulfil.kit.database import Database, DatabaseRole
from fulfil.ledger.checks_of_postings import check_postings
from fulfil.models.ids import new_id
from fulfil.models.migrations.runner import migrate
from tests.conftest import administer, database_named

BALANCES = text("SELECT account, sum(amount_minor)::bigint AS balance FROM ledger_postings GROUP BY account")


async def test_older_books_are_chained_guarded_and_opened_with_what_they_held(postgres_server: str) -> None:
    name, order_id = f"books_{secrets.token_hex(4)}", new_id("ord")
    url = database_named(postgres_server, name)
    await administer(postgres_server, f"CREATE DATABASE {name}")
    await asyncio.to_thread(migrate, url, "0004")
    held = f"liability:held:{order_id}"
    await administer(
        url,
        "INSERT INTO orders (id, customer_id, state, total_minor, currency, policies, placed_at)"
        f" VALUES ('{order_id}', 'cus_1', 'paid', 100, 'eur', '{{}}', now())",
        "WITH t AS (INSERT INTO ledger_transactions (business_key, kind, order_id, stripe_object_id, effective_at,"
        f" created_at) VALUES ('{order_id}:charge', 'charge', '{order_id}', 'ch_1', now(), now()) RETURNING id)"
        " INSERT INTO ledger_postings (transaction_id, account, amount_minor, currency)"
        f" SELECT id, a, m, 'eur' FROM t, (VALUES ('asset:stripe', 100), ('{held}', -100)) AS legs (a, m)",
        "WITH t AS (INSERT INTO ledger_transactions (business_key, kind, order_id, stripe_object_id, effective_at,"
        f" created_at) VALUES ('{order_id}:fee', 'stripe_fee', '{order_id}', 'txn_1', now(), now()) RETURNING id)"
        " INSERT INTO ledger_postings (transaction_id, account, amount_minor, currency)"
        " SELECT id, a, m, 'eur' FROM t, (VALUES ('expense:stripe_fee', 3), ('asset:stripe', -3)) AS legs (a, m)",
    )

    await asyncio.to_thread(migrate, url)

    database = Database(url, DatabaseRole.WORKER)
    async with database.begin() as session:
        assert await check_postings(session, None) == []
        balances = {row.account: row.balance for row in await session.execute(BALANCES)}
        kept = (await session.execute(text("SELECT account, balance_minor FROM ledger_balances"))).all()
    await database.close()
    assert balances == {"asset:stripe": 0, "asset:stripe:available": 97, "expense:stripe_fee": 3, held: -100}
    assert [tuple(row) for row in kept] == [(held, -100)]
    await administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")
