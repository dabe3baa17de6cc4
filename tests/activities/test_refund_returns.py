"""Refunds that do not arrive: never counted before it is true, owed again when it was not, and sent another way."""

from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus

from fulfil.gateways.stripe.errors import StripeUnavailableError
from fulfil.gateways.stripe.facts import RefundFacts, ReversalFacts
from fulfil.models.ids import new_id
from fulfil.models.messages.refunds import RefundChanged, RefundRoute, RefundState, StartRefund
from fulfil.workflows.ids import refund_workflow_id
from tests.activities.refund_desk import RefundDesk
from tests.activities.till import Till

PENDING, FAILS = "pm_card_pendingRefund", "pm_card_refundFail"


async def settle(till: Till, desk: RefundDesk, refund_id: str, status: str) -> str:
    """The card network decides; the id of Stripe's object."""
    stripe_id = (await desk.row(refund_id)).stripe_refund_id
    answer = await till.admin.post(f"/_simulator/refunds/{stripe_id}", json={"status": status})
    answer.raise_for_status()
    return str(stripe_id)


async def test_a_pending_refund_counts_when_it_has_arrived(till: Till) -> None:
    desk = await RefundDesk.of(till, card=PENDING)
    refund_id = await desk.refund(3_000)
    assert (await desk.look(refund_id)).state is RefundState.SENT
    assert await desk.paid_back() == (0, 3_000)
    assert await desk.books() == {"held": -7_000, "refund_due": -3_000, "refunds_in_transit": 3_000, "stripe": 7_000}
    await settle(till, desk, refund_id, "succeeded")

    seen = [await desk.look(refund_id) for _ in range(2)]

    assert {progress.state for progress in seen} == {RefundState.SUCCEEDED}
    assert await desk.paid_back() == (3_000, 0)
    assert await desk.books() == {"held": -7_000, "stripe": 7_000}
    assert (await till.shop.events(desk.job.order_id)).count("payment.refunded") == 1
    await desk.check()


async def test_a_pending_refund_that_fails_is_still_owed(till: Till) -> None:
    desk = await RefundDesk.of(till, card=PENDING)
    refund_id = await desk.refund(3_000)
    await settle(till, desk, refund_id, "failed")

    progress = await desk.look(refund_id)

    assert (progress.state, progress.failure) == (RefundState.FAILED, "lost_or_stolen_card")
    assert await desk.paid_back() == (0, 3_000)
    assert await desk.books() == {"held": -7_000, "refund_due": -3_000, "stripe": 10_000}
    assert (await desk.open()).plan.amount_minor == 7_000
    await desk.check()


async def test_a_failed_refund_is_paid_by_bank(till: Till) -> None:
    desk = await RefundDesk.of(till, card=PENDING)
    refund_id = await desk.refund(3_000)
    await settle(till, desk, refund_id, "failed")
    await desk.look(refund_id)

    rerouted = [await desk.reroute(refund_id, RefundRoute.BANK, "SEPA 1") for _ in range(2)]
    assert {progress.state for progress in rerouted} == {RefundState.REQUESTED}
    sent = [await desk.send(refund_id) for _ in range(2)]

    assert {progress.state for progress in sent} == {RefundState.SUCCEEDED}
    assert await desk.books() == {"held": -7_000, "bank": -3_000, "stripe": 10_000}
    assert await desk.paid_back() == (3_000, 0)
    assert (await desk.row(refund_id)).reference == "SEPA 1"
    assert (await till.shop.events(desk.job.order_id)).count("refund.rerouted") == 1
    await desk.check()


async def test_a_failed_refund_becomes_the_customers_credit(till: Till) -> None:
    desk = await RefundDesk.of(till, card=PENDING)
    refund_id = await desk.refund(3_000)
    await settle(till, desk, refund_id, "failed")
    await desk.look(refund_id)
    await desk.reroute(refund_id, RefundRoute.CREDIT)

    assert (await desk.send(refund_id)).state is RefundState.SUCCEEDED
    customer = await till.shop.value("SELECT customer_id FROM orders")
    assert (await till.shop.ledger(desk.job.order_id))[f"liability:credit:{customer}"] == -3_000


