"""Credentials, addresses, headers, form encoding, lists and expansion."""

import base64

import httpx
import pytest

from tests.simulators.processes import API_KEY
from tests.simulators.stripe_http import StripeHttp

INTENTS = "/v1/payment_intents"


@pytest.mark.parametrize(
    "authorization",
    [None, "Bearer sk_test_wrong", "Bearer", "Basic !!!", "Digest x", f"Basic {base64.b64encode(b'sk_no:').decode()}"],
)
async def test_without_a_known_key_nothing_is_done(stripe: StripeHttp, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    async with httpx.AsyncClient(base_url=stripe.client.base_url) as nobody:
        answer = await nobody.post(INTENTS, data={"amount": "1000", "currency": "eur"}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "invalid_request_error")
    assert "sk_test_wrong" not in answer.text


async def test_the_secret_key_comes_as_bearer_or_basic(stripe: StripeHttp) -> None:
    async with httpx.AsyncClient(base_url=stripe.client.base_url) as client:
        bearer = await client.get(INTENTS, headers={"Authorization": f"Bearer {API_KEY}"})
        basic = await client.get(INTENTS, auth=(API_KEY, ""))
    assert (bearer.status_code, basic.status_code) == (200, 200)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/products"),
        ("POST", "/v1/subscriptions"),
        ("GET", "/v1/payment_intents/"),
        ("POST", "/v1/payment_intents/pi_1/apply_customer_balance"),
        ("POST", "/v2/core/vault/gb_bank_accounts"),
        ("DELETE", "/v1/payment_intents/pi_1"),
        ("GET", "/v3/anything"),
        ("GET", "/"),
    ],
)
async def test_every_other_address_is_unrecognized(stripe: StripeHttp, method: str, path: str) -> None:
    answer = await stripe.client.request(method, path)
    assert answer.status_code == 404
    assert answer.json()["error"]["message"].startswith(f"Unrecognized request URL ({method}: {path})")


async def test_an_answer_names_its_request_its_version_and_the_key_it_was_given(stripe: StripeHttp) -> None:
    fields = {"amount": "1000", "currency": "eur"}
    headers = {"Idempotency-Key": "headers-1", "Stripe-Version": "2026-10-28.endive"}
    answer = await stripe.client.post(INTENTS, data=fields, headers=headers)
    assert answer.headers["request-id"].startswith("req_")
    assert answer.headers["stripe-version"] == "2026-10-28.endive"
    assert answer.headers["idempotency-key"] == "headers-1"
    assert "idempotent-replayed" not in answer.headers


async def test_objects_that_do_not_exist_are_404(stripe: StripeHttp) -> None:
    for path in (INTENTS, "/v1/charges", "/v1/refunds", "/v1/transfers", "/v1/balance_transactions", "/v1/events"):
        answer = await stripe.get(f"{path}/xx_nobody")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "resource_missing")


async def test_a_list_is_newest_first_and_cursors_walk_it_both_ways(stripe: StripeHttp) -> None:
    made = [(await stripe.payment("pm_card_visa", transfer_group="walk"))["latest_charge"] for _ in range(5)]
    first = await stripe.read("/v1/charges", transfer_group="walk", limit=2)
    assert (first["object"], first["url"], first["has_more"]) == ("list", "/v1/charges", True)
    assert [charge["id"] for charge in first["data"]] == [made[4], made[3]]
    last = await stripe.read("/v1/charges", transfer_group="walk", limit=3, starting_after=made[3])
    assert ([charge["id"] for charge in last["data"]], last["has_more"]) == ([made[2], made[1], made[0]], False)
    back = await stripe.read("/v1/charges", transfer_group="walk", limit=2, ending_before=made[1])
    assert ([charge["id"] for charge in back["data"]], back["has_more"]) == ([made[3], made[2]], True)
    moment = first["data"][0]["created"]
    later = await stripe.read("/v1/charges", transfer_group="walk", created={"gt": moment})
    assert later["data"] == []
    until = await stripe.read("/v1/charges", transfer_group="walk", created={"lte": moment})
    assert len(until["data"]) == 5


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"starting_after": "ch_nobody"}, "starting_after"),
        ({"created": {"before": 1}}, "created[before]"),
        ({"card": "visa"}, "card"),
        ({"expand": ["data.metadata"]}, "expand"),
        ({"expand": ["data"]}, "expand"),
        ({"expand": ["balance_transaction"]}, "expand"),
        ({"expand": ["data.payment_intent.latest_charge.payment_intent.latest_charge"]}, "expand"),
    ],
)
async def test_a_wrong_page_is_refused_with_the_parameter_named(
    stripe: StripeHttp, fields: dict[str, object], param: str
) -> None:
    answer = await stripe.get("/v1/charges", **fields)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_items_of_a_list_can_be_expanded(stripe: StripeHttp) -> None:
    taken = await stripe.captured("pm_card_visa")
    listed = await stripe.read(
        "/v1/charges", payment_intent=taken["id"], expand=["data.balance_transaction", "data.payment_intent"]
    )
    charge = listed["data"][0]
    assert charge["balance_transaction"]["source"] == charge["id"]
    assert charge["payment_intent"]["id"] == taken["id"]
    movement = await stripe.read(f"/v1/balance_transactions/{charge['balance_transaction']['id']}", expand=["source"])
    assert movement["source"]["id"] == charge["id"]


async def test_events_are_listed_by_type_and_say_which_request_caused_them(stripe: StripeHttp) -> None:
    answer = await stripe.post(INTENTS, "events-1", amount=1000, currency="eur")
    intent = answer.json()
    created = await stripe.read("/v1/events", type="payment_intent.created", limit=1)
    event = created["data"][0]
    assert event["data"]["object"] == intent
    assert event["request"] == {"id": answer.headers["request-id"], "idempotency_key": "events-1"}
    assert await stripe.read(f"/v1/events/{event['id']}") == event
    any_intent = await stripe.read("/v1/events", type="payment_intent.*", limit=1)
    assert any_intent["data"][0]["id"] == event["id"]
    several = await stripe.read("/v1/events", types=["payment_intent.created", "charge.succeeded"], limit=1)
    assert several["data"][0]["id"] == event["id"]
    both = await stripe.get("/v1/events", types=["a"], type="b")
    assert both.status_code == 400


@pytest.mark.parametrize(
    "body", ["amount[=1", "amount=1&amount[x]=2", "a[b]=1&a=2&a[c]=3", "[x]=1", "metadata" + "[a]" * 40 + "=1"]
)
async def test_a_broken_form_is_refused(stripe: StripeHttp, body: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await stripe.client.post(INTENTS, content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'{"configuration": 5}', b'{"include": "all"}', b'{"x": 1}'])
async def test_a_broken_account_is_refused(stripe: StripeHttp, body: bytes) -> None:
    answer = await stripe.client.post("/v2/core/accounts", content=body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_a_browser_on_another_origin_may_ask(stripe: StripeHttp) -> None:
    preflight = await stripe.client.options(f"{INTENTS}/pi_1/confirm")
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, "*")
    assert "Authorization" in preflight.headers["access-control-allow-headers"]


@pytest.mark.parametrize("version", ["tomorrow", "2026-10", "2026-10-28.ENDIVE"])
async def test_what_is_no_version_of_the_api_is_refused(stripe: StripeHttp, version: str) -> None:
    answer = await stripe.client.get("/v1/balance", headers={"Stripe-Version": version})
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, f"Invalid Stripe API version: {version}")
