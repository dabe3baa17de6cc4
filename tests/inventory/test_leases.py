"""Material is leased to accepted offers, and the lease ends by itself."""

import asyncio

import pytest

from fulfil.inventory.leases import NothingReservedError
from fulfil.models.messages.inventory import StockUnit
from tests.inventory.storeroom import DAY, Storeroom, grams, needed


async def test_the_smallest_lot_that_has_enough_is_leased(room: Storeroom) -> None:
    small, fitting, large = [await room.lot(quantity, lot=str(quantity)) for quantity in (99, 150, 1000)]
    assert await room.reserve("off_1", 100)
    assert [await room.balance(lot) for lot in (small, fitting, large)] == [(99, 0), (50, 100), (1000, 0)]
    [movement] = (await room.movements(fitting))[1:]
    assert (movement.kind, movement.available_delta, movement.reserved_delta) == ("reserved", -100, 100)


async def test_two_lots_that_have_enough_only_together_are_not_enough(room: Storeroom) -> None:
    lots = [await room.lot(60, lot=name) for name in ("a", "b")]
    assert not await room.reserve("off_1", 100)
    assert [await room.balance(lot) for lot in lots] == [(60, 0), (60, 0)]


@pytest.mark.parametrize(
    ("unit", "left"), [(StockUnit.GRAM, 900), (StockUnit.SHEET, 998), (StockUnit.PIECE, 995)], ids=str
)
async def test_a_need_is_counted_as_the_lot_is(room: Storeroom, unit: StockUnit, left: int) -> None:
    lot = await room.lot(1000, unit=unit)
    assert await room.reserve("off_1", needed({StockUnit.GRAM: 100, StockUnit.SHEET: 2, StockUnit.PIECE: 5}))
    assert await room.balance(lot) == (left, 1000 - left)


async def test_a_lot_that_can_not_count_the_need_does_not_fit(room: Storeroom) -> None:
    await room.lot(1000, unit=StockUnit.SHEET)
    assert not await room.reserve("off_1", grams(1))


@pytest.mark.parametrize(
    ("colour", "is_fitting"), [(None, True), ("black", True), ("Black", True), ("white", False), ("", False)]
)
async def test_a_colour_is_kept_to_unless_any_will_do(room: Storeroom, colour: str | None, *, is_fitting: bool) -> None:
    await room.lot(1000, colour="black")
    assert await room.reserve("off_1", grams(100, colour)) is is_fitting


async def test_reserving_again_for_the_same_offer_changes_nothing(room: Storeroom) -> None:
    lot = await room.lot(250)
    assert [await room.reserve("off_1", 100) for _ in range(3)] == [True] * 3
    assert await room.balance(lot) == (150, 100)


async def test_a_released_lease_is_free_again_once(room: Storeroom) -> None:
    lot = await room.lot(250)
    await room.reserve("off_1", 100)
    for _ in range(2):
        await room.release("off_1")
    assert await room.balance(lot) == (250, 0)
    assert [row.kind for row in await room.movements(lot)] == ["received", "reserved", "released"]
    [lease] = await room.leases("off_1")
    assert (lease.ending, lease.ended_at) == ("released", room.now)


async def test_whoever_reserves_first_ends_what_has_expired(room: Storeroom) -> None:
    lot = await room.lot(100)
    await room.reserve("off_1", 100, days=3)
    assert not await room.reserve("off_2", 100)
    room.now += 3 * DAY
    assert await room.reserve("off_2", 100)
    assert [row.kind for row in await room.movements(lot)] == ["received", "reserved", "expired", "reserved"]
    assert [(await room.leases(offer))[0].ending for offer in ("off_1", "off_2")] == ["expired", None]


async def test_the_sweep_ends_what_has_expired_and_nothing_else(room: Storeroom) -> None:
    lots = [await room.lot(100, lot=name) for name in ("a", "b", "c")]
    for number, days in enumerate((1, 1, 9)):
        await room.reserve(f"off_{number}", 100, days=days)
    room.now += 2 * DAY
    assert [await room.sweep(limit=1) for _ in range(3)] == [1, 1, 0]
    assert sorted([await room.balance(lot) for lot in lots]) == [(0, 100), (100, 0), (100, 0)]
    assert await room.findings() == []


