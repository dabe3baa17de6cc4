"""The provider is paid once, the platform keeps its commission, job and order are closed."""

import asyncio

import pytest
from temporalio.exceptions import ApplicationError

from fulfil.gateways.stripe.errors import StripeUnavailableError
from fulfil.models.ids import new_id
from fulfil.models.messages.jobs import StartJob
from fulfil.models.messages.payments import JobSettlement, SettleJob
from tests.activities.till import Till


async def settle(till: Till, job: StartJob, *, by_silence: bool = False) -> JobSettlement:
    """The activity."""
    request = SettleJob(order_id=job.order_id, job_id=job.job_id, approved_by_silence=by_silence)
    return await till.payments.settle_job(request)


def in_stripe(ledger: dict[str, int]) -> int:
    """Our money at Stripe, available or not."""
    return sum(amount for account, amount in ledger.items() if account.startswith("asset:stripe:"))


def on_books(ledger: dict[str, int]) -> dict[str, int]:
    """Everything but our money at Stripe."""
    return {account: amount for account, amount in ledger.items() if not account.startswith("asset:stripe:")}


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
    assert in_stripe(ledger) == 1_500 - fee
    assert on_books(ledger) == {"expense:stripe_fee": fee, "revenue:commission": -1_261, "liability:tax": -239}
    ((order, job_state, completed),) = await till.shop.sql(
        "SELECT o.state, j.state, p.completed_jobs FROM orders o JOIN jobs j ON j.order_id = o.id "
        "JOIN providers p ON p.id = j.provider_id"
    )
    assert (order, job_state, completed) == ("closed", "closed", 11)
    assert await till.shop.stock(provider) == (900, 0)
    assert (await till.shop.events(job.order_id))[-6:] == [
        "job.approved",
        "payment.released",
        "document.issued",
        "payment.transferred",
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


@pytest.mark.parametrize("mode", ["drop_before", "drop_after"])
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
    assert "has no Stripe account: the provider has to complete her payout account" in str(parked.value)
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
    assert "The provider has to complete her payout account; then retry" in str(parked.value)
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


async def test_a_tax_share_of_the_commission_is_rounded_half_up_and_never_lost(till: Till) -> None:
    job = await till.secured_job(await till.add_payee(), total_minor=4_000)

    settlement = await settle(till, job)

    assert (settlement.commission_minor, settlement.payout_minor) == (600, 3_400)
    ((commission, tax, payout, netted),) = await till.shop.sql(
        "SELECT commission_minor, commission_tax_minor, payout_minor, netted_minor FROM jobs"
    )
    assert (commission, tax, payout, netted) == (600, 96, 3_400, 0)
    ledger = await till.shop.ledger(job.order_id)
    assert (ledger["revenue:commission"], ledger["liability:tax"]) == (-504, -96)


async def test_what_was_refunded_while_held_is_not_released(till: Till) -> None:
    job = await till.secured_job(await till.add_payee(), total_minor=10_000)
    await till.refund_before_release(job, 3_000)

    settlement = await settle(till, job)

    assert (settlement.released_minor, settlement.commission_minor, settlement.payout_minor) == (7_000, 1_050, 5_950)
    (transfer,) = await till.at_stripe("transfers", job.order_id)
    assert transfer["amount"] == 5_950
    ledger = await till.shop.ledger(job.order_id)
    assert ledger[f"liability:refund_due:{job.order_id}"] == -3_000
    assert f"liability:held:{job.order_id}" not in ledger
    await till.check_books(job.order_id)


async def test_a_job_refunded_in_full_is_closed_without_a_transfer(till: Till) -> None:
    provider = await till.add_payee()
    job = await till.secured_job(provider, total_minor=10_000)
    await till.refund_before_release(job, 10_000)

    answers = [await settle(till, job) for _ in range(2)]

    assert answers[0] == answers[1]
    assert (answers[0].released_minor, answers[0].transfer_id, answers[0].order_closed) == (0, None, True)
    assert await till.at_stripe("transfers", job.order_id) == []
    events = await till.shop.events(job.order_id)
    assert "payment.released" not in events
    assert "payment.transferred" not in events
    assert await till.shop.stock(provider) == (900, 0)
    await till.check_books(job.order_id)


async def test_what_the_provider_owes_is_kept_from_her_payout(till: Till) -> None:
    provider = await till.add_payee()
    job = await till.secured_job(provider, total_minor=10_000)
    await till.owe(provider, 500)

    settlement = await settle(till, job)

    assert (settlement.payout_minor, settlement.netted_minor) == (8_500, 500)
    (transfer,) = await till.at_stripe("transfers", job.order_id)
    assert transfer["amount"] == 8_000
    assert await balance(till, f"asset:receivable:{provider}") == 0
    assert await balance(till, f"liability:payable:{provider}") == 0
    assert await till.shop.value("SELECT netted_minor FROM transfers") == 500
    await till.check_books(job.order_id)


async def test_a_payout_the_provider_owes_in_full_is_not_transferred(till: Till) -> None:
    provider = await till.add_payee()
    job = await till.secured_job(provider, total_minor=10_000)
    await till.owe(provider, 20_000)

    settlement = await settle(till, job)

    assert (settlement.payout_minor, settlement.netted_minor, settlement.transfer_id) == (8_500, 8_500, None)
    assert await till.at_stripe("transfers", job.order_id) == []
    assert await balance(till, f"asset:receivable:{provider}") == 11_500


async def test_two_jobs_settled_at_once_keep_a_debt_once(till: Till) -> None:
    provider = await till.add_payee()
    jobs = [await till.secured_job(provider, total_minor=10_000) for _ in range(2)]
    await till.owe(provider, 10_000)

    settlements = await asyncio.gather(*(settle(till, job) for job in jobs))

    assert sorted(settlement.netted_minor for settlement in settlements) == [1_500, 8_500]
    assert await balance(till, f"asset:receivable:{provider}") == 0
    assert await balance(till, f"liability:payable:{provider}") == 0


async def test_a_frozen_payment_is_approved_and_released_only_when_it_thaws(till: Till) -> None:
    job = await till.secured_job(await till.add_payee())
    await till.shop.sql("UPDATE payments SET frozen_at = now()")
    await till.shop.run_order_workflow(job.order_id)

    frozen = [await settle(till, job) for _ in range(2)]

    assert frozen[0] == frozen[1]
    assert (frozen[0].frozen, frozen[0].released_minor, frozen[0].order_closed) == (True, 0, False)
    assert (await till.shop.events(job.order_id))[-1] == "job.approved"
    ((who, what),) = await till.shop.sql("SELECT next_who, next_what FROM timelines")
    assert (who, what) == ("support", "wait for the chargeback's decision")
    assert await till.shop.signals(f"order/{job.order_id}") == []
    assert await till.at_stripe("transfers", job.order_id) == []

    await till.shop.sql("UPDATE payments SET frozen_at = NULL")
    thawed = await settle(till, job)

    assert (thawed.frozen, thawed.payout_minor, thawed.order_closed) == (False, 8_500, True)
    assert (await till.shop.events(job.order_id)).count("job.approved") == 1
    await till.check_books(job.order_id)


async def test_a_released_payment_frozen_before_its_transfer_waits_too(till: Till) -> None:
    job = await till.secured_job(await till.add_payee())
    await till.fail("POST /v1/transfers", "drop_before")
    with pytest.raises(StripeUnavailableError):
        await settle(till, job)
    await till.shop.sql("UPDATE payments SET frozen_at = now()")

    frozen = await settle(till, job)

    assert (frozen.frozen, frozen.released_minor, frozen.transfer_id) == (True, 10_000, None)
    assert await till.at_stripe("transfers", job.order_id) == []


async def balance(till: Till, account: str) -> int:
    """What a guarded account holds."""
    return int(
        await till.shop.value(
            "SELECT coalesce(sum(balance_minor), 0)::bigint FROM ledger_balances WHERE account = :account",
            account=account,
        )
    )


@pytest.mark.parametrize("mode", ["error_500_before", "error_500_after"])
async def test_a_failure_stripe_stored_for_the_transfer_pays_once(till: Till, mode: str) -> None:
    job = await till.secured_job(await till.add_payee())
    await till.fail("POST /v1/transfers", mode)

    assert (await till.retried(lambda: settle(till, job))).order_closed
    assert len(await till.at_stripe("transfers", job.order_id)) == 1
    await till.check_books(job.order_id)
