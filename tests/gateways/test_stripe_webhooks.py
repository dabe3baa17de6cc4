"""Webhooks are believed only when Stripe signed them, for us, a moment ago."""

import asyncio
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulfil.gateways.stripe.webhooks import StripeEvent, WebhookSignatureError, read_stripe_event
from tests.simulators.processes import WEBHOOK_SECRET
from tests.simulators.stripe_http import StripeHttp
from tests.simulators.webhook_receiver import WebhookReceiver

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BODY = json.dumps(
    {
        "id": "evt_1",
        "object": "event",
        "type": "payment_intent.succeeded",
        "data": {"object": {"id": "pi_1", "object": "payment_intent", "status": "succeeded"}},
    }
).encode()


def signed(body: bytes = BODY, secret: str = WEBHOOK_SECRET, at: datetime = NOW) -> str:
    """A header as Stripe makes it."""
    stamp = str(int(at.timestamp()))
    return f"t={stamp},v1={hmac.new(secret.encode(), stamp.encode() + b'.' + body, hashlib.sha256).hexdigest()}"


def read(event: dict[str, object]) -> StripeEvent:
    """An event as the endpoint would read it."""
    body = json.dumps(event).encode()
    return read_stripe_event(body, signed(body), [WEBHOOK_SECRET], NOW)


async def test_what_the_simulator_sends_is_believed(simulator: StripeHttp, receiver: WebhookReceiver) -> None:
    intent = await simulator.payment()
    received = (await asyncio.to_thread(receiver.wait_for, lambda got: len(got) >= 1))[0]
    event = read_stripe_event(received.body, received.signature, [WEBHOOK_SECRET], datetime.now(UTC))
    assert (event.type, event.object_id) == ("payment_intent.created", intent["id"])
    assert event.id.startswith("evt_")
    assert (event.object_kind, event.object_state) == ("payment_intent", "requires_payment_method")
    assert event.payload == json.loads(received.body)


async def test_a_duplicate_carries_the_same_event_id(simulator: StripeHttp, receiver: WebhookReceiver) -> None:
    await simulator.admin("POST", "/webhooks/faults", {"duplicate": 1})
    await simulator.payment()
    received = await asyncio.to_thread(receiver.wait_for, lambda got: len(got) >= 2)
    events = [read_stripe_event(one.body, one.signature, [WEBHOOK_SECRET], datetime.now(UTC)) for one in received]
    assert len({event.id for event in events}) == 1


def test_a_signed_event_is_read() -> None:
    assert read(json.loads(BODY)) == StripeEvent(
        id="evt_1",
        type="payment_intent.succeeded",
        object_id="pi_1",
        object_kind="payment_intent",
        object_state="succeeded",
        is_thin=False,
        payload=json.loads(BODY),
    )


def test_a_notice_of_version_2_names_its_object_and_no_state() -> None:
    notice: dict[str, object] = {
        "id": "evt_test_1",
        "object": "v2.core.event",
        "type": "v2.core.account[configuration.recipient].capability_status_updated",
        "created": "2026-11-21T12:00:00.000Z",
        "livemode": False,
        "context": None,
        "related_object": {"id": "acct_1", "type": "v2.core.account", "url": "/v2/core/accounts/acct_1"},
    }
    event = read(notice)
    assert (event.object_id, event.object_kind, event.object_state, event.is_thin) == (
        "acct_1",
        "v2.core.account",
        None,
        True,
    )
    assert event.payload == notice


@pytest.mark.parametrize("related", [{}, {"related_object": None}])
def test_a_notice_about_nothing_in_particular_stands_for_itself(related: dict[str, object]) -> None:
    event = read({"id": "evt_2", "object": "v2.core.event", "type": "v2.core.event_destination.ping", **related})
    assert (event.object_id, event.object_kind, event.is_thin) == ("evt_2", "v2.core.event", True)


def test_a_notice_about_one_of_a_kind_goes_by_its_kind() -> None:
    related = {"type": "v2.core.settings", "url": "/v2/core/settings"}
    event = read(
        {"id": "evt_3", "object": "v2.core.event", "type": "v2.core.settings.updated", "related_object": related}
    )
    assert (event.object_id, event.object_kind) == ("v2.core.settings", "v2.core.settings")


def test_the_balance_has_no_id_and_goes_by_its_kind() -> None:
    balance: dict[str, object] = {"object": "balance", "available": [], "pending": []}
    event = read({"id": "evt_4", "object": "event", "type": "balance.available", "data": {"object": balance}})
    assert (event.object_id, event.object_kind, event.object_state) == ("balance", "balance", None)


@pytest.mark.parametrize("status", [None, "", 5, {"a": 1}])
def test_an_object_without_a_named_status_has_no_state(status: object) -> None:
    subject = {"id": "tr_1", "object": "transfer", "status": status}
    event = read({"id": "evt_5", "object": "event", "type": "transfer.created", "data": {"object": subject}})
    assert (event.object_kind, event.object_state) == ("transfer", None)


def test_an_event_tells_whose_object_it_is_about() -> None:
    payout = {"id": "evt_6", "object": "event", "type": "payout.paid", "data": {"object": {"id": "po_1"}}}
    assert read(dict(payout)).account_id is None
    assert read({**payout, "account": "acct_1"}).account_id == "acct_1"


TEXT = st.sampled_from(["", "evt_1", "payment_intent", "v2.core.event", "payment_intent.succeeded", "."]) | st.text()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
SUBJECTS = st.fixed_dictionaries({}, optional=dict.fromkeys(("id", "object", "type", "status"), TEXT | JSON))
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "id": TEXT | JSON,
        "object": TEXT | JSON,
        "type": TEXT | JSON,
        "account": TEXT | JSON,
        "data": st.fixed_dictionaries({"object": SUBJECTS}) | JSON,
        "related_object": SUBJECTS | JSON,
    },
)


@given(EVENTS | JSON)
def test_whatever_is_signed_is_an_event_or_refused(payload: object) -> None:
    body = json.dumps(payload).encode()
    try:
        event = read_stripe_event(body, signed(body), [WEBHOOK_SECRET], NOW)
    except WebhookSignatureError:
        return
    assert event.id
    assert event.type
    assert event.object_id
    assert event.object_state != ""


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
        b'{"id": "evt_1", "object": "v2.core.event", "type": "x", "related_object": []}',
        b'{"id": "evt_1", "object": "v2.core.event", "type": "x", "related_object": {"id": "acct_1"}}',
        b'{"id": "evt_1", "object": "v2.core.event", "type": "x", "related_object": {"id": 1, "type": "y"}}',
        b'{"id": "", "type": "x", "data": {"object": {"id": "pi_1"}}}',
        b"[" * 100_000,
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
