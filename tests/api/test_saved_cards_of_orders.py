"""Ordering with a saved card, and saving one while paying: only the customer's own, and only once set up."""

from uuid import uuid4

import httpx
import pytest

from fulfil.kit.clock import utc_now
from fulfil.models.ids import new_id
from fulfil.models.messages.orders import StartOrder
from fulfil.models.tables.payments import StripeCustomerRow
from tests.api.running import Api
from tests.api.shop import Shop
from tests.api.world import Person, World


async def stripe_customer(api: Api, world: World, person: Person) -> str:
    """She is known at Stripe."""
    payer = await api.context.stripe.create_customer(customer_id=person.owner_id, idempotency_key=uuid4().hex)
    async with world.begin() as session:
        session.add(StripeCustomerRow(customer_id=person.owner_id, stripe_customer_id=payer, created_at=utc_now()))
    return payer


async def saved_card(api: Api, payer: str) -> str:
    """Stripe keeps a card of hers."""
    async with httpx.AsyncClient(base_url=api.settings.stripe_api_base) as stripe:
        answer = await stripe.post(
            "/v1/payment_methods/pm_card_visa/attach",
            data={"customer": payer},
            headers={"Authorization": f"Bearer {api.settings.stripe_api_key.get_secret_value()}"},
        )
    answer.raise_for_status()
    return str(answer.json()["id"])


def writing_orders(api: Api, world: World, customer: Person) -> None:
    """Let the fake workflow write the order."""

    async def write(start: StartOrder) -> None:
        await world.order(customer, order_id=start.order_id, quote_id=start.quote_id)

    api.processes.effects["place"] = write


async def test_an_order_is_placed_with_a_saved_card(paying_api: Api, world: World, customer: Person) -> None:
    card = await saved_card(paying_api, await stripe_customer(paying_api, world, customer))
    body = {"quote_id": await world.quote(customer), "payment_method": card}
    writing_orders(paying_api, world, customer)

    placed = await paying_api.post("/orders", customer, key="k1", json=body)
    await paying_api.context.stripe.detach_card(card, idempotency_key=uuid4().hex)
    again = await paying_api.post("/orders", customer, key="k1", json=body)

    assert (placed.status_code, again.status_code) == (201, 201)
    assert placed.json()["id"] == again.json()["id"]
    assert paying_api.processes.said[0].message.payment_method_id == card


@pytest.mark.parametrize("known", [True, False])
async def test_a_card_that_is_not_hers_is_refused_and_nothing_is_claimed(
    paying_api: Api, world: World, customer: Person, stranger: Person, known: bool
) -> None:
    theirs = await saved_card(paying_api, await stripe_customer(paying_api, world, stranger))
    if known:
        await saved_card(paying_api, await stripe_customer(paying_api, world, customer))
    quote_id = await world.quote(customer)
    writing_orders(paying_api, world, customer)

    refused = await paying_api.post(
        "/orders", customer, key="k1", json={"quote_id": quote_id, "payment_method": theirs}
    )
    corrected = await paying_api.post("/orders", customer, key="k1", json={"quote_id": quote_id})

    assert (refused.status_code, refused.json()["code"]) == (422, "payment_method_not_saved")
    assert refused.json()["param"] == "payment_method"
    assert corrected.status_code == 201


async def test_a_card_number_is_no_saved_card(api: Api, world: World, customer: Person) -> None:
    body = {"quote_id": await world.quote(customer), "payment_method": "4242424242424242"}
    response = await api.post("/orders", customer, key="k1", json=body)
    assert response.status_code == 422
    assert "4242" not in response.text


async def test_a_card_is_saved_while_it_pays(paying_api: Api, world: World, customer: Person) -> None:
    payer = await stripe_customer(paying_api, world, customer)
    order_id = new_id("ord")
    intent = await paying_api.context.stripe.create_payment_intent(
        order_id=order_id, amount_minor=1299, currency="eur", idempotency_key=order_id, customer_id=payer
    )
    await world.order(customer, order_id=order_id, payment_intent_id=intent.id)

    paid = await paying_api.post(
        f"/orders/{order_id}/pay", customer, json={"payment_method": "pm_card_visa", "save_card": True}
    )

    assert paid.json()["status"] == "requires_capture"
    (card,) = await paying_api.context.stripe.list_saved_cards(payer)
    assert card.last4 == "4242"


async def test_a_card_is_not_saved_unasked(paying_api: Api, world: World, customer: Person) -> None:
    payer = await stripe_customer(paying_api, world, customer)
    order_id = new_id("ord")
    intent = await paying_api.context.stripe.create_payment_intent(
        order_id=order_id, amount_minor=1299, currency="eur", idempotency_key=order_id, customer_id=payer
    )
    await world.order(customer, order_id=order_id, payment_intent_id=intent.id)

    await paying_api.post(f"/orders/{order_id}/pay", customer, json={"payment_method": "pm_card_visa"})

    assert await paying_api.context.stripe.list_saved_cards(payer) == []


async def test_a_card_is_not_saved_of_a_customer_who_never_agreed(api: Api, world: World, customer: Person) -> None:
    order_id = await world.order(customer)
    response = await api.post(
        f"/orders/{order_id}/pay", customer, json={"payment_method": "pm_card_visa", "save_card": True}
    )
    assert (response.status_code, response.json()["code"]) == (422, "saved_cards_not_set_up")
    assert response.json()["param"] == "save_card"


async def test_an_order_with_a_saved_card_is_paid_without_the_customer(shop: Shop) -> None:
    card = await saved_card(shop.api, await stripe_customer(shop.api, shop.world, shop.customer))
    body = {"quote_id": await shop.world.quote(shop.customer), "payment_method": card}

    order = (await shop.api.post("/orders", shop.customer, key="k1", json=body)).json()
    await shop.happened(order["id"], "job.offered")

    paid = (await shop.api.get(f"/orders/{order['id']}", shop.customer, params={"expand": "payment"})).json()
    assert paid["payment"]["state"] == "authorized"
    assert paid["state"] == "paid"
