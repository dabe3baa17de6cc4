"""The provider is paid once, the platform keeps its commission, job and order are closed."""

import asyncio

import pytest
from temporalio.exceptions import ApplicationError

from fulfil.gateways.stripe import StripeUnavailableError
from fulfil.models.ids import new_id
from fulfil.models.messages.jobs import StartJob
from fulfil.models.messages.payments import JobSettlement, SettleJob
from tests.activities.till import Till


async def settle(till: Till, job: StartJob, *, by_silence: bool = False) -> JobSettlement:
    """The activity."""
    request = SettleJob(order_id=job.order_id, job_id=job.job_id, approved_by_silence=by_silence)
    return await till.payments.settle_job(request)


async def test_settling_pays_the_provider_her_share_and_closes_everything(till: Till) -> None:
    provider = await till.add_payee()
    job = await till.secured_job(provider, total_minor=10_000, material_g=100)
    await till.shop.run_order_workflow(job.order_id)

    settlement = await settle(till, job)

    assert (settlement.released_minor, settlement.commission_minor, settlement.payout_minor) == (10_000, 1_500, 8_500)
    assert settlement.order_closed
    (transfer,) = await till.at_stripe("transfers", job.order_id)
    assert (transfer["id"], transfer["amount"]) == (settlement.transfer_id, 8_500)
    assert transfer["source_transaction"].startswith("ch_")
    ledger = await till.shop.ledger(job.order_id)
    fee = ledger["expense:stripe_fee"]
    assert ledger == {"asset:stripe": 1_500 - fee, "expense:stripe_fee": fee, "revenue:commission": -1_500}
    ((order, job_state, completed),) = await till.shop.sql(
        "SELECT o.state, j.state, p.completed_jobs FROM orders o JOIN jobs j ON j.order_id = o.id "
        "JOIN providers p ON p.id = j.provider_id"
    )
    assert (order, job_state, completed) == ("closed", "closed", 11)
    assert await till.shop.stock(provider) == (900, 0)
    assert (await till.shop.events(job.order_id))[-4:] == [
        "job.approved",
        "payment.released",
        "order.completed",
        "order.closed",
    ]
    assert await till.shop.signals(f"order/{job.order_id}") == [
        ("job_closed", {"job_id": job.job_id, "outcome": "settled", "reason": None})
    ]
    await till.check_books(job.order_id)


@pytest.mark.parametrize(("by_silence", "actor"), [(True, "system"), (False, "customer")])
async def test_the_approval_names_who_gave_it(till: Till, by_silence: bool, actor: str) -> None:
    job = await till.secured_job(await till.add_payee())

    await settle(till, job, by_silence=by_silence)

    kind = await till.shop.value("SELECT actor_kind FROM events WHERE type = 'job.approved'")
    assert kind == actor


async def test_settling_twice_and_at_the_same_time_pays_once(till: Till) -> None:
    provider = await till.add_payee()
    job = await till.secured_job(provider)

    answers = await asyncio.gather(*(settle(till, job) for _ in range(5)), return_exceptions=True)
    answers.append(await settle(till, job))

    paid = [answer for answer in answers if not isinstance(answer, StripeUnavailableError)]
    assert [answer for answer in paid if answer != paid[-1]] == []
    assert len(await till.at_stripe("transfers", job.order_id)) == 1
    assert await till.shop.value("SELECT completed_jobs FROM providers") == 11
    assert await till.shop.stock(provider) == (900, 0)
    await till.check_books(job.order_id)


@pytest.mark.parametrize("mode", ["drop_before", "drop_after", "error_500_before", "error_500_after"])
async def test_a_lost_answer_to_the_transfer_pays_once(till: Till, mode: str) -> None:
    job = await till.secured_job(await till.add_payee())
    await till.fail("POST /v1/transfers", mode)
    with pytest.raises(StripeUnavailableError):
        await settle(till, job)
    assert await till.shop.value("SELECT state FROM jobs") == "approved"

    await settle(till, job)

    assert len(await till.at_stripe("transfers", job.order_id)) == 1
    await till.check_books(job.order_id)


async def test_a_commission_changed_after_the_approval_does_not_move_the_amounts(till: Till) -> None:
    job = await till.secured_job(await till.add_payee(), total_minor=10_000)
    await till.fail("POST /v1/transfers", "drop_after")
    with pytest.raises(StripeUnavailableError):
        await settle(till, job)
    await till.shop.sql("UPDATE providers SET commission_bp = 5000")

    assert (await settle(till, job)).payout_minor == 8_500


async def test_a_provider_without_an_account_parks_the_step_until_she_has_one(till: Till) -> None:
    provider = await till.shop.add_provider(stripe_account_id=None)
    job = await till.secured_job(provider)

    with pytest.raises(ApplicationError) as parked:
        await settle(till, job)

    assert (parked.value.type, parked.value.non_retryable) == ("transfer_refused", True)
    assert "has no Stripe account" in str(parked.value)
    account = await till.gateway.create_recipient_account(
        provider_id=provider, name="Maker", idempotency_key=new_id("key")
    )
    await till.shop.sql("UPDATE providers SET stripe_account_id = :account", account=account)
    assert (await settle(till, job)).order_closed


async def test_a_refused_transfer_can_be_retried_after_support_mended_the_account(till: Till) -> None:
    provider = await till.shop.add_provider(stripe_account_id="acct_unknown")
    job = await till.secured_job(provider)
    with pytest.raises(ApplicationError) as parked:
        await settle(till, job)
    assert (parked.value.type, parked.value.non_retryable) == ("transfer_refused", True)
    account = await till.gateway.create_recipient_account(
        provider_id=provider, name="Maker", idempotency_key=new_id("key")
    )
    await till.shop.sql("UPDATE providers SET stripe_account_id = :account", account=account)

    await till.shop.retry_by_support(job.order_id, job.job_id, "settle_job")
    await settle(till, job)

    (transfer,) = await till.at_stripe("transfers", job.order_id)
    assert transfer["destination"] == account
    await till.check_books(job.order_id)


async def test_a_retry_by_support_after_a_lost_answer_does_not_pay_again(till: Till) -> None:
    job = await till.secured_job(await till.add_payee())
    await till.fail("POST /v1/transfers", "drop_after")
    with pytest.raises(StripeUnavailableError):
        await settle(till, job)

    await till.shop.retry_by_support(job.order_id, job.job_id, "settle_job")
    await settle(till, job)

    assert len(await till.at_stripe("transfers", job.order_id)) == 1


async def test_a_job_nobody_has_is_not_settled(till: Till) -> None:
    job = await till.open_job()

    with pytest.raises(ApplicationError) as parked:
        await settle(till, job)

    assert (parked.value.type, parked.value.non_retryable) == ("job_not_settleable", True)
