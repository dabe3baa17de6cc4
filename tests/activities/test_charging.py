"""A saved card is charged once per attempt, the customer being away; what is refused says whose move it is."""

import asyncio
from datetime import timedelta

import pytest

from fulfil.gateways.stripe.errors import StripeUnavailableError
from fulfil.models.messages.orders import OpenJob, OrderPlaced
from fulfil.models.messages.payments import ChargeSavedCard, PaymentState, SavedCardCharge
from tests.activities.till import Till


async def placed_with_card(till: Till, test_card: str = "pm_card_visa") -> tuple[OrderPlaced, str]:
    """An order of a customer who saved this card, and the card."""
    start = await till.shop.add_quote()
    card = await till.save_card(start.customer_id, test_card)
    return await till.payments.place_order(start.model_copy(update={"payment_method_id": card})), card


async def charge(till: Till, placed: OrderPlaced, card: str, attempt: int = 1) -> SavedCardCharge:
    """The activity."""
    return await till.payments.charge_saved_card(
        ChargeSavedCard(order_id=placed.order_id, payment_method_id=card, attempt=attempt)
    )


async def next_step(till: Till) -> tuple[str, str, timedelta]:
    """Whose move it is, what, and in how long."""
    ((who, what, by),) = await till.shop.sql("SELECT next_who, next_what, next_by FROM timelines")
    return who, what, by - till.shop.clock()


async def test_a_saved_card_is_authorised_and_its_hold_remembered(till: Till) -> None:
    placed, card = await placed_with_card(till)

    answers = [await charge(till, placed, card) for _ in range(2)]

    assert answers[0] == answers[1]
    assert answers[0].state is PaymentState.AUTHORIZED
    assert answers[0].capture_before is not None
    ((state, capture_before),) = await till.shop.sql("SELECT state, capture_before FROM payments")
    assert (state, capture_before) == ("authorized", answers[0].capture_before)
    (held,) = await till.at_stripe("charges", placed.order_id)
    assert not held["captured"]
    assert (await till.shop.events(placed.order_id)).count("payment.authorized") == 1


async def test_a_job_opened_after_it_is_captured_in_time(till: Till) -> None:
    placed, card = await placed_with_card(till)
    charged = await charge(till, placed, card)
    assert charged.capture_before is not None
    request = OpenJob(
        order_id=placed.order_id,
        line_id=placed.line_id or "",
        payment_intent_id=placed.payment_intent_id or "",
        policies=till.shop.policies,
        capture_before=charged.capture_before,
    )

    starts = [(await till.shop.orders.open_job(request)).start for _ in range(2)]

    assert starts[0] == starts[1]
    assert starts[0].capture_due_at == charged.capture_before - timedelta(hours=12)
    assert (await till.shop.events(placed.order_id)).count("payment.authorized") == 1
    assert await till.shop.value("SELECT count(*) FROM ledger_transactions") == 1


@pytest.mark.parametrize("mode", ["drop_before", "drop_after"])
async def test_a_lost_answer_charges_once(till: Till, mode: str) -> None:
    placed, card = await placed_with_card(till)
    await till.fail("POST /v1/payment_intents/.*/confirm", mode)
    with pytest.raises(StripeUnavailableError):
        await charge(till, placed, card)

    assert (await charge(till, placed, card)).state is PaymentState.AUTHORIZED
    assert len(await till.at_stripe("charges", placed.order_id)) == 1


@pytest.mark.parametrize("mode", ["error_500_before", "error_500_after"])
async def test_a_failure_stripe_stored_charges_once(till: Till, mode: str) -> None:
    placed, card = await placed_with_card(till)
    await till.fail("POST /v1/payment_intents/.*/confirm", mode)

    assert (await till.retried(lambda: charge(till, placed, card))).state is PaymentState.AUTHORIZED
    assert len(await till.at_stripe("charges", placed.order_id)) == 1


async def test_attempts_at_the_same_time_charge_once(till: Till) -> None:
    placed, card = await placed_with_card(till)

    await asyncio.gather(*(charge(till, placed, card) for _ in range(4)), return_exceptions=True)

    assert (await charge(till, placed, card)).state is PaymentState.AUTHORIZED
    assert len(await till.at_stripe("charges", placed.order_id)) == 1


async def test_a_soft_decline_is_tried_again_later_three_times_at_most(till: Till) -> None:
    placed, _ = await placed_with_card(till)
    card = "pm_card_chargeDeclinedInsufficientFunds"

    answers = [await charge(till, placed, card, attempt) for attempt in (1, 1, 2, 3)]
    assert await next_step(till) == ("system", "charge the saved card again", timedelta(hours=24))
    answers.append(await charge(till, placed, card, 4))

    assert [answer.retry for answer in answers] == [True, True, True, True, False]
    assert {answer.decline_code for answer in answers} == {"insufficient_funds"}
    assert await next_step(till) == ("customer", "pay with another card", timedelta(hours=24))
    events = await till.shop.events(placed.order_id)
    assert (events.count("payment.retry_scheduled"), events.count("payment.failed")) == (3, 1)
    ((state, code),) = await till.shop.sql("SELECT state, decline_code FROM payments")
    assert (state, code) == ("failed", "insufficient_funds")


async def test_a_stolen_card_is_not_tried_again(till: Till) -> None:
    placed, _ = await placed_with_card(till)

    answer = await charge(till, placed, "pm_card_chargeDeclinedStolenCard")

    assert (answer.state, answer.decline_code, answer.retry) == (PaymentState.FAILED, "stolen_card", False)
    assert await next_step(till) == ("customer", "pay with another card", timedelta(hours=24))


async def test_a_bank_that_wants_the_customer_is_asked_with_her_there(till: Till) -> None:
    placed, _ = await placed_with_card(till)

    answer = await charge(till, placed, "pm_card_authenticationRequired")

    assert (answer.decline_code, answer.retry) == ("authentication_required", False)
    assert await next_step(till) == ("customer", "pay once more and confirm with the bank", timedelta(hours=24))
    assert (await till.shop.events(placed.order_id))[-1] == "payment.action_required"
    await till.pay(placed)
    assert (await charge(till, placed, "pm_card_authenticationRequired", 2)).state is PaymentState.AUTHORIZED


async def test_a_card_that_is_not_there_any_more_is_the_customers_to_replace(till: Till) -> None:
    placed, _ = await placed_with_card(till)

    answer = await charge(till, placed, "pm_unknown")

    assert (answer.state, answer.retry) == (PaymentState.FAILED, False)
    assert await next_step(till) == ("customer", "pay with another card", timedelta(hours=24))


async def test_a_payment_cancelled_meanwhile_is_left_alone(till: Till) -> None:
    placed, card = await placed_with_card(till)
    await till.gateway.cancel_payment_intent(placed.payment_intent_id or "", idempotency_key=placed.order_id)

    assert (await charge(till, placed, card)).state is PaymentState.CANCELLED
    assert await till.at_stripe("charges", placed.order_id) == []


async def test_the_payment_intent_belongs_to_the_customer_at_stripe(till: Till) -> None:
    placed, _ = await placed_with_card(till)

    payer = await till.shop.value("SELECT stripe_customer_id FROM stripe_customers")
    (intent,) = await till.at_stripe("payment_intents", placed.order_id)
    assert intent["customer"] == payer
