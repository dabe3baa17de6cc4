"""The stand-in for the card field: the number goes to the simulator, the customer to the shop."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.simulators.processes import API_KEY, PUBLISHABLE_KEY
from tests.simulators.stripe_http import StripeHttp

PAGE = "/_simulator/elements"
RETURN = "https://shop.example/back?order=1"


def opened(intent: Any, **changes: str) -> dict[str, str]:
    """What the page is opened with."""
    return {"key": PUBLISHABLE_KEY, "client_secret": intent["client_secret"], "return_url": RETURN, **changes}


async def typed(stripe: StripeHttp, intent: Any, number: str, **changes: str) -> httpx.Response:
    """The customer's card."""
    form = {**opened(intent), "number": number, "expiry": "12 / 40", "cvc": "123", "name": "Ann", **changes}
    async with httpx.AsyncClient(base_url=stripe.client.base_url, trust_env=False) as browser:
        return await browser.post(PAGE, data=form)


async def test_a_customer_pays_and_goes_back_to_the_shop(stripe: StripeHttp) -> None:
    intent = await stripe.payment()
    shown = await stripe.client.get(PAGE, params=opened(intent))
    assert (shown.status_code, "50.00 EUR" in shown.text) == (200, True)
    back = await typed(stripe, intent, "4242 4242 4242 4242")
    where = urlsplit(back.headers["location"])
    assert (back.status_code, where.netloc) == (303, "shop.example")
    assert parse_qs(where.query)["redirect_status"] == ["succeeded"]
    paid = await stripe.read(f"/v1/payment_intents/{intent['id']}", expand=["payment_method"])
    assert (paid["status"], paid["payment_method"]["billing_details"]["name"]) == ("requires_capture", "Ann")
    assert (await stripe.client.get(PAGE, params=opened(intent))).status_code == 409


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("4000 0000 0000 9995", "insufficient funds"),
        ("4242 4242 4242 4241", "card number is incorrect"),
        ("4100 0000 0000 0019", "declined"),
    ],
)
async def test_a_card_that_does_not_pay_is_told_so_and_another_may_follow(
    stripe: StripeHttp, number: str, said: str
) -> None:
    intent = await stripe.payment()
    declined = await typed(stripe, intent, number)
    assert (declined.status_code, said in declined.text, 'role="alert"' in declined.text) == (402, True, True)
    assert number not in declined.text.split("<details>")[0]
    assert (await typed(stripe, intent, "5555 5555 5555 4444")).status_code == 303


async def test_a_card_that_asks_leads_to_the_banks_page_first(stripe: StripeHttp) -> None:
    intent = await stripe.payment()
    asked = await typed(stripe, intent, "4000 0000 0000 3220")
    assert (asked.status_code, f"/_simulator/3ds/{intent['id']}" in asked.headers["location"]) == (303, True)
    back = await stripe.client.post(asked.headers["location"], content="outcome=approve")
    assert back.headers["location"].startswith("https://shop.example/back?order=1&payment_intent=")


async def test_a_card_is_kept_when_its_owner_ticks_the_box(stripe: StripeHttp) -> None:
    customer = (await stripe.made("/v1/customers"))["id"]
    intent = await stripe.payment(customer=customer)
    await typed(stripe, intent, "4242424242424242", keep="yes")
    kept = await stripe.read(f"/v1/customers/{customer}/payment_methods")
    assert len(kept["data"]) == 1
    setup = await stripe.made("/v1/setup_intents", customer=customer)
    done = await typed(stripe, setup, "5555555555554444")
    assert f"setup_intent={setup['id']}" in done.headers["location"]


@pytest.mark.parametrize(
    "changes", [{"key": "pk_test_wrong"}, {"key": API_KEY}, {"client_secret": "pi_1_secret_2"}, {"client_secret": ""}]
)
async def test_without_the_right_key_and_secret_there_is_nothing_to_pay(
    stripe: StripeHttp, changes: dict[str, str]
) -> None:
    intent = await stripe.payment()
    assert (await stripe.client.get(PAGE, params=opened(intent, **changes))).status_code == 404
    assert (await typed(stripe, intent, "4242424242424242", **changes)).status_code == 404
    assert (await stripe.read(f"/v1/payment_intents/{intent['id']}"))["status"] == "requires_payment_method"


async def test_a_scripts_address_is_never_followed(stripe: StripeHttp) -> None:
    intent = await stripe.payment()
    done = await typed(stripe, intent, "4242424242424242", return_url="javascript:alert(1)")
    assert (done.status_code, "Thank you" in done.text) == (200, True)
