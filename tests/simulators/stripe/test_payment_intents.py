"""Every path through the states of a payment."""

import pytest

from tests.simulators.processes import PUBLISHABLE_KEY
from tests.simulators.stripe_http import StripeHttp

INTENTS = "/v1/payment_intents"


async def test_a_manual_payment_is_authorised_then_captured_with_a_fee(stripe: StripeHttp) -> None:
    intent = await stripe.payment(transfer_group="ord_1", metadata={"order_id": "ord_1"})
    assert (intent["status"], intent["latest_charge"]) == ("requires_payment_method", None)
    assert intent["client_secret"].startswith(f"{intent['id']}_secret_")

    held = await stripe.made(f"{INTENTS}/{intent['id']}/confirm", payment_method="pm_card_visa")
    assert (held["status"], held["amount_capturable"], held["amount_received"]) == ("requires_capture", 5000, 0)
    charge = await stripe.read(f"/v1/charges/{held['latest_charge']}")
    assert (charge["captured"], charge["paid"], charge["balance_transaction"]) == (False, True, None)
    assert (charge["transfer_group"], charge["metadata"]) == ("ord_1", {"order_id": "ord_1"})
    assert charge["payment_method_details"]["card"]["capture_before"] - charge["created"] == 7 * 86_400

    taken = await stripe.made(
        f"{INTENTS}/{intent['id']}/capture", expand=["latest_charge.balance_transaction", "payment_method"]
    )
    assert (taken["status"], taken["amount_capturable"], taken["amount_received"]) == ("succeeded", 0, 5000)
    movement = taken["latest_charge"]["balance_transaction"]
    assert (movement["amount"], movement["fee"], movement["net"], movement["status"]) == (5000, 100, 4900, "pending")
    assert taken["payment_method"]["card"]["last4"] == "4242"


async def test_automatic_capture_is_the_default_and_takes_the_money_at_once(stripe: StripeHttp) -> None:
    intent = await stripe.made(
        INTENTS,
        amount=1000,
        currency="EUR",
        confirm=True,
        payment_method="pm_card_mastercard",
        return_url="https://a.b",
    )
    assert (intent["status"], intent["capture_method"], intent["currency"]) == ("succeeded", "automatic_async", "eur")
    charge = await stripe.read(f"/v1/charges/{intent['latest_charge']}", expand=["balance_transaction"])
    assert (charge["captured"], charge["amount_captured"]) == (True, 1000)
    assert charge["balance_transaction"]["fee"] == 40


async def test_a_part_can_be_captured_and_the_rest_is_let_go(stripe: StripeHttp) -> None:
    intent = await stripe.payment("pm_card_amex")
    taken = await stripe.made(f"{INTENTS}/{intent['id']}/capture", amount_to_capture=3000)
    assert (taken["amount"], taken["amount_received"], taken["amount_capturable"]) == (5000, 3000, 0)
    charge = await stripe.read(f"/v1/charges/{intent['latest_charge']}")
    assert charge["amount_captured"] == 3000


async def test_more_than_was_authorised_cannot_be_captured(stripe: StripeHttp) -> None:
    intent = await stripe.payment("pm_card_visa")
    answer = await stripe.post(f"{INTENTS}/{intent['id']}/capture", amount_to_capture=5001)
    assert answer.status_code == 400
    assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == (
        "amount_too_large",
        "amount_to_capture",
    )
    assert (await stripe.read(f"{INTENTS}/{intent['id']}"))["status"] == "requires_capture"


@pytest.mark.parametrize("card", [None, "pm_card_visa", "pm_card_threeDSecure2Required"])
async def test_a_payment_not_taken_can_be_cancelled_and_its_hold_is_released(
    stripe: StripeHttp, card: str | None
) -> None:
    intent = await stripe.payment(card)
    gone = await stripe.made(f"{INTENTS}/{intent['id']}/cancel", cancellation_reason="abandoned")
    assert (gone["status"], gone["cancellation_reason"], gone["next_action"]) == ("canceled", "abandoned", None)
    assert gone["canceled_at"] >= intent["created"]
    if intent["latest_charge"]:
        charge = await stripe.read(f"/v1/charges/{intent['latest_charge']}")
        assert (charge["refunded"], charge["captured"]) == (True, False)


