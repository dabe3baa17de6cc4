"""Lost chargebacks in the books: from what is held, then from provider and commission, and back after an appeal."""

import pytest
from temporalio.exceptions import ApplicationError

from fulfil.gateways.stripe.errors import StripeUnavailableError
from fulfil.models.ids import new_id
from fulfil.models.messages.chargebacks import (
    ChargebackState,
)
from fulfil.models.messages.refunds import RefundRoute, RefundState
from tests.activities.chargeback_desk import FEE, drain, next_of, paid, release, settle
from tests.activities.refund_desk import RefundDesk
from tests.activities.till import Till
from tests.conftest import RunningSimulator


async def test_a_lost_one_is_paid_from_what_is_held(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.decide("lost")

    status = await desk.read()

    assert status.state is ChargebackState.LOST
    assert await desk.ledger() == {"asset:stripe": -FEE, "expense:chargeback_fee": FEE}
    assert not await desk.frozen()
    assert (await till.shop.events(desk.order_id))[-2:] == ["chargeback.lost", "payment.unfrozen"]
    who = "SELECT next_who FROM timelines WHERE order_id = :id"
    assert await till.shop.value(who, id=desk.order_id) == "support"
    await desk.check()


async def test_a_lost_one_after_release_is_taken_back_from_provider_and_commission(till: Till) -> None:
    paid_desk, job, _ = await paid(till)
    await till.shop.run_order_workflow(job.order_id)
    await settle(till, job)
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.decide("lost")

    await desk.read()
    await desk.read()

    ledger = await desk.ledger()
    assert ledger == {"asset:stripe": -FEE, "expense:chargeback_fee": FEE}
    (reversal,) = await till.shop.sql("SELECT * FROM transfer_reversals WHERE cause_id = :id", id=desk.chargeback_id)
    assert (reversal.amount_minor, reversal.business_key) == (8_500, f"{desk.chargeback_id}:reversal:{job.job_id}")
    assert await till.shop.value("SELECT reversed_minor FROM transfers") == 8_500
    kinds = await till.shop.sql("SELECT kind FROM ledger_transactions WHERE order_id = :id", id=desk.order_id)
    assert [row.kind for row in kinds][-3:] == ["release_taken_back", "transfer_reversed", "chargeback_lost"]
    data = await till.shop.value("SELECT data FROM events WHERE type = 'chargeback.lost'")
    assert (data["taken_back_minor"], data["reversed_minor"], data["receivable_minor"], data["loss_minor"]) == (
        *(10_000, 8_500, 0, 0),
    )
    statements = await till.shop.sql(
        "SELECT total_minor, business_key FROM documents WHERE series = 'SBN' ORDER BY sequence"
    )
    assert statements == [
        (8_500, f"{job.job_id}:statement"),
        (-8_500, f"{desk.chargeback_id}:statement:{job.job_id}"),
    ]
    await desk.check()


async def test_what_the_providers_account_cannot_pay_stays_owed_by_her(
    till: Till, stripe_simulator: RunningSimulator
) -> None:
    paid_desk, job, provider = await paid(till, card="pm_card_bypassPending")
    await paid_desk.admin("topups", amount=100_000, currency="eur")
    await till.shop.run_order_workflow(job.order_id)
    await settle(till, job)
    desk = await paid_desk.dispute()
    await desk.read()
    account = await till.shop.value("SELECT stripe_account_id FROM providers WHERE id = :id", id=provider)
    await drain(till, stripe_simulator, account)
    await desk.decide("lost")

    await desk.read()
    await desk.read()

    assert await desk.ledger() == {
        f"asset:receivable:{provider}": 8_500,
        "asset:stripe": -8_500 - FEE,
        "expense:chargeback_fee": FEE,
    }
    data = await till.shop.value("SELECT data FROM events WHERE type = 'chargeback.lost'")
    assert (data["reversed_minor"], data["receivable_minor"]) == (0, 8_500)
    await desk.check()


async def test_what_was_refunded_before_is_our_loss(till: Till) -> None:
    paid_desk, job, _ = await paid(till)
    await till.refund_before_release(job, 3_000)
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.decide("lost")

    await desk.read()

    ledger = await desk.ledger()
    assert ledger["expense:loss"] == 3_000
    assert f"liability:held:{desk.order_id}" not in ledger
    assert f"asset:chargeback:{desk.chargeback_id}" not in ledger


async def test_a_partial_one_leaves_the_rest_held(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute(amount=4_000)
    await desk.read()
    await desk.decide("lost")
    await desk.read()

    ledger = await desk.ledger()
    assert ledger == {
        f"liability:held:{desk.order_id}": -6_000,
        "asset:stripe": 6_000 - FEE,
        "expense:chargeback_fee": FEE,
    }
    await desk.check()


async def test_one_that_is_only_heard_of_when_it_is_lost_is_booked_as_a_whole(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    await desk.decide("lost")

    assert (await desk.read()).state is ChargebackState.LOST
    assert await desk.ledger() == {"asset:stripe": -FEE, "expense:chargeback_fee": FEE}
    assert (await till.shop.events(desk.order_id))[-2:] == ["chargeback.opened", "chargeback.lost"]
    await desk.check()


async def test_a_share_lost_between_release_and_transfer_is_kept_from_the_payout(till: Till) -> None:
    paid_desk, job, provider = await paid(till)
    await till.shop.run_order_workflow(job.order_id)
    await till.fail("POST /v1/transfers", "drop_before")
    with pytest.raises(StripeUnavailableError):
        await settle(till, job)
    desk = await paid_desk.dispute(amount=4_000)
    await desk.read()
    assert (await settle(till, job)).frozen
    await desk.decide("lost")
    await desk.read()
    assert (await desk.ledger())[f"asset:receivable:{provider}"] == 3_400

    first, second = await settle(till, job), await settle(till, job)

    assert first == second
    assert (first.payout_minor, first.netted_minor, first.order_closed) == (8_500, 3_400, True)
    (transfer,) = await till.at_stripe("transfers", job.order_id)
    assert transfer["amount"] == 5_100
    after = await desk.ledger()
    assert f"asset:receivable:{provider}" not in after
    assert f"liability:payable:{provider}" not in after
    await desk.check()


async def test_a_transfer_made_before_the_loss_is_found_and_not_made_again(till: Till) -> None:
    paid_desk, job, provider = await paid(till)
    await till.shop.run_order_workflow(job.order_id)
    await till.fail("POST /v1/transfers", "drop_after")
    with pytest.raises(StripeUnavailableError):
        await settle(till, job)
    desk = await paid_desk.dispute(amount=4_000)
    await desk.read()
    await desk.decide("lost")
    await desk.read()

    settlement = await settle(till, job)

    assert (settlement.netted_minor, settlement.order_closed) == (0, True)
    (transfer,) = await till.at_stripe("transfers", job.order_id)
    assert transfer["amount"] == 8_500
    assert (await desk.ledger())[f"asset:receivable:{provider}"] == 3_400
    await desk.check()


async def test_a_partial_loss_leaves_the_rest_to_be_refunded_to_the_cent(till: Till) -> None:
    paid_desk, job, provider = await paid(till, total_minor=9_999)
    await till.shop.run_order_workflow(job.order_id)
    refunds = RefundDesk(till, job, provider)
    await settle(till, job)
    desk = await paid_desk.dispute(amount=3_333)
    await desk.read()
    await desk.decide("lost")
    await desk.read()

    opened = await refunds.open()
    await refunds.decide(opened.refund_id, approved=True)
    # The simulator, like Stripe, refunds nothing of a charge with a lost dispute: it is paid by bank transfer.
    assert (await refunds.send(opened.refund_id)).state is RefundState.FAILED
    await refunds.reroute(opened.refund_id, RefundRoute.BANK, "SEPA 1")
    assert (await refunds.send(opened.refund_id)).state is RefundState.SUCCEEDED

    assert opened.plan.amount_minor == 9_999 - 3_333
    after = await desk.ledger()
    assert after.pop("asset:bank") == -6_666
    assert after == {"asset:stripe": 6_666 - FEE, "expense:chargeback_fee": FEE}
    await desk.check()


async def test_a_refund_that_a_lost_chargeback_left_nothing_for_can_only_be_rejected(till: Till) -> None:
    paid_desk, job, provider = await paid(till)
    refunds = RefundDesk(till, job, provider)
    opened = await refunds.open(3_000)
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.decide("lost")
    await desk.read()

    assert (await refunds.send(opened.refund_id)).state is RefundState.AWAITING_APPROVAL
    refused = await refunds.decide(opened.refund_id, approved=True)
    assert refused.refusal_code == "refund_exceeds_paid"
    assert (await refunds.decide(opened.refund_id, approved=False)).state is RefundState.REJECTED
    assert await refunds.paid_back() == (0, 0)
    await desk.check()


@pytest.mark.parametrize(("amount", "part"), [(None, "the"), (4_000, "part of the")])
async def test_an_order_that_lost_its_money_does_not_close_as_if_all_were_well(
    till: Till, amount: int | None, part: str
) -> None:
    paid_desk, job, _ = await paid(till)
    desk = await paid_desk.dispute(**({} if amount is None else {"amount": amount}))
    await desk.read()
    await desk.decide("lost")
    await desk.read()
    assert (await next_of(till, job.order_id))[:2] == ("support", "decide how the order goes on: its money is lost")

    assert (await settle(till, job)).order_closed

    assert await next_of(till, job.order_id) == (
        "nobody",
        f"closed: {part} money was lost to a chargeback",
        False,
    )


async def test_releases_of_several_providers_are_taken_back_pro_rata(till: Till) -> None:
    paid_desk, job, first = await paid(till)
    second = await till.add_payee()
    second_line, second_job = new_id("lin"), new_id("job")
    await till.shop.sql(
        "INSERT INTO order_lines SELECT (jsonb_populate_record(l, jsonb_build_object('id', CAST(:line AS text), "
        "'amount_minor', 3000))).* FROM order_lines l WHERE id = :id",
        id=job.line_id,
        line=second_line,
    )
    await till.shop.sql("UPDATE order_lines SET amount_minor = 7000 WHERE id = :id", id=job.line_id)
    await till.shop.sql("UPDATE jobs SET amount_minor = 7000 WHERE id = :id", id=job.job_id)
    await till.shop.sql(
        "INSERT INTO jobs SELECT (jsonb_populate_record(j, jsonb_build_object('id', CAST(:job AS text), 'line_id', "
        "CAST(:line AS text), 'provider_id', CAST(:provider AS text), 'amount_minor', 3000))).* "
        "FROM jobs j WHERE id = :id",
        id=job.job_id,
        job=second_job,
        line=second_line,
        provider=second,
    )
    for job_id, provider, shares in (
        (job.job_id, first, (3_400, 504, 96)),
        (second_job, second, (2_550, 378, 72)),
    ):
        await release(till, paid_desk.order_id, provider, *shares)
        await till.shop.sql(
            "UPDATE jobs SET released_minor = :all, payout_minor = :share, commission_minor = :commission, "
            "commission_tax_minor = :tax, netted_minor = 0 WHERE id = :id",
            id=job_id,
            all=sum(shares),
            share=shares[0],
            commission=shares[1] + shares[2],
            tax=shares[2],
        )
    desk = await paid_desk.dispute(amount=6_500)
    await desk.read()
    await desk.decide("lost")

    await desk.read()

    assert await desk.ledger() == {
        f"asset:receivable:{first}": 1_700,
        f"asset:receivable:{second}": 1_275,
        f"liability:payable:{first}": -3_400,
        f"liability:payable:{second}": -2_550,
        "revenue:commission": -441,
        "liability:tax": -84,
        "expense:chargeback_fee": FEE,
        "asset:stripe": 3_500 - FEE,
    }


async def test_two_losses_of_an_order_are_booked_one_after_the_other(till: Till) -> None:
    paid_desk, job, _ = await paid(till)
    await till.shop.run_order_workflow(job.order_id)
    await settle(till, job)
    first = await paid_desk.dispute(amount=6_000)
    await first.decide("lost")
    second = await paid_desk.dispute(amount=4_000)
    await second.decide("lost")
    await till.fail("POST /v1/transfers/.+/reversals", "drop_after")
    with pytest.raises(StripeUnavailableError):
        await first.read()

    with pytest.raises(ApplicationError) as waits:
        await second.read()
    assert (waits.value.type, waits.value.non_retryable) == ("loss_being_booked", False)
    await first.read()
    await second.read()

    assert await second.ledger() == {"asset:stripe": -2 * FEE, "expense:chargeback_fee": 2 * FEE}
    assert await till.shop.value("SELECT reversed_minor FROM transfers") == 8_500
    await second.check()
