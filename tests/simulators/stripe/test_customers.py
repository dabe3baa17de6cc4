"""Customers and the cards they keep."""

import pytest

from tests.simulators.processes import PUBLISHABLE_KEY
from tests.simulators.stripe_http import StripeHttp

CUSTOMERS, METHODS = "/v1/customers", "/v1/payment_methods"


async def test_a_customer_is_made_changed_and_deleted_for_ever(stripe: StripeHttp) -> None:
    made = await stripe.made(CUSTOMERS, email="ann@shop.example", name="Ann", metadata={"a": "1", "b": "2"})
    changed = await stripe.made(
        f"{CUSTOMERS}/{made['id']}", name="", phone="+371", metadata={"a": "", "c": "3"}, address={"line1": "Street 1"}
    )
    assert (changed["name"], changed["phone"], changed["metadata"]) == (None, "+371", {"b": "2", "c": "3"})
    assert changed["address"]["line1"] == "Street 1"
    told = await stripe.read("/v1/events", type="customer.updated", limit=1)
    assert told["data"][0]["data"]["previous_attributes"]["name"] == "Ann"
    gone = await stripe.client.delete(f"{CUSTOMERS}/{made['id']}")
    assert gone.json() == {"id": made["id"], "object": "customer", "deleted": True}
    assert (await stripe.read(f"{CUSTOMERS}/{made['id']}"))["deleted"] is True
    assert (await stripe.read(CUSTOMERS, email="ann@shop.example"))["data"] == []
    refused = await stripe.post(f"{CUSTOMERS}/{made['id']}", name="Bob")
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "resource_missing")


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"email": "nobody"}, "email", "email_invalid"),
        ({"nick": "x"}, "nick", "parameter_unknown"),
        ({"address": {"street": "x"}}, "address[street]", "parameter_unknown"),
        ({"name": ["x"]}, "name", None),
        ({"balance": "much"}, "balance", "parameter_invalid_integer"),
        ({"shipping": {"name": "x"}}, "shipping[address]", "parameter_missing"),
        ({"tax_exempt": "always"}, "tax_exempt", None),
        ({"metadata": {str(key): "x" for key in range(51)}}, "metadata", None),
        ({"invoice_settings": {"default_payment_method": "pm_none"}}, "invoice_settings[default_payment_method]", None),
    ],
)
async def test_a_wrong_customer_is_refused_with_the_parameter_named(
    stripe: StripeHttp, fields: dict[str, object], param: str, code: str | None
) -> None:
    answer = await stripe.post(CUSTOMERS, **fields)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert code is None or error["code"] == code
    assert error["request_log_url"].endswith(answer.headers["request-id"])


async def test_a_card_is_kept_listed_and_detached_for_ever(stripe: StripeHttp) -> None:
    customer = (await stripe.made(CUSTOMERS, payment_method="pm_card_visa"))["id"]
    other = (await stripe.made(CUSTOMERS))["id"]
    method = await stripe.made(f"{METHODS}/pm_card_mastercard/attach", customer=customer)
    assert (method["customer"], method["card"]["brand"]) == (customer, "mastercard")
    kept = await stripe.read(f"{CUSTOMERS}/{customer}/payment_methods")
    assert [card["card"]["last4"] for card in kept["data"]] == ["4444", "4242"]
    assert (await stripe.read(METHODS, customer=customer, type="card"))["data"] == kept["data"]
    assert (await stripe.read(METHODS, customer=customer, type="sepa_debit"))["data"] == []
    assert (await stripe.get(METHODS, customer=customer, type="gold")).status_code == 400
    stolen = await stripe.post(f"{METHODS}/{method['id']}/attach", customer=other)
    assert stolen.status_code == 400
    foreign = await stripe.post("/v1/payment_intents", amount=1000, currency="eur", payment_method=method["id"])
    assert (foreign.status_code, foreign.json()["error"]["param"]) == (400, "payment_method")
    gone = await stripe.made(f"{METHODS}/{method['id']}/detach")
    assert gone["customer"] is None
    for path in (f"{METHODS}/{method['id']}/attach", f"{METHODS}/{method['id']}/detach"):
        again = await stripe.post(path, **({"customer": customer} if "attach" in path else {}))
        assert again.status_code == 400


