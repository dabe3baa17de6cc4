"""What was leased is used up as planned, and corrected by what was really used."""

import asyncio

import pytest

from fulfil.inventory.leases import NothingReservedError
from fulfil.inventory.lots import StockInsufficientError
from tests.inventory.storeroom import DAY, Storeroom


async def test_a_settled_job_has_used_up_what_it_leased(room: Storeroom) -> None:
    lot = await room.lot(250)
    await room.reserve("off_1", 100)
    for _ in range(2):
        await room.consume("off_1")
    await room.release("off_1")
    assert await room.balance(lot) == (150, 0)
    [lease] = await room.leases("off_1")
    assert (lease.ending, lease.consumed_quantity) == ("consumed", 100)


@pytest.mark.parametrize(("others", "left"), [(0, 200), (150, 50), (250, 0)])
async def test_a_job_whose_lease_expired_takes_what_is_still_there(room: Storeroom, others: int, left: int) -> None:
    lot = await room.lot(300)
    await room.reserve("off_1", 100, days=1)
    room.now += DAY
    if others:
        await room.reserve("off_2", others)
    else:
        await room.sweep()
    await room.consume("off_1")
    assert await room.balance(lot) == (left, others)
    movement = (await room.movements(lot))[-1]
    taken = min(100, 300 - others)
    assert movement.reason == f"The reservation had expired: {taken} of 100 g were still there."
    assert await room.findings() == []


async def test_a_lease_past_its_time_that_nobody_ended_is_used_up_in_full(room: Storeroom) -> None:
    lot = await room.lot(100)
    await room.reserve("off_1", 100, days=1)
    room.now += 2 * DAY
    await room.consume("off_1")
    assert await room.balance(lot) == (0, 0)


@pytest.mark.parametrize(("used", "left"), [(0, 250), (80, 170), (100, 150), (131, 119), (250, 0)])
async def test_what_was_really_used_corrects_the_lot(room: Storeroom, used: int, left: int) -> None:
    lot = await room.lot(250)
    await room.reserve("off_1", 100)
    await room.consume("off_1")
    for _ in range(2):
        await room.correct("off_1", used)
    assert await room.balance(lot) == (left, 0)
    kinds = [row.kind for row in await room.movements(lot)]
    assert kinds.count("corrected") == (used != 100)


async def test_a_report_before_the_settlement_uses_the_lease_up(room: Storeroom) -> None:
    lot = await room.lot(250)
    await room.reserve("off_1", 100)
    await room.correct("off_1", 120)
    await room.consume("off_1")
    await room.release("off_1")
    assert await room.balance(lot) == (130, 0)
    assert await room.findings() == []


async def test_a_repeated_correction_is_one_even_when_another_came_between(room: Storeroom) -> None:
    lot = await room.lot(250)
    await room.reserve("off_1", 100)
    for used, key in ((120, "a"), (90, "b"), (120, "a")):
        await room.correct("off_1", used, key=key)
    assert await room.balance(lot) == (160, 0)


async def test_a_correction_beyond_what_is_there_changes_nothing(room: Storeroom) -> None:
    lot = await room.lot(250)
    await room.reserve("off_1", 100)
    await room.reserve("off_2", 100)
    with pytest.raises(StockInsufficientError) as refused:
        await room.correct("off_1", 151)
    assert (refused.value.available, refused.value.wanted, refused.value.unit) == (50, 51, "g")
    assert await room.balance(lot) == (50, 200)
    assert await room.findings() == []


async def test_two_who_take_the_last_gram_are_one_winner(room: Storeroom) -> None:
    lot = await room.lot(201)
    for offer in ("off_1", "off_2"):
        await room.reserve(offer, 100)
    answers = await asyncio.gather(*(room.correct(offer, 101) for offer in ("off_1", "off_2")), return_exceptions=True)
    assert [type(answer) for answer in answers if answer is not None] == [StockInsufficientError]
    assert sum(await room.balance(lot)) == 100
    assert await room.findings() == []


async def test_of_several_lots_the_corrected_one_is_named(room: Storeroom) -> None:
    for name in ("a", "b"):
        await room.lot(100, lot=name)
    await room.reserve("off_1", 100)
    await room.reserve_more("off_1", 60)
    with pytest.raises(NothingReservedError):
        await room.correct("off_1", 70)
    remade = next(lease.item_id for lease in await room.leases("off_1") if lease.quantity == 60)
    await room.correct("off_1", 70, item_id=remade)
    assert await room.balance(remade) == (30, 0)


async def test_material_for_a_remake_after_a_report_is_used_up_as_well(room: Storeroom) -> None:
    lot = await room.lot(300)
    await room.reserve("off_1", 100)
    await room.correct("off_1", 90)
    await room.reserve_more("off_1", 50)
    await room.consume("off_1")
    [lease] = await room.leases("off_1")
    assert (lease.consumed_quantity, await room.balance(lot)) == (140, (160, 0))
    assert await room.findings() == []


async def test_a_job_without_material_has_nothing_to_correct_or_use_up(room: Storeroom) -> None:
    await room.consume("off_1")
    with pytest.raises(NothingReservedError):
        await room.correct("off_1", 1)
