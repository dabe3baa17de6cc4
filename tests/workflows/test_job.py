"""The paths of the job process: dispatch, production, approval."""

import asyncio
from datetime import UTC, datetime, timedelta

from temporalio.testing import WorkflowEnvironment

from fulfil.models.messages.jobs import AcceptanceOutcome, AcceptanceSecured, JobOutcome, ReportKind
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.support import ResolutionAction
from tests.workflows.fakes import World
from tests.workflows.playing import Play, refusal_of


async def test_of_many_concurrent_accepts_one_wins(play: Play, world: World) -> None:
    world.providers = world.providers[:3]
    await play.placed_and_paid()
    offers = world.waves[0].offers
    answers = await asyncio.gather(*(play.accept(offer) for offer in offers), return_exceptions=True)
    winners = [answer for answer in answers if isinstance(answer, AcceptanceSecured)]
    assert len(winners) == 1
    assert world.calls.count("secure_acceptance") == 1


async def test_losers_are_told_that_the_offer_is_lost(play: Play, world: World) -> None:
    await play.placed_and_paid()
    first, second, _ = world.waves[0].offers
    await play.accept(first)
    refused = await refusal_of(play.accept(second))
    assert refused.type == "offer_lost"
    assert refused.details[0]["state"] == "accepted"


async def test_the_winner_who_accepts_again_gets_the_same_answer(play: Play, world: World) -> None:
    await play.placed_and_paid()
    assert await play.accept() == await play.accept()
    assert world.calls.count("secure_acceptance") == 1


async def test_another_provider_cannot_take_my_offer(play: Play, world: World) -> None:
    await play.placed_and_paid()
    mine = world.waves[0].offers[0]
    stolen = mine.model_copy(update={"provider_id": world.providers[-1]})
    assert (await refusal_of(play.accept(stolen))).type == "offer_not_open"