async def test_a_failed_refund_is_sent_to_the_card_again_under_a_new_key(till: Till) -> None:
    desk = await RefundDesk.of(till, card=PENDING)
    refund_id = await desk.refund(3_000)
    first = await settle(till, desk, refund_id, "failed")
    await desk.look(refund_id)
    await desk.reroute(refund_id, RefundRoute.CARD)
    await desk.send(refund_id)
    second = await settle(till, desk, refund_id, "succeeded")
    late = await desk.hear(first)

    assert (await desk.look(refund_id)).state is RefundState.SUCCEEDED
    assert first != second
    assert late is not None
    assert await desk.paid_back() == (3_000, 0)
    assert await desk.books() == {"held": -7_000, "stripe": 7_000}
    await desk.check()


async def test_a_late_event_of_the_first_attempt_does_not_touch_the_second(till: Till) -> None:
    desk = await RefundDesk.of(till, card=PENDING)
    refund_id = await desk.refund(3_000)
    first = await settle(till, desk, refund_id, "failed")
    await desk.look(refund_id)
    await desk.reroute(refund_id, RefundRoute.CARD)

    assert "no refund of ours" in (await desk.hear(first) or "")
    row = await desk.row(refund_id)
    assert (row.state, row.stripe_refund_id) == ("sent", None)


async def test_a_refund_that_fails_after_it_had_succeeded_is_taken_back_from_the_count_and_reopened(till: Till) -> None:
    desk = await RefundDesk.of(till, card=FAILS)
    refund_id = await desk.refund(3_000)
    assert await desk.paid_back() == (3_000, 0)
    stripe_id = await settle(till, desk, refund_id, "failed")

    for _ in range(2):
        assert await desk.hear(stripe_id, "refund.failed") is None

    assert await desk.paid_back() == (0, 3_000)
    assert await desk.books() == {"held": -7_000, "refund_due": -3_000, "stripe": 10_000}
    row = await desk.row(refund_id)
    assert (row.state, row.returned_at is not None) == ("failed", True)
    notes = await till.shop.sql("SELECT total_minor, refers_to FROM documents WHERE series = 'CRN' ORDER BY sequence")
    assert notes == [(-3_000, "INV-2030-000001"), (3_000, "CRN-2030-000001")]
    handle = till.shop.client.get_workflow_handle(refund_workflow_id(refund_id))
    described = await handle.describe()
    assert described.status is WorkflowExecutionStatus.RUNNING
    history = await handle.fetch_history()
    started = history.events[0].workflow_execution_started_event_attributes
    (start,) = await till.shop.client.data_converter.decode(started.input.payloads, [StartRefund])
    assert (start.reopened, start.requested_by.id, start.looks_s[0]) == (True, "acc_clerk", 86_400)
    await desk.check()
    await handle.terminate()


async def test_an_event_tells_the_running_process_once(till: Till) -> None:
    desk = await RefundDesk.of(till, card=PENDING)
    refund_id = await desk.refund(3_000)
    await till.shop.client.start_workflow("Refund", id=refund_workflow_id(refund_id), task_queue="nobody")
    stripe_id = await settle(till, desk, refund_id, "succeeded")

    notes = [await desk.hear(stripe_id) for _ in range(2)]

    assert notes == [None, f"the refund {refund_id} is succeeded already"]
    (signal,) = await till.shop.signals(refund_workflow_id(refund_id))
    assert RefundChanged.model_validate(signal[1]).state is RefundState.SUCCEEDED
    assert await desk.paid_back() == (3_000, 0)


