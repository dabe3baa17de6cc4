"""Records the histories that `test_replay.py` replays: `python -m tests.replay.record ADDRESS [SCENARIO …]`."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter

from fulfil.kit.runtime import run_main
from fulfil.models.messages.jobs import AcceptanceOutcome, ReportKind
from fulfil.models.messages.payments import PaymentState, SavedCardCharge
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.support import ResolutionAction
from tests.replay.money import BOOKS, CHARGEBACKS, REFUNDS, play_chargeback, play_reconciliation, play_refund
from tests.workflows.fakes import World
from tests.workflows.playing import Play, refusal_of, workers

CHECKOUT = Path(__file__).parents[2]
FOLDER = CHECKOUT / "tests" / "histories"
QUICK = OrderPolicies(
    payment_due_s=1,
    offer_wave_s=1,
    open_board_s=1,
    operator_decides_s=1,
    start_reminder_s=1,
    start_due_s=2,
    approval_reminder_s=1,
    approval_due_s=2,
)


async def happy(play: Play) -> None:
    await play.placed_and_paid()
    await play.accept()
    await play.report(ReportKind.STARTED)
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    await play.outcome()


async def unpaid(play: Play) -> None:
    await play.place(QUICK)
    await play.outcome()


async def cancelled(play: Play) -> None:
    await play.placed_and_paid()
    await play.accept()
    await play.cancel()
    await play.outcome()


async def nobody(play: Play) -> None:
    await play.placed_and_paid(QUICK)
    await play.outcome()


async def replaced_and_silent(play: Play) -> None:
    play.world.acceptance.append(AcceptanceOutcome.REFUSED)
    await play.placed_and_paid(QUICK.model_copy(update={"offer_wave_s": 60}))
    first, second, third = play.world.waves[0].offers
    await play.decline(third)
    await refusal_of(play.accept(first))
    await play.accept(second)
    await play.until(lambda: len(play.world.waves) > 1)
    await asyncio.gather(*(play.accept(offer) for offer in play.world.waves[1].offers), return_exceptions=True)
    await play.report(ReportKind.STARTED)
    await play.report(ReportKind.DELIVERED)
    await play.outcome()


async def parked(play: Play) -> None:
    play.world.fail("open_job")
    play.world.fail("settle_job")
    await play.placed_and_paid()
    await play.accept()
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    await play.until(lambda: bool(play.world.parkings))
    await play.resolve(play.job, ResolutionAction.RETRY)
    await play.outcome()


async def saved_card(play: Play) -> None:
    play.world.card_refusals.append(
        SavedCardCharge(state=PaymentState.FAILED, decline_code="insufficient_funds", retry=True)
    )
    await play.place(QUICK.model_copy(update={"decline_retries_s": (1,), "offer_wave_s": 60}), saved_card="pm_saved")
    await play.until(lambda: play.world.opened)
    await play.cancel()
    await play.outcome()


async def captured_early(play: Play) -> None:
    play.world.capture_due_at = datetime(2020, 1, 1, tzinfo=UTC)
    await play.placed_and_paid()
    await play.until(lambda: "capture_payment" in play.world.calls)
    await play.accept()
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    await play.outcome()


async def hold_lost(play: Play) -> None:
    play.world.capture_due_at = datetime(2020, 1, 1, tzinfo=UTC)
    play.world.capture_lost = True
    await play.placed_and_paid()
    await play.outcome()


async def frozen(play: Play) -> None:
    play.world.frozen = True
    await play.placed_and_paid()
    await play.accept()
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    await play.until(lambda: "settle_job" in play.world.calls)
    play.world.frozen = False
    await play.thaw()
    await play.outcome()


SCENARIOS: list[Callable[[Play], Awaitable[None]]] = [
    happy,
    unpaid,
    cancelled,
    nobody,
    replaced_and_silent,
    parked,
    saved_card,
    captured_early,
    hold_lost,
    frozen,
]


async def record(address: str, version: str, names: Collection[str]) -> None:
    """Play the named scenarios (all without a name) on a real server and store their histories."""
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    await record_orders(client, version, names)
    for moves in REFUNDS:
        if not names or moves.__name__ in names:
            await store("refund", moves.__name__, version, await play_refund(client, moves))
    for scenario in CHARGEBACKS:
        if not names or scenario.__name__ in names:
            await store("chargeback", scenario.__name__, version, await play_chargeback(client, scenario))
    for name, books in BOOKS.items():
        if not names or name in names:
            await store("reconciliation", name, version, await play_reconciliation(client, books()))


async def record_orders(client: Client, version: str, names: Collection[str]) -> None:
    """Each scenario leaves the order's history and its job's."""
    for scenario in SCENARIOS:
        if names and scenario.__name__ not in names:
            continue
        play = Play(client, World(client=client))
        async with workers(client, play.world):
            await scenario(play)
            handles = {"order": play.order} | ({"job": play.job} if play.world.opened else {})
            for kind, handle in handles.items():
                if kind == "job":
                    await handle.result()
                await store(kind, scenario.__name__, version, handle)


async def store(kind: str, name: str, version: str, handle: WorkflowHandle[Any, Any]) -> None:
    """Write the history of a workflow that has ended."""
    path = FOLDER / kind / f"{name}@{version}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    history = (await handle.fetch_history()).to_json()
    path.write_text(history.replace(f"{CHECKOUT}/", "") + "\n")  # stack traces name files


if __name__ == "__main__":
    run_main(record(sys.argv[1], "1", sys.argv[2:]))
