"""Signed events: delivered, retried, duplicated, dropped, reordered, sent again."""

import asyncio
import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from tests.simulators.processes import WEBHOOK_SECRET, until
from tests.simulators.stripe_http import StripeHttp
from tests.simulators.webhook_receiver import Received, WebhookReceiver


def event_of(received: Received) -> Any:
    """The event in a webhook."""
    return json.loads(received.body)


def kinds(received: list[Received], object_id: str) -> list[str]:
    """The types of the events about one object."""
    events = [event_of(one) for one in received]
    return [event["type"] for event in events if event["data"]["object"]["id"] == object_id]


async def arrived(receiver: WebhookReceiver, count: int) -> list[Received]:
    """The first so many webhooks."""
    return await asyncio.to_thread(receiver.wait_for, lambda received: len(received) >= count)


async def drained(lab: StripeHttp) -> None:
    """Until nothing waits for delivery."""

    async def nothing_waits() -> bool:
        return not (await lab.admin("GET", "/health"))["webhooks_waiting"]

    await until(nothing_waits)


async def test_a_whole_payment_is_told_in_signed_events(lab: StripeHttp, receiver: WebhookReceiver) -> None:
    taken = await lab.captured("pm_card_visa")
    refund = await lab.made("/v1/refunds", payment_intent=taken["id"])
    account = await lab.recipient()
    other = (await lab.captured("pm_card_visa"))["latest_charge"]
    moved = await lab.made("/v1/transfers", amount=100, currency="eur", destination=account, source_transaction=other)
    await drained(lab)
    received = receiver.received
    assert sorted(kinds(received, taken["id"])) == [
        "payment_intent.amount_capturable_updated",
        "payment_intent.created",
        "payment_intent.succeeded",
    ]
    assert sorted(kinds(received, taken["latest_charge"])) == ["charge.captured", "charge.refunded", "charge.succeeded"]
    assert kinds(received, refund["id"]) == ["refund.created"]
    assert kinds(received, moved["id"]) == ["transfer.created"]
    for one in received:
        stamp, signature = (part.split("=")[1] for part in one.signature.split(","))
        expected = hmac.new(WEBHOOK_SECRET.encode(), f"{stamp}.".encode() + one.body, hashlib.sha256).hexdigest()
        assert (signature, abs(int(stamp) - time.time()) < 60) == (expected, True)


async def test_signatures_tell_the_real_time_or_that_of_a_receiver_who_is_moved_along(
    lab: StripeHttp, receiver: WebhookReceiver
) -> None:
    ahead_s = (await lab.admin("POST", "/clock", {"advance_s": 86_400}))["ahead_s"]
    await lab.payment()
    await drained(lab)
    await lab.admin("POST", "/settings", {"moved_signatures": True})
    await lab.payment()
    await drained(lab)
    await lab.admin("POST", "/settings", {"moved_signatures": False})
    real, moved = (int(one.signature.split(",")[0].removeprefix("t=")) for one in receiver.received)
    assert (abs(real - time.time()) < 60, abs(moved - time.time() - ahead_s) < 60) == (True, True)


@pytest.mark.parametrize(
    ("card", "kind"),
    [
        ("pm_card_chargeDeclined", "payment_intent.payment_failed"),
        ("pm_card_threeDSecure2Required", "payment_intent.requires_action"),
    ],
)
async def test_what_holds_a_payment_up_is_told_too(
    lab: StripeHttp, receiver: WebhookReceiver, card: str, kind: str
) -> None:
    intent = await lab.payment()
    await lab.post(f"/v1/payment_intents/{intent['id']}/confirm", payment_method=card)
    await lab.made(f"/v1/payment_intents/{intent['id']}/cancel")
    await drained(lab)
    told = kinds(receiver.received, intent["id"])
    assert sorted(told) == sorted(["payment_intent.created", kind, "payment_intent.canceled"])


