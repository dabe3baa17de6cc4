"""Saved cards: begun here, finished in the payment provider's card field, listed and forgotten."""

import httpx

from fulfil.kit.settings import Settings
from tests.api.running import Api
from tests.api.world import Person


async def save_card(api: Api, settings: Settings, person: Person, number: str = "4242424242424242") -> str:
    """What the browser does with the client secret; the card number never reaches us."""
    setup = (await api.post("/payment-methods", person)).json()
    async with httpx.AsyncClient(base_url=settings.stripe_api_base) as browser:
        answer = await browser.post(
            f"/v1/setup_intents/{setup['id']}/confirm",
            headers={"Authorization": "Bearer pk_test_simulator"},
            data={
                "client_secret": setup["client_secret"],
                "payment_method_data[type]": "card",
                "payment_method_data[card][number]": number,
                "payment_method_data[card][exp_month]": "12",
                "payment_method_data[card][exp_year]": "2034",
                "payment_method_data[card][cvc]": "123",
            },
        )
    answer.raise_for_status()
    return str(answer.json()["payment_method"])


async def test_a_card_saved_in_the_browser_is_listed_without_its_number(
    paying_api: Api, simulated: Settings, customer: Person
) -> None:
    card = await save_card(paying_api, simulated, customer)

    listed = (await paying_api.get("/payment-methods", customer)).json()["data"]

    assert listed == [{"id": card, "brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2034}]


async def test_without_a_card_the_list_is_empty(paying_api: Api, customer: Person) -> None:
    assert (await paying_api.get("/payment-methods", customer)).json() == {"data": []}


async def test_a_repeated_setup_is_the_same_setup_and_a_customer_is_made_once(
    paying_api: Api, simulated: Settings, customer: Person
) -> None:
    first = (await paying_api.post("/payment-methods", customer, key="once")).json()
    again = (await paying_api.post("/payment-methods", customer, key="once")).json()
    other = (await paying_api.post("/payment-methods", customer, key="twice")).json()

    assert first["id"] == again["id"] != other["id"]
    async with httpx.AsyncClient(base_url=simulated.stripe_api_base) as admin:
        everything = (await admin.get("/_simulator/dump")).json()
    mine = [one for one in everything["customers"] if one["metadata"].get("customer_id") == customer.owner_id]
    assert len(mine) == 1


async def test_a_forgotten_card_is_gone(paying_api: Api, simulated: Settings, customer: Person) -> None:
    card = await save_card(paying_api, simulated, customer)

    forgotten = await paying_api.request("DELETE", f"/payment-methods/{card}", customer)
    again = await paying_api.request("DELETE", f"/payment-methods/{card}", customer)

    assert (forgotten.status_code, again.status_code) == (204, 404)
    assert (await paying_api.get("/payment-methods", customer)).json() == {"data": []}


async def test_anothers_card_is_not_found_and_stays(
    paying_api: Api, simulated: Settings, customer: Person, stranger: Person
) -> None:
    card = await save_card(paying_api, simulated, customer)
    await save_card(paying_api, simulated, stranger)

    refused = await paying_api.request("DELETE", f"/payment-methods/{card}", stranger)

    assert refused.status_code == 404
    assert [one["id"] for one in (await paying_api.get("/payment-methods", customer)).json()["data"]] == [card]


async def test_something_that_is_no_card_is_not_found(paying_api: Api, customer: Person) -> None:
    refused = await paying_api.request("DELETE", "/payment-methods/4242424242424242", customer)

    assert refused.status_code == 404


async def test_while_the_payment_provider_is_down_it_says_so(api: Api, customer: Person) -> None:
    refused = await api.post("/payment-methods", customer)

    assert (refused.status_code, refused.json()["retryable"]) == (503, True)
