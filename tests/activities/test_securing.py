"""A claim becomes a reservation, a capture and a production: all of it once, or none of it."""

import asyncio
from dataclasses import replace

import pytest
from temporalio.exceptions import ApplicationError

from fulfil.activities.bookkeeping import book_charge
from fulfil.activities.locking import hold_payment
from fulfil.gateways.stripe.errors import StripeUnavailableError
from fulfil.models.messages.jobs import AcceptanceOutcome, BeginRound, StartJob, WithdrawJob
from fulfil.models.messages.payments import CapturePayment, ReturnedHow, ReturnPayment
from tests.activities.shop import PLATFORM, SUPPORT, payment_intent, until
from tests.activities.till import Till

SECURED, REFUSED = AcceptanceOutcome.SECURED, AcceptanceOutcome.REFUSED
PAYMENT_LOST, WITHDRAWN = AcceptanceOutcome.PAYMENT_LOST, AcceptanceOutcome.WITHDRAWN


async def take_back(till: Till, job: StartJob) -> None:
    """The order withdraws the job."""
    answer = await till.shop.jobs.withdraw_job(
        WithdrawJob(job_id=job.job_id, order_id=job.order_id, actor=SUPPORT, reason="called off")
    )
    assert answer.withdrawn


async def test_the_winner_has_the_material_the_job_and_a_deadline(till: Till) -> None:
    winner, other = await till.add_payee(score=90), await till.add_payee(score=80)
    job = await till.open_job(total_minor=10_000, material_g=100)

    secured = await till.payments.secure_acceptance(till.shop.acceptance(job, winner))

    assert secured.outcome is SECURED
    assert await till.shop.stock(winner) == (900, 100)
    assert await till.shop.stock(other) == (1000, 0)
    offers = await till.shop.sql("SELECT provider_id, state FROM offers")
    assert {row.provider_id: row.state for row in offers} == {winner: "accepted", other: "lost"}
    ((order, payment, production, due),) = await till.shop.sql(
        "SELECT o.state, p.state, r.state, r.start_due_at FROM orders o "
        "JOIN payments p ON p.order_id = o.id JOIN productions r ON r.order_id = o.id"
    )
    assert (order, payment, production, due) == ("in_fulfilment", "captured", "accepted", secured.start_due_at)
    assert (await till.shop.events(job.order_id))[-4:] == [
        "payment.captured",
        "document.issued",
        "document.issued",
        "job.accepted",
    ]


async def test_the_ledger_holds_the_money_and_bears_the_fee(till: Till) -> None:
    provider = await till.add_payee()
    job = await till.secured_job(provider, total_minor=10_000)

    ((fee,),) = await till.shop.sql("SELECT amount_minor FROM ledger_postings WHERE account = 'expense:stripe_fee'")
    assert fee > 0
    assert await till.shop.ledger(job.order_id) == {
        "asset:stripe:pending": 10_000 - fee,
        "expense:stripe_fee": fee,
        f"liability:held:{job.order_id}": -10_000,
    }
    await till.check_books(job.order_id)


async def test_securing_twice_and_at_the_same_time_captures_once(till: Till) -> None:
    provider = await till.add_payee()
    job = await till.open_job(material_g=100)
    request = till.shop.acceptance(job, provider)

    answers = await asyncio.gather(
        *(till.payments.secure_acceptance(request) for _ in range(5)), return_exceptions=True
    )
    answers.append(await till.payments.secure_acceptance(request))

    secured = [answer for answer in answers if not isinstance(answer, StripeUnavailableError)]
    assert all(answer == secured[0] for answer in secured)
    assert await till.shop.stock(provider) == (900, 100)
    assert len(await till.at_stripe("charges", job.order_id)) == 1
    assert (await till.shop.events(job.order_id)).count("job.accepted") == 1
    await till.check_books(job.order_id)


async def test_a_job_given_back_before_its_acceptance_was_answered_was_hers(till: Till) -> None:
    provider = await till.add_payee()
    job = await till.open_job()
    request = till.shop.acceptance(job, provider)
    first = await till.payments.secure_acceptance(request)
    await till.shop.sql("UPDATE productions SET state = 'failed', closed_at = now()")

    assert await till.payments.secure_acceptance(request) == first


