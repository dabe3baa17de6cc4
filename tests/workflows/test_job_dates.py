"""Promised dates of a job: kept, at risk, missed, moved; what the customer chooses, and what silence means."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from fulfil.models.messages.jobs import JobOutcome, ReportKind
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.promises import Choice, ChoiceTaken, PromiseState, Trouble
from fulfil.workflows.job import JobWorkflow
from tests.workflows.fakes import World
from tests.workflows.playing import Play, refusal_of


async def in_production(play: Play) -> None:
    """Accepted, and begun."""
    await play.placed_and_paid()
    await play.accept()
    await play.report(ReportKind.STARTED)


async def finished(play: Play) -> OrderState | None:
    """Delivered, approved, paid."""
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    return (await play.outcome()).state


async def overdue(play: Play, skipping: WorkflowEnvironment) -> None:
    """In production, and the promised date has passed."""
    await in_production(play)
    await skipping.sleep(timedelta(days=5, minutes=1))
    await play.until(lambda: len(play.world.checks) > 1)


async def test_a_date_is_looked_at_a_day_before_and_when_it_is_there(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    await overdue(play, skipping)
    due_at = world.checks[0].due_at
    early = [(due_at - check.at).total_seconds() / 3600 for check in world.checks]
    assert early == pytest.approx([24, 0], abs=0.05)


async def test_a_date_kept_is_not_looked_at_again(play: Play, world: World, skipping: WorkflowEnvironment) -> None:
    world.promise = PromiseState.KEPT
    await in_production(play)
    await skipping.sleep(timedelta(days=30))
    assert len(world.checks) == 1
    assert await finished(play) is OrderState.CLOSED


async def test_silence_about_a_missed_date_waits_until_the_forecast(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    await overdue(play, skipping)
    world.forecast_at = await play.now() + timedelta(days=9)
    await skipping.sleep(timedelta(days=2, minutes=1))
    await play.until(lambda: bool(world.promises))
    assert world.promises[0].by_silence
    assert world.promises[0].trouble is Trouble.DEADLINE_MISSED
    assert await finished(play) is OrderState.CLOSED


async def test_a_provider_who_never_delivers_loses_the_job_though_nobody_complains(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    await in_production(play)
    await skipping.sleep(timedelta(days=17, minutes=1))
    await play.until(lambda: len(world.waves) > 1)
    assert [promise.by_silence for promise in world.promises] == [True, True]
    assert world.rounds[0].only_if_not_shipped
    await play.accept()
    assert await finished(play) is OrderState.CLOSED


async def test_work_that_left_before_it_was_taken_away_stays_with_its_provider(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    world.left = True
    await in_production(play)
    await skipping.sleep(timedelta(days=60))
    assert world.calls.count("begin_round") == 1
    assert await finished(play) is OrderState.CLOSED


async def test_a_customer_who_does_not_wait_gets_the_order_called_off(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    await overdue(play, skipping)
    assert (await play.choose(Choice.CANCEL)).choice is Choice.CANCEL
    assert (await play.job_outcome()).outcome is JobOutcome.CALLED_OFF
    assert (await play.outcome()).state is OrderState.CANCELLED
    assert "return_payment" in world.calls


async def test_work_that_left_meanwhile_is_not_called_off(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    world.left = True
    await overdue(play, skipping)
    assert (await refusal_of(play.choose(Choice.CANCEL))).type == "job_state"
    assert await finished(play) is OrderState.CLOSED


async def test_a_lost_parcel_is_remade_though_its_sister_can_not_be_called_back(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    world.left = True
    await in_production(play)
    await play.trouble(ReportKind.LOST)
    for choice in (Choice.CANCEL, Choice.REDISPATCH):
        assert (await refusal_of(play.choose(choice, Trouble.PARCEL_LOST))).type == "job_state"
    await skipping.sleep(timedelta(days=2, minutes=1))
    await play.until(lambda: bool(world.promises))
    assert (world.promises[0].trouble, world.promises[0].by_silence) == (Trouble.PARCEL_LOST, True)
    assert await finished(play) is OrderState.CLOSED


async def test_a_customer_may_have_somebody_else_make_it(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    await overdue(play, skipping)
    await play.choose(Choice.REDISPATCH)
    await play.until(lambda: len(world.waves) > 1)
    assert world.rounds[0].only_if_not_shipped
    assert not world.rounds[0].only_if_not_started
    await play.accept()
    assert await finished(play) is OrderState.CLOSED


async def test_an_announced_delay_is_accepted_by_waiting(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    await in_production(play)
    later = await play.now() + timedelta(days=8)
    await play.trouble(ReportKind.DELAYED, later)
    assert (await play.choose(Choice.WAIT, Trouble.DELAY_ANNOUNCED)).due_at == later
    await skipping.sleep(timedelta(days=6))
    assert world.checks == []
    assert await finished(play) is OrderState.CLOSED


async def test_a_delay_may_be_announced_before_production_begins(play: Play, world: World) -> None:
    await play.placed_and_paid()
    await play.accept()
    later = await play.now() + timedelta(days=8)
    await play.trouble(ReportKind.DELAYED, later)
    assert (await play.choose(Choice.WAIT, Trouble.DELAY_ANNOUNCED)).due_at == later
    assert world.promises[0].due_at == later
    assert await finished(play) is OrderState.CLOSED


async def test_a_lost_parcel_is_remade_in_the_time_it_took(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    world.promise = PromiseState.KEPT
    await in_production(play)
    await skipping.sleep(timedelta(days=5))
    await play.trouble(ReportKind.LOST)
    taken = await play.choose(Choice.WAIT, Trouble.PARCEL_LOST)
    assert taken.due_at is not None
    assert taken.due_at - await play.now() == pytest.approx(timedelta(days=5), abs=timedelta(minutes=1))
    assert await finished(play) is OrderState.CLOSED


async def test_a_customer_who_chose_before_the_signal_came_is_not_asked_again(play: Play, world: World) -> None:
    await in_production(play)
    later = await play.now() + timedelta(days=8)
    report = play.said(ReportKind.DELAYED, await play.now(), later)
    await play.choose(Choice.WAIT, Trouble.DELAY_ANNOUNCED, later)
    await play.job.signal(JobWorkflow.reported, report)
    assert await finished(play) is OrderState.CLOSED
    assert [promise.due_at for promise in world.promises] == [later]


async def test_a_choice_that_overtakes_its_signal_counts(play: Play, world: World) -> None:
    await in_production(play)
    await play.choose(Choice.CANCEL, Trouble.PARCEL_LOST)
    assert "call_off_job" in world.calls


async def test_the_same_choice_twice_is_followed_once(play: Play, skipping: WorkflowEnvironment) -> None:
    await overdue(play, skipping)
    answers = await asyncio.gather(play.choose(Choice.CANCEL), play.choose(Choice.CANCEL))
    assert [answer.choice for answer in answers if isinstance(answer, ChoiceTaken)] == [Choice.CANCEL] * 2
    assert (await play.job_outcome()).outcome is JobOutcome.CALLED_OFF
    assert (await play.outcome()).state is OrderState.CANCELLED


async def before_acceptance(play: Play) -> None:
    await play.placed_and_paid()


async def after_delivery(play: Play) -> None:
    await in_production(play)
    await play.report(ReportKind.DELIVERED)


@pytest.mark.parametrize("reached", [before_acceptance, after_delivery])
async def test_there_is_no_choice_where_nobody_makes_anything(
    play: Play, reached: Callable[[Play], Awaitable[None]]
) -> None:
    await reached(play)
    assert (await refusal_of(play.choose(Choice.CANCEL))).type == "no_choice"


async def test_a_job_given_back_is_offered_to_others(play: Play, world: World) -> None:
    await in_production(play)
    await play.trouble(ReportKind.GIVEN_UP)
    await play.until(lambda: len(world.waves) > 1)
    assert not world.rounds[0].only_if_not_started
    second = await play.accept()
    assert second.provider_id not in {offer.provider_id for offer in world.waves[0].offers}
    assert await finished(play) is OrderState.CLOSED


async def test_a_job_given_back_before_it_began_is_offered_to_others(play: Play, world: World) -> None:
    await play.placed_and_paid()
    await play.accept()
    await play.trouble(ReportKind.GIVEN_UP)
    await play.until(lambda: len(world.waves) > 1)
    await play.accept()
    assert await finished(play) is OrderState.CLOSED


async def test_a_report_of_who_had_the_job_before_is_no_news(play: Play, world: World) -> None:
    await in_production(play)
    first = world.waves[0].offers[0].offer_id
    await play.trouble(ReportKind.GIVEN_UP)
    await play.until(lambda: len(world.waves) > 1)
    await play.accept()
    await play.trouble(ReportKind.GIVEN_UP, offer_id=first)
    assert await finished(play) is OrderState.CLOSED
    assert world.calls.count("begin_round") == 1


async def test_support_asks_a_provider_of_her_choice(play: Play, world: World, skipping: WorkflowEnvironment) -> None:
    await play.placed_and_paid()
    await skipping.sleep(timedelta(hours=49))
    await play.until(lambda: "open_wave operator 5" in world.calls)
    offered = await play.offer_to(world.providers[7])
    assert offered.offer is not None
    await play.accept(offered.offer)
    assert (await refusal_of(play.offer_to(world.providers[8]))).type == "job_taken"
    assert await finished(play) is OrderState.CLOSED


async def test_support_hears_why_a_provider_cannot_be_asked(play: Play) -> None:
    await play.placed_and_paid()
    assert (await play.offer_to("prv_" + "0" * 32)).code == "provider_unknown"


async def test_a_counter_offer_outlives_the_wave_it_answered(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    await play.placed_and_paid()
    late = world.waves[0].offers[0]
    await skipping.sleep(timedelta(seconds=91))
    await play.until(lambda: len(world.waves) > 1)
    assert (await play.accept(late, counter_id="cou_" + "1" * 32)).provider_id == late.provider_id
    assert (await refusal_of(play.accept(world.waves[1].offers[0]))).type == "offer_lost"
    assert await finished(play) is OrderState.CLOSED
