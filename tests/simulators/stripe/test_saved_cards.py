"""Cards made ready for later, and payments nobody attends."""

from typing import Any

import pytest

from tests.simulators.processes import PUBLISHABLE_KEY
from tests.simulators.stripe_http import StripeHttp

INTENTS, SETUPS = "/v1/payment_intents", "/v1/setup_intents"
RETURN = "https://shop.example/back?order=1"


async def customer(stripe: StripeHttp) -> str:
    """A new customer's id."""
    return str((await stripe.made("/v1/customers"))["id"])


async def later(stripe: StripeHttp, owner: str, method: str) -> Any:
    """A payment of a kept card without its owner."""
    return await stripe.post(
        INTENTS, amount=1000, currency="eur", customer=owner, payment_method=method, off_session=True, confirm=True
    )


async def approve(stripe: StripeHttp, intent: Any, outcome: str = "approve") -> Any:
    """The customer's answer on the bank's page."""
    page = intent["next_action"]["redirect_to_url"]["url"]
    assert (await stripe.client.get(page)).status_code == 200
    return await stripe.client.post(page, content=f"outcome={outcome}")


async def test_a_setup_goes_through_its_states(stripe: StripeHttp) -> None:
    owner = await customer(stripe)
    intent = await stripe.made(SETUPS, customer=owner)
    assert (intent["status"], intent["usage"]) == ("requires_payment_method", "off_session")
    ready = await stripe.made(f"{SETUPS}/{intent['id']}", payment_method="pm_card_visa")
    assert ready["status"] == "requires_confirmation"
    done = await stripe.made(f"{SETUPS}/{intent['id']}/confirm", return_url=RETURN, expand=["payment_method"])
    assert (done["status"], done["payment_method"]["customer"]) == ("succeeded", owner)
    over = await stripe.post(f"{SETUPS}/{intent['id']}/cancel")
    assert (over.status_code, over.json()["error"]["code"]) == (400, "setup_intent_unexpected_state")
    other = await stripe.made(SETUPS)
    gone = await stripe.made(f"{SETUPS}/{other['id']}/cancel", cancellation_reason="abandoned")
    assert gone["status"] == "canceled"


async def test_a_card_that_asks_unless_set_up_pays_alone_after_its_setup(stripe: StripeHttp) -> None:
    owner = await customer(stripe)
    token = "pm_card_authenticationRequiredOnSetup"
    unprepared = await stripe.made(f"/v1/payment_methods/{token}/attach", customer=owner)
    refused = await later(stripe, owner, unprepared["id"])
    assert (refused.status_code, refused.json()["error"]["code"]) == (402, "authentication_required")
    assert refused.json()["error"]["payment_intent"]["status"] == "requires_payment_method"
    intent = await stripe.made(SETUPS, customer=owner, payment_method=token, confirm=True, return_url=RETURN)
    assert intent["status"] == "requires_action"
    back = await approve(stripe, intent)
    assert back.status_code == 303
    assert "redirect_status=succeeded" in back.headers["location"]
    assert f"setup_intent={intent['id']}" in back.headers["location"]
    done = await stripe.read(f"{SETUPS}/{intent['id']}", expand=["latest_attempt"])
    assert (done["status"], done["latest_attempt"]["status"]) == ("succeeded", "succeeded")
    paid = await later(stripe, owner, done["payment_method"])
    assert paid.json()["status"] == "succeeded"


async def test_a_customer_who_fails_sets_up_nothing(stripe: StripeHttp) -> None:
    intent = await stripe.made(SETUPS, payment_method="pm_card_threeDSecure2Required", confirm=True, return_url=RETURN)
    await approve(stripe, intent, "fail")
    failed = await stripe.read(f"{SETUPS}/{intent['id']}")
    assert failed["status"] == "requires_payment_method"
    assert failed["last_setup_error"]["code"] == "setup_intent_authentication_failure"
    declined = await stripe.post(SETUPS, payment_method="pm_card_chargeDeclinedExpiredCard", confirm=True)
    error = declined.json()["error"]
    assert (declined.status_code, error["code"], error["advice_code"]) == (402, "expired_card", "confirm_card_data")
    assert error["setup_intent"]["last_setup_error"]["code"] == "expired_card"


@pytest.mark.parametrize("token", ["pm_card_authenticationRequired", "pm_card_threeDSecure2Required"])
async def test_a_card_that_always_asks_cannot_pay_alone_but_can_with_its_owner(stripe: StripeHttp, token: str) -> None:
    owner = await customer(stripe)
    method = await stripe.made(f"/v1/payment_methods/{token}/attach", customer=owner)
    refused = await later(stripe, owner, method["id"])
    error = refused.json()["error"]
    assert (refused.status_code, error["type"], error["decline_code"]) == (402, "card_error", "authentication_required")
    identity = error["payment_intent"]["id"]
    asked = await stripe.made(f"{INTENTS}/{identity}/confirm", payment_method=method["id"], return_url=RETURN)
    assert asked["status"] == "requires_action"
    await approve(stripe, asked)
    assert (await stripe.read(f"{INTENTS}/{identity}"))["status"] == "succeeded"


