"""Answering a chargeback: evidence from the timeline, staged, submitted once, or the loss accepted."""

import re
from datetime import timedelta

import pytest

from fulfil.gateways.stripe.errors import StripeUnavailableError
from fulfil.models.ids import new_id
from fulfil.models.messages.chargebacks import (
    ChargebackState,
    RemindOfEvidence,
)
from fulfil.models.messages.parties import Role
from fulfil.models.tables.accounts import AccountRow
from fulfil.models.tables.documents import DocumentRow
from tests.activities.chargeback_desk import FEE, paid, settle
from tests.activities.shop import SUPPORT
from tests.activities.till import Till
from tests.documents.snapshots import invoice


async def test_evidence_of_a_dispute_that_was_decided_meanwhile_is_not_staged(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.decide("lost")

    await desk.collect()

    assert await desk.column("staged_at") is None
    assert (await desk.read()).state is ChargebackState.LOST


async def test_evidence_is_staged_from_what_the_order_proves(till: Till) -> None:
    paid_desk, job, _ = await paid(till)
    await till.shop.sql(
        "UPDATE productions SET shipped_at = now(), delivered_at = now(), carrier = 'DHL', tracking_number = '0034' "
        "WHERE job_id = :id",
        id=job.job_id,
    )
    desk = await paid_desk.dispute(reason="product_not_received")
    await desk.read()
    await desk.till.shop.sql(
        "INSERT INTO chargeback_statements (id, chargeback_id, text, written_by, created_at) "
        "VALUES (:id, :chargeback, 'She thanked us by phone.', 'acc_1', now())",
        id=new_id("sta"),
        chargeback=desk.chargeback_id,
    )

    evidence = await desk.collect()

    assert (evidence["shipping_carrier"], evidence["shipping_tracking_number"]) == ("DHL", "0034")
    assert re.match(r"\d+ x bracket\.stl: made to order", evidence["product_description"])
    assert "nothing arrived" in evidence["uncategorized_text"]
    assert "She thanked us by phone." in evidence["uncategorized_text"]
    staged = (await desk.at_stripe())["evidence"]
    assert {name: text for name, text in staged.items() if text} == evidence
    assert (await desk.at_stripe())["status"] == "needs_response"
    assert (await desk.read()).staged


async def test_what_was_collected_is_staged_again_as_it_was(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    await desk.read()
    first = await desk.collect(1)
    await till.shop.sql("UPDATE order_lines SET title = 'something else'")

    assert await desk.collect(1) == first
    assert "something else" in (await desk.collect(2))["product_description"]


@pytest.mark.parametrize(
    ("reason", "field"),
    [
        ("fraudulent", "access_activity_log"),
        ("unrecognized", "access_activity_log"),
        ("credit_not_processed", "refund_refusal_explanation"),
        ("product_unacceptable", "refund_refusal_explanation"),
        ("duplicate", "duplicate_charge_explanation"),
    ],
)
async def test_each_claim_is_answered_in_its_own_field(till: Till, reason: str, field: str) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute(reason=reason)
    await desk.read()
    assert (await desk.collect())[field]


async def test_an_answer_is_submitted_once(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.collect()

    first = await desk.submit()
    second = await desk.submit()

    assert first == second
    assert (first.state, first.submitted) == (ChargebackState.UNDER_REVIEW, True)
    assert (await desk.at_stripe())["evidence_details"]["submission_count"] == 1
    assert (await till.shop.events(desk.order_id)).count("chargeback.evidence_submitted") == 1
    assert await desk.column("submitted_at") is not None


@pytest.mark.parametrize("mode", ["drop_after", "error_500_after"])
async def test_a_lost_answer_to_the_submission_does_not_submit_twice(till: Till, mode: str) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.collect()
    await till.fail(f"POST /v1/disputes/{desk.dispute_id}", mode)
    with pytest.raises(StripeUnavailableError):
        await desk.submit()

    assert (await desk.submit()).submitted
    assert (await desk.at_stripe())["evidence_details"]["submission_count"] == 1
    assert (await till.shop.events(desk.order_id)).count("chargeback.evidence_submitted") == 1


async def test_an_accepted_loss_is_booked_and_names_who_accepted(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    await desk.read()

    assert (await desk.accept()).state is ChargebackState.LOST
    assert (await desk.accept()).state is ChargebackState.LOST
    data = await till.shop.value("SELECT data FROM events WHERE type = 'chargeback.lost'")
    assert (data["accepted_by"], data["why"]) == (SUPPORT.id, "the customer is right")
    await desk.check()


async def test_support_is_reminded_once_and_not_after_the_decision(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    status = await desk.read()
    assert status.evidence_due_at is not None
    reminder = RemindOfEvidence(chargeback_id=desk.chargeback_id, order_id=desk.order_id, due_at=status.evidence_due_at)
    await desk.activities.remind_of_evidence(reminder)
    await desk.activities.remind_of_evidence(reminder)
    await desk.decide("lost")
    await desk.read()
    later = reminder.model_copy(update={"due_at": status.evidence_due_at + timedelta(days=1)})
    await desk.activities.remind_of_evidence(later)

    assert (await till.shop.events(desk.order_id)).count("chargeback.evidence_due") == 1


async def test_a_reversal_whose_answer_was_lost_is_booked_once(till: Till) -> None:
    paid_desk, job, _ = await paid(till)
    await till.shop.run_order_workflow(job.order_id)
    await settle(till, job)
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.decide("lost")
    await till.fail("POST /v1/transfers/.+/reversals", "drop_after")
    with pytest.raises(StripeUnavailableError):
        await desk.read()
    assert await desk.frozen()

    assert (await desk.read()).state is ChargebackState.LOST

    (transfer,) = await till.at_stripe("transfers", job.order_id)
    assert transfer["amount_reversed"] == 8_500
    assert await desk.ledger() == {"asset:stripe": -FEE, "expense:chargeback_fee": FEE}
    await desk.check()


async def test_the_customer_is_named_in_the_evidence_and_the_bill_goes_with_it(till: Till) -> None:
    paid_desk, job, _ = await paid(till)
    customer = await till.shop.value("SELECT customer_id FROM orders WHERE id = :id", id=job.order_id)
    async with till.shop.owner.begin() as session:
        session.add(
            AccountRow(
                id=new_id("acc"),
                email="ada@example.com",
                name="Ada L.",
                role=Role.CUSTOMER,
                party_id=customer,
                created_at=till.shop.clock(),
            )
        )
        snapshot = invoice()
        session.add(
            DocumentRow(
                id=new_id("doc"),
                kind=snapshot.kind,
                number=snapshot.number,
                series="TEST",
                year=2030,
                sequence=1,
                order_id=job.order_id,
                party_id=customer,
                business_key="bill",
                total_minor=snapshot.total_minor,
                currency=snapshot.currency,
                snapshot=snapshot.model_dump(mode="json"),
                snapshot_sha256="0" * 64,
                issued_at=till.shop.clock(),
            )
        )
    desk = await paid_desk.dispute()
    await desk.read()

    evidence = await desk.collect()

    assert (evidence["customer_name"], evidence["customer_email_address"]) == ("Ada L.", "ada@example.com")
    assert evidence["receipt"].startswith("file_")
    assert (await desk.at_stripe())["evidence"]["receipt"] == evidence["receipt"]
    events = await till.shop.sql("SELECT data FROM events WHERE order_id = :id", id=job.order_id)
    assert not [row for row in events if "ada@example.com" in str(row.data)]


async def test_a_text_too_long_for_the_bank_is_cut(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    await desk.read()
    await till.shop.sql(
        "INSERT INTO chargeback_statements (id, chargeback_id, text, written_by, created_at) "
        "SELECT 'sta_' || n, :chargeback, repeat('x', 5000), 'acc_1', now() FROM generate_series(1, 5) n",
        chargeback=desk.chargeback_id,
    )
    evidence = await desk.collect()
    assert len(evidence["uncategorized_text"]) == 20_000
    assert evidence["uncategorized_text"].endswith("[…]")
