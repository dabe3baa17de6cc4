"""Failures on demand, and what a retry with the same key finds."""

from uuid import uuid4

import httpx
import pytest

from tests.simulators.stripe_http import StripeHttp

INTENTS = "/v1/payment_intents"


async def charges_of(stripe: StripeHttp, intent: str) -> int:
    """How often a payment was charged."""
    return len((await stripe.read("/v1/charges", payment_intent=intent))["data"])


@pytest.mark.parametrize(("mode", "effects"), [("drop_before", 0), ("drop_after", 1)])
async def test_a_lost_answer_is_found_by_the_retry(lab: StripeHttp, mode: str, effects: int) -> None:
    intent, key = await lab.payment(), uuid4().hex
    path = f"{INTENTS}/{intent['id']}/confirm"
    await lab.admin("POST", "/faults", [{"match": f"POST {INTENTS}/.*/confirm", "mode": mode, "count": 1}])
    with pytest.raises(httpx.TransportError):
        await lab.post(path, key, payment_method="pm_card_visa")
    assert await charges_of(lab, intent["id"]) == effects
    retried = await lab.post(path, key, payment_method="pm_card_visa")
    assert (retried.status_code, retried.json()["status"]) == (200, "requires_capture")
    assert retried.headers.get("idempotent-replayed") == ("true" if effects else None)
    assert await charges_of(lab, intent["id"]) == 1


@pytest.mark.parametrize(("mode", "effects"), [("error_500_before", 0), ("error_500_after", 1)])
async def test_a_stored_500_never_heals(lab: StripeHttp, mode: str, effects: int) -> None:
    intent, key = await lab.payment(), uuid4().hex
    path = f"{INTENTS}/{intent['id']}/confirm"
    await lab.admin("POST", "/faults", [{"match": f"POST {INTENTS}/.*/confirm", "mode": mode, "count": 1}])
    first = await lab.post(path, key, payment_method="pm_card_visa")
    assert (first.status_code, first.json()["error"]["type"]) == (500, "api_error")
    await lab.admin("DELETE", "/faults")
    for _ in range(3):
        replayed = await lab.post(path, key, payment_method="pm_card_visa")
        assert (replayed.status_code, replayed.headers["idempotent-replayed"]) == (500, "true")
    assert await charges_of(lab, intent["id"]) == effects


async def test_a_request_without_a_key_is_executed_again(lab: StripeHttp) -> None:
    await lab.admin("POST", "/faults", [{"match": f"POST {INTENTS}", "mode": "drop_after", "count": 1}])
    before = len((await lab.dump())["payment_intents"])
    with pytest.raises(httpx.TransportError):
        await lab.payment()
    await lab.payment()
    assert len((await lab.dump())["payment_intents"]) == before + 2


async def test_a_rate_limit_does_nothing_and_is_not_remembered(lab: StripeHttp) -> None:
    await lab.admin("POST", "/faults", [{"match": f"POST {INTENTS}", "mode": "rate_limit", "count": 1}])
    key = uuid4().hex
    limited = await lab.post(INTENTS, key, amount=1000, currency="eur")
    assert (limited.status_code, limited.json()["error"]["code"]) == (429, "rate_limit")
    retried = await lab.post(INTENTS, key, amount=1000, currency="eur")
    assert (retried.status_code, retried.headers.get("idempotent-replayed")) == (200, None)


async def test_a_failed_account_is_made_by_the_retry_and_only_once(lab: StripeHttp) -> None:
    for mode, expected in (("error_500_before", 1), ("error_500_after", 1)):
        await lab.admin("POST", "/faults", [{"match": "POST /v2/.*", "mode": mode, "count": 1}])
        name, headers = uuid4().hex, {"Idempotency-Key": uuid4().hex}
        body = {"display_name": name}
        assert (await lab.client.post("/v2/core/accounts", json=body, headers=headers)).status_code == 500
        assert (await lab.client.post("/v2/core/accounts", json=body, headers=headers)).status_code == 200
        accounts = (await lab.dump())["accounts"]
        assert [account["display_name"] for account in accounts].count(name) == expected


async def test_a_seed_gives_the_same_storm_twice(lab: StripeHttp) -> None:
    storms: list[list[int]] = []
    for _ in range(2):
        fault = {"match": f"GET {INTENTS}", "mode": "error_500_before", "probability": 0.5, "seed": 7}
        await lab.admin("POST", "/faults", [fault])
        storms.append([(await lab.get(INTENTS)).status_code for _ in range(20)])
    assert storms[0] == storms[1]
    assert set(storms[0]) == {200, 500}


async def test_the_plan_tells_what_struck_and_can_be_cleared(lab: StripeHttp) -> None:
    await lab.admin("POST", "/faults", [{"match": "GET /v1/charges", "mode": "error_500_before", "count": 2}])
    statuses = [(await lab.get("/v1/charges")).status_code for _ in range(3)]
    assert statuses == [500, 500, 200]
    assert (await lab.get("/v1/refunds")).status_code == 200
    assert [fault["struck"] for fault in await lab.admin("GET", "/faults")] == [2]
    assert await lab.admin("DELETE", "/faults") == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/faults", [{"match": "(", "mode": "delay"}]),
        ("/faults", [{"match": ".*", "mode": "explode"}]),
        ("/faults", [{"match": ".*", "mode": "delay", "count": 0}]),
        ("/faults", {"match": ".*", "mode": "delay"}),
        ("/webhooks/faults", {"drop": 2}),
        ("/webhook", {"url": "ftp://x"}),
        ("/webhook", {}),
        ("/refunds/re_1", {"status": "maybe"}),
    ],
)
async def test_a_wrong_switch_is_refused(lab: StripeHttp, path: str, body: object) -> None:
    answer = await lab.client.post(f"/_simulator{path}", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]


async def test_a_rate_limit_comes_before_anything_is_read_but_after_the_key(lab: StripeHttp) -> None:
    await lab.admin("POST", "/faults", [{"match": f"POST {INTENTS}", "mode": "rate_limit", "count": 1}])
    async with httpx.AsyncClient(base_url=lab.client.base_url) as nobody:
        assert (await nobody.post(INTENTS)).status_code == 401
    assert (await lab.post(INTENTS, colour="red")).status_code == 429
    refused = await lab.post(INTENTS, colour="red")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "parameter_unknown")