async def test_a_bank_may_refuse_after_the_customer_approved(stripe: StripeHttp) -> None:
    intent = await stripe.made(
        INTENTS,
        amount=1000,
        currency="eur",
        confirm=True,
        payment_method="pm_card_threeDSecureRequiredChargeDeclined",
        return_url=RETURN,
    )
    back = await approve(stripe, intent)
    assert "redirect_status=failed" in back.headers["location"]
    after = await stripe.read(f"{INTENTS}/{intent['id']}", expand=["latest_charge"])
    assert (after["status"], after["last_payment_error"]["code"]) == ("requires_payment_method", "card_declined")
    assert after["latest_charge"]["status"] == "failed"


async def test_a_payment_keeps_its_card_when_asked_to(stripe: StripeHttp) -> None:
    owner = await customer(stripe)
    paid = await stripe.made(
        INTENTS,
        amount=1000,
        currency="eur",
        confirm=True,
        customer=owner,
        payment_method="pm_card_visa",
        setup_future_usage="off_session",
        return_url=RETURN,
    )
    again = await later(stripe, owner, paid["payment_method"])
    assert (again.status_code, again.json()["status"]) == (200, "succeeded")
    listed = await stripe.read(INTENTS, customer=owner)
    assert len(listed["data"]) == 2


async def test_a_payment_that_may_not_ask_fails_when_the_card_asks(stripe: StripeHttp) -> None:
    pay = {"amount": 1000, "currency": "eur", "confirm": True, "return_url": RETURN}
    token = "pm_card_threeDSecure2Required"
    refused = await stripe.post(INTENTS, payment_method=token, error_on_requires_action=True, **pay)
    assert (refused.status_code, refused.json()["error"]["code"]) == (402, "authentication_required")
    wanted = {"card": {"request_three_d_secure": "any"}}
    asked = await stripe.made(INTENTS, payment_method="pm_card_visa", payment_method_options=wanted, **pay)
    assert asked["status"] == "requires_action"


async def test_fraud_rules_block_a_payment_before_the_bank_sees_it(stripe: StripeHttp) -> None:
    blocked = await stripe.post(
        INTENTS, amount=1000, currency="eur", confirm=True, payment_method="pm_card_radarBlock", return_url=RETURN
    )
    error = blocked.json()["error"]
    assert (blocked.status_code, error["code"]) == (402, "card_declined")
    charge = await stripe.read(f"/v1/charges/{error['charge']}")
    assert (charge["outcome"]["type"], charge["outcome"]["network_status"]) == ("blocked", "not_sent_to_network")


async def test_a_payment_can_be_changed_until_it_is_made(stripe: StripeHttp) -> None:
    intent = await stripe.payment()
    changed = await stripe.made(
        f"{INTENTS}/{intent['id']}", amount=7000, description="Vase", payment_method="pm_card_visa"
    )
    assert (changed["amount"], changed["description"], changed["status"]) == (7000, "Vase", "requires_confirmation")
    await stripe.made(f"{INTENTS}/{intent['id']}/confirm")
    refused = await stripe.post(f"{INTENTS}/{intent['id']}", amount=1)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["param"]) == (400, "payment_intent_unexpected_state", "amount")
    noted = await stripe.made(f"{INTENTS}/{intent['id']}", metadata={"note": "later"})
    assert noted["metadata"] == {"note": "later"}


async def test_more_can_be_held_when_the_card_was_asked_whether_it_may(stripe: StripeHttp) -> None:
    options = {"card": {"request_incremental_authorization": "if_available"}}
    held = await stripe.payment("pm_card_visa", payment_method_options=options)
    more = await stripe.made(f"{INTENTS}/{held['id']}/increment_authorization", amount=8000)
    assert (more["amount"], more["amount_capturable"]) == (8000, 8000)
    less = await stripe.post(f"{INTENTS}/{held['id']}/increment_authorization", amount=8000)
    assert less.status_code == 400
    rigid = await stripe.payment("pm_card_visa")
    refused = await stripe.post(f"{INTENTS}/{rigid['id']}/increment_authorization", amount=8000)
    assert refused.json()["error"]["code"] == "payment_intent_unexpected_state"


async def test_a_browser_sets_a_card_up_with_the_client_secret_only(stripe: StripeHttp) -> None:
    intent = await stripe.made(SETUPS, metadata={"order": "secret"})
    browser = StripeHttp(str(stripe.client.base_url), PUBLISHABLE_KEY)
    path = f"{SETUPS}/{intent['id']}"
    assert (await browser.get(path)).json()["error"]["code"] == "parameter_missing"
    wrong = await browser.get(path, client_secret="seti_1_secret_2")
    assert wrong.json()["error"]["code"] == "setup_intent_invalid_parameter"
    done = await browser.made(
        f"{path}/confirm", client_secret=intent["client_secret"], payment_method="pm_card_visa", return_url=RETURN
    )
    assert (done["status"], "metadata" in done) == ("succeeded", False)
    owned = await stripe.payment()
    alone = await browser.post(
        f"{INTENTS}/{owned['id']}/confirm",
        client_secret=owned["client_secret"],
        payment_method="pm_card_visa",
        off_session=True,
    )
    assert (alone.status_code, alone.json()["error"]["param"]) == (400, "off_session")
    await browser.client.aclose()
