"""The paths of the order process, one test per branch of `run()`."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from fulfil.models.messages.jobs import AcceptanceOutcome, ReportKind
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.payments import PaymentChanged, PaymentState, SavedCardCharge
from fulfil.models.messages.support import ResolutionAction
from tests.workflows.fakes import FAR, World
from tests.workflows.playing import Play, refusal_of


async def test_an_order_goes_from_the_click_to_the_payout(play: Play, world: World) -> None:
    placed = await play.place()
    assert placed.amount_minor == 1299
    await play.pay()
    await play.accept()
    await play.report(ReportKind.STARTED)
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    outcome = await play.outcome()
    assert outcome.state is OrderState.CLOSED
    assert world.calls == ["place_order", "open_lines", "secure_acceptance", "settle_job"]
    assert not world.settlements[0].approved_by_silence


async def test_a_second_start_joins_the_running_order(play: Play, world: World) -> None:
    first = await play.place()
    second = await play.place()
    assert first == second
    assert world.calls.count("place_order") == 1


async def test_a_quote_that_cannot_be_ordered_ends_the_order_with_its_reason(play: Play, world: World) -> None:
    world.placed_refusal = "quote_expired"
    placed = await play.place()
    assert placed.refusal_code == "quote_expired"
    assert (await play.outcome()).state is None
    assert world.calls == ["place_order"]


async def test_an_unpaid_order_expires_after_fifteen_minutes(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    await play.place()
    await skipping.sleep(timedelta(minutes=14, seconds=50))
    assert "expire_payment" not in world.calls
    outcome = await play.outcome()
    assert outcome.state is OrderState.EXPIRED
    assert world.calls == ["place_order", "expire_payment", "close_order"]


async def test_a_payment_at_the_last_moment_wins_over_the_expiry(play: Play, world: World) -> None:
    world.paid_at_the_last_moment = True
    await play.place()
    await play.order.signal("job_closed", {"job_id": world.job_id, "outcome": "settled"})
    assert (await play.outcome()).state is OrderState.CLOSED
    assert "open_lines" in world.calls


async def test_a_bank_confirmation_moves_the_deadline_to_a_day(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    await play.place()
    await play.payment(PaymentState.REQUIRES_ACTION)
    await skipping.sleep(timedelta(hours=23))
    assert "expire_payment" not in world.calls
    assert (await play.outcome()).state is OrderState.EXPIRED


async def test_a_declined_card_leaves_the_order_payable(play: Play, world: World) -> None:
    await play.place()
    await play.payment(PaymentState.FAILED)
    await play.pay()
    assert "open_lines" in world.calls


async def test_late_and_repeated_webhooks_change_nothing(play: Play, world: World) -> None:
    await play.placed_and_paid()
    await play.payment(PaymentState.AUTHORIZED)
    await play.payment(PaymentState.FAILED)
    await play.accept()
    assert world.calls.count("open_lines") == 1


async def test_an_unpaid_order_can_be_cancelled(play: Play, world: World) -> None:
    await play.place()
    await play.cancel()
    outcome = await play.outcome()
    assert outcome.state is OrderState.CANCELLED
    assert outcome.reason == "changed my mind"
    assert world.calls == ["place_order", "return_payment", "close_order"]
    assert world.closed_orders[0].actor == play.customer


async def test_cancelling_a_paid_order_takes_the_job_back_and_returns_the_money(play: Play, world: World) -> None:
    await play.placed_and_paid()
    await play.cancel()
    assert (await play.outcome()).state is OrderState.CANCELLED
    assert world.calls == ["place_order", "open_lines", "withdraw_job", "return_payment", "close_order"]
    assert (await play.job_outcome()).outcome == "withdrawn"


async def test_an_accepted_job_can_be_cancelled_until_production_starts(play: Play) -> None:
    await play.placed_and_paid()
    await play.accept()
    await play.cancel()
    assert (await play.outcome()).state is OrderState.CANCELLED
    assert (await play.job_outcome()).outcome == "withdrawn"


async def test_cancelling_after_production_started_is_refused_and_changes_nothing(play: Play, world: World) -> None:
    await play.placed_and_paid()
    await play.accept()
    await play.report(ReportKind.STARTED)
    refused = await refusal_of(play.cancel())
    assert refused.type == "production_started"
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    assert (await play.outcome()).state is OrderState.CLOSED
    assert "return_payment" not in world.calls


async def test_an_order_nobody_makes_is_cancelled_and_paid_back(play: Play, world: World) -> None:
    await play.placed_and_paid()
    outcome = await play.outcome()
    assert outcome.state is OrderState.CANCELLED
    assert [call for call in world.calls if call.startswith("open_wave")] == [
        "open_wave wave 2",
        "open_wave wave 3",
        "open_wave open_board 4",
        "open_wave operator 5",
    ]
    assert world.calls[-3:] == ["close_job", "return_payment", "close_order"]
    events = [event async for event in play.order.fetch_history_events()]
    waited = events[-1].event_time.ToDatetime() - events[0].event_time.ToDatetime()
    assert timedelta(hours=120, seconds=270) <= waited < timedelta(hours=121)


async def test_a_payment_that_cannot_be_captured_cancels_the_order(play: Play, world: World) -> None:
    world.acceptance.append(AcceptanceOutcome.PAYMENT_LOST)
    await play.placed_and_paid()
    await refusal_of(play.accept())
    outcome = await play.outcome()
    assert outcome.state is OrderState.CANCELLED
    assert "captured" in (outcome.reason or "")


async def test_cancel_in_the_temporal_ui_is_the_same_as_the_update(play: Play, world: World) -> None:
    await play.placed_and_paid()
    await play.order.cancel()
    assert (await play.outcome()).state is OrderState.CANCELLED
    assert world.calls[-3:] == ["withdraw_job", "return_payment", "close_order"]


async def test_cancel_in_the_temporal_ui_is_refused_once_production_started(play: Play, world: World) -> None:
    await play.placed_and_paid()
    await play.accept()
    await play.report(ReportKind.STARTED)
    await play.order.cancel()
    await play.until(lambda: "withdraw_job" in world.calls)
    await play.report(ReportKind.DELIVERED)
    await play.approve()
    assert (await play.outcome()).state is OrderState.CLOSED


async def test_an_ended_order_cannot_be_cancelled(play: Play) -> None:
    await play.placed_and_paid()
    await play.accept()
    await play.report(ReportKind.DELIVERED)
    await play.order.signal("job_closed", {"job_id": play.world.job_id, "outcome": "settled"})
    await play.outcome()
    with pytest.raises(RPCError):
        await play.cancel()


SOFT = SavedCardCharge(state=PaymentState.FAILED, decline_code="insufficient_funds", retry=True)
HARD = SavedCardCharge(state=PaymentState.FAILED, decline_code="stolen_card")


async def test_a_saved_card_pays_without_the_customer(play: Play, world: World) -> None:
    await play.place(saved_card="pm_saved")
    await play.until(lambda: world.opened)
    assert world.calls[:3] == ["place_order", "charge_saved_card", "open_lines"]
    assert [(charge.payment_method_id, charge.attempt) for charge in world.charges] == [("pm_saved", 1)]
    assert world.opened_lines[0].capture_before == FAR


async def test_a_soft_decline_is_tried_again_after_its_pause(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    world.card_refusals = [SOFT, SOFT]
    await play.place(saved_card="pm_saved")
    await skipping.sleep(timedelta(minutes=59))
    assert world.calls.count("charge_saved_card") == 1
    await skipping.sleep(timedelta(minutes=2))
    await play.until(lambda: world.calls.count("charge_saved_card") == 2)
    await skipping.sleep(timedelta(hours=6, minutes=1))
    await play.until(lambda: world.opened)
    assert [charge.attempt for charge in world.charges] == [1, 2, 3]


async def test_a_card_declined_four_times_is_the_customers_to_replace(play: Play, world: World) -> None:
    world.card_refusals = [SOFT, SOFT, SOFT, HARD]
    await play.place(saved_card="pm_saved")
    assert (await play.outcome()).state is OrderState.EXPIRED
    assert [charge.attempt for charge in world.charges] == [1, 2, 3, 4]
    events = [event async for event in play.order.fetch_history_events()]
    waited = events[-1].event_time.ToDatetime() - events[0].event_time.ToDatetime()
    assert timedelta(hours=55) <= waited < timedelta(hours=56)


async def test_a_hard_decline_gives_the_customer_a_day_to_pay_herself(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    world.card_refusals = [HARD]
    await play.place(saved_card="pm_saved")
    await play.until(lambda: "charge_saved_card" in world.calls)
    await skipping.sleep(timedelta(hours=23))
    assert "expire_payment" not in world.calls
    await play.pay()
    assert world.calls.count("charge_saved_card") == 1


async def test_a_customer_who_pays_meanwhile_is_not_charged_again(
    play: Play, world: World, skipping: WorkflowEnvironment
) -> None:
    world.card_refusals = [SOFT]
    await play.place(saved_card="pm_saved")
    await play.until(lambda: "charge_saved_card" in world.calls)
    await play.pay()
    await skipping.sleep(timedelta(hours=2))
    assert world.calls.count("charge_saved_card") == 1


async def test_an_order_cancelled_between_two_attempts_is_paid_back(play: Play, world: World) -> None:
    world.card_refusals = [SOFT]
    await play.place(saved_card="pm_saved")
    await play.until(lambda: "charge_saved_card" in world.calls)
    await play.cancel()
    assert (await play.outcome()).state is OrderState.CANCELLED
    assert world.calls == ["place_order", "charge_saved_card", "return_payment", "close_order"]


async def test_an_order_cancelled_while_its_card_is_charged_opens_no_job(play: Play, world: World) -> None:
    world.fail("charge_saved_card")
    await play.place(saved_card="pm_saved")
    await play.until(lambda: bool(world.parkings))
    await play.cancel()
    await play.resolve(play.order, ResolutionAction.RETRY)
    assert (await play.outcome()).state is OrderState.CANCELLED
    assert not world.opened


async def test_support_gives_up_a_saved_card_that_cannot_be_charged(play: Play, world: World) -> None:
    world.fail("charge_saved_card")
    await play.place(saved_card="pm_saved")
    await play.until(lambda: bool(world.parkings))
    await play.resolve(play.order, ResolutionAction.CANCEL)
    outcome = await play.outcome()
    assert (outcome.state, outcome.reason) == (OrderState.CANCELLED, "support gave up charging the saved card")


async def test_what_the_bank_said_of_its_hold_goes_to_the_job(play: Play, world: World) -> None:
    await play.place()
    until = datetime(2099, 1, 1, tzinfo=UTC)
    change = PaymentChanged(
        event_id="evt_1", payment_intent_id="pi_1", state=PaymentState.AUTHORIZED, capture_before=until
    )
    await play.order.signal("payment_changed", change)
    await play.until(lambda: world.opened)
    assert world.opened_lines[0].capture_before == until
