"""Records the histories that `test_replay.py` replays: `python -m tests.replay.record ADDRESS [KIND/SCENARIO …]`."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter

from fulfil.kit.runtime import run_main
from fulfil.models.messages.jobs import AcceptanceOutcome, ReportKind
from fulfil.models.messages.payments import PaymentState, SavedCardCharge
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.promises import Choice, Trouble
from fulfil.models.messages.support import ResolutionAction
from tests.replay.deliveries import DELIVERIES, play_delivery
from tests.replay.money import BOOKS, CHARGEBACKS, REFUNDS, play_chargeback, play_reconciliation, play_refund
from tests.workflows.fakes import World
from tests.workflows.playing import Play, refusal_of, workers

CHECKOUT = Path(__file__).parents[2]
FOLDER = CHECKOUT / "tests" / "histories"
REVISIONS = {"order": 2, "job": 2}
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
    play.world.fail("open_lines")
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


HURRIED = OrderPolicies(late_warning_s=1, lateness_answer_s=1, overdue_look_s=600)


async def called_off(play: Play) -> None:
    play.world.lead_time = timedelta(seconds=2)
    await play.placed_and_paid(HURRIED.model_copy(update={"lateness_answer_s": 600}))
    await play.accept()
    await play.report(ReportKind.STARTED)
    await play.until(lambda: len(play.world.checks) > 1)
    await play.choose(Choice.CANCEL)
    await play.outcome()


async def late_and_waited_for(play: Play) -> None:
    play.world.lead_time = timedelta(seconds=2)
    await play.placed_and_paid(HURRIED)
    await play.accept()
    await play.report(ReportKind.STARTED)
    await play.until(lambda: bool(play.world.promises))
    await play.trouble(ReportKind.DELAYED, await play.now() + timedelta(days=9))
    await play.choose(Choice.WAIT, Trouble.DELAY_ANNOUNCED)
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    await play.outcome()


async def given_back(play: Play) -> None:
    await play.placed_and_paid()
    await play.accept()
    await play.report(ReportKind.STARTED)
    await play.trouble(ReportKind.GIVEN_UP)
    await play.until(lambda: len(play.world.waves) > 1)
    await play.accept()
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    await play.outcome()


async def parcel_lost(play: Play) -> None:
    await play.placed_and_paid()
    await play.accept()
    await play.report(ReportKind.STARTED)
    await play.trouble(ReportKind.LOST)
    await play.choose(Choice.REDISPATCH, Trouble.PARCEL_LOST)
    await play.until(lambda: len(play.world.waves) > 1)
    await play.accept(counter_id="cou_" + "0" * 32)
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    await play.outcome()


async def asked_by_support(play: Play) -> None:
    await play.placed_and_paid(QUICK.model_copy(update={"operator_decides_s": 600, "start_due_s": 600}))
    await play.until(lambda: "open_wave operator 5" in play.world.calls)
    offered = await play.offer_to(play.world.providers[0])
    await play.accept(offered.offer)
    await play.report(ReportKind.DELIVERED)
    await play.approve()
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
    called_off,
    late_and_waited_for,
    given_back,
    parcel_lost,
    asked_by_support,
]


async def record(address: str, names: Collection[str]) -> None:
    """Play the named scenarios (`refund/approved`; all without a name) on a real server and store their histories."""
    client = await Client.connect(address, data_converter=pydantic_data_converter)

    recorders: dict[str, Callable[[], Awaitable[None]]] = {
        **{f"order/{scenario.__name__}": partial(record_order, client, scenario) for scenario in SCENARIOS},
        **{f"refund/{moves.__name__}": partial(record_refund, client, moves) for moves in REFUNDS},
        **{f"deliverable/{moves.__name__}": partial(record_delivery, client, moves) for moves in DELIVERIES},
        **{f"chargeback/{case.__name__}": partial(record_chargeback, client, case) for case in CHARGEBACKS},
        **{f"reconciliation/{name}": partial(record_reconciliation, client, name) for name in BOOKS},
    }
    for name in names or recorders:
        await recorders[name]()


async def record_order(client: Client, scenario: Callable[[Play], Awaitable[None]]) -> None:
    """A scenario leaves the order's history and its job's."""
    play = Play(client, World(client=client))
    async with workers(client, play.world):
        await scenario(play)
        handles = {"order": play.order} | ({"job": play.job} if play.world.opened else {})
        for kind, handle in handles.items():
            if kind == "job":
                await handle.result()
            await store(kind, scenario.__name__, handle)


async def record_refund(client: Client, moves: Any) -> None:
    """A refund."""
    await store("refund", moves.__name__, await play_refund(client, moves))


async def record_delivery(client: Client, moves: Any) -> None:
    """A deliverable."""
    await store("deliverable", moves.__name__, await play_delivery(client, moves))


async def record_chargeback(client: Client, case: Any) -> None:
    """A chargeback."""
    await store("chargeback", case.__name__, await play_chargeback(client, case))


async def record_reconciliation(client: Client, name: str) -> None:
    """A reconciliation."""
    await store("reconciliation", name, await play_reconciliation(client, BOOKS[name]()))


async def store(kind: str, name: str, handle: WorkflowHandle[Any, Any]) -> None:
    """Write the history of a workflow that has ended, under the revision of its process."""
    path = FOLDER / kind / f"{name}@{REVISIONS.get(kind, 1)}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    history = (await handle.fetch_history()).to_json()
    path.write_text(history.replace(f"{CHECKOUT}/", "") + "\n")  # stack traces name files


if __name__ == "__main__":
    run_main(record(sys.argv[1], sys.argv[2:]))