@pytest.mark.parametrize("action", ["capture", "cancel", "confirm"])
async def test_a_finished_payment_refuses_every_action_and_says_in_which_state_it_is(
    stripe: StripeHttp, action: str
) -> None:
    taken = await stripe.captured()
    gone = await stripe.payment()
    await stripe.made(f"{INTENTS}/{gone['id']}/cancel")
    for intent, state in ((taken, "succeeded"), (gone, "canceled")):
        fields = {"payment_method": "pm_card_visa"} if action == "confirm" else {}
        answer = await stripe.post(f"{INTENTS}/{intent['id']}/{action}", **fields)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, "payment_intent_unexpected_state")
        assert error["payment_intent"]["status"] == state


async def test_an_unpaid_payment_cannot_be_captured(stripe: StripeHttp) -> None:
    intent = await stripe.payment()
    answer = await stripe.post(f"{INTENTS}/{intent['id']}/capture")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "payment_intent_unexpected_state")
    assert "requires_payment_method" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ],
)
async def test_a_declining_card_leaves_a_failed_charge_and_a_payment_that_can_be_tried_again(
    stripe: StripeHttp, card: str, code: str, decline_code: str
) -> None:
    intent = await stripe.payment()
    answer = await stripe.post(f"{INTENTS}/{intent['id']}/confirm", payment_method=card)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"]) == (402, "card_error", code)
    assert error["decline_code"] == decline_code
    assert error["payment_intent"]["status"] == "requires_payment_method"

    after = await stripe.read(f"{INTENTS}/{intent['id']}", expand=["latest_charge"])
    assert after["last_payment_error"]["decline_code"] == decline_code
    assert after["payment_method"] is None
    assert (after["latest_charge"]["status"], after["latest_charge"]["failure_code"]) == ("failed", code)

    paid = await stripe.made(f"{INTENTS}/{intent['id']}/confirm", payment_method="pm_card_visa")
    assert (paid["status"], paid["last_payment_error"]) == ("requires_capture", None)
    charges = await stripe.read("/v1/charges", payment_intent=intent["id"])
    assert [charge["status"] for charge in charges["data"]] == ["succeeded", "failed"]


async def test_an_unknown_card_token_is_refused(stripe: StripeHttp) -> None:
    intent = await stripe.payment()
    answer = await stripe.post(f"{INTENTS}/{intent['id']}/confirm", payment_method="pm_card_nobody")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "resource_missing", "payment_method")


async def test_a_card_that_nobody_keeps_pays_once(stripe: StripeHttp) -> None:
    first = await stripe.payment("pm_card_visa")
    intent = await stripe.payment()
    again = await stripe.post(f"{INTENTS}/{intent['id']}/confirm", payment_method=first["payment_method"])
    assert (again.status_code, again.json()["error"]["param"]) == (400, "payment_method")
    assert "may not be used again" in again.json()["error"]["message"]
    declined = await stripe.payment()
    method = await stripe.made("/v1/payment_methods", type="card", card={"token": "tok_visa"})
    await stripe.made(f"{INTENTS}/{declined['id']}", payment_method=method["id"])
    paid = await stripe.made(f"{INTENTS}/{declined['id']}/confirm")
    assert (paid["status"], paid["payment_method"]) == ("requires_capture", method["id"])


async def test_a_confirmation_without_a_card_is_refused(stripe: StripeHttp) -> None:
    intent = await stripe.payment()
    answer = await stripe.post(f"{INTENTS}/{intent['id']}/confirm")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "payment_intent_unexpected_state")


async def test_automatic_payment_methods_want_a_return_url(stripe: StripeHttp) -> None:
    intent = await stripe.made(INTENTS, amount=1000, currency="eur")
    answer = await stripe.post(f"{INTENTS}/{intent['id']}/confirm", payment_method="pm_card_visa")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "return_url")


async def test_a_card_that_bypasses_pending_is_available_at_once(stripe: StripeHttp) -> None:
    taken = await stripe.captured("pm_card_bypassPending")
    charge = await stripe.read(f"/v1/charges/{taken['latest_charge']}", expand=["balance_transaction"])
    assert charge["balance_transaction"]["status"] == "available"


async def test_a_browser_pays_with_the_publishable_key_and_the_client_secret(stripe: StripeHttp) -> None:
    intent = await stripe.payment(metadata={"order_id": "secret"})
    browser = StripeHttp(str(stripe.client.base_url), PUBLISHABLE_KEY)
    path, secret = f"{INTENTS}/{intent['id']}", intent["client_secret"]

    declined = await browser.post(f"{path}/confirm", client_secret=secret, payment_method="pm_card_chargeDeclined")
    assert declined.status_code == 402
    assert "metadata" not in declined.json()["error"]["payment_intent"]
    paid = await browser.made(f"{path}/confirm", client_secret=secret, payment_method="pm_card_visa")
    assert paid["status"] == "requires_capture"
    seen = await browser.read(path, client_secret=secret)
    assert not {"metadata", "latest_charge", "transfer_group"} & set(seen)
    await browser.client.aclose()


