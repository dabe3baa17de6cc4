"""3-D Secure: the customer is sent to a page, approves or fails, and comes back."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.simulators.stripe_http import StripeHttp

INTENTS = "/v1/payment_intents"
RETURN_URL = "https://shop.example/orders/1?tab=payment"


async def waiting(stripe: StripeHttp, card: str = "pm_card_threeDSecure2Required", **fields: object) -> tuple[str, str]:
    """A payment that waits for its customer, and the page's address."""
    intent = await stripe.payment(**fields)
    held = await stripe.made(f"{INTENTS}/{intent['id']}/confirm", payment_method=card, return_url=RETURN_URL)
    assert (held["status"], held["latest_charge"]) == ("requires_action", None)
    assert held["next_action"]["type"] == "redirect_to_url"
    assert held["next_action"]["redirect_to_url"]["return_url"] == RETURN_URL
    return intent["id"], held["next_action"]["redirect_to_url"]["url"]


@pytest.mark.parametrize("card", ["pm_card_threeDSecure2Required", "pm_card_authenticationRequired"])
async def test_an_approved_payment_is_authorised_and_the_customer_returns(stripe: StripeHttp, card: str) -> None:
    intent_id, url = await waiting(stripe, card)
    async with httpx.AsyncClient() as browser:
        page = await browser.get(url)
        assert (page.status_code, "50.00 EUR" in page.text, intent_id in page.text) == (200, True, True)
        back = await browser.post(url, data={"outcome": "approve"})
    assert back.status_code == 303
    target = urlsplit(back.headers["location"])
    query = parse_qs(target.query)
    assert (target.hostname, query["tab"], query["redirect_status"]) == ("shop.example", ["payment"], ["succeeded"])
    assert query["payment_intent"] == [intent_id]
    intent = await stripe.read(f"{INTENTS}/{intent_id}", expand=["latest_charge"])
    assert (intent["status"], intent["next_action"]) == ("requires_capture", None)
    assert intent["latest_charge"]["payment_method_details"]["card"]["three_d_secure"]["result"] == "authenticated"


async def test_an_automatic_payment_is_taken_after_approval(stripe: StripeHttp) -> None:
    intent_id, url = await waiting(stripe, capture_method="automatic")
    async with httpx.AsyncClient() as browser:
        await browser.post(url, data={"outcome": "approve"})
    intent = await stripe.read(f"{INTENTS}/{intent_id}")
    assert (intent["status"], intent["amount_received"]) == ("succeeded", 5000)


async def test_a_failed_authentication_leaves_the_payment_payable(stripe: StripeHttp) -> None:
    intent_id, url = await waiting(stripe)
    async with httpx.AsyncClient() as browser:
        back = await browser.post(url, data={"outcome": "fail"})
    assert parse_qs(urlsplit(back.headers["location"]).query)["redirect_status"] == ["failed"]
    intent = await stripe.read(f"{INTENTS}/{intent_id}")
    assert (intent["status"], intent["latest_charge"]) == ("requires_payment_method", None)
    assert intent["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    paid = await stripe.made(f"{INTENTS}/{intent_id}/confirm", payment_method="pm_card_visa")
    assert paid["status"] == "requires_capture"


async def test_the_customer_answers_once(stripe: StripeHttp) -> None:
    intent_id, url = await waiting(stripe)
    async with httpx.AsyncClient() as browser:
        assert (await browser.post(url, data={"outcome": "perhaps"})).status_code == 400
        assert (await browser.post(url, data={"outcome": "approve"})).status_code == 303
        assert (await browser.post(url, data={"outcome": "fail"})).status_code == 409
        assert (await browser.get(url)).status_code == 409
        assert (await browser.get(url.replace(intent_id, "pi_nobody"))).status_code == 404
    assert (await stripe.read(f"{INTENTS}/{intent_id}"))["status"] == "requires_capture"


async def test_another_card_may_be_tried_instead_of_authenticating(stripe: StripeHttp) -> None:
    intent_id, _ = await waiting(stripe)
    paid = await stripe.made(f"{INTENTS}/{intent_id}/confirm", payment_method="pm_card_visa")
    assert (paid["status"], paid["next_action"]) == ("requires_capture", None)


async def test_without_a_return_url_the_browser_sdk_is_to_handle_it(stripe: StripeHttp) -> None:
    intent = await stripe.payment("pm_card_threeDSecure2Required")
    assert (intent["status"], intent["next_action"]["type"]) == ("requires_action", "use_stripe_sdk")
    async with httpx.AsyncClient() as browser:
        done = await browser.post(intent["next_action"]["use_stripe_sdk"]["stripe_js"], data={"outcome": "approve"})
    assert (done.status_code, "close this page" in done.text) == (200, True)
    assert (await stripe.read(f"{INTENTS}/{intent['id']}"))["status"] == "requires_capture"


async def test_a_browser_sdk_handles_it_itself_when_it_says_so(stripe: StripeHttp) -> None:
    said = {"return_url": "https://shop.example/back", "use_stripe_sdk": True}
    intent = await stripe.payment("pm_card_threeDSecure2Required", **said)
    assert intent["next_action"]["type"] == "use_stripe_sdk"
    customer = await stripe.made("/v1/customers", name="Ann")
    asks = {"customer": customer["id"], "payment_method": "pm_card_authenticationRequiredOnSetup", "confirm": True}
    assert (await stripe.made("/v1/setup_intents", **asks, **said))["next_action"]["type"] == "use_stripe_sdk"