async def test_a_bank_may_refuse_to_let_a_card_be_kept_or_refuse_only_to_pay(stripe: StripeHttp) -> None:
    customer = (await stripe.made(CUSTOMERS))["id"]
    refused = await stripe.post(f"{METHODS}/pm_card_chargeDeclinedStolenCard/attach", customer=customer)
    error = refused.json()["error"]
    assert (refused.status_code, error["decline_code"], error["advice_code"]) == (
        402,
        "stolen_card",
        "do_not_try_again",
    )
    kept = await stripe.made(f"{METHODS}/pm_card_chargeCustomerFail/attach", customer=customer)
    pay = {"amount": 1000, "currency": "eur", "confirm": True, "off_session": True}
    declined = await stripe.post("/v1/payment_intents", customer=customer, payment_method=kept["id"], **pay)
    assert (declined.status_code, declined.json()["error"]["decline_code"]) == (402, "generic_decline")


async def test_only_a_browsers_key_may_send_a_card_number(stripe: StripeHttp) -> None:
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123"}
    refused = await stripe.post(METHODS, type="card", card=card)
    assert (refused.status_code, "unsafe" in refused.json()["error"]["message"]) == (402, True)
    browser = StripeHttp(str(stripe.client.base_url), PUBLISHABLE_KEY)
    made = await browser.made(METHODS, type="card", card=card, billing_details={"name": "Ann"})
    assert (made["card"]["last4"], made["card"]["exp_year"]) == ("4242", 2040)
    token = await browser.made("/v1/tokens", card=card)
    assert "number" not in token["card"]
    bought = await stripe.made(METHODS, type="card", card={"token": token["id"]})
    assert bought["card"]["last4"] == "4242"
    again = await stripe.post(METHODS, type="card", card={"token": token["id"]})
    assert again.json()["error"]["code"] == "token_already_used"
    for path in (METHODS, f"{METHODS}/{made['id']}", CUSTOMERS):
        assert (await browser.get(path)).status_code == 401
    await browser.client.aclose()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"number": "4242424242424241"}, "incorrect_number"),
        ({"number": "4242"}, "incorrect_number"),
        ({"number": "4111111111111111"}, "card_declined"),
        ({"exp_year": 2020}, "invalid_expiry_year"),
        ({"exp_month": 13}, "invalid_expiry_month"),
        ({"cvc": "12"}, "invalid_cvc"),
    ],
)
async def test_a_mistyped_card_is_refused_as_one(stripe: StripeHttp, change: dict[str, object], code: str) -> None:
    browser = StripeHttp(str(stripe.client.base_url), PUBLISHABLE_KEY)
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123", **change}
    answer = await browser.post(METHODS, type="card", card=card)
    assert (answer.status_code, answer.json()["error"]["type"]) == (402, "card_error")
    assert answer.json()["error"]["code"] == code
    await browser.client.aclose()


async def test_search_finds_what_is_a_minute_old(lab: StripeHttp) -> None:
    made = await lab.made(CUSTOMERS, email="seek@find.example", metadata={"order": "o_1"})
    query = 'email:"SEEK@find.example" AND metadata["order"]:"o_1"'
    assert (await lab.read(f"{CUSTOMERS}/search", query=query))["data"] == []
    await lab.admin("POST", "/clock", {"advance_s": 120})
    found = await lab.read(f"{CUSTOMERS}/search", query=query)
    assert ([one["id"] for one in found["data"]], found["object"]) == ([made["id"]], "search_result")
    assert (await lab.read(f"{CUSTOMERS}/search", query='email~"nobody"'))["data"] == []
    wrong = await lab.get(f"{CUSTOMERS}/search", query="shoe:size")
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "query")