async def test_an_offer_of_a_wave_that_ended_is_expired(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    await play.placed_and_paid()
    late = world.waves[0].offers[0]
    await skipping.sleep(timedelta(seconds=91))
    await play.until(lambda: len(world.waves) > 1)
    assert (await refusal_of(play.accept(late))).type == "offer_expired"
    await play.accept()


async def test_the_next_wave_begins_at_once_when_everybody_declined(play: Play, world: World) -> None:
    await play.placed_and_paid()
    for offer in world.waves[0].offers:
        await play.decline(offer)
    await play.until(lambda: "open_wave wave 2" in world.calls)
    assert (await refusal_of(play.accept(world.waves[0].offers[0]))).type == "offer_declined"


async def test_a_winner_without_stock_leaves_the_job_to_the_others(play: Play, world: World) -> None:
    world.acceptance.append(AcceptanceOutcome.REFUSED)
    await play.placed_and_paid()
    first, second, _ = world.waves[0].offers
    assert (await refusal_of(play.accept(first))).type == "stock_gone"
    secured = await play.accept(second)
    assert secured.provider_id == second.provider_id


async def test_no_offer_can_be_accepted_after_the_order_took_the_job_back(play: Play, world: World) -> None:
    world.fail("return_payment")
    await play.placed_and_paid()
    await play.cancel()
    result = await play.job_outcome()
    assert result.outcome is JobOutcome.WITHDRAWN


async def test_a_provider_who_does_not_start_is_reminded_and_replaced(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    await play.placed_and_paid()
    await play.accept()
    await skipping.sleep(timedelta(hours=49))
    assert [reminder.what for reminder in world.reminders] == ["start production"]
    await skipping.sleep(timedelta(hours=23, seconds=30))
    await play.until(lambda: len(world.waves) > 1)
    second = await play.accept()
    assert second.provider_id not in {offer.provider_id for offer in world.waves[0].offers}
    await play.report(ReportKind.STARTED)
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    assert (await play.outcome()).state is OrderState.CLOSED


async def test_a_start_at_the_last_moment_keeps_the_provider(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    await play.placed_and_paid()
    await play.accept()
    world.started = True  # recorded in the database, its signal still under way
    await skipping.sleep(timedelta(hours=73))
    await play.until(lambda: "begin_round" in world.calls)
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    assert (await play.outcome()).state is OrderState.CLOSED
    assert world.calls.count("secure_acceptance") == 1


async def test_support_takes_the_job_from_a_provider_in_production(play: Play, world: World) -> None:
    await play.placed_and_paid()
    await play.accept()
    await play.report(ReportKind.STARTED)
    await play.redispatch()
    await play.until(lambda: len(world.waves) > 1)
    await play.accept()
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    assert (await play.outcome()).state is OrderState.CLOSED


async def test_support_finds_a_provider_after_everybody_was_asked_in_vain(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    await play.placed_and_paid()
    await skipping.sleep(timedelta(hours=49))
    await play.until(lambda: "open_wave operator 5" in world.calls)
    world.asked.clear()
    await play.redispatch()
    await play.until(lambda: bool(world.waves[-1].offers))
    await play.accept()
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    assert (await play.outcome()).state is OrderState.CLOSED


async def test_delivered_work_is_not_dispatched_again(play: Play) -> None:
    await play.placed_and_paid()
    await play.accept()
    await play.report(ReportKind.DELIVERED)
    assert (await refusal_of(play.redispatch())).type == "job_not_redispatchable"


async def test_silence_approves_after_fourteen_days(play: Play, world: World, skipping: WorkflowEnvironment) -> None:
    await play.placed_and_paid()
    await play.accept()
    await play.report(ReportKind.STARTED)
    delivered_at = await skipping.get_current_time()
    await play.report(ReportKind.DELIVERED)
    assert (await play.outcome()).state is OrderState.CLOSED
    assert world.settlements[0].approved_by_silence
    assert [reminder.what for reminder in world.reminders] == ["approve the delivery"]
    assert (await skipping.get_current_time()) - delivered_at >= timedelta(days=13, hours=23)


async def test_nothing_can_be_approved_before_a_provider_has_the_job(play: Play) -> None:
    await play.placed_and_paid()
    assert (await refusal_of(play.approve())).type == "not_delivered"


async def test_an_approval_that_overtakes_the_delivery_signal_counts(play: Play) -> None:
    await play.placed_and_paid()
    await play.accept()
    await play.approve()
    assert (await play.outcome()).state is OrderState.CLOSED


async def test_a_job_cancelled_in_the_temporal_ui_goes_on(play: Play) -> None:
    await play.placed_and_paid()
    await play.accept()
    await play.job.cancel()
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    assert (await play.outcome()).state is OrderState.CLOSED


async def test_an_approval_waits_for_an_acceptance_whose_answer_is_under_way(play: Play, world: World) -> None:
    world.fail("secure_acceptance", retryable=True)  # its worker died after the effect; the retry is to come
    await play.placed_and_paid()
    accepting = asyncio.create_task(play.accept())
    await play.until(lambda: "secure_acceptance" in world.calls)
    await play.report(ReportKind.STARTED)
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    await accepting
    assert (await play.outcome()).state is OrderState.CLOSED


async def test_a_payment_nobody_earned_yet_is_captured_before_the_bank_lets_it_go(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    world.capture_due_at = await skipping.get_current_time() + timedelta(hours=20)
    await play.placed_and_paid()
    await skipping.sleep(timedelta(hours=19))
    assert "capture_payment" not in world.calls
    await skipping.sleep(timedelta(hours=1, minutes=1))
    await play.until(lambda: "capture_payment" in world.calls)
    assert world.calls[-2:] == ["open_wave open_board 4", "capture_payment"]

    await play.accept()
    await play.report(ReportKind.DELIVERED)
    await play.approve()

    assert (await play.outcome()).state is OrderState.CLOSED
    assert world.calls.count("capture_payment") == 1


async def test_an_acceptance_makes_the_early_capture_needless(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    world.capture_due_at = await skipping.get_current_time() + timedelta(hours=50)
    await play.placed_and_paid()
    await play.accept()
    await skipping.sleep(timedelta(hours=72, seconds=30))
    await play.until(lambda: len(world.waves) > 1)
    await play.accept()
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    assert (await play.outcome()).state is OrderState.CLOSED
    assert "capture_payment" not in world.calls


async def test_a_capture_that_is_due_at_once_does_not_end_the_wave(play: Play, world: World) -> None:
    world.capture_due_at = datetime(2020, 1, 1, tzinfo=UTC)
    await play.placed_and_paid()
    await play.until(lambda: "capture_payment" in world.calls)
    await play.accept()
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    assert (await play.outcome()).state is OrderState.CLOSED
    assert len(world.waves) == 1


async def test_a_hold_lost_before_anybody_accepted_cancels_the_order(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    world.capture_due_at = await skipping.get_current_time() + timedelta(hours=20)
    world.capture_lost = True
    await play.placed_and_paid()
    outcome = await play.outcome()
    assert outcome.state is OrderState.CANCELLED
    assert "captured" in (outcome.reason or "")
    assert (await play.job_outcome()).outcome is JobOutcome.PAYMENT_LOST
    assert world.calls[-4:] == ["capture_payment", "close_job", "return_payment", "close_order"]


async def test_a_job_taken_back_while_its_payment_is_captured_is_withdrawn(play: Play, world: World) -> None:
    world.capture_due_at = datetime(2020, 1, 1, tzinfo=UTC)
    world.capture_lost = True
    world.fail("capture_payment")
    await play.placed_and_paid()
    await play.until(lambda: bool(world.parkings))
    await play.cancel()
    await play.resolve(play.job, ResolutionAction.RETRY)
    assert (await play.job_outcome()).outcome is JobOutcome.WITHDRAWN
    assert (await play.outcome()).state is OrderState.CANCELLED


async def test_a_job_can_be_accepted_while_its_capture_waits_for_support(play: Play, world: World) -> None:
    world.capture_due_at = datetime(2020, 1, 1, tzinfo=UTC)
    world.fail("capture_payment")
    await play.placed_and_paid()
    await play.until(lambda: bool(world.parkings))
    await play.accept()
    await play.resolve(play.job, ResolutionAction.RETRY)
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    assert (await play.outcome()).state is OrderState.CLOSED


async def test_a_frozen_payment_is_settled_when_it_thaws(play: Play, world: World) -> None:
    world.frozen = True
    await play.placed_and_paid()
    await play.accept()
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    await play.until(lambda: "settle_job" in world.calls)
    world.frozen = False
    await play.thaw()
    assert (await play.outcome()).state is OrderState.CLOSED
    assert world.calls.count("settle_job") == 2


async def test_a_frozen_payment_is_looked_at_every_day(play: Play, world: World, skipping: WorkflowEnvironment) -> None:
    world.frozen = True
    await play.placed_and_paid()
    await play.accept()
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    await play.until(lambda: "settle_job" in world.calls)
    await skipping.sleep(timedelta(hours=25))
    await play.until(lambda: world.calls.count("settle_job") == 2)
    world.frozen = False
    assert (await play.outcome()).state is OrderState.CLOSED
    assert world.calls.count("settle_job") == 3


async def test_a_thaw_that_comes_before_it_is_waited_for_is_harmless(play: Play, world: World) -> None:
    await play.placed_and_paid()
    await play.accept()
    await play.thaw()
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    assert (await play.outcome()).state is OrderState.CLOSED
    assert world.calls.count("settle_job") == 1