@pytest.mark.parametrize("mode", ["drop_before", "drop_after"])
async def test_a_lost_answer_to_the_capture_charges_once(till: Till, mode: str) -> None:
    provider = await till.add_payee()
    job = await till.open_job(material_g=100)
    request = till.shop.acceptance(job, provider)
    await till.fail("POST /v1/payment_intents/.*/capture", mode)
    with pytest.raises(StripeUnavailableError):
        await till.payments.secure_acceptance(request)
    assert await till.shop.stock(provider) == (900, 100)

    assert (await till.payments.secure_acceptance(request)).outcome is SECURED
    assert await till.shop.stock(provider) == (900, 100)
    await till.check_books(job.order_id)


async def test_stock_that_is_gone_refuses_the_claim_and_closes_the_offer(till: Till) -> None:
    provider, other = await till.add_payee(score=90), await till.add_payee(score=80)
    job = await till.open_job(material_g=100)
    await till.shop.sql("UPDATE stock_items SET available_quantity = 99 WHERE provider_id = :id", id=provider)

    first = await till.payments.secure_acceptance(till.shop.acceptance(job, provider))
    await till.shop.sql("UPDATE stock_items SET available_quantity = 1000 WHERE provider_id = :id", id=provider)
    second = await till.payments.secure_acceptance(till.shop.acceptance(job, provider))

    assert (first.outcome, first.code) == (second.outcome, second.code) == (REFUSED, "stock_gone")
    assert (await till.shop.events(job.order_id)).count("job.acceptance_refused") == 1
    assert await till.at_stripe("charges", job.order_id) != []
    assert await till.in_ledger("charge", job.order_id) == set()
    assert (await till.payments.secure_acceptance(till.shop.acceptance(job, other))).outcome is SECURED


async def test_twenty_jobs_claimed_at_once_never_take_the_last_grams_twice(till: Till) -> None:
    provider = await till.add_payee(stock_g=1000, capacity_jobs=50)
    jobs = [await till.shop.open_job(material_g=300) for _ in range(20)]

    async def claim(job: StartJob) -> str:
        try:
            return await till.shop.give_job_to(job, provider_id=provider)
        except AssertionError:
            return ""

    winners = [offer for offer in await asyncio.gather(*(claim(job) for job in jobs)) if offer]

    assert len(winners) == 3
    assert await till.shop.stock(provider) == (100, 900)
    assert await till.shop.value("SELECT count(*) FROM productions") == 3
    assert await till.shop.value("SELECT sum(available_delta)::int FROM stock_movements") == -900
    refused = await till.shop.sql("SELECT DISTINCT close_reason FROM offers WHERE state = 'withdrawn'")
    assert [row.close_reason for row in refused] == ["stock_gone"]


async def test_two_jobs_claimed_at_once_by_a_newcomer_give_her_one(till: Till) -> None:
    newcomer = await till.add_payee(completed_jobs=0)
    jobs = [await till.open_job() for _ in range(2)]

    answers = await asyncio.gather(
        *(till.payments.secure_acceptance(till.shop.acceptance(job, newcomer)) for job in jobs)
    )

    assert sorted(answer.outcome.value for answer in answers) == ["refused", "secured"]
    assert {answer.code for answer in answers} == {None, "newcomer_limit"}


async def test_an_offer_of_somebody_else_or_not_open_is_refused(till: Till) -> None:
    provider, other = await till.add_payee(score=90), await till.add_payee(score=80)
    job = await till.open_job()
    mine = till.shop.acceptance(job, provider)

    stolen = await till.payments.secure_acceptance(mine.model_copy(update={"provider_id": other}))
    await till.shop.sql("UPDATE offers SET state = 'expired' WHERE provider_id = :id", id=other)
    expired = await till.payments.secure_acceptance(till.shop.acceptance(job, other))
    assert (await till.payments.secure_acceptance(mine)).outcome is SECURED
    late = await till.payments.secure_acceptance(till.shop.acceptance(job, other))

    assert [stolen.code, expired.code, late.code] == ["offer_not_open", "offer_expired", "offer_lost"]
    assert {stolen.outcome, expired.outcome, late.outcome} == {REFUSED}


async def test_a_payment_that_can_not_be_captured_undoes_the_claim(till: Till) -> None:
    provider = await till.add_payee()
    job = await till.open_job(material_g=100)
    (intent,) = await till.at_stripe("payment_intents", job.order_id)
    await till.gateway.cancel_payment_intent(intent["id"], idempotency_key=job.order_id)
    request = till.shop.acceptance(job, provider)

    answers = [await till.payments.secure_acceptance(request) for _ in range(2)]

    assert [answer.outcome for answer in answers] == [PAYMENT_LOST, PAYMENT_LOST]
    assert await till.shop.stock(provider) == (1000, 0)
    assert await till.shop.value("SELECT state FROM offers") == "withdrawn"
    assert await till.shop.ledger(job.order_id) == {}
    assert (await till.shop.events(job.order_id)).count("payment.failed") == 1
    await till.check_books(job.order_id)


