"""The upkeep on PostgreSQL: scores written where they moved, batch by batch; leases that are over ended."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from temporalio.testing import ActivityEnvironment

from fulfil.activities import upkeep
from fulfil.activities.upkeep import DatabaseUpkeepActivities
from fulfil.inventory.leases import reserve
from fulfil.inventory.needs import Need
from fulfil.models.ids import new_id
from fulfil.models.messages.inventory import StockUnit
from fulfil.models.messages.upkeep import EndExpiredLeases, LeasesEnded, RefreshScores, ScoresRefreshed
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.inventory import StockItemRow
from fulfil.models.tables.providers import ProviderScoreRow
from tests.activities.shop import Shop

AT = datetime(2030, 1, 1, 12, tzinfo=UTC)


async def add_providers(shop: Shop, count: int, score: int = 50) -> list[str]:
    ids = sorted(new_id("prv") for _ in range(count))
    async with shop.owner.begin() as session:
        for provider_id in ids:
            session.add(
                ProviderRow(
                    id=provider_id,
                    name="Maker",
                    capabilities={"fdm": ["PLA"]},
                    commission_bp=1500,
                    score=score,
                    created_at=AT - timedelta(days=100),
                )
            )
    return ids


async def test_every_provider_is_scored_and_written_again_only_where_it_moved(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "BATCH", 2)
    ids = [*await add_providers(shop, 3), *await add_providers(shop, 2, score=93)]
    activities = DatabaseUpkeepActivities(shop.worker)
    refresh = ActivityEnvironment().run
    first = await refresh(activities.refresh_scores, RefreshScores(at=AT))
    later = AT + timedelta(hours=1)
    second = await refresh(activities.refresh_scores, RefreshScores(at=later))

    assert (first, second) == (ScoresRefreshed(providers=5, changed=2), ScoresRefreshed(providers=5, changed=0))
    async with shop.owner.begin() as session:
        stored = list(await session.scalars(select(ProviderScoreRow).order_by(ProviderScoreRow.provider_id)))
        scores = set(await session.scalars(select(ProviderRow.score)))
    assert [row.provider_id for row in stored] == sorted(ids)
    assert {(row.score, row.version, row.computed_at) for row in stored} == {(50, "score-1", later)}
    assert stored[0].inputs["promised"] == 0
    assert scores == {50}


async def test_leases_that_are_over_give_their_material_back(shop: Shop) -> None:
    [provider_id] = await add_providers(shop, 1)
    async with shop.owner.begin() as session:
        session.add(
            StockItemRow(
                id=new_id("stk"),
                provider_id=provider_id,
                material="PLA",
                unit=StockUnit.GRAM,
                available_quantity=1000,
                reserved_quantity=0,
                created_at=AT,
            )
        )
    for hours in (1, 3):
        async with shop.worker.begin() as session:
            assert await reserve(
                session,
                offer_id=new_id("off"),
                job_id=new_id("job"),
                provider_id=provider_id,
                need=Need("PLA", None, {StockUnit.GRAM: 100}),
                expires_at=AT + timedelta(hours=hours),
                at=AT,
            )
    end = EndExpiredLeases(at=AT + timedelta(hours=2))
    ended = await ActivityEnvironment().run(DatabaseUpkeepActivities(shop.worker).end_expired_leases, end)

    assert ended == LeasesEnded(ended=1)
    async with shop.owner.begin() as session:
        [lot] = await session.scalars(select(StockItemRow))
    assert (lot.available_quantity, lot.reserved_quantity) == (900, 100)
