"""Stripe's webhook: only what is signed and fresh is stored, once."""

import asyncio
import hashlib
import hmac
import json
from datetime import timedelta

import httpx
import pytest

from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.models.tables.payments import StripeEventRow
from tests.api.listening import heard
from tests.api.running import Api
from tests.api.world import World

EVENT = {
    "id": "evt_1",
    "type": "payment_intent.succeeded",
    "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
}
BODY = json.dumps(EVENT).encode()


def signature(body: bytes, key: str = "whsec_new", age_s: int = 0) -> str:
    """The header Stripe would send."""
    stamp = int(utc_now().timestamp()) - age_s
    digest = hmac.new(key.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"


async def deliver(api: Api, body: bytes, header: str) -> httpx.Response:
    """One delivery."""
    return await api.post("/webhooks/stripe", content=body, headers={"Stripe-Signature": header})


async def test_a_signed_event_is_stored_once_however_often_it_comes(api: Api, world: World) -> None:
    answers = await asyncio.gather(*(deliver(api, BODY, signature(BODY)) for _ in range(5)))
    [row] = await world.rows(StripeEventRow)
    assert {answer.status_code for answer in answers} == {200}
    assert (row.id, row.type, row.object_id, row.payload) == ("evt_1", EVENT["type"], "pi_1", EVENT)


async def test_both_secrets_are_good_while_they_roll(api: Api) -> None:
    for secret in ("whsec_old", "whsec_new"):
        assert (await deliver(api, BODY, signature(BODY, secret))).status_code == 200


async def test_an_event_wakes_the_relay(api: Api, owner_database: Database) -> None:
    async with heard(owner_database, "fulfil_stripe_events") as payloads:
        await deliver(api, BODY, signature(BODY))
        assert await asyncio.wait_for(payloads.get(), 5) == ""


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (BODY, ""),
        (BODY, "nonsense"),
        (BODY, signature(BODY, "whsec_forged")),
        (BODY.replace(b"evt_1", b"evt_2"), signature(BODY)),
        (BODY, signature(BODY, age_s=301)),
        (b"[]", signature(b"[]")),
        (b"\xff", signature(b"\xff")),
    ],
    ids=["unsigned", "nonsense", "forged", "altered", "stale", "no event", "no text"],  # the signatures tell the time
)
async def test_what_is_forged_stale_or_no_event_is_refused(api: Api, world: World, body: bytes, header: str) -> None:
    response = await deliver(api, body, header)
    assert (response.status_code, response.json()["code"]) == (400, "webhook_signature_invalid")
    assert response.json()["param"] == "Stripe-Signature"
    assert not await world.rows(StripeEventRow)


async def test_a_replayed_event_is_too_old_five_minutes_later(api: Api) -> None:
    header = signature(BODY)
    api.clock.ahead = timedelta(seconds=301)
    assert (await deliver(api, BODY, header)).status_code == 400


async def test_more_than_a_megabyte_is_not_read(api: Api, world: World) -> None:
    body = b"x" * (1024 * 1024 + 1)
    response = await deliver(api, body, signature(body))
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert not await world.rows(StripeEventRow)