async def test_a_job_taken_back_before_the_capture_is_withdrawn(till: Till) -> None:
    provider = await till.add_payee()
    job = await till.open_job(material_g=100)
    await take_back(till, job)

    answer = await till.payments.secure_acceptance(till.shop.acceptance(job, provider))

    assert answer.outcome is WITHDRAWN
    assert await till.shop.stock(provider) == (1000, 0)
    assert await till.in_ledger("charge", job.order_id) == set()


async def test_a_job_taken_back_during_the_capture_keeps_the_charge_in_the_books_until_it_is_refunded(
    till: Till,
) -> None:
    provider = await till.add_payee()
    job = await till.open_job(material_g=100)
    answer = await till.admin.post(
        "/_simulator/faults", json=[{"match": "POST /v1/payment_intents/.*/capture", "mode": "delay", "delay_s": 1}]
    )
    answer.raise_for_status()
    securing = asyncio.create_task(till.payments.secure_acceptance(till.shop.acceptance(job, provider)))
    await until(lambda: till.shop.sql("SELECT 1 FROM jobs WHERE state = 'accepted'"))

    await take_back(till, job)

    assert (await securing).outcome is WITHDRAWN
    assert await till.shop.stock(provider) == (1000, 0)
    assert await till.shop.value("SELECT count(*) FROM productions") == 0
    await till.check_books(job.order_id)
    returned = await till.payments.return_payment(ReturnPayment(order_id=job.order_id, reason="called off"))
    assert (returned.how, returned.amount_minor) == (ReturnedHow.REFUND_PENDING, 10_000)


async def test_a_second_round_does_not_capture_again(till: Till) -> None:
    first, second = await till.add_payee(score=90), await till.add_payee(score=80)
    job = await till.secured_job(first)
    begun = await till.shop.jobs.begin_round(
        BeginRound(
            job_id=job.job_id,
            order_id=job.order_id,
            round=2,
            actor=SUPPORT,
            reason="never started",
            only_if_not_started=True,
            policies=job.policies,
        )
    )
    assert begun.wave is not None
    again = job.model_copy(update={"wave": begun.wave})

    secured = await till.payments.secure_acceptance(till.shop.acceptance(again, second))

    assert secured.outcome is SECURED
    assert await till.shop.stock(first) == (1000, 0)
    assert await till.shop.stock(second) == (900, 100)
    assert (await till.shop.events(job.order_id)).count("payment.captured") == 1
    assert await till.shop.value("SELECT count(*) FROM productions WHERE closed_at IS NULL") == 1
    await till.check_books(job.order_id)


async def test_a_claim_support_gave_up_makes_way_for_the_next(till: Till) -> None:
    first, second = await till.add_payee(score=90), await till.add_payee(score=80)
    job = await till.open_job(material_g=100)
    await till.fail("POST /v1/payment_intents/.*/capture", "drop_before")
    with pytest.raises(StripeUnavailableError):
        await till.payments.secure_acceptance(till.shop.acceptance(job, first))
    assert await till.shop.stock(first) == (900, 100)

    secured = await till.payments.secure_acceptance(till.shop.acceptance(job, second))

    assert secured.outcome is SECURED
    assert await till.shop.stock(first) == (1000, 0)
    assert await till.shop.stock(second) == (900, 100)
    late = await till.payments.secure_acceptance(till.shop.acceptance(job, first))
    assert (late.outcome, late.code) == (REFUSED, "offer_lost")
    await till.check_books(job.order_id)


async def test_a_capture_without_its_balance_transaction_is_not_booked_half(till: Till) -> None:
    job = await till.shop.open_job(total_minor=10_000)
    await till.shop.add_provider()
    facts = replace(payment_intent(job.order_id, 10_000, status="succeeded"), entry=None)

    with pytest.raises(ApplicationError) as unbooked:
        async with till.shop.worker.begin() as session:
            await book_charge(session, await hold_payment(session, job.order_id), facts, till.shop.clock(), PLATFORM)

    assert (unbooked.value.type, unbooked.value.non_retryable) == ("entry_unknown", False)
    assert await till.in_ledger("charge", job.order_id) == set()
    assert await till.shop.value("SELECT state FROM payments") == "authorized"


