"""A lot changes by movements, never below zero, and says since when it is low."""

import pytest

from fulfil.inventory.lots import StockInsufficientError
from tests.inventory.storeroom import DAY, Storeroom


async def test_a_movement_changes_a_lot_once(room: Storeroom) -> None:
    lot = await room.lot(100)
    assert [await room.change(lot, 5, key="k") for _ in range(2)] == [True, False]
    assert await room.balance(lot) == (105, 0)


async def test_nothing_is_taken_that_is_not_there(room: Storeroom) -> None:
    lot = await room.lot(100)
    with pytest.raises(StockInsufficientError):
        await room.change(lot, -101)
    assert await room.balance(lot) == (100, 0)
    assert await room.findings() == []


async def test_a_lot_is_low_from_the_moment_it_falls_to_its_threshold_until_it_recovers(room: Storeroom) -> None:
    lot = await room.lot(100, low_at=50)
    assert (await room.item(lot)).low_since is None
    await room.reserve("off_1", 50)
    fell_at = room.now
    room.now += DAY
    await room.change(lot, -1)
    assert (await room.item(lot)).low_since == fell_at
    await room.change(lot, 2)
    assert (await room.item(lot)).low_since is None


async def test_a_new_threshold_is_compared_at_once(room: Storeroom) -> None:
    lot = await room.lot(100)
    seen = []
    for low_at in (99, 100, None, 0):
        await room.set_low(lot, low_at)
        seen.append((await room.item(lot)).low_since is not None)
    assert seen == [False, True, False, False]


async def test_a_repeated_movement_is_no_new_one_even_when_it_would_not_fit_any_more(room: Storeroom) -> None:
    lot = await room.lot(100)
    assert [await room.change(lot, -80, key="k") for _ in range(2)] == [True, False]
    assert await room.balance(lot) == (20, 0)
