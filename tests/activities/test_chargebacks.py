"""Chargebacks on PostgreSQL and the Stripe simulator: frozen, booked to the cent, won or lost, thawed."""

import pytest
from temporalio.exceptions import ApplicationError

from fulfil.activities.chargeback_truth import dispute_changed, fraud_warned
from fulfil.models.ids import new_id
from fulfil.models.messages.chargebacks import (
    ChargebackState,
)
from fulfil.models.messages.refunds import RefundState
from tests.activities.chargeback_desk import FEE, Desk, next_of, paid, settle
from tests.activities.refund_desk import RefundDesk
from tests.activities.till import Till


async def test_a_chargeback_freezes_the_money_and_books_what_was_taken(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute(reason="product_not_received")

    status = await desk.read()
    again = await desk.read()

    assert status == again
    assert (status.state, status.amount_minor, status.submitted) == (ChargebackState.NEEDS_RESPONSE, 10_000, False)
    assert await desk.frozen()
    assert await desk.ledger() == {
        f"liability:held:{desk.order_id}": -10_000,
        f"asset:chargeback:{desk.chargeback_id}": 10_000,
        "expense:chargeback_fee": FEE,
        "asset:stripe": -FEE,
    }
    assert (await till.shop.events(desk.order_id))[-2:] == ["chargeback.opened", "payment.frozen"]
    who = "SELECT next_who FROM timelines WHERE order_id = :id"
    assert await till.shop.value(who, id=desk.order_id) == "support"
    await desk.check()


async def test_a_won_chargeback_gives_everything_back_and_thaws(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    before = await paid_desk.ledger()
    waited_for = await till.shop.value("SELECT next_what FROM timelines WHERE order_id = :id", id=paid_desk.order_id)
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.decide("won")

    status = await desk.read()
    await desk.read()

    assert status.state is ChargebackState.WON
    fee = await desk.column("fee_minor")
    after = await desk.ledger()
    assert after.pop("expense:chargeback_fee", 0) == fee
    assert after.pop("asset:stripe") == before.pop("asset:stripe") - fee
    assert after == before
    assert not await desk.frozen()
    assert (await till.shop.events(desk.order_id))[-2:] == ["chargeback.won", "payment.unfrozen"]
    next_what = await till.shop.value("SELECT next_what FROM timelines WHERE order_id = :id", id=desk.order_id)
    assert next_what == waited_for
    await desk.check()


@pytest.mark.parametrize("returned", [True, False])
async def test_the_fee_comes_back_when_its_entry_says_so(till: Till, returned: bool) -> None:
    paid_desk, _, _ = await paid(till)
    await paid_desk.admin("settings", dispute_fee_returned=returned)
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.decide("won")
    await desk.read()
    await paid_desk.admin("settings", dispute_fee_returned=False)

    assert await desk.column("fee_minor") == (0 if returned else FEE)
    assert (await desk.ledger()).get("expense:chargeback_fee", 0) == (0 if returned else FEE)
    await desk.check()


async def test_the_second_one_of_a_charge_keeps_the_money_frozen_until_it_is_over_too(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    first = await paid_desk.dispute(amount=4_000)
    await first.read()
    await first.decide("won")
    second = await paid_desk.dispute(amount=3_000)
    await second.read()

    await first.read()
    assert await first.frozen()
    await second.decide("lost")
    await second.read()

    assert not await second.frozen()
    assert (await second.ledger())[f"liability:held:{second.order_id}"] == -7_000
    assert (await till.shop.events(second.order_id)).count("payment.frozen") == 1
    await second.check()


async def test_an_inquiry_freezes_but_moves_nothing_and_may_become_a_chargeback(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    before = await paid_desk.ledger()
    desk = await paid_desk.dispute(inquiry=True)

    assert (await desk.read()).state is ChargebackState.INQUIRY
    assert await desk.frozen()
    assert await desk.ledger() == before
    await desk.decide("escalate")
    status = await desk.read()

    assert (status.state, status.submitted) == (ChargebackState.NEEDS_RESPONSE, False)
    assert (await desk.ledger())[f"asset:chargeback:{desk.chargeback_id}"] == 10_000
    opened = await till.shop.sql("SELECT data FROM events WHERE type = 'chargeback.opened' ORDER BY sequence")
    assert [row.data["escalated"] for row in opened] == [False, True]
    await desk.check()


async def test_a_closed_inquiry_thaws(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    before = await paid_desk.ledger()
    desk = await paid_desk.dispute(inquiry=True)
    await desk.read()
    await desk.decide("warning_closed")

    assert (await desk.read()).state is ChargebackState.CLOSED
    assert not await desk.frozen()
    assert await desk.ledger() == before
    assert (await till.shop.events(desk.order_id))[-2:] == ["chargeback.closed", "payment.unfrozen"]


async def test_a_refund_ends_an_inquiry_and_thaws(till: Till) -> None:
    paid_desk, job, provider = await paid(till)
    refunds = RefundDesk(till, job, provider)
    desk = await paid_desk.dispute(inquiry=True)
    await desk.read()
    assert await desk.frozen()

    refund_id = await refunds.refund()
    assert (await refunds.row(refund_id)).state == RefundState.SUCCEEDED
    assert (await desk.read()).state is ChargebackState.CLOSED

    assert not await desk.frozen()
    assert (await till.shop.events(desk.order_id)).count("chargeback.closed") == 1
    next_who = await till.shop.value("SELECT next_who FROM timelines WHERE order_id = :id", id=desk.order_id)
    assert next_who != "support"
    assert await refunds.paid_back() == (10_000, 0)
    await refunds.check()
    await desk.check()


async def test_jobs_that_wait_to_be_settled_are_told_of_the_thaw(till: Till) -> None:
    paid_desk, job, _ = await paid(till)
    desk = await paid_desk.dispute(inquiry=True)
    await desk.read()
    settlement = await settle(till, job)
    assert settlement.frozen
    assert await till.shop.signals(f"job/{job.job_id}") == []
    await desk.decide("warning_closed")

    await desk.read()

    assert await till.shop.signals(f"job/{job.job_id}") == [("payment_thawed", {"order_id": job.order_id})]


async def as_milestone(till: Till, job_id: str, provider_id: str) -> str:
    """Make a job the one milestone of a deliverable; the deliverable's id."""
    deliverable_id, milestone_id = new_id("del"), new_id("mil")
    await till.shop.sql(
        "INSERT INTO deliverables (id, order_id, line_id, provider_id, customer_id, title, state, revisions_included, "
        "checklist, opened_at) SELECT :deliverable, order_id, line_id, :provider, 'cus', 'Logo', 'accepted', 2, '[]', "
        "now() FROM jobs WHERE id = :job",
        deliverable=deliverable_id,
        provider=provider_id,
        job=job_id,
    )
    await till.shop.sql(
        "INSERT INTO milestones (id, deliverable_id, job_id, position, title, share_bp, amount_minor, currency, state, "
        "due_at) SELECT :milestone, :deliverable, id, 1, 'All', 10000, amount_minor, 'eur', 'completed', now() "
        "FROM jobs WHERE id = :job",
        milestone=milestone_id,
        deliverable=deliverable_id,
        job=job_id,
    )
    await till.shop.sql("UPDATE jobs SET milestone_id = :milestone WHERE id = :job", milestone=milestone_id, job=job_id)
    return deliverable_id


async def test_deliverables_whose_milestones_wait_to_be_settled_are_told_of_the_thaw(till: Till) -> None:
    paid_desk, job, provider = await paid(till)
    deliverable_id = await as_milestone(till, job.job_id, provider)
    await till.shop.client.start_workflow("Deliverable", id=f"deliverable/{deliverable_id}", task_queue="nobody")
    desk = await paid_desk.dispute(inquiry=True)
    await desk.read()
    assert (await settle(till, job)).frozen
    await desk.decide("warning_closed")

    await desk.read()

    assert await till.shop.signals(f"deliverable/{deliverable_id}") == [("payment_thawed", {"order_id": job.order_id})]
    assert await till.shop.signals(f"job/{job.job_id}") == []


async def test_work_approved_while_frozen_waits_for_the_chargeback_and_then_for_its_pay(till: Till) -> None:
    paid_desk, job, _ = await paid(till)
    desk = await paid_desk.dispute()
    await desk.read()
    assert (await settle(till, job)).frozen
    assert await next_of(till, job.order_id) == ("support", "answer the chargeback of 100.00 EUR (fraudulent)", True)

    await desk.decide("won")
    await desk.read()

    assert await next_of(till, job.order_id) == ("system", "pay the provider", False)
    await settle(till, job)
    assert await next_of(till, job.order_id) == ("nobody", "everything is done", False)


async def test_an_event_starts_the_workflow_and_the_next_ones_signal_it(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    workflow_id = f"chargeback/{desk.chargeback_id}"

    assert await dispute_changed(desk.truth, "evt_1", desk.dispute_id) is None
    assert await dispute_changed(desk.truth, "evt_2", desk.dispute_id) is None

    assert await till.shop.signals(workflow_id) == [
        ("chargeback_changed", {"event_id": "evt_1"}),
        ("chargeback_changed", {"event_id": "evt_2"}),
    ]


async def test_events_about_what_is_booked_already_start_nothing(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    await desk.decide("lost")
    await desk.read()
    assert await dispute_changed(desk.truth, "evt_1", desk.dispute_id) == "written already: lost"


async def test_disputes_of_others_are_noted(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    await till.shop.sql("UPDATE payments SET charge_id = 'ch_other', payment_intent_id = 'pi_other'")
    note = await dispute_changed(desk.truth, "evt_1", desk.dispute_id)
    assert note == f"no order of ours: charge {desk.charge_id}"


async def test_a_fraud_warning_is_told_to_support_once(till: Till) -> None:
    desk, _, _ = await paid(till)
    warning = await desk.admin("early_fraud_warnings", charge=desk.charge_id)
    for _ in range(2):
        assert await fraud_warned(desk.truth, "evt_1", warning["id"]) is None
    assert (await till.shop.events(desk.order_id)).count("payment.fraud_warned") == 1
    assert await till.shop.value("SELECT next_who FROM timelines WHERE order_id = :id", id=desk.order_id) == "support"


async def test_a_fraud_warning_after_the_dispute_needs_nobody(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    warning = await paid_desk.admin("early_fraud_warnings", charge=paid_desk.charge_id)
    await paid_desk.dispute()
    note = await fraud_warned(paid_desk.truth, "evt_1", warning["id"])
    assert note == "nothing is left to be done about it"


async def test_an_unknown_dispute_parks(till: Till) -> None:
    desk, _, _ = await paid(till)
    unknown = Desk(till, desk.order_id, desk.charge_id, "du_unknown")
    with pytest.raises(ApplicationError) as parked:
        await unknown.read()
    assert (parked.value.type, parked.value.non_retryable) == ("dispute_unreadable", True)