async def test_a_publishable_key_does_nothing_without_the_client_secret(stripe: StripeHttp) -> None:
    intent, other = await stripe.payment("pm_card_visa"), await stripe.payment()
    browser = StripeHttp(str(stripe.client.base_url), PUBLISHABLE_KEY)
    path = f"{INTENTS}/{intent['id']}"
    assert (await browser.get(path)).json()["error"]["code"] == "parameter_missing"
    wrong = await browser.get(path, client_secret=other["client_secret"])
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "payment_intent_invalid_parameter")
    forbidden = [
        await browser.get(INTENTS),
        await browser.post(INTENTS, amount=1000, currency="eur"),
        await browser.post(f"{path}/capture", client_secret=intent["client_secret"]),
        await browser.post(f"{path}/cancel", client_secret=intent["client_secret"]),
        await browser.get("/v1/charges"),
        await browser.post("/v1/refunds", payment_intent=intent["id"]),
    ]
    assert [answer.status_code for answer in forbidden] == [401] * len(forbidden)
    assert (await stripe.read(path))["status"] == "requires_capture"
    await browser.client.aclose()


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"amount": 49, "currency": "eur"}, "amount", "amount_too_small"),
        ({"amount": 0, "currency": "eur"}, "amount", "parameter_invalid_integer"),
        ({"amount": -5, "currency": "eur"}, "amount", "parameter_invalid_integer"),
        ({"amount": "12.5", "currency": "eur"}, "amount", "parameter_invalid_integer"),
        ({"amount": 100_000_000, "currency": "eur"}, "amount", "amount_too_large"),
        ({"currency": "eur"}, "amount", "parameter_missing"),
        ({"amount": 1000}, "currency", "parameter_missing"),
        ({"amount": 1000, "currency": "xxx"}, "currency", None),
        ({"amount": 1000, "currency": "eur", "capture_method": "later"}, "capture_method", None),
        (
            {"amount": 1000, "currency": "eur", "payment_method_types": ["card"]},
            "payment_method_types",
            "parameter_unknown",
        ),
        ({"amount": 1000, "currency": "eur", "metadata": {"k" * 41: "v"}}, f"metadata[{'k' * 41}]", None),
        ({"amount": 1000, "currency": "eur", "metadata": {"k": "v" * 501}}, "metadata[k]", None),
        ({"amount": 1000, "currency": "eur", "expand": ["metadata"]}, "expand", None),
        ({"amount": 1000, "currency": "eur", "return_url": "https://a.b"}, "return_url", None),
        (
            {
                "amount": 1000,
                "currency": "eur",
                "confirm": True,
                "payment_method": "pm_card_visa",
                "return_url": "javascript:alert(1)",
            },
            "return_url",
            "url_invalid",
        ),
    ],
)
async def test_wrong_parameters_are_named_and_nothing_is_made(
    stripe: StripeHttp, fields: dict[str, object], param: str, code: str | None
) -> None:
    before = await stripe.read(INTENTS, limit=1)
    answer = await stripe.post(INTENTS, **fields)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
    assert (error["param"], error.get("code")) == (param, code)
    assert await stripe.read(INTENTS, limit=1) == before


async def test_a_payment_carries_its_references(stripe: StripeHttp) -> None:
    intent = await stripe.payment("pm_card_visa", payment_details={"order_reference": "ord-1"})
    assert intent["payment_details"] == {"customer_reference": None, "order_reference": "ord-1"}
    path = f"{INTENTS}/{intent['id']}"
    taken = await stripe.made(f"{path}/capture", payment_details={"customer_reference": "ann"})
    assert taken["payment_details"] == {"customer_reference": "ann", "order_reference": "ord-1"}
    assert "payment_details" not in await stripe.payment()


async def test_a_confirmation_names_the_amount_it_confirms(stripe: StripeHttp) -> None:
    intent = await stripe.payment()
    path, card = f"{INTENTS}/{intent['id']}/confirm", "pm_card_visa"
    wrong = await stripe.post(path, amount_to_confirm=4999, payment_method=card)
    assert wrong.json()["error"]["param"] == "amount_to_confirm"
    right = await stripe.made(path, amount_to_confirm=5000, payment_method=card, allowed_payment_method_types=["card"])
    assert right["status"] == "requires_capture"
