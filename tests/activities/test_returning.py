"""Money goes back once: voided when only authorised, its refund started when captured, whatever answers were lost."""

import pytest
from temporalio.client import WorkflowExecutionStatus

from fulfil.gateways.stripe.errors import StripeUnavailableError
from fulfil.models.ids import derived_id
from fulfil.models.messages.parties import SYSTEM
from fulfil.models.messages.payments import PaymentReturn, ReturnedHow, ReturnPayment
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.refunds import RefundReason, RefundScope, StartRefund
from tests.activities.till import Till


async def give_back(till: Till, order_id: str) -> PaymentReturn:
    """The activity."""
    return await till.payments.return_payment(ReturnPayment(order_id=order_id, reason="called off"))


async def test_a_payment_never_made_is_cancelled(till: Till) -> None:
    placed = await till.place()

    for _ in range(2):
        answer = await give_back(till, placed.order_id)
        assert (answer.how, answer.amount_minor) == (ReturnedHow.NOTHING_TAKEN, 0)

    (intent,) = await till.at_stripe("payment_intents", placed.order_id)
    assert intent["status"] == "canceled"
    assert "payment.voided" not in await till.shop.events(placed.order_id)


async def test_an_authorised_payment_is_voided(till: Till) -> None:
    job = await till.open_job(total_minor=10_000)

    for _ in range(2):
        answer = await give_back(till, job.order_id)
        assert (answer.how, answer.amount_minor) == (ReturnedHow.VOIDED, 10_000)

    assert await till.shop.ledger(job.order_id) == {}
    assert (await till.shop.events(job.order_id)).count("payment.voided") == 1
    assert await till.shop.value("SELECT state FROM payments") == "cancelled"
    await till.check_books(job.order_id)


async def test_a_captured_payment_starts_the_refund_of_all_that_is_left(till: Till) -> None:
    job = await till.secured_job(await till.add_payee(), total_minor=10_000)
    refund_id = derived_id("ref", job.order_id, "cancellation")

    answers = [await give_back(till, job.order_id) for _ in range(2)]

    assert answers[0] == answers[1]
    assert (answers[0].how, answers[0].amount_minor) == (ReturnedHow.REFUND_PENDING, 10_000)
    assert answers[0].refund_id == refund_id
    start = await started_refund(till, refund_id)
    assert (start.order_id, start.reason, start.scope) == (job.order_id, RefundReason.CANCELLATION, RefundScope())
    assert (start.requested_by, start.note, start.looks_s) == (SYSTEM, "called off", OrderPolicies().refund_looks_s)
    assert not start.reopened
    await till.check_books(job.order_id)


async def test_a_refund_that_has_ended_is_not_started_again(till: Till) -> None:
    job = await till.secured_job(await till.add_payee())
    refund_id = (await give_back(till, job.order_id)).refund_id or ""
    handle = till.shop.client.get_workflow_handle(f"refund/{refund_id}")
    await handle.terminate("ended")

    await give_back(till, job.order_id)

    assert (await handle.describe()).status is WorkflowExecutionStatus.TERMINATED


async def test_a_payment_refunded_before_has_nothing_left_to_refund(till: Till) -> None:
    job = await till.secured_job(await till.add_payee(), total_minor=10_000)
    await till.shop.sql("UPDATE payments SET refunded_minor = 10000")

    answer = await give_back(till, job.order_id)

    assert (answer.how, answer.amount_minor, answer.refund_id) == (ReturnedHow.REFUNDED, 0, None)


async def test_only_what_other_refunds_leave_is_refunded(till: Till) -> None:
    job = await till.secured_job(await till.add_payee(), total_minor=10_000)
    await till.shop.sql("UPDATE payments SET refunded_minor = 1000, refunding_minor = 2000")

    answer = await give_back(till, job.order_id)

    assert (answer.how, answer.amount_minor) == (ReturnedHow.REFUND_PENDING, 7_000)


async def test_a_lost_answer_to_the_void_is_found_again(till: Till) -> None:
    job = await till.open_job()
    await till.fail("POST /v1/payment_intents/.*/cancel", "drop_after")
    with pytest.raises(StripeUnavailableError):
        await give_back(till, job.order_id)

    assert (await give_back(till, job.order_id)).how is ReturnedHow.VOIDED
    assert await till.shop.ledger(job.order_id) == {}


@pytest.mark.parametrize("mode", ["error_500_before", "error_500_after"])
async def test_a_failure_stripe_stored_for_the_void_voids_once(till: Till, mode: str) -> None:
    job = await till.open_job()
    await till.fail("POST /v1/payment_intents/.*/cancel", mode)

    assert (await till.retried(lambda: give_back(till, job.order_id))).how is ReturnedHow.VOIDED
    assert await till.shop.ledger(job.order_id) == {}


async def test_a_capture_nobody_wrote_down_is_booked_before_its_refund(till: Till) -> None:
    provider = await till.add_payee()
    job = await till.open_job(total_minor=10_000)
    await till.fail("POST /v1/payment_intents/.*/capture", "drop_after")
    with pytest.raises(StripeUnavailableError):
        await till.payments.secure_acceptance(till.shop.acceptance(job, provider))
    assert await till.in_ledger("charge", job.order_id) == set()

    assert (await give_back(till, job.order_id)).how is ReturnedHow.REFUND_PENDING
    assert (await till.shop.events(job.order_id)).count("payment.captured") == 1
    await till.check_books(job.order_id)


async def started_refund(till: Till, refund_id: str) -> StartRefund:
    """What the refund's workflow was started with."""
    history = await till.shop.client.get_workflow_handle(f"refund/{refund_id}").fetch_history()
    payloads = history.events[0].workflow_execution_started_event_attributes.input.payloads
    (start,) = await till.shop.client.data_converter.decode(payloads, [StartRefund])
    assert isinstance(start, StartRefund)
    return start
