"""Money goes back once: voided when only authorised, refunded when captured, whatever answers were lost."""

import pytest
from temporalio.exceptions import ApplicationError

from fulfil.gateways.stripe import StripeUnavailableError
from fulfil.models.messages.payments import PaymentReturn, ReturnedHow, ReturnPayment
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


async def test_a_captured_payment_is_refunded_in_full(till: Till) -> None:
    job = await till.secured_job(await till.add_payee(), total_minor=10_000)

    answers = [await give_back(till, job.order_id) for _ in range(2)]

    assert answers[0] == answers[1]
    assert (answers[0].how, answers[0].amount_minor) == (ReturnedHow.REFUNDED, 10_000)
    assert await till.shop.value("SELECT refunded_minor FROM payments") == 10_000
    ledger = await till.shop.ledger(job.order_id)
    assert ledger["asset:stripe"] == -ledger["expense:stripe_fee"]
    assert len(ledger) == 2
    events = await till.shop.events(job.order_id)
    assert (events.count("payment.refund_sent"), events.count("payment.refunded")) == (1, 1)
    await till.check_books(job.order_id)


@pytest.mark.parametrize("mode", ["drop_before", "drop_after", "error_500_before", "error_500_after"])
async def test_a_lost_answer_to_the_refund_refunds_once(till: Till, mode: str) -> None:
    job = await till.secured_job(await till.add_payee())
    await till.fail("POST /v1/refunds", mode)
    with pytest.raises(StripeUnavailableError):
        await give_back(till, job.order_id)

    assert (await give_back(till, job.order_id)).how is ReturnedHow.REFUNDED
    assert len(await till.at_stripe("refunds", job.order_id)) == 1
    await till.check_books(job.order_id)


@pytest.mark.parametrize("mode", ["drop_after", "error_500_after"])
async def test_a_lost_answer_to_the_void_is_found_again(till: Till, mode: str) -> None:
    job = await till.open_job()
    await till.fail("POST /v1/payment_intents/.*/cancel", mode)
    with pytest.raises(StripeUnavailableError):
        await give_back(till, job.order_id)

    assert (await give_back(till, job.order_id)).how is ReturnedHow.VOIDED
    assert await till.shop.ledger(job.order_id) == {}


async def test_a_capture_nobody_wrote_down_is_booked_before_its_refund(till: Till) -> None:
    provider = await till.add_payee()
    job = await till.open_job(total_minor=10_000)
    await till.fail("POST /v1/payment_intents/.*/capture", "drop_after")
    with pytest.raises(StripeUnavailableError):
        await till.payments.secure_acceptance(till.shop.acceptance(job, provider))
    assert await till.in_ledger("charge", job.order_id) == set()

    assert (await give_back(till, job.order_id)).how is ReturnedHow.REFUNDED
    assert (await till.shop.events(job.order_id)).count("payment.captured") == 1
    await till.check_books(job.order_id)


async def test_a_pending_refund_is_not_counted_until_it_succeeds(till: Till) -> None:
    job = await till.secured_job(await till.add_payee(), total_minor=10_000, card="pm_card_pendingRefund")

    answer = await give_back(till, job.order_id)

    assert answer.how is ReturnedHow.REFUND_PENDING
    assert await till.shop.value("SELECT refunded_minor FROM payments") == 0
    ledger = await till.shop.ledger(job.order_id)
    assert ledger[f"liability:refund_due:{job.order_id}"] == -10_000

    await till.settle_refund(answer.refund_id, "succeeded")
    assert (await give_back(till, job.order_id)).how is ReturnedHow.REFUNDED
    assert await till.shop.value("SELECT refunded_minor FROM payments") == 10_000
    assert f"liability:refund_due:{job.order_id}" not in await till.shop.ledger(job.order_id)
    await till.check_books(job.order_id)


async def test_a_failed_refund_parks_and_stays_owed(till: Till) -> None:
    job = await till.secured_job(await till.add_payee(), total_minor=10_000, card="pm_card_pendingRefund")
    answer = await give_back(till, job.order_id)
    await till.settle_refund(answer.refund_id, "failed")

    with pytest.raises(ApplicationError) as parked:
        await give_back(till, job.order_id)

    assert (parked.value.type, parked.value.non_retryable) == ("refund_failed", True)
    assert "skip the step" in str(parked.value)
    assert await till.shop.value("SELECT state FROM refunds") == "failed"
    assert (await till.shop.ledger(job.order_id))[f"liability:refund_due:{job.order_id}"] == -10_000
