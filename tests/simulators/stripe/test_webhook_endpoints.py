"""Endpoints made through the API, their secrets, and faults that outlive the process."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.simulators.processes import SimulatorProcess
from tests.simulators.stripe_http import StripeHttp
from tests.simulators.webhook_receiver import Received, WebhookReceiver

ENDPOINTS = "/v1/webhook_endpoints"


def signed(received: Received, secret: str) -> bool:
    """Whether one of the signatures is of that secret."""
    stamp, *signatures = (part.split("=")[1] for part in received.signature.split(","))
    expected = hmac.new(secret.encode(), f"{stamp}.".encode() + received.body, hashlib.sha256).hexdigest()
    return expected in signatures


async def arrived(receiver: WebhookReceiver, count: int) -> list[Received]:
    """The first so many webhooks."""
    return await asyncio.to_thread(receiver.wait_for, lambda received: len(received) >= count)


async def test_an_endpoint_gets_the_events_it_named_signed_with_a_secret_shown_once(lab: StripeHttp) -> None:
    with WebhookReceiver() as receiver:
        endpoint = await lab.made(ENDPOINTS, url=receiver.url, enabled_events=["charge.succeeded"])
        secret = endpoint.pop("secret")
        assert await lab.read(f"{ENDPOINTS}/{endpoint['id']}") == endpoint
        await lab.payment("pm_card_visa")
        (charged,) = await arrived(receiver, 1)
        assert (json.loads(charged.body)["type"], signed(charged, secret)) == ("charge.succeeded", True)
        off = await lab.made(f"{ENDPOINTS}/{endpoint['id']}", disabled=True)
        assert off["status"] == "disabled"
        await lab.payment("pm_card_visa")
        assert (await lab.admin("GET", "/health"))["webhooks_waiting"] == 0
        gone = await lab.client.delete(f"{ENDPOINTS}/{endpoint['id']}")
        assert gone.json() == {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}
        assert len(receiver.received) == 1


async def test_while_a_secret_is_rolled_both_sign(lab: StripeHttp) -> None:
    with WebhookReceiver() as receiver:
        endpoint = await lab.made(ENDPOINTS, url=receiver.url, enabled_events=["payment_intent.created"])
        rolled = await lab.admin("POST", f"/webhook_endpoints/{endpoint['id']}/roll", {"expires_in_s": 3600})
        await lab.payment()
        (first,) = await arrived(receiver, 1)
        assert signed(first, endpoint["secret"])
        assert signed(first, rolled["secret"])
        last = await lab.admin("POST", f"/webhook_endpoints/{endpoint['id']}/roll", {"expires_in_s": 0})
        await lab.payment()
        second = (await arrived(receiver, 2))[1]
        assert (signed(second, rolled["secret"]), signed(second, last["secret"])) == (False, True)
        await lab.client.delete(f"{ENDPOINTS}/{endpoint['id']}")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"url": "ftp://a.b", "enabled_events": ["*"]}, "url"),
        ({"url": "https://a.b"}, "enabled_events"),
        ({"enabled_events": ["*"]}, "url"),
        ({"url": "https://a.b", "enabled_events": ["*", "charge.failed"]}, "enabled_events"),
        ({"url": "https://a.b", "enabled_events": ["*"], "colour": "red"}, "colour"),
    ],
)
async def test_a_wrong_endpoint_is_refused(lab: StripeHttp, fields: dict[str, object], param: str) -> None:
    answer = await lab.post(ENDPOINTS, **fields)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_a_thin_destination_is_told_which_object_changed(lab: StripeHttp) -> None:
    with WebhookReceiver() as receiver:
        body = {
            "name": "thin",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": ["v2.core.account.created"],
            "webhook_endpoint": {"url": receiver.url},
            "include": ["webhook_endpoint.signing_secret"],
        }
        destination = (await lab.client.post("/v2/core/event_destinations", json=body)).json()
        account = await lab.recipient()
        (thin,) = await arrived(receiver, 1)
        event = json.loads(thin.body)
        assert (event["related_object"]["id"], "data" in event) == (account, False)
        assert signed(thin, destination["webhook_endpoint"]["signing_secret"])
        path = f"/v2/core/event_destinations/{destination['id']}"
        assert (await lab.client.get(path)).json()["webhook_endpoint"] is None
        assert (await lab.client.post(f"{path}/disable", json={})).json()["status"] == "disabled"
        assert (await lab.client.delete(path)).status_code == 200


@pytest.fixture
async def mortal(tmp_path: Path) -> AsyncIterator[tuple[SimulatorProcess, StripeHttp]]:
    """A simulator that may be killed."""
    process = SimulatorProcess(tmp_path / "stripe.db")
    process.start()
    http = StripeHttp(process.url)
    yield process, http
    await http.client.aclose()
    process.stop()


async def test_faults_go_on_after_kill_9_where_they_were(mortal: tuple[SimulatorProcess, StripeHttp]) -> None:
    process, stripe = mortal
    fault = {"match": "POST /v1/customers", "mode": "rate_limit", "count": 2}
    await stripe.admin("POST", "/faults", [fault, {"match": "GET /v1/customers", "mode": "lock_timeout", "count": 1}])
    await stripe.admin("POST", "/webhooks/faults", {"drop": 1, "seed": 4})
    assert (await stripe.post("/v1/customers")).status_code == 429
    process.kill()
    process.start()
    assert [line["struck"] for line in await stripe.admin("GET", "/faults")] == [1, 0]
    assert (await stripe.admin("GET", "/webhooks/faults"))["drop"] == 1
    assert [(await stripe.post("/v1/customers")).status_code for _ in range(2)] == [429, 200]
    locked = await stripe.get("/v1/customers")
    assert (locked.status_code, locked.json()["error"]["code"]) == (429, "lock_timeout")


async def test_a_key_is_remembered_for_a_day_of_the_simulators_clock(
    mortal: tuple[SimulatorProcess, StripeHttp],
) -> None:
    _, stripe = mortal
    first = await stripe.post("/v1/customers", "day-1")
    await stripe.admin("POST", "/clock", {"advance_s": 23 * 3600})
    again = await stripe.post("/v1/customers", "day-1")
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    await stripe.admin("POST", "/clock", {"advance_s": 2 * 3600})
    later = await stripe.post("/v1/customers", "day-1")
    assert later.json()["id"] != first.json()["id"]
