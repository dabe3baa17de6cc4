"""An order is placed once, with one payment intent, however often and whenever the activity is retried."""

import asyncio
from datetime import timedelta

import pytest

from fulfil.gateways.stripe import StripeUnavailableError
from fulfil.models.ids import new_id
from fulfil.models.messages.payments import ExpirePayment
from tests.activities.till import Till


async def test_placing_writes_order_line_payment_and_whose_move_it_is(till: Till) -> None:
    start = await till.shop.add_quote(total_minor=12_345, material_g=42)

    placed = await till.payments.place_order(start)

    assert placed.refusal_code is None
    assert (placed.amount_minor, placed.currency) == (12_345, "eur")
    assert placed.payment_due_at == till.shop.clock() + timedelta(minutes=15)
    ((line_id, title, material_g, client_secret, state),) = await till.shop.sql(
        "SELECT l.id, l.title, l.material_g, p.client_secret, o.state FROM orders o "
        "JOIN order_lines l ON l.order_id = o.id JOIN payments p ON p.order_id = o.id"
    )
    assert (line_id, title, material_g, state) == (placed.line_id, "2 x bracket.stl", 42, "awaiting_payment")
    assert client_secret.startswith(f"{placed.payment_intent_id}_secret_")
    ((who, what, by),) = await till.shop.sql("SELECT next_who, next_what, next_by FROM timelines")
    assert (who, what, by) == ("customer", "pay 123.45 EUR", placed.payment_due_at)
    assert await till.shop.events(start.order_id) == ["order.placed", "payment.requested"]


async def test_placing_twice_gives_the_same_answer_even_when_the_quote_has_expired_since(till: Till) -> None:
    start = await till.shop.add_quote()
    first = await till.payments.place_order(start)
    till.shop.clock.advance(days=30)

    assert await till.payments.place_order(start) == first
    assert len(await till.at_stripe("payment_intents", start.order_id)) == 1
    assert len(await till.shop.events(start.order_id)) == 2


async def test_concurrent_attempts_place_one_order(till: Till) -> None:
    start = await till.shop.add_quote()

    answers = await asyncio.gather(*(till.payments.place_order(start) for _ in range(5)), return_exceptions=True)

    placed = [answer for answer in answers if not isinstance(answer, StripeUnavailableError)]
    assert placed
    assert all(answer == placed[0] for answer in placed)
    assert len(await till.at_stripe("payment_intents", start.order_id)) == 1
    assert await till.shop.value("SELECT count(*) FROM orders") == 1


@pytest.mark.parametrize("mode", ["drop_before", "drop_after", "error_500_before", "error_500_after"])
async def test_a_lost_answer_leaves_one_payment_intent(till: Till, mode: str) -> None:
    start = await till.shop.add_quote()
    await till.fail("POST /v1/payment_intents", mode)
    with pytest.raises(StripeUnavailableError):
        await till.payments.place_order(start)
    assert await till.shop.value("SELECT count(*) FROM orders") == 0

    placed = await till.payments.place_order(start)

    (intent,) = await till.at_stripe("payment_intents", start.order_id)
    assert intent["id"] == placed.payment_intent_id


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("quote_expired", "UPDATE quotes SET expires_at = expires_at - interval '7 days'"),
        ("quote_not_firm", "UPDATE quotes SET status = 'refused'"),
        ("quote_not_firm", "UPDATE quotes SET total_minor = 0"),
        ("quote_not_yours", "UPDATE quotes SET customer_id = 'cus_other'"),
        ("quote_not_found", "DELETE FROM quotes"),
        ("amount_too_small", "UPDATE quotes SET total_minor = 3"),
    ],
)
async def test_a_quote_that_can_not_be_ordered_is_refused_and_nothing_is_written(
    till: Till, code: str, change: str
) -> None:
    start = await till.shop.add_quote()
    await till.shop.sql(change)

    placed = await till.payments.place_order(start)

    assert placed.refusal_code == code
    assert placed.refusal_detail
    assert await till.shop.value("SELECT count(*) FROM orders") == 0
    assert await till.at_stripe("payment_intents", start.order_id) == []


async def test_an_unpaid_order_expires_and_can_not_be_paid_any_more(till: Till) -> None:
    placed = await till.place()

    for _ in range(2):
        expiry = await till.payments.expire_payment(ExpirePayment(order_id=placed.order_id))
        assert expiry.paid is False

    (intent,) = await till.at_stripe("payment_intents", placed.order_id)
    assert intent["status"] == "canceled"
    assert await till.shop.value("SELECT state FROM payments") == "cancelled"
    assert await till.shop.ledger(placed.order_id) == {}


async def test_a_customer_who_pays_at_the_last_moment_keeps_the_order(till: Till) -> None:
    placed = await till.place()
    await till.pay(placed)

    expiry = await till.payments.expire_payment(ExpirePayment(order_id=placed.order_id))

    assert expiry.paid is True
    (intent,) = await till.at_stripe("payment_intents", placed.order_id)
    assert intent["status"] == "requires_capture"


async def test_a_lost_answer_to_the_expiry_is_found_again(till: Till) -> None:
    placed = await till.place()
    await till.fail("POST /v1/payment_intents/.*/cancel", "drop_after")
    with pytest.raises(StripeUnavailableError):
        await till.payments.expire_payment(ExpirePayment(order_id=placed.order_id))

    assert (await till.payments.expire_payment(ExpirePayment(order_id=placed.order_id))).paid is False


async def test_an_order_of_another_id_has_another_payment_intent(till: Till) -> None:
    start = await till.shop.add_quote()
    first = await till.payments.place_order(start)
    second = await till.payments.place_order(start.model_copy(update={"order_id": new_id("ord")}))

    assert first.payment_intent_id != second.payment_intent_id