async def test_a_renewed_lease_lasts_as_long_as_production(room: Storeroom) -> None:
    lot = await room.lot(100)
    await room.reserve("off_1", 100, days=3)
    assert await room.renew("off_1", days=30)
    room.now += 29 * DAY
    assert await room.sweep() == 0
    room.now += DAY
    assert await room.sweep() == 1
    assert await room.balance(lot) == (100, 0)


async def test_a_renewal_never_shortens_a_lease(room: Storeroom) -> None:
    await room.lot(100)
    await room.reserve("off_1", 100, days=30)
    await room.renew("off_1", days=3)
    [lease] = await room.leases("off_1")
    assert lease.expires_at == room.now + 30 * DAY


async def test_an_expired_lease_is_renewed_while_its_lot_still_has_it(room: Storeroom) -> None:
    lot = await room.lot(100)
    await room.reserve("off_1", 60, days=3)
    room.now += 3 * DAY
    await room.sweep()
    assert await room.renew("off_1", days=30)
    assert await room.balance(lot) == (40, 60)
    room.now += DAY
    await room.release("off_1")
    assert await room.balance(lot) == (100, 0)
    assert await room.findings() == []


async def test_an_expired_lease_whose_material_went_to_another_is_not_renewed(room: Storeroom) -> None:
    lot = await room.lot(100)
    await room.reserve("off_1", 60, days=3)
    room.now += 3 * DAY
    await room.reserve("off_2", 60)
    assert not await room.renew("off_1")
    assert await room.balance(lot) == (40, 60)


async def test_a_remake_takes_more_of_the_same_lot(room: Storeroom) -> None:
    lot, smaller = await room.lot(300, lot="a"), await room.lot(100, lot="b")
    await room.reserve("off_1", 200)
    assert await room.reserve_more("off_1", 50)
    assert [await room.balance(each) for each in (lot, smaller)] == [(50, 250), (100, 0)]
    await room.release("off_1")
    assert await room.balance(lot) == (300, 0)


async def test_a_remake_takes_another_lot_alike_when_its_own_is_used_up(room: Storeroom) -> None:
    own = await room.lot(100, colour="black", lot="a")
    await room.lot(500, colour="white")
    await room.lot(500, colour="black", unit=StockUnit.SHEET, lot="c")
    alike = await room.lot(100, colour="black", lot="b")
    await room.reserve("off_1", grams(100, "black"))
    remade = (await room.leases("off_1"))[0].item_id
    other = own if remade == alike else alike
    assert await room.reserve_more("off_1", 80)
    assert await room.balance(other) == (20, 80)
    assert not await room.reserve_more("off_1", 80)
    assert await room.findings() == []


async def test_nothing_more_is_leased_to_an_offer_that_never_had_material(room: Storeroom) -> None:
    await room.lot(100)
    with pytest.raises(NothingReservedError):
        await room.reserve_more("off_1", 1)


async def test_of_fifty_who_want_the_last_grams_as_many_get_them_as_there_are(room: Storeroom) -> None:
    lots = [await room.lot(quantity, lot=str(quantity)) for quantity in (35, 20)]
    answers = await asyncio.gather(*(room.reserve(f"off_{number}", 10) for number in range(50)))
    assert answers.count(True) == 5
    assert [await room.balance(lot) for lot in lots] == [(5, 30), (0, 20)]
    assert await room.findings() == []


async def test_remakes_at_the_same_moment_do_not_wait_for_each_other_for_ever(room: Storeroom) -> None:
    lots = [await room.lot(10 + number, lot=str(number)) for number in range(8)]
    offers = [f"off_{number}" for number in range(8)]
    for number, offer in enumerate(offers):
        assert await room.reserve(offer, 10 + number)
    for lot in lots:
        await room.change(lot, 5)
    answers = await asyncio.gather(
        *(room.reserve_more(offer, 4) for offer in offers),
        *(room.reserve(f"off_new_{number}", 5) for number in range(4)),
    )
    assert answers[:8].count(True) + answers[8:].count(True) == 8
    assert await room.findings() == []
