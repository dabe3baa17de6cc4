"""An order that parks while being placed has no row; support finds it and moves it on all the same."""

import asyncio
from collections.abc import Awaitable, Callable

from temporalio.client import Client

from fulfil.api.unwritten import find_unwritten, list_unwritten
from fulfil.models.messages.support import ResolutionAction
from tests.workflows.fakes import World
from tests.workflows.playing import Play, workers


async def eventually(look: Callable[[], Awaitable[bool]]) -> None:
    """Visibility lags behind the workflow."""
    async with asyncio.timeout(10):
        while not await look():  # noqa: ASYNC110 (another server's index tells nobody)
            await asyncio.sleep(0.1)


async def test_an_order_that_parked_while_being_placed_is_found_and_moved_on(temporal: Client) -> None:
    play = Play(temporal, World(client=temporal))
    play.world.fail("place_order")
    async with workers(temporal, play.world):
        placing = asyncio.create_task(play.place())
        await play.until(lambda: bool(play.world.parkings))
        process = await find_unwritten(temporal, play.order_id)
        assert process is not None
        assert (process.stuck_step, process.stuck_allowed) == ("place_order", ("retry", "cancel"))
        await play.resolve(play.order, ResolutionAction.RETRY)
        assert (await placing).refusal_code is None
        assert await find_unwritten(temporal, play.order_id) is None


async def test_an_order_that_never_was_is_not_found(temporal: Client) -> None:
    assert await find_unwritten(temporal, "ord_" + "0" * 32) is None


async def test_parked_placements_are_listed_with_cause_and_command(temporal: Client) -> None:
    play = Play(temporal, World(client=temporal))
    play.world.fail("place_order")
    async with workers(temporal, play.world):
        placing = asyncio.create_task(play.place())
        await play.until(lambda: bool(play.world.parkings))

        async def listed() -> bool:
            return play.order_id in {stuck.order_id for stuck in await list_unwritten(temporal)}

        await eventually(listed)
        (stuck,) = [stuck for stuck in await list_unwritten(temporal) if stuck.order_id == play.order_id]
        assert "place_order is broken" in stuck.cause
        assert stuck.command.startswith(f"fulfil support retry {play.order_id}")
        await play.resolve(play.order, ResolutionAction.CANCEL)
        assert (await placing).refusal_code == "order_not_placed"
