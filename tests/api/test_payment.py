"""Paying: a token goes to the payment provider, a card number goes nowhere."""

from typing import Any

import pytest
from sqlalchemy import update

from fulfil.models.ids import new_id
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.payments import PaymentState
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.payments import PaymentRow
from tests.api.running import Api
from tests.api.world import Person, World


async def payable_order(api: Api, world: World, customer: Person) -> str:
    """An order whose payment intent exists at the simulator."""
    order_id = new_id("ord")
    intent = await api.context.stripe.create_payment_intent(
        order_id=order_id, amount_minor=1299, currency="eur", idempotency_key=f"{order_id}:payment_intent"
    )
    return await world.order(customer, order_id=order_id, payment_intent_id=intent.id)


async def test_a_good_card_is_authorised(paying_api: Api, world: World, customer: Person) -> None:
    order_id = await payable_order(paying_api, world, customer)
    paid = await paying_api.post(f"/orders/{order_id}/pay", customer, json={"payment_method": "pm_card_visa"})
    assert (paid.status_code, paid.json()) == (200, {"status": "requires_capture", "next_action_url": None})


async def test_a_card_with_3d_secure_gets_the_address_of_the_bank(
    paying_api: Api, world: World, customer: Person
) -> None:
    order_id = await payable_order(paying_api, world, customer)
    body = {"payment_method": "pm_card_threeDSecure2Required", "return_url": "https://shop.example/back"}
    paid = (await paying_api.post(f"/orders/{order_id}/pay", customer, json=body)).json()
    assert paid["status"] == "requires_action"
    assert paid["next_action_url"].startswith("http")


async def test_a_declined_card_is_a_402_and_another_card_may_follow(
    paying_api: Api, world: World, customer: Person
) -> None:
    order_id = await payable_order(paying_api, world, customer)
    declined = await paying_api.post(
        f"/orders/{order_id}/pay", customer, key="p1", json={"payment_method": "pm_card_visa_chargeDeclined"}
    )
    paid = await paying_api.post(f"/orders/{order_id}/pay", customer, key="p2", json={"payment_method": "pm_card_visa"})
    assert (declined.status_code, declined.json()["code"]) == (402, "card_declined")
    assert declined.json()["decline_code"] == "generic_decline"
    assert paid.json()["status"] == "requires_capture"


async def test_a_repeated_payment_is_one_attempt(paying_api: Api, world: World, customer: Person) -> None:
    order_id = await payable_order(paying_api, world, customer)
    body = {"payment_method": "pm_card_visa"}
    answers = [await paying_api.post(f"/orders/{order_id}/pay", customer, key="p1", json=body) for _ in range(2)]
    other = await paying_api.post(
        f"/orders/{order_id}/pay", customer, key="p1", json={"payment_method": "pm_card_mastercard"}
    )
    assert [answer.json()["status"] for answer in answers] == ["requires_capture"] * 2
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


async def test_a_repeated_payment_joins_the_first_when_the_order_knows_already_that_it_is_paid(
    paying_api: Api, world: World, customer: Person
) -> None:
    order_id = await payable_order(paying_api, world, customer)
    body = {"payment_method": "pm_card_visa"}
    await paying_api.post(f"/orders/{order_id}/pay", customer, key="p1", json=body)
    async with world.begin() as session:
        (await session.get_one(OrderRow, order_id)).state = OrderState.PAID
        (await session.get_one(PaymentRow, order_id)).state = PaymentState.AUTHORIZED
    again = await paying_api.post(f"/orders/{order_id}/pay", customer, key="p1", json=body)
    another = await paying_api.post(f"/orders/{order_id}/pay", customer, key="p2", json=body)
    assert (again.status_code, again.json()["status"]) == (200, "requires_capture")
    assert (another.status_code, another.json()["code"]) == (409, "not_payable")