async def test_an_event_that_overtakes_the_answer_finds_the_refund_by_the_id_it_carries(till: Till) -> None:
    desk = await RefundDesk.of(till)
    opened = await desk.open(3_000)
    await till.fail("POST /v1/refunds", "drop_after")
    with pytest.raises(StripeUnavailableError):
        await desk.send(opened.refund_id)
    (refund,) = await till.at_stripe("refunds", desk.job.order_id)

    await desk.hear(refund["id"], "refund.created")
    assert await desk.paid_back() == (3_000, 0)
    assert (await desk.send(opened.refund_id)).state is RefundState.SUCCEEDED

    assert len(await till.at_stripe("refunds", desk.job.order_id)) == 1
    await desk.check()


async def test_the_charge_that_was_refunded_has_its_refunds_read_again(till: Till) -> None:
    desk = await RefundDesk.of(till, card=PENDING)
    refund_id = await desk.refund(3_000)
    await settle(till, desk, refund_id, "succeeded")

    await desk.hear(str(await till.shop.value("SELECT charge_id FROM payments")), "charge.refunded")

    assert (await desk.row(refund_id)).state == RefundState.SUCCEEDED


async def test_a_refund_made_in_the_dashboard_is_not_ours(till: Till) -> None:
    desk = await RefundDesk.of(till)
    foreign = await till.gateway.create_refund(
        str(await till.shop.value("SELECT payment_intent_id FROM payments")),
        order_id=desk.job.order_id,
        refund_id=new_id("ref"),
        amount_minor=500,
        reason="duplicate",
        idempotency_key=new_id("key"),
    )

    assert await desk.hear(foreign.id) == f"no refund of ours is {foreign.id}"


async def test_what_stripe_refuses_has_failed_and_may_be_given_up(till: Till) -> None:
    desk = await RefundDesk.of(till)
    await till.gateway.create_refund(
        str(await till.shop.value("SELECT payment_intent_id FROM payments")),
        order_id=desk.job.order_id,
        refund_id=new_id("ref"),
        amount_minor=10_000,
        reason="duplicate",
        idempotency_key=new_id("key"),
    )
    refund_id = await desk.refund(3_000)

    row = await desk.row(refund_id)
    assert (row.state, row.failure.partition(":")[0]) == ("failed", "charge_already_refunded")
    assert await desk.paid_back() == (0, 3_000)
    assert (await desk.decide(refund_id, approved=False)).state is RefundState.REJECTED
    assert await desk.paid_back() == (0, 0)
    assert (await desk.books())["held"] == -10_000
    assert "refund_due" not in await desk.books()
    assert (await desk.open()).plan.allocations[0].held_minor == 10_000


async def test_a_disputed_charge_refuses_the_refund_until_the_bank_has_decided(till: Till) -> None:
    desk = await RefundDesk.of(till)
    charge = await till.shop.value("SELECT charge_id FROM payments")
    (await till.admin.post("/_simulator/disputes", json={"charge": charge})).raise_for_status()

    refund_id = await desk.refund(3_000)

    row = await desk.row(refund_id)
    assert (row.state, row.failure.partition(":")[0]) == ("failed", "refund_disputed_payment")
    await till.shop.sql("UPDATE payments SET frozen_at = now()")
    refused = await desk.reroute(refund_id, RefundRoute.BANK, "SEPA 1")
    assert (refused.state, refused.refusal_code) == (RefundState.FAILED, "payment_frozen")


@pytest.mark.parametrize("mode", ["drop_before", "drop_after", "error_500_before", "error_500_after"])
@pytest.mark.parametrize("request_", ["POST /v1/refunds", "POST /v1/transfers/.+/reversals"])
async def test_a_lost_answer_pays_and_takes_back_once(till: Till, request_: str, mode: str) -> None:
    desk = await RefundDesk.of(till)
    await desk.release()
    opened = await desk.open(4_000)
    await desk.decide(opened.refund_id, approved=True)
    await till.fail(request_, mode)

    for _ in range(3):
        try:
            await desk.send(opened.refund_id)
        except StripeUnavailableError:
            continue

    assert (await desk.row(opened.refund_id)).state == RefundState.SUCCEEDED
    assert await desk.paid_back() == (4_000, 0)
    (refund,) = await till.at_stripe("refunds", desk.job.order_id)
    (transfer,) = await till.at_stripe("transfers", desk.job.order_id)
    assert (refund["amount"], transfer["amount_reversed"]) == (4_000, 3_400)
    assert await till.shop.value("SELECT reversed_minor FROM transfers") == 3_400
    await desk.check()


