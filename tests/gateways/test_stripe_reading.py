"""What the gateway reads of Stripe's answers: amounts in our minor units, times in UTC, absent fields as absent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fulfil.gateways.stripe.errors import StripeMisconfiguredError, StripeRefusedError, StripeUnavailableError
from fulfil.gateways.stripe.facts import BalanceEntry, BalanceFacts, Decline, SavedCard
from fulfil.gateways.stripe.gateway import StripeGateway
from tests.gateways import stripe_bodies as bodies
from tests.gateways.stripe_stub import StripeStub

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


async def test_a_captured_payment_has_its_entry(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_answer(bodies.payment_intent())
    facts = await scripted.retrieve_payment_intent("pi_1")
    assert facts.entry == BalanceEntry(
        id="txn_1",
        type="charge",
        source_id="ch_1",
        amount_minor=5000,
        fee_minor=100,
        net_minor=4900,
        currency="eur",
        is_pending=True,
        available_on=NOON + timedelta(days=7),
        created_at=NOON,
    )
    assert (facts.fee_minor, facts.balance_transaction_id, facts.capture_before) == (100, "txn_1", None)


@pytest.mark.parametrize(
    ("currency", "stripes", "ours"),
    [("eur", 5000, 5000), ("jpy", 5000, 5000), ("kwd", 5010, 5010), ("isk", 500_000, 5000), ("ugx", 500_000, 5000)],
)
async def test_an_amount_is_read_in_our_minor_units(
    stub: StripeStub, scripted: StripeGateway, currency: str, stripes: int, ours: int
) -> None:
    entry = bodies.entry("txn_1", stripes, fee=stripes // 10, currency=currency)
    charge = bodies.charge(balance_transaction=entry)
    stub.will_answer(bodies.payment_intent(amount=stripes, currency=currency, latest_charge=charge))
    facts = await scripted.retrieve_payment_intent("pi_1")
    assert (facts.amount_minor, facts.currency, facts.fee_minor) == (ours, currency, ours // 10)
    assert facts.entry is not None
    assert facts.entry.net_minor == ours - ours // 10


async def test_a_hold_tells_when_it_ends(stub: StripeStub, scripted: StripeGateway) -> None:
    card = {"brand": "visa", "last4": "4242", "capture_before": bodies.AT}
    charge = bodies.charge(balance_transaction=None, payment_method_details={"type": "card", "card": card})
    held = bodies.payment_intent(
        status="requires_capture", amount_capturable=5000, customer={"id": "cus_1"}, latest_charge=charge
    )
    stub.will_answer(held)
    facts = await scripted.retrieve_payment_intent("pi_1")
    assert (facts.capture_before, facts.amount_capturable_minor, facts.customer_id) == (NOON, 5000, "cus_1")
    assert (facts.charge_id, facts.entry, facts.fee_minor, facts.balance_transaction_id) == ("ch_1", None, None, None)


@pytest.mark.parametrize("details", [None, {"type": "sepa_debit", "sepa_debit": {}}])
async def test_a_payment_without_a_card_has_no_end_of_hold(
    stub: StripeStub, scripted: StripeGateway, details: dict[str, Any] | None
) -> None:
    stub.will_answer(bodies.payment_intent(latest_charge=bodies.charge(payment_method_details=details)))
    assert (await scripted.retrieve_payment_intent("pi_1")).capture_before is None


async def test_a_declined_payment_tells_why(stub: StripeStub, scripted: StripeGateway) -> None:
    error = {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": "insufficient_funds",
        "advice_code": "try_again_later",
        "message": "Your card has insufficient funds.",
    }
    declined = bodies.payment_intent(
        status="requires_payment_method",
        last_payment_error=error,
        latest_charge=bodies.charge(status="failed", balance_transaction=None),
    )
    stub.will_answer(declined)
    facts = await scripted.retrieve_payment_intent("pi_1")
    assert facts.refusal == Decline(
        "card_declined", "insufficient_funds", "try_again_later", "Your card has insufficient funds."
    )
    assert (facts.decline_code, facts.charge_id) == ("insufficient_funds", None)


async def test_an_expired_card_has_no_reason_of_the_banks(stub: StripeStub, scripted: StripeGateway) -> None:
    error = {"type": "card_error", "code": "expired_card", "message": "Your card has expired."}
    stub.will_answer(bodies.payment_intent(last_payment_error=error))
    facts = await scripted.retrieve_payment_intent("pi_1")
    assert facts.refusal == Decline("expired_card", "expired_card", None, "Your card has expired.")


async def test_a_refund_that_failed_after_it_succeeded_has_both_entries(
    stub: StripeStub, scripted: StripeGateway
) -> None:
    back = bodies.entry("txn_7", 2000, kind="refund_failure")
    stub.will_answer(
        bodies.refund(status="failed", failure_reason="lost_or_stolen_card", failure_balance_transaction=back)
    )
    facts = await scripted.retrieve_refund("re_1")
    assert (facts.status, facts.failure_reason, facts.refund_id) == ("failed", "lost_or_stolen_card", "ref_1")
    assert facts.entry is not None
    assert facts.failure_entry is not None
    assert (facts.entry.net_minor, facts.failure_entry.net_minor) == (-2000, 2000)


async def test_a_refund_that_waits_for_money_has_no_entry(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_answer(bodies.refund(status="pending", balance_transaction=None, metadata={}))
    facts = await scripted.retrieve_refund("re_1")
    assert (facts.status, facts.entry, facts.failure_entry) == ("pending", None, None)
    assert (facts.failure_reason, facts.refund_id, facts.charge_id) == (None, None, "ch_1")


async def test_refunds_are_listed_over_all_pages(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_answer(bodies.page(bodies.refund(id="re_3"), bodies.refund(id="re_2"), more=True))
    stub.will_answer(bodies.page(bodies.refund()))
    assert [refund.id for refund in await scripted.list_refunds("pi_1")] == ["re_3", "re_2", "re_1"]
    assert [asked.query.get("starting_after") for asked in stub.asked] == [None, "re_2"]
    assert stub.asked[0].query["expand[1]"] == "data.failure_balance_transaction"


async def test_transfers_are_listed_by_order(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_answer(bodies.page(bodies.transfer(amount_reversed=1000)))
    (transfer,) = await scripted.list_transfers("ord_1")
    assert (transfer.amount_minor, transfer.reversed_minor, transfer.order_id) == (3400, 1000, "ord_1")
    assert transfer.entry is not None
    assert transfer.entry.net_minor == -3400
    assert stub.asked[0].query["transfer_group"] == "ord_1"


async def test_a_dispute_has_its_withdrawal_and_fee(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_answer(bodies.dispute())
    facts = await scripted.retrieve_dispute("dp_1")
    assert (facts.status, facts.reason, facts.is_inquiry) == ("needs_response", "fraudulent", False)
    assert facts.evidence_due_at == NOON
    assert [(entry.amount_minor, entry.fee_minor, entry.net_minor) for entry in facts.entries] == [(-5000, 1500, -6500)]


@pytest.mark.parametrize("due_by", [0, None])
async def test_an_inquiry_has_moved_nothing_and_may_have_no_due_date(
    stub: StripeStub, scripted: StripeGateway, due_by: int | None
) -> None:
    details = {"due_by": due_by, "has_evidence": True, "past_due": False, "submission_count": 1}
    stub.will_answer(
        bodies.dispute(
            status="warning_under_review",
            balance_transactions=[],
            evidence_details=details,
            is_charge_refundable=True,
            payment_intent=None,
        )
    )
    facts = await scripted.retrieve_dispute("dp_1")
    assert (facts.is_inquiry, facts.entries, facts.is_charge_refundable) == (True, (), True)
    assert (facts.evidence_due_at, facts.has_evidence, facts.submission_count) == (None, True, 1)
    assert facts.payment_intent_id is None


async def test_a_dispute_that_was_decided_meanwhile_is_not_accepted_but_told(
    stub: StripeStub, scripted: StripeGateway
) -> None:
    stub.will_fail(400, error={"type": "invalid_request_error", "message": "This dispute is already closed."})
    stub.will_answer(bodies.dispute(status="won"))
    assert (await scripted.accept_dispute("dp_1", idempotency_key="k")).status == "won"


async def test_a_dispute_that_cannot_be_accepted_is_a_refusal(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_fail(400, error={"type": "invalid_request_error", "code": "resource_busy"})
    stub.will_answer(bodies.dispute())
    with pytest.raises(StripeRefusedError, match="resource_busy"):
        await scripted.accept_dispute("dp_1", idempotency_key="k")


@pytest.mark.parametrize(("intent", "read"), [({}, None), ({"payment_intent": "pi_1"}, "pi_1")])
async def test_a_fraud_warning_names_the_charge(
    stub: StripeStub, scripted: StripeGateway, intent: dict[str, str], read: str | None
) -> None:
    stub.will_answer(
        {
            "id": "issfr_1",
            "object": "radar.early_fraud_warning",
            "actionable": True,
            "charge": "ch_1",
            "fraud_type": "unauthorized_use_of_card",
            **intent,
        }
    )
    facts = await scripted.retrieve_fraud_warning("issfr_1")
    assert (facts.id, facts.charge_id, facts.payment_intent_id) == ("issfr_1", "ch_1", read)
    assert (facts.fraud_type, facts.is_actionable) == ("unauthorized_use_of_card", True)


async def test_a_payout_that_failed_has_both_entries(stub: StripeStub, scripted: StripeGateway) -> None:
    back = bodies.entry("txn_8", 100_000, kind="payout_failure")
    stub.will_answer(bodies.payout(status="failed", failure_code="account_closed", failure_balance_transaction=back))
    facts = await scripted.retrieve_payout("po_1")
    assert (facts.status, facts.failure_code, facts.arrives_at) == ("failed", "account_closed", NOON)
    assert facts.entry is not None
    assert facts.failure_entry is not None
    assert facts.entry.net_minor + facts.failure_entry.net_minor == 0


async def test_the_balance_is_read_per_currency(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_answer(
        {
            "object": "balance",
            "available": [{"amount": 12_000, "currency": "eur"}, {"amount": 50_000, "currency": "ugx"}],
            "pending": [{"amount": -300, "currency": "eur"}, {"amount": 700, "currency": "jpy"}],
        }
    )
    assert await scripted.retrieve_balance() == [
        BalanceFacts("eur", -300, 12_000),
        BalanceFacts("jpy", 700, 0),
        BalanceFacts("ugx", 0, 500),
    ]


async def test_entries_are_listed_over_all_pages_since_a_time(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_answer(bodies.page(bodies.entry("txn_9", 100), bodies.entry("txn_8", 200, currency="jpy"), more=True))
    stub.will_answer(bodies.page(bodies.entry("txn_7", -50_000, currency="ugx")))
    listed = [entry async for entry in scripted.list_balance_entries(since=NOON)]
    assert [(entry.id, entry.net_minor) for entry in listed] == [("txn_9", 100), ("txn_8", 200), ("txn_7", -500)]
    assert [asked.query for asked in stub.asked] == [
        {"created[gte]": str(bodies.AT), "limit": "100"},
        {"created[gte]": str(bodies.AT), "limit": "100", "starting_after": "txn_8"},
    ]


async def test_an_entry_becomes_available(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_answer({**bodies.entry("txn_1", 5000), "status": "available", "source": None})
    entry = await scripted.retrieve_balance_entry("txn_1")
    assert (entry.is_pending, entry.source_id) == (False, None)


async def test_a_fraction_of_a_shilling_in_an_answer_is_for_a_person(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_answer(bodies.entry("txn_1", 50_001, currency="ugx"))
    with pytest.raises(StripeMisconfiguredError):
        await scripted.retrieve_balance_entry("txn_1")


async def test_an_active_account_can_receive_transfers(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_answer(bodies.account())
    facts = await scripted.retrieve_recipient_account("acct_1")
    assert (facts.can_receive_transfers, facts.transfers_status, facts.due, facts.closed) == (True, "active", (), False)
    assert sorted(stub.asked[0].query.values()) == ["configuration.recipient", "requirements"]


async def test_an_account_tells_what_its_owner_must_still_provide(stub: StripeStub, scripted: StripeGateway) -> None:
    entries = [
        {"awaiting_action_from": "user", "description": "identity.individual.date_of_birth"},
        {"awaiting_action_from": "stripe", "description": "identity.individual.verification"},
        {"awaiting_action_from": "user", "description": "configuration.recipient.default_outbound_destination"},
    ]
    stub.will_answer(bodies.account("restricted", requirements={"entries": entries}))
    facts = await scripted.retrieve_recipient_account("acct_1")
    assert (facts.can_receive_transfers, facts.transfers_status) == (False, "restricted")
    assert facts.due == ("identity.individual.date_of_birth", "configuration.recipient.default_outbound_destination")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"closed": True}, "active"),
        ({"configuration": None}, "not_requested"),
        ({"configuration": {"recipient": None}}, "not_requested"),
        ({"configuration": {"recipient": {"capabilities": None}}}, "not_requested"),
        ({"configuration": {"recipient": {"capabilities": {"stripe_balance": None}}}}, "not_requested"),
        ({"requirements": None, "configuration": {}}, "not_requested"),
    ],
)
async def test_an_account_without_the_capability_cannot_receive_transfers(
    stub: StripeStub, scripted: StripeGateway, changes: dict[str, Any], status: str
) -> None:
    stub.will_answer(bodies.account(**changes))
    facts = await scripted.retrieve_recipient_account("acct_1")
    assert (facts.can_receive_transfers, facts.transfers_status, facts.due) == (False, status, ())


async def test_saved_cards_are_listed(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_answer(bodies.page(bodies.payment_method(id="pm_2"), more=True))
    stub.will_answer(bodies.page(bodies.payment_method()))
    assert await scripted.list_saved_cards("cus_1") == [
        SavedCard("pm_2", "visa", "4242", 12, 2034),
        SavedCard("pm_1", "visa", "4242", 12, 2034),
    ]
    assert stub.asked[0].path.startswith("/v1/customers/cus_1/payment_methods?")


@pytest.mark.parametrize("owner", ["cus_1", {"id": "cus_1", "object": "customer"}])
async def test_a_card_tells_whose_it_is(stub: StripeStub, scripted: StripeGateway, owner: object) -> None:
    stub.will_answer(bodies.payment_method(customer=owner))
    stub.will_answer(bodies.payment_method(customer=None))
    assert await scripted.retrieve_card_owner("pm_1") == "cus_1"
    assert await scripted.retrieve_card_owner("pm_1") is None


async def test_a_card_that_is_nobodys_already_is_forgotten(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_fail(400, error={"type": "invalid_request_error", "message": "It is not attached to a customer."})
    stub.will_answer(bodies.payment_method(customer=None))
    await scripted.detach_card("pm_1", idempotency_key="k")
    assert [asked.method for asked in stub.asked] == ["POST", "GET"]


async def test_a_card_that_stays_somebodys_is_a_refusal(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_fail(400, error={"type": "invalid_request_error", "code": "payment_method_in_use"})
    stub.will_answer(bodies.payment_method())
    with pytest.raises(StripeRefusedError, match="payment_method_in_use"):
        await scripted.detach_card("pm_1", idempotency_key="k")


async def test_a_customer_who_is_gone_already_is_forgotten(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_answer({"id": "cus_1", "object": "customer", "deleted": True})
    stub.will_fail(404, error={"type": "invalid_request_error", "code": "resource_missing"})
    for _ in range(2):
        await scripted.delete_customer("cus_1")
    assert [(asked.method, asked.path) for asked in stub.asked] == [("DELETE", "/v1/customers/cus_1")] * 2


async def test_a_customer_who_may_not_be_deleted_is_a_refusal(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_fail(400, error={"type": "invalid_request_error", "code": "customer_locked"})
    with pytest.raises(StripeRefusedError, match="customer_locked"):
        await scripted.delete_customer("cus_1")


@pytest.mark.parametrize("method", ["pm_1", {"id": "pm_1", "object": "payment_method"}])
async def test_a_saving_tells_its_card(stub: StripeStub, scripted: StripeGateway, method: object) -> None:
    stub.will_answer(bodies.setup_intent(status="succeeded", payment_method=method))
    facts = await scripted.retrieve_setup_intent("seti_1")
    assert (facts.status, facts.payment_method_id, facts.client_secret) == ("succeeded", "pm_1", "seti_1_secret")


def event(event_id: str, kind: str) -> dict[str, Any]:
    """An event about a refund."""
    subject = {"id": "re_1", "object": "refund", "status": "failed", "amount": 2000, "metadata": {"a": "b"}}
    return {"id": event_id, "object": "event", "type": kind, "created": bodies.AT, "data": {"object": subject}}


async def test_events_are_listed_by_type_over_all_pages(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_answer(bodies.page(event("evt_2", "refund.failed"), more=True))
    stub.will_answer(bodies.page(event("evt_1", "refund.updated")))
    types = ["refund.updated", "refund.failed"]
    listed = [one async for one in scripted.list_events(since=NOON, types=types)]
    assert [(one.id, one.object_id, one.object_kind, one.object_state) for one in listed] == [
        ("evt_2", "re_1", "refund", "failed"),
        ("evt_1", "re_1", "refund", "failed"),
    ]
    assert listed[0].payload == event("evt_2", "refund.failed")
    assert stub.asked[1].query == {
        "created[gte]": str(bodies.AT),
        "limit": "100",
        "starting_after": "evt_2",
        "types[0]": "refund.failed",
        "types[1]": "refund.updated",
    }


async def test_more_types_than_stripe_takes_are_filtered_here(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_answer(bodies.page(event("evt_2", "refund.failed"), event("evt_1", "charge.updated")))
    types = ["refund.failed", *(f"made.up{n}" for n in range(20))]
    assert [one.id async for one in scripted.list_events(since=NOON, types=types)] == ["evt_2"]
    assert not any(name.startswith("types") for name in stub.asked[0].query)


async def test_an_event_about_nothing_is_trouble(stub: StripeStub, scripted: StripeGateway) -> None:
    stub.will_answer(bodies.page({**event("evt_1", "refund.failed"), "data": {"object": {"id": 5}}}))
    with pytest.raises(StripeUnavailableError):
        assert [one async for one in scripted.list_events(since=NOON)]
