"""Steps whose retries are spent park, and support moves them on."""

import asyncio

from fulfil.models.messages.jobs import ReportKind
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.support import ResolutionAction
from tests.workflows.fakes import World
from tests.workflows.playing import Play, refusal_of


async def test_a_local_step_moves_to_the_queue_when_the_database_is_away(play: Play, world: World) -> None:
    world.fail("open_lines", times=1)
    await play.placed_and_paid()
    await play.until(lambda: world.calls.count("open_lines") > 1)
    await play.until(lambda: bool(world.waves))
    assert not world.parkings


async def test_a_step_whose_retries_are_spent_parks_and_goes_on_when_retried(play: Play, world: World) -> None:
    world.fail("settle_job")
    await play.placed_and_paid()
    await play.accept()
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    await play.until(lambda: bool(world.parkings))
    parked = world.parkings[0]
    assert parked.parked.step == "settle_job"
    assert "settle_job is broken" in parked.parked.cause
    await play.resolve(play.job, ResolutionAction.RETRY)
    assert (await play.outcome()).state is OrderState.CLOSED
    assert world.resolutions[0].resolution.reason == "checked by hand"


async def test_a_step_can_only_be_resolved_as_it_allows(play: Play, world: World) -> None:
    world.fail("settle_job")
    await play.placed_and_paid()
    await play.accept()
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    await play.until(lambda: bool(world.parkings))
    refused = await refusal_of(play.resolve(play.job, ResolutionAction.SKIP))
    assert refused.type == "resolution_not_allowed"
    assert refused.details[0]["allowed_actions"] == ["retry"]
    await play.resolve(play.job, ResolutionAction.RETRY)
    assert (await play.outcome()).state is OrderState.CLOSED


async def test_nothing_can_be_resolved_that_is_not_parked(play: Play) -> None:
    await play.place()
    assert (await refusal_of(play.resolve(play.order, ResolutionAction.RETRY))).type == "nothing_parked"


async def test_a_payment_returned_by_hand_is_skipped(play: Play, world: World) -> None:
    world.fail("return_payment")
    await play.placed_and_paid()
    await play.cancel()
    await play.until(lambda: bool(world.parkings))
    await play.resolve(play.order, ResolutionAction.SKIP)
    assert (await play.outcome()).state is OrderState.CANCELLED


async def test_an_acceptance_support_gives_up_leaves_the_job_to_others(play: Play, world: World) -> None:
    world.fail("secure_acceptance")
    await play.placed_and_paid()
    first, second, _ = world.waves[0].offers
    accepting = play.accept(first)
    task = asyncio.create_task(refusal_of(accepting))
    await play.until(lambda: bool(world.parkings))
    await play.resolve(play.job, ResolutionAction.CANCEL)
    assert (await task).type == "acceptance_refused"
    assert (await play.accept(second)).provider_id == second.provider_id


async def test_an_order_support_gives_up_placing_ends(play: Play, world: World) -> None:
    world.fail("place_order")
    placing = asyncio.create_task(play.place())
    await play.until(lambda: bool(world.calls))
    await play.until(lambda: bool(world.parkings))
    await play.resolve(play.order, ResolutionAction.CANCEL)
    assert (await placing).refusal_code == "order_not_placed"
    assert (await play.outcome()).state is None
