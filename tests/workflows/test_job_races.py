"""What reaches a job at the same moment, twice or late: none of it makes it hang, pay or end by itself."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateStage
from temporalio.testing import WorkflowEnvironment

from fulfil.models.messages.jobs import JobOutcome, ReportKind
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.promises import Choice, Trouble
from fulfil.models.messages.support import ResolutionAction
from fulfil.workflows.job import JobWorkflow
from tests.workflows.fakes import World
from tests.workflows.playing import Play

COUNTER = "cou_" + "1" * 32


async def between_waves(play: Play, skipping: WorkflowEnvironment) -> None:
    """The first wave is over, and the second could not be opened: support has to help."""
    play.world.fail("open_wave wave 2", times=2)
    await play.placed_and_paid()
    await skipping.sleep(timedelta(seconds=91))
    await play.until(lambda: bool(play.world.parkings))


async def finished(play: Play) -> OrderState | None:
    """Delivered, approved, paid."""
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    return (await play.outcome()).state


@pytest.mark.parametrize("kind", [ReportKind.GIVEN_UP, ReportKind.STARTED])
async def test_a_report_told_again_in_the_next_round_is_no_news(
    play: Play, world: World, skipping: WorkflowEnvironment, kind: ReportKind
) -> None:
    await play.placed_and_paid()
    first = await play.accept()
    await play.trouble(ReportKind.GIVEN_UP, offer_id=first.offer_id)
    await play.until(lambda: len(world.waves) > 1)

    await play.trouble(kind, offer_id=first.offer_id)

    await play.accept(world.waves[1].offers[0])
    assert len(world.waves) == 2
    await skipping.sleep(timedelta(hours=49))
    assert [reminder.what for reminder in world.reminders] == ["start production"]


async def test_a_counter_offer_taken_between_two_waves_waits_for_the_next_to_be_opened(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    await between_waves(play, skipping)
    taking = await play.job.start_update(
        JobWorkflow.accept,
        play.acceptance(world.waves[0].offers[0], COUNTER),
        wait_for_stage=WorkflowUpdateStage.ACCEPTED,
    )
    world.providers.clear()  # nobody else can be asked

    await play.resolve(play.job, ResolutionAction.RETRY)
    await taking.result()

    order = [call for call in world.calls if call.startswith("open_wave") or call == "secure_acceptance"]
    assert order == ["open_wave wave 2"] * 3 + ["secure_acceptance"]
    await play.report(ReportKind.STARTED)
    await skipping.sleep(timedelta(days=5, minutes=1))
    await play.until(lambda: len(world.checks) > 1)
    assert await finished(play) is OrderState.CLOSED


async def test_whom_support_asks_between_two_waves_can_accept(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    await between_waves(play, skipping)
    offered = await play.offer_to(world.providers[-1])

    await play.resolve(play.job, ResolutionAction.RETRY)
    await play.until(lambda: len(world.waves) > 1)

    assert (await play.accept(offered.offer)).provider_id == world.providers[-1]
    assert await finished(play) is OrderState.CLOSED


async def test_whom_support_asks_at_last_has_her_own_time(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    await play.placed_and_paid()
    await skipping.sleep(timedelta(hours=49))
    await play.until(lambda: "open_wave operator 5" in world.calls)
    await skipping.sleep(timedelta(hours=71))
    offered = await play.offer_to(world.providers[7])
    await skipping.sleep(timedelta(hours=2))

    assert (await play.accept(offered.offer)).provider_id == world.providers[7]
    assert await finished(play) is OrderState.CLOSED


async def test_work_delivered_while_support_takes_it_back_waits_for_the_customer(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    world.fail("check_promise", times=2)
    await play.placed_and_paid()
    await play.accept()
    await play.report(ReportKind.STARTED)
    await skipping.sleep(timedelta(days=4, minutes=1))
    await play.until(lambda: bool(world.parkings))
    await play.redispatch()
    await play.report(ReportKind.DELIVERED)

    await play.resolve(play.job, ResolutionAction.RETRY)
    await skipping.sleep(timedelta(minutes=1))

    assert not world.settlements
    await play.approve()
    assert (await play.outcome()).state is OrderState.CLOSED


async def test_a_job_taken_back_between_two_waves_asks_nobody_any_more(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    await between_waves(play, skipping)
    await play.cancel()

    await play.resolve(play.job, ResolutionAction.RETRY)

    assert (await play.job_outcome()).outcome is JobOutcome.WITHDRAWN
    assert [call for call in world.calls if call.startswith("open_wave")] == ["open_wave wave 2"] * 3


async def test_the_date_the_customer_waits_for_is_the_one_she_was_shown(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    await play.placed_and_paid()
    await play.accept()
    await play.report(ReportKind.STARTED)
    now = await skipping.get_current_time()
    first, second = now + timedelta(days=8), now + timedelta(days=11)
    await play.trouble(ReportKind.DELAYED, first)
    again = play.said(ReportKind.DELAYED, await play.now(), second)

    taken = await play.choose(Choice.WAIT, Trouble.DELAY_ANNOUNCED, second)
    await play.job.signal(JobWorkflow.reported, again)  # it was recorded before she chose

    assert (taken.due_at, [moved.due_at for moved in world.promises]) == (second, [second])
    assert await finished(play) is OrderState.CLOSED


async def test_a_job_ends_when_whom_support_asked_at_last_declines(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    await play.placed_and_paid()
    await skipping.sleep(timedelta(hours=49))
    await play.until(lambda: "open_wave operator 5" in world.calls)
    offered = await play.offer_to(world.providers[7])
    await skipping.sleep(timedelta(hours=73))
    assert offered.offer is not None

    await play.decline(offered.offer)

    assert (await play.job_outcome()).outcome is JobOutcome.DECLINED_BY_ALL
