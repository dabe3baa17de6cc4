"""Webhooks are believed only when Stripe signed them, for us, a moment ago."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from fulfil.gateways.stripe import StripeEvent, WebhookSignatureError, read_stripe_event
from fulfil.simulators.stripe.deliveries import sign
from tests.simulators.processes import WEBHOOK_SECRET
from tests.simulators.stripe_http import StripeHttp
from tests.simulators.webhook_receiver import WebhookReceiver

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BODY = json.dumps(
    {"id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "data": {"object": {"id": "pi_1"}}}
).encode()


def signed(body: bytes = BODY, secret: str = WEBHOOK_SECRET, at: datetime = NOW) -> str:
    """A header as Stripe makes it."""
    return sign(body, secret, int(at.timestamp()))


async def test_what_the_simulator_sends_is_believed(simulator: StripeHttp, receiver: WebhookReceiver) -> None:
    intent = await simulator.payment()
    received = (await asyncio.to_thread(receiver.wait_for, lambda got: len(got) >= 1))[0]
    event = read_stripe_event(received.body, received.signature, [WEBHOOK_SECRET], datetime.now(UTC))
    assert (event.type, event.object_id) == ("payment_intent.created", intent["id"])
    assert event.id.startswith("evt_")
    assert event.payload == json.loads(received.body)


async def test_a_duplicate_carries_the_same_event_id(simulator: StripeHttp, receiver: WebhookReceiver) -> None:
    await simulator.admin("POST", "/webhooks/faults", {"duplicate": 1})
    await simulator.payment()
    received = await asyncio.to_thread(receiver.wait_for, lambda got: len(got) >= 2)
    events = [read_stripe_event(one.body, one.signature, [WEBHOOK_SECRET], datetime.now(UTC)) for one in received]
    assert len({event.id for event in events}) == 1


def test_a_signed_event_is_read() -> None:
    event = read_stripe_event(BODY, signed(), [WEBHOOK_SECRET], NOW)
    assert event == StripeEvent("evt_1", "payment_intent.succeeded", "pi_1", json.loads(BODY))


@pytest.mark.parametrize("secrets", [["whsec_new", WEBHOOK_SECRET], [WEBHOOK_SECRET, "whsec_new"]])
def test_either_secret_of_a_roll_is_enough(secrets: list[str]) -> None:
    assert read_stripe_event(BODY, signed(), secrets, NOW).id == "evt_1"


def test_any_of_several_signatures_is_enough() -> None:
    ours = signed().partition(",v1=")[2]
    header = f"t={int(NOW.timestamp())},v1={'0' * 64},v1={ours},v0=ignored"
    assert read_stripe_event(BODY, header, [WEBHOOK_SECRET], NOW).id == "evt_1"


@pytest.mark.parametrize("age_s", [-300, -60, 0, 60, 300])
def test_a_signature_within_five_minutes_is_fresh(age_s: int) -> None:
    header = signed(at=NOW - timedelta(seconds=age_s))
    assert read_stripe_event(BODY, header, [WEBHOOK_SECRET], NOW).id == "evt_1"


@pytest.mark.parametrize("age_s", [-301, 301, 86_400])
def test_a_stale_or_future_signature_is_refused(age_s: int) -> None:
    header = signed(at=NOW - timedelta(seconds=age_s))
    with pytest.raises(WebhookSignatureError, match="window"):
        read_stripe_event(BODY, header, [WEBHOOK_SECRET], NOW)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "garbage",
        "t=,v1=",
        "t=abc,v1=00",
        "v1=00",
        f"t={int(NOW.timestamp())}",
        f"t={int(NOW.timestamp())},v1=",
        f"t={int(NOW.timestamp())},v1=ü",
        f"t={int(NOW.timestamp())},v0={signed().partition(',v1=')[2]}",
        f"t={'9' * 400},v1=00",
        f"t=-5,v1={'0' * 64}",
        "t=١٢٣,v1=00",
        f"t=1,{signed()}",
        signed(secret="whsec_somebody"),
        signed(secret=""),
        signed(body=BODY + b" "),
        signed(at=NOW + timedelta(seconds=1)).replace(str(int(NOW.timestamp()) + 1), str(int(NOW.timestamp()))),
    ],
)
def test_a_forged_or_broken_signature_is_refused(header: str) -> None:
    with pytest.raises(WebhookSignatureError):
        read_stripe_event(BODY, header, [WEBHOOK_SECRET], NOW)


@pytest.mark.parametrize("secrets", [[], [""], [" "], ["", " "]])
def test_without_a_secret_nothing_is_believed(secrets: list[str]) -> None:
    with pytest.raises(WebhookSignatureError):
        read_stripe_event(BODY, signed(secret=secrets[0] if secrets else ""), secrets, NOW)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"id": "evt_1", "type": "x"}',
        b'{"id": 1, "type": "x", "data": {"object": {"id": "pi_1"}}}',
        b'{"id": "evt_1", "type": "x", "data": {"object": {"id": 5}}}',
        b'{"id": "evt_1", "type": "x", "data": []}',
    ],
)
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookSignatureError):
        read_stripe_event(body, signed(body), [WEBHOOK_SECRET], NOW)


def test_a_change_of_one_byte_is_noticed() -> None:
    for position in range(len(BODY)):
        forged = BODY[:position] + bytes([BODY[position] ^ 1]) + BODY[position + 1 :]
        with pytest.raises(WebhookSignatureError):
            read_stripe_event(forged, signed(), [WEBHOOK_SECRET], NOW)