class KilledError(Exception):
    """The worker is gone."""


async def test_a_worker_killed_between_the_call_and_the_row_is_followed_by_one_that_finds_the_refund(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await RefundDesk.of(till)
    opened = await desk.open(3_000)
    create = till.gateway.create_refund

    async def killed_after(*given: Any, **named: Any) -> RefundFacts:
        await create(*given, **named)
        raise KilledError

    monkeypatch.setattr(till.gateway, "create_refund", killed_after)
    with pytest.raises(KilledError):
        await desk.send(opened.refund_id)
    assert await desk.paid_back() == (0, 3_000)

    # Long after: not even the key is asked again, Stripe forgets it after a day.
    monkeypatch.setattr(till.gateway, "create_refund", None)
    assert (await desk.send(opened.refund_id)).state is RefundState.SUCCEEDED

    assert len(await till.at_stripe("refunds", desk.job.order_id)) == 1
    await desk.check()


async def test_a_worker_killed_after_the_reversal_is_followed_by_one_that_finds_it(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await RefundDesk.of(till)
    await desk.release()
    opened = await desk.open(4_000)
    await desk.decide(opened.refund_id, approved=True)
    reverse = till.gateway.reverse_transfer

    async def killed_after(*given: Any, **named: Any) -> ReversalFacts:
        await reverse(*given, **named)
        raise KilledError

    monkeypatch.setattr(till.gateway, "reverse_transfer", killed_after)
    with pytest.raises(KilledError):
        await desk.send(opened.refund_id)
    monkeypatch.setattr(till.gateway, "reverse_transfer", None)
    assert (await desk.send(opened.refund_id)).state is RefundState.SUCCEEDED

    assert await till.shop.value("SELECT reversed_minor FROM transfers") == 3_400
    await desk.check()


async def test_what_a_reversal_under_way_brings_back_is_not_kept_from_another_payout(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await RefundDesk.of(till)
    await desk.release()
    opened = await desk.open(4_000)
    await desk.decide(opened.refund_id, approved=True)
    reverse = till.gateway.reverse_transfer

    async def killed_before(*_: Any, **__: Any) -> ReversalFacts:
        raise KilledError

    monkeypatch.setattr(till.gateway, "reverse_transfer", killed_before)
    with pytest.raises(KilledError):
        await desk.send(opened.refund_id)
    later = RefundDesk(till, await till.secured_job(desk.provider, total_minor=10_000), desk.provider)
    settlement = await later.release()
    monkeypatch.setattr(till.gateway, "reverse_transfer", reverse)
    await desk.send(opened.refund_id)

    assert settlement.netted_minor == 0
    owed = "SELECT sum(amount_minor) FROM ledger_postings WHERE account IN (:payable, :receivable)"
    accounts = {"payable": f"liability:payable:{desk.provider}", "receivable": f"asset:receivable:{desk.provider}"}
    assert await till.shop.value(owed, **accounts) == 0
    await desk.check()
    await later.check()


async def test_a_refund_that_waits_for_our_balance_is_booked_when_it_is_taken(till: Till) -> None:
    desk = await RefundDesk.of(till, total_minor=500_000, card="pm_card_bypassPending")
    await desk.top_up(500_000)
    await desk.release()
    await desk.empty_account()
    await desk.empty_our_balance()

    refund_id = await desk.refund(400_000)
    assert (await desk.look(refund_id)).state is RefundState.SENT
    books = await desk.books()
    assert (books["refund_due"], books["receivable"]) == (-400_000, 340_000)
    assert "refunds_in_transit" not in books
    await desk.top_up(400_000)

    assert (await desk.look(refund_id)).state is RefundState.SUCCEEDED
    assert await desk.paid_back() == (400_000, 0)
    await desk.check()
