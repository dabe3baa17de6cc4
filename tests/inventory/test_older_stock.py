"""Stock that was kept in grams per material becomes lots with leases, and its jobs end as they would have."""

import asyncio
import secrets

from fulfil.kit.database import Database, DatabaseRole
from fulfil.models.ids import new_id
from fulfil.models.migrations.runner import migrate
from tests.conftest import administer, database_named
from tests.inventory.storeroom import BEGINNING, Storeroom


async def test_what_was_reserved_is_leased_and_everything_adds_up(postgres_server: str) -> None:
    name, provider_id = f"older_{secrets.token_hex(4)}", new_id("prv")
    url = database_named(postgres_server, name)
    await administer(postgres_server, f"CREATE DATABASE {name}")
    await asyncio.to_thread(migrate, url, "0007")
    moved = [
        ("r:receive:1", "received", 1000, 0, "NULL"),
        *(
            (f"{offer}:reserve", "reserved", -100, 100, f"'job_{offer}'")
            for offer in ("off_1", "off_2", "off_3", "off_4")
        ),
        ("off_2:release", "released", 100, -100, "'job_off_2'"),
        ("off_3:consume", "consumed", 0, -100, "'job_off_3'"),
    ]
    await administer(
        url,
        "INSERT INTO providers (id, name, capabilities, commission_bp, created_at) "
        f"VALUES ('{provider_id}', 'Maker', '{{}}', 1500, now())",
        f"INSERT INTO stock VALUES ('{provider_id}', 'PLA', 700, 200)",
        *(
            "INSERT INTO stock_movements "
            f"VALUES ('{key}', '{provider_id}', 'PLA', '{kind}', {free}, {kept}, {job}, now())"
            for key, kind, free, kept, job in moved
        ),
    )

    await asyncio.to_thread(migrate, url)

    owner, worker = (Database(url, role, pool_size=1) for role in (DatabaseRole.OWNER, DatabaseRole.WORKER))
    room = Storeroom(owner, worker, provider_id, BEGINNING)
    assert await room.findings() == []
    ((lot, balance),) = (await room.balances()).items()
    assert balance == (700, 200)
    assert {offer: len(await room.leases(offer)) for offer in ("off_1", "off_2", "off_3", "off_4")} == {
        "off_1": 1,
        "off_2": 0,
        "off_3": 0,
        "off_4": 1,
    }
    await room.consume("off_1")
    await room.release("off_4")
    assert await room.balance(lot) == (800, 0)
    assert await room.findings() == []
    await owner.close()
    await worker.close()
    await administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")