async def test_a_refused_webhook_comes_again_until_it_is_accepted(lab: StripeHttp, receiver: WebhookReceiver) -> None:
    receiver.statuses.extend([500, 503, 302])
    intent = await lab.payment()
    received = await arrived(receiver, 4)
    assert {event_of(one)["data"]["object"]["id"] for one in received} == {intent["id"]}
    assert len({event_of(one)["id"] for one in received}) == 1
    await drained(lab)
    assert len(receiver.received) == 4
    event = await lab.read(f"/v1/events/{event_of(received[0])['id']}")
    assert event["pending_webhooks"] == 0
    assert (event_of(received[0])["pending_webhooks"], event_of(received[0])["type"]) == (1, "payment_intent.created")


async def test_a_changed_endpoint_gets_what_still_waits(lab: StripeHttp, receiver: WebhookReceiver) -> None:
    unreachable = WebhookReceiver()
    await lab.admin("POST", "/webhook", {"url": unreachable.url})
    intent = await lab.payment()
    undelivered = await lab.read("/v1/events", delivery_success=False)
    assert undelivered["data"][0]["data"]["object"]["id"] == intent["id"]
    await lab.admin("POST", "/webhook", {"url": receiver.url, "secret": "whsec_new"})
    received = await arrived(receiver, 1)
    assert kinds(received, intent["id"]) == ["payment_intent.created"]
    stamp, signature = (part.split("=")[1] for part in received[0].signature.split(","))
    expected = hmac.new(b"whsec_new", f"{stamp}.".encode() + received[0].body, hashlib.sha256).hexdigest()
    assert signature == expected


async def test_events_are_duplicated_on_demand(lab: StripeHttp, receiver: WebhookReceiver) -> None:
    await lab.admin("POST", "/webhooks/faults", {"duplicate": 2})
    await lab.payment()
    await drained(lab)
    assert len(receiver.received) == 3
    assert len({one.body for one in receiver.received}) <= 2
    assert len({event_of(one)["id"] for one in receiver.received}) == 1


async def test_a_dropped_event_stays_readable_and_can_be_delivered_later(
    lab: StripeHttp, receiver: WebhookReceiver
) -> None:
    await lab.admin("POST", "/webhooks/faults", {"drop": 1})
    intent = await lab.payment()
    await drained(lab)
    assert receiver.received == []
    event = (await lab.read("/v1/events", limit=1))["data"][0]
    assert event["data"]["object"]["id"] == intent["id"]
    await lab.admin("POST", f"/events/{event['id']}/deliver")
    received = await arrived(receiver, 1)
    assert event_of(received[0])["id"] == event["id"]


async def test_events_are_delayed_and_reordered_on_demand(lab: StripeHttp, receiver: WebhookReceiver) -> None:
    await lab.admin("POST", "/webhooks/faults", {"delay_s": 0.3, "reorder_s": 0.5, "seed": 3})
    made = [(await lab.payment())["id"] for _ in range(12)]
    start = time.monotonic()
    received = await arrived(receiver, 12)
    assert time.monotonic() - start > 0.2
    order = [event_of(one)["data"]["object"]["id"] for one in received]
    assert sorted(order) == sorted(made)
    assert order != made


async def test_without_an_endpoint_nothing_is_queued(lab: StripeHttp) -> None:
    await lab.payment()
    assert (await lab.admin("GET", "/health"))["webhooks_waiting"] == 0
    event = (await lab.read("/v1/events", limit=1))["data"][0]
    assert event["pending_webhooks"] == 0
    answer = await lab.client.post(f"/_simulator/events/{event['id']}/deliver")
    assert answer.status_code == 409


async def test_an_unknown_event_cannot_be_delivered(lab: StripeHttp, receiver: WebhookReceiver) -> None:
    answer = await lab.client.post("/_simulator/events/evt_nobody/deliver")
    assert (answer.status_code, receiver.received) == (404, [])
