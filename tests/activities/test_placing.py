"""An order is placed once, with one payment intent, however often and whenever the activity is retried."""

import asyncio
from datetime import timedelta

import pytest

from fulfil.gateways.stripe.errors import StripeUnavailableError
from fulfil.models.ids import new_id
from fulfil.models.messages.orders import StartOrder
from fulfil.models.messages.payments import ExpirePayment
from tests.activities.till import Till
from tests.quote_rows import item_row


async def test_placing_writes_order_line_payment_and_whose_move_it_is(till: Till) -> None:
    start = await till.shop.add_quote(total_minor=12_345, material_g=42)

    placed = await till.payments.place_order(start)

    assert placed.refusal_code is None
    assert (placed.amount_minor, placed.currency) == (12_345, "eur")
    assert placed.payment_due_at == till.shop.clock() + timedelta(minutes=15)
    ((line_id, title, material_g, tax_bp, client_secret, state),) = await till.shop.sql(
        "SELECT l.id, l.title, l.material_g, l.tax_bp, p.client_secret, o.state FROM orders o "
        "JOIN order_lines l ON l.order_id = o.id JOIN payments p ON p.order_id = o.id"
    )
    assert (line_id, title, material_g, state) == (placed.line_id, "2 x bracket.stl", 42, "awaiting_payment")
    assert tax_bp == start.policies.tax_bp
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


@pytest.mark.parametrize("mode", ["drop_before", "drop_after"])
async def test_a_lost_answer_leaves_one_payment_intent(till: Till, mode: str) -> None:
    start = await till.shop.add_quote()
    await till.fail("POST /v1/payment_intents", mode)
    with pytest.raises(StripeUnavailableError):
        await till.payments.place_order(start)
    assert await till.shop.value("SELECT count(*) FROM orders") == 0

    placed = await till.payments.place_order(start)

    (intent,) = await till.at_stripe("payment_intents", start.order_id)
    assert intent["id"] == placed.payment_intent_id


async def refused(till: Till, start: StartOrder) -> str | None:
    """The code of a refusal that changed nothing."""
    placed = await till.payments.place_order(start)
    assert placed.refusal_detail
    assert await till.shop.value("SELECT count(*) FROM orders") == 0
    assert await till.at_stripe("payment_intents", start.order_id) == []
    return placed.refusal_code


async def test_an_expired_quote_is_refused(till: Till) -> None:
    start = await till.shop.add_quote()
    till.shop.clock.advance(days=8)
    assert await refused(till, start) == "quote_expired"


@pytest.mark.parametrize("status", ["provisional", "manual", "refused"])
async def test_a_quote_that_binds_nobody_is_refused(till: Till, status: str) -> None:
    assert await refused(till, await till.shop.add_quote(status=status)) == "quote_not_firm"


async def test_a_quote_of_nothing_is_refused(till: Till) -> None:
    assert await refused(till, await till.shop.add_quote(total_minor=0)) == "quote_not_firm"


async def test_an_amount_below_what_cards_carry_is_refused(till: Till) -> None:
    assert await refused(till, await till.shop.add_quote(total_minor=3)) == "amount_too_small"


async def test_somebody_elses_quote_is_refused(till: Till) -> None:
    start = await till.shop.add_quote()
    assert await refused(till, start.model_copy(update={"customer_id": new_id("cus")})) == "quote_not_yours"


async def test_a_quote_that_does_not_exist_is_refused(till: Till) -> None:
    start = await till.shop.add_quote()
    assert await refused(till, start.model_copy(update={"quote_id": new_id("quo")})) == "quote_not_found"


async def test_two_files_of_one_material_are_one_line(till: Till) -> None:
    start = await till.shop.add_quote(material_g=100)
    await add_item(till, start, material="pla")

    await till.payments.place_order(start)

    ((title, quantity, material_g),) = await till.shop.sql("SELECT title, quantity, material_g FROM order_lines")
    assert (title, quantity, material_g) == ("2 x bracket.stl, 3 x bracket.stl", 5, 107)


async def add_item(till: Till, start: StartOrder, *, material: str) -> None:
    """A second file of three pieces and 7 g."""
    file_id = await till.shop.value("SELECT id FROM files")
    async with till.shop.owner.begin() as session:
        session.add(item_row(start.quote_id or "", file_id, position=1, material=material, quantity=3, material_g=7))


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


@pytest.mark.parametrize("mode", ["error_500_before", "error_500_after"])
async def test_a_failure_stripe_stored_leaves_one_payment_intent(till: Till, mode: str) -> None:
    start = await till.shop.add_quote()
    await till.fail("POST /v1/payment_intents", mode)

    placed = await till.retried(lambda: till.payments.place_order(start))

    (intent,) = await till.at_stripe("payment_intents", start.order_id)
    assert intent["id"] == placed.payment_intent_id