async def test_a_capture_settled_in_another_currency_is_left_to_a_person(till: Till) -> None:
    job = await till.shop.open_job(total_minor=10_000)
    facts = payment_intent(job.order_id, 10_000, status="succeeded")
    assert facts.entry is not None
    converted = replace(facts, entry=replace(facts.entry, currency="usd", amount_minor=11_000))

    with pytest.raises(ApplicationError) as unbooked:
        async with till.shop.worker.begin() as session:
            await book_charge(
                session, await hold_payment(session, job.order_id), converted, till.shop.clock(), PLATFORM
            )

    assert (unbooked.value.type, unbooked.value.non_retryable) == ("entry_differs", True)


async def test_the_capture_and_its_fee_name_one_balance_transaction(till: Till) -> None:
    job = await till.secured_job(await till.add_payee(), total_minor=10_000)

    named = await till.shop.sql(
        "SELECT DISTINCT balance_transaction_id AS id FROM ledger_transactions WHERE kind IN ('charge', 'stripe_fee')"
    )
    ((moved, pending, listed),) = await till.shop.sql("SELECT id, posted_pending, listed_at FROM balance_transactions")
    assert ([row.id for row in named], pending, listed) == ([moved], True, None)
    await till.check_books(job.order_id)


async def test_an_authorised_payment_is_captured_once_before_the_bank_lets_it_go(till: Till) -> None:
    provider = await till.add_payee()
    job = await till.open_job(total_minor=10_000)
    request = CapturePayment(order_id=job.order_id)

    answers = [await till.payments.capture_payment(request) for _ in range(2)]

    assert [answer.captured for answer in answers] == [True, True]
    assert (await till.shop.events(job.order_id)).count("payment.captured") == 1
    assert (await till.payments.secure_acceptance(till.shop.acceptance(job, provider))).outcome is SECURED
    assert len(await till.at_stripe("charges", job.order_id)) == 1
    await till.check_books(job.order_id)


@pytest.mark.parametrize("mode", ["drop_before", "drop_after"])
async def test_a_lost_answer_to_the_early_capture_charges_once(till: Till, mode: str) -> None:
    job = await till.open_job()
    await till.fail("POST /v1/payment_intents/.*/capture", mode)
    with pytest.raises(StripeUnavailableError):
        await till.payments.capture_payment(CapturePayment(order_id=job.order_id))

    assert (await till.payments.capture_payment(CapturePayment(order_id=job.order_id))).captured
    await till.check_books(job.order_id)


async def test_a_hold_the_bank_let_go_is_written_as_lost(till: Till) -> None:
    job = await till.open_job()
    (intent,) = await till.at_stripe("payment_intents", job.order_id)
    await till.gateway.cancel_payment_intent(intent["id"], idempotency_key=job.order_id)

    answers = [await till.payments.capture_payment(CapturePayment(order_id=job.order_id)) for _ in range(2)]

    assert [answer.captured for answer in answers] == [False, False]
    assert await till.shop.ledger(job.order_id) == {}
    assert await till.shop.value("SELECT state FROM payments") == "cancelled"
    assert (await till.shop.events(job.order_id)).count("payment.failed") == 1


async def test_an_acceptance_and_the_early_capture_at_the_same_time_charge_once(till: Till) -> None:
    provider = await till.add_payee()
    job = await till.open_job()

    answers = await asyncio.gather(
        till.payments.secure_acceptance(till.shop.acceptance(job, provider)),
        till.payments.capture_payment(CapturePayment(order_id=job.order_id)),
        return_exceptions=True,
    )

    assert all(not isinstance(answer, Exception) or isinstance(answer, StripeUnavailableError) for answer in answers)
    assert (await till.payments.secure_acceptance(till.shop.acceptance(job, provider))).outcome is SECURED
    assert (await till.shop.events(job.order_id)).count("payment.captured") == 1
    await till.check_books(job.order_id)


@pytest.mark.parametrize("mode", ["error_500_before", "error_500_after"])
async def test_a_failure_stripe_stored_for_the_capture_charges_once(till: Till, mode: str) -> None:
    provider = await till.add_payee()
    job = await till.open_job()
    await till.fail("POST /v1/payment_intents/.*/capture", mode)
    request = till.shop.acceptance(job, provider)

    assert (await till.retried(lambda: till.payments.secure_acceptance(request))).outcome is SECURED
    await till.check_books(job.order_id)
