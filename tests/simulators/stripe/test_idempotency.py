"""One key, one execution: replay, mismatch, in use, and what is remembered."""

import asyncio
from uuid import uuid4

import pytest

from tests.simulators.processes import PUBLISHABLE_KEY, until
from tests.simulators.stripe_http import StripeHttp

INTENTS = "/v1/payment_intents"


async def test_a_repeated_request_is_answered_from_memory(stripe: StripeHttp) -> None:
    key = uuid4().hex
    first = await stripe.post(INTENTS, key, amount=1000, currency="eur", metadata={"a": 1, "b": 2})
    again = await stripe.post(INTENTS, key, metadata={"b": 2, "a": 1}, currency="eur", amount=1000)
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["request-id"] != first.headers["request-id"]
    other = await stripe.post(INTENTS, uuid4().hex, amount=1000, currency="eur", metadata={"a": 1, "b": 2})
    assert other.json()["id"] != first.json()["id"]


async def test_a_key_serves_one_request_only(stripe: StripeHttp) -> None:
    key = uuid4().hex
    intent = (await stripe.post(INTENTS, key, amount=1000, currency="eur")).json()
    for path, fields in (
        (INTENTS, {"amount": 1001, "currency": "eur"}),
        (INTENTS, {"amount": 1000, "currency": "eur", "description": "more"}),
        (f"{INTENTS}/{intent['id']}/cancel", {}),
    ):
        answer = await stripe.post(path, key, **fields)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "idempotency_error")
    assert (await stripe.read(f"{INTENTS}/{intent['id']}"))["status"] == "requires_payment_method"


async def test_a_key_in_use_is_refused_until_its_request_is_done(lab: StripeHttp) -> None:
    await lab.admin("POST", "/faults", [{"match": f"POST {INTENTS}", "mode": "delay", "delay_s": 0.6, "count": 1}])
    key = uuid4().hex
    slow = asyncio.create_task(lab.post(INTENTS, key, amount=1000, currency="eur"))

    async def struck() -> bool:
        return bool((await lab.admin("GET", "/faults"))[0]["struck"])

    await until(struck)
    meanwhile = await lab.post(INTENTS, key, amount=1000, currency="eur")
    error = meanwhile.json()["error"]
    assert (meanwhile.status_code, error["type"], error["code"]) == (
        409,
        "idempotency_error",
        "idempotency_key_in_use",
    )
    done = await slow
    assert done.status_code == 200
    again = await lab.post(INTENTS, key, amount=1000, currency="eur")
    assert (again.json()["id"], again.headers["idempotent-replayed"]) == (done.json()["id"], "true")


async def test_many_requests_with_one_key_have_one_effect(stripe: StripeHttp) -> None:
    intent = await stripe.payment()
    path = f"{INTENTS}/{intent['id']}/confirm"
    answers = await asyncio.gather(
        *(stripe.post(path, f"burst-{intent['id']}", payment_method="pm_card_visa") for _ in range(20))
    )
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.json()["latest_charge"] for answer in answers if answer.status_code == 200}) == 1
    assert len((await stripe.read("/v1/charges", payment_intent=intent["id"]))["data"]) == 1


async def test_a_decline_is_remembered(stripe: StripeHttp) -> None:
    intent, key = await stripe.payment(), uuid4().hex
    path, fields = f"{INTENTS}/{intent['id']}/confirm", {"payment_method": "pm_card_chargeDeclined"}
    first = await stripe.post(path, key, **fields)
    again = await stripe.post(path, key, **fields)
    assert (first.status_code, again.status_code, again.content) == (402, 402, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert len((await stripe.read("/v1/charges", payment_intent=intent["id"]))["data"]) == 1


async def test_a_refusal_by_state_is_remembered(stripe: StripeHttp) -> None:
    intent, key = await stripe.payment(), uuid4().hex
    path = f"{INTENTS}/{intent['id']}/capture"
    assert (await stripe.post(path, key)).status_code == 400
    await stripe.made(f"{INTENTS}/{intent['id']}/confirm", payment_method="pm_card_visa")
    again = await stripe.post(path, key)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (400, "true")
    assert (await stripe.post(path, uuid4().hex)).status_code == 200


@pytest.mark.parametrize(
    "wrong", [{"amount": "x", "currency": "eur"}, {"amount": 1000}, {"amount": 1000, "currency": "eur", "size": 1}]
)
async def test_a_wrong_parameter_does_not_use_the_key_up(stripe: StripeHttp, wrong: dict[str, object]) -> None:
    key = uuid4().hex
    assert (await stripe.post(INTENTS, key, **wrong)).status_code == 400
    right = await stripe.post(INTENTS, key, amount=1000, currency="eur")
    assert (right.status_code, right.headers.get("idempotent-replayed")) == (200, None)


async def test_an_unauthorised_request_does_not_use_the_key_up(stripe: StripeHttp) -> None:
    key = uuid4().hex
    stranger = StripeHttp(str(stripe.client.base_url), "sk_test_stranger")
    assert (await stranger.post(INTENTS, key, amount=1000, currency="eur")).status_code == 401
    await stranger.client.aclose()
    assert (await stripe.post(INTENTS, key, amount=1000, currency="eur")).status_code == 200


async def test_each_api_key_has_its_own_idempotency_keys(stripe: StripeHttp) -> None:
    key = uuid4().hex
    intent = (
        await stripe.post(INTENTS, key, amount=1000, currency="eur", allowed_payment_method_types=["card"])
    ).json()
    browser = StripeHttp(str(stripe.client.base_url), PUBLISHABLE_KEY)
    fields = {"client_secret": intent["client_secret"], "payment_method": "pm_card_visa"}
    paid = await browser.post(f"{INTENTS}/{intent['id']}/confirm", key, **fields)
    assert paid.status_code == 200
    await browser.client.aclose()


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_a_key_has_1_to_255_characters(stripe: StripeHttp, key: str) -> None:
    answer = await stripe.post(INTENTS, key, amount=1000, currency="eur")
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "idempotency_error")