async def test_a_payment_repeated_after_the_order_moved_on_answers_where_it_stands(
    paying_api: Api, world: World, customer: Person
) -> None:
    order_id = await payable_order(paying_api, world, customer)
    body = {"payment_method": "pm_card_visa"}
    first = await paying_api.post(f"/orders/{order_id}/pay", customer, key="p1", json=body)
    async with world.begin() as session:
        await session.execute(update(PaymentRow).values(state=PaymentState.AUTHORIZED))
    again = await paying_api.post(f"/orders/{order_id}/pay", customer, key="p1", json=body)
    anew = await paying_api.post(f"/orders/{order_id}/pay", customer, key="p2", json=body)
    assert (again.status_code, again.json()) == (200, first.json())
    assert (anew.status_code, anew.json()["code"]) == (409, "not_payable")


async def test_an_unknown_payment_method_is_refused_by_name(paying_api: Api, world: World, customer: Person) -> None:
    order_id = await payable_order(paying_api, world, customer)
    response = await paying_api.post(f"/orders/{order_id}/pay", customer, json={"payment_method": "pm_nonsense"})
    assert (response.status_code, response.json()["param"]) == (422, "payment_method")


async def test_a_second_card_after_the_first_was_authorised_is_a_conflict(
    paying_api: Api, world: World, customer: Person
) -> None:
    order_id = await payable_order(paying_api, world, customer)
    body = {"payment_method": "pm_card_visa"}
    await paying_api.post(f"/orders/{order_id}/pay", customer, json=body)
    again = await paying_api.post(f"/orders/{order_id}/pay", customer, json=body)
    assert (again.status_code, again.json()["code"]) == (409, "not_payable")
    assert again.json()["detail"] == "The order has just been cancelled or paid: read it again."


@pytest.mark.parametrize(
    "body",
    [
        {"payment_method": "4242424242424242"},
        {"payment_method": "pm_card_visa", "card_number": "4242 4242 4242 4242"},
        {"payment_method": "pm_card_visa", "number": 4242424242424242},
        {"payment_method": "pm_card_visa", "card": {"number": "3782-822463-10005"}},
        {"payment_method": "pm_card_visa", "4000056655665556": True},
        {"payment_method": ["5555555555554444"]},
    ],
)
async def test_a_card_number_is_refused_and_not_repeated(
    api: Api, world: World, customer: Person, body: dict[str, Any]
) -> None:
    order_id = await world.order(customer)
    response = await api.post(f"/orders/{order_id}/pay", customer, json=body)
    assert (response.status_code, response.json()["code"]) == (422, "card_number_refused")
    assert not any(digits in response.text for digits in ("4242", "37828", "4000056655665556", "5555"))


async def test_numbers_that_are_no_cards_are_not_refused_as_cards(api: Api, world: World, customer: Person) -> None:
    order_id = await world.order(customer)
    for number in ("4242424242424241", "123456789012", "1" * 25):
        response = await api.post(f"/orders/{order_id}/pay", customer, json={"payment_method": number})
        assert response.json()["code"] == "parameter_invalid"


@pytest.mark.parametrize(
    ("order", "payment"),
    [(OrderState.CANCELLED, PaymentState.CANCELLED), (OrderState.EXPIRED, PaymentState.CANCELLED)],
)
async def test_what_is_not_payable_is_a_conflict(
    api: Api, world: World, customer: Person, order: OrderState, payment: PaymentState
) -> None:
    order_id = await world.order(customer, state=order, payment=payment)
    response = await api.post(f"/orders/{order_id}/pay", customer, json={"payment_method": "pm_card_visa"})
    assert (response.status_code, response.json()["state"]) == (409, order.value)


async def test_an_absent_payment_provider_is_a_503(api: Api, world: World, customer: Person) -> None:
    order_id = await world.order(customer)
    response = await api.post(f"/orders/{order_id}/pay", customer, json={"payment_method": "pm_card_visa"})
    assert (response.status_code, response.json()["code"]) == (503, "payment_provider_unavailable")
    assert response.json()["retryable"] is True
