"""What Stripe's events about payments mean: the object is re-read, and each fact acted on once."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from fulfil.activities.stripe_truth import StripeTruth, handler_of
from fulfil.models.ids import new_id
from fulfil.models.messages.orders import OrderPlaced
from fulfil.models.messages.payments import ChargeSavedCard
from tests.activities.till import Till


async def told(
    till: Till, kind: str, object_id: str, *, state: str | None = None, payload: Mapping[str, object] | None = None
) -> str | None:
    """Store an event and act on it, as the relay does; the note."""
    event_id = new_id("evt")
    await till.shop.sql(
        "INSERT INTO stripe_events (id, type, object_id, object_state, payload, received_at) "
        "VALUES (:id, :type, :object, :state, CAST(:payload AS jsonb), now())",
        id=event_id,
        type=kind,
        object=object_id,
        state=state,
        payload=json.dumps(payload or {}),
    )
    truth = StripeTruth(till.shop.worker, till.gateway, till.shop.client, till.shop.clock)
    note = await truth.act_on(event_id, kind, object_id)
    await till.shop.sql("UPDATE stripe_events SET processed_at = now() WHERE id = :id", id=event_id)
    return note


async def running_order(till: Till) -> OrderPlaced:
    """An order that waits to be paid."""
    placed = await till.place()
    await till.shop.run_order_workflow(placed.order_id)
    return placed


async def decline(till: Till, placed: OrderPlaced) -> None:
    """Her card is declined."""
    with pytest.raises(Exception, match="insufficient_funds"):
        await till.pay(placed, "pm_card_chargeDeclinedInsufficientFunds")


async def test_every_decline_is_told_though_the_payment_intent_looks_the_same(till: Till) -> None:
    placed = await running_order(till)
    for _ in range(2):
        await decline(till, placed)
        note = await told(
            till, "payment_intent.payment_failed", placed.payment_intent_id or "", state="requires_payment_method"
        )
        assert note is None

    assert (await till.shop.events(placed.order_id)).count("payment.failed") == 2
    assert len(await till.shop.signals(f"order/{placed.order_id}")) == 2


async def test_the_answer_to_a_saved_card_is_left_to_the_step_that_charged_it(till: Till) -> None:
    placed = await running_order(till)
    intent_id = placed.payment_intent_id or ""
    card = "pm_card_chargeDeclinedInsufficientFunds"
    await till.payments.charge_saved_card(ChargeSavedCard(order_id=placed.order_id, payment_method_id=card, attempt=1))
    since = datetime.now(UTC) - timedelta(minutes=5)
    (event,) = [
        event
        async for event in till.gateway.list_events(since=since, types=["payment_intent.payment_failed"])
        if event.object_id == intent_id
    ]

    note = await told(till, event.type, intent_id, state=event.object_state, payload=event.payload)

    assert note == "the step that charged the saved card has the answer"
    assert await till.shop.signals(f"order/{placed.order_id}") == []
    assert (await till.shop.events(placed.order_id))[-1] == "payment.retry_scheduled"
    assert "payment.failed" not in await till.shop.events(placed.order_id)


async def test_a_card_declined_with_the_customer_there_is_told_as_hers(till: Till) -> None:
    placed = await running_order(till)
    await decline(till, placed)
    hers = {"request": {"id": "req_1", "idempotency_key": f"{placed.order_id}:confirm:pay_1"}}

    assert await told(till, "payment_intent.payment_failed", placed.payment_intent_id or "", payload=hers) is None
    assert len(await till.shop.signals(f"order/{placed.order_id}")) == 1


async def test_a_decline_does_not_shorten_the_time_the_bank_gave(till: Till) -> None:
    placed = await running_order(till)
    await till.pay(placed, "pm_card_threeDSecure2Required")
    await told(till, "payment_intent.requires_action", placed.payment_intent_id or "")
    await decline(till, placed)
    await told(till, "payment_intent.payment_failed", placed.payment_intent_id or "")

    ((what, by),) = await till.shop.sql("SELECT next_what, next_by FROM timelines")
    assert (what, by - till.shop.clock()) == ("pay with another card", timedelta(hours=24))


async def test_a_hold_the_bank_let_go_is_written_before_anybody_tries_to_capture_it(till: Till) -> None:
    job = await till.open_job()
    (intent,) = await till.at_stripe("payment_intents", job.order_id)
    await till.gateway.cancel_payment_intent(intent["id"], idempotency_key=job.order_id)
    named = {"data": {"object": {"id": intent["latest_charge"], "payment_intent": intent["id"]}}}

    for _ in range(2):
        assert await told(till, "charge.expired", intent["latest_charge"], payload=named) is None

    assert await till.shop.ledger(job.order_id) == {}
    assert await till.shop.value("SELECT state FROM payments") == "cancelled"
    assert (await till.shop.events(job.order_id)).count("payment.voided") == 1


async def test_an_expiry_that_stripe_does_not_confirm_changes_nothing(till: Till) -> None:
    job = await till.open_job()
    (intent,) = await till.at_stripe("payment_intents", job.order_id)
    named = {"data": {"object": {"id": "ch_forged", "payment_intent": intent["id"]}}}

    assert await told(till, "charge.expired", "ch_forged", payload=named) == f"{intent['id']} is requires_capture"
    assert await till.shop.value("SELECT state FROM payments") == "authorized"


async def test_a_refunds_state_told_under_two_ids_is_acted_on_once(till: Till) -> None:
    first = await told(till, "refund.updated", "re_unknown", state="succeeded")
    second = await told(till, "refund.updated", "re_unknown", state="succeeded")
    third = await told(till, "refund.updated", "re_unknown", state="failed")

    assert (first or "").startswith("not known to Stripe")
    assert (second or "").startswith("told before by evt_")
    assert (third or "").startswith("not known to Stripe")


async def test_the_longest_prefix_decides_and_the_rest_is_noted(till: Till) -> None:
    assert handler_of("payment_intent.created") is not handler_of("payment_intent.succeeded")
    assert handler_of("v2.core.account[configuration.recipient].capability_status_updated") is handler_of(
        "account.updated"
    )
    assert await told(till, "invoice.paid", "in_1") == "nothing follows from invoice.paid"
