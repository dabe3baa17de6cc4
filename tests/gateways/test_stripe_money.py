"""Money through the gateway and back: every movement has its entry, and the entries are the balance."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from fulfil.gateways.stripe.errors import StripeRefusedError
from fulfil.gateways.stripe.facts import BalanceFacts, DisputeEvidence, DisputeFacts, PaymentIntentFacts
from fulfil.gateways.stripe.gateway import StripeGateway
from tests.gateways.test_stripe import captured
from tests.simulators.processes import until
from tests.simulators.stripe_http import StripeHttp

EVER = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def order_id() -> str:
    """An order of this test's own."""
    return f"ord_{uuid4().hex}"


async def paid(
    gateway: StripeGateway, order_id: str, *, card: str = "pm_card_visa", amount_minor: int, currency: str = "eur"
) -> PaymentIntentFacts:
    """A payment that was taken."""
    intent = await gateway.create_payment_intent(
        order_id=order_id, amount_minor=amount_minor, currency=currency, idempotency_key=f"{order_id}:payment_intent"
    )
    await gateway.confirm_payment_intent(
        intent.id, payment_method=card, return_url=None, idempotency_key=f"{order_id}:pay:1"
    )
    return await gateway.capture_payment_intent(intent.id, idempotency_key=f"{order_id}:capture")


async def disputed(gateway: StripeGateway, order_id: str, card: str) -> DisputeFacts:
    """What the bank of a test card makes of a captured payment."""
    taken = await paid(gateway, order_id, card=card, amount_minor=5000)
    found: list[DisputeFacts] = []

    async def has_come() -> bool:
        async for event in gateway.list_events(since=EVER, types=["charge.dispute.created"]):
            facts = await gateway.retrieve_dispute(event.object_id)
            if facts.charge_id == taken.charge_id:
                found.append(facts)
        return bool(found)

    await until(has_come)
    assert found[0].payment_intent_id == taken.id
    return found[0]


async def balance_of(gateway: StripeGateway, currency: str) -> BalanceFacts:
    """The platform's balance in a currency."""
    return next(
        (balance for balance in await gateway.retrieve_balance() if balance.currency == currency),
        BalanceFacts(currency, 0, 0),
    )


async def test_each_movement_has_its_entry_and_the_entries_are_the_balance(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str
) -> None:
    taken = await captured(gateway, order_id)
    account = await simulator.recipient()
    transfer = await gateway.create_transfer(
        order_id=order_id,
        amount_minor=3400,
        currency="eur",
        destination=account,
        source_charge_id=taken.charge_id or "",
        idempotency_key=f"{order_id}:transfer",
        metadata={},
    )
    refund = await gateway.create_refund(
        taken.id,
        order_id=order_id,
        refund_id="ref_1",
        reason="requested_by_customer",
        amount_minor=1000,
        idempotency_key=f"{order_id}:refund:1",
    )
    entries = {entry.source_id: entry async for entry in gateway.list_balance_entries(since=EVER)}
    told = {taken.charge_id: taken.entry, transfer.id: transfer.entry, refund.id: refund.entry}
    for source_id, entry in told.items():
        assert entry == entries[source_id]
        assert entry == await gateway.retrieve_balance_entry(entries[source_id].id)
    assert [entries[source_id].net_minor for source_id in told] == [4900, -3400, -1000]
    totals: Counter[tuple[str, bool]] = Counter()
    for entry in entries.values():
        assert entry.net_minor == entry.amount_minor - entry.fee_minor
        totals[entry.currency, entry.is_pending] += entry.net_minor
    for balance in await gateway.retrieve_balance():
        assert balance.pending_minor == totals[balance.currency, True]
        assert balance.available_minor == totals[balance.currency, False]


async def test_refunds_and_transfers_are_found_again_by_payment_and_order(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str
) -> None:
    taken = await captured(gateway, order_id)
    refunds = [
        await gateway.create_refund(
            taken.id,
            order_id=order_id,
            refund_id=f"ref_{n}",
            amount_minor=500,
            reason="duplicate",
            idempotency_key=f"ref_{n}:send:{order_id}",
        )
        for n in range(2)
    ]
    assert await gateway.list_refunds(taken.id) == list(reversed(refunds))
    assert [refund.refund_id for refund in refunds] == ["ref_0", "ref_1"]
    assert {refund.charge_id for refund in refunds} == {taken.charge_id}
    transfer = await gateway.create_transfer(
        order_id=order_id,
        amount_minor=2000,
        currency="eur",
        destination=await simulator.recipient(),
        source_charge_id=taken.charge_id or "",
        idempotency_key=f"{order_id}:transfer",
        metadata={"job_id": "job_1"},
    )
    assert await gateway.list_transfers(order_id) == [transfer]
    assert await gateway.retrieve_transfer(transfer.id) == transfer
    assert await gateway.list_transfers(f"{order_id}0") == []


async def test_money_is_taken_back_from_a_provider_until_there_is_no_more(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str
) -> None:
    taken = await paid(gateway, order_id, card="pm_card_bypassPending", amount_minor=5000)
    transfer = await gateway.create_transfer(
        order_id=order_id,
        amount_minor=3400,
        currency="eur",
        destination=await simulator.recipient(),
        source_charge_id=taken.charge_id or "",
        idempotency_key=f"{order_id}:transfer",
        metadata={},
    )
    first = await gateway.reverse_transfer(
        transfer.id, amount_minor=1400, order_id=order_id, refund_id="ref_1", idempotency_key=f"{order_id}:reverse:1"
    )
    again = await gateway.reverse_transfer(
        transfer.id, amount_minor=1400, order_id=order_id, refund_id="ref_1", idempotency_key=f"{order_id}:reverse:1"
    )
    assert first == again
    assert (first.transfer_id, first.amount_minor, first.currency) == (transfer.id, 1400, "eur")
    assert first.entry is not None
    assert first.entry.net_minor == 1400
    assert (await gateway.retrieve_transfer(transfer.id)).reversed_minor == 1400
    with pytest.raises(StripeRefusedError):
        await gateway.reverse_transfer(
            transfer.id,
            amount_minor=2001,
            order_id=order_id,
            refund_id="ref_2",
            idempotency_key=f"{order_id}:reverse:2",
        )


async def test_a_provider_who_paid_everything_out_cannot_give_it_back(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str
) -> None:
    taken = await paid(gateway, order_id, card="pm_card_bypassPending", amount_minor=5000)
    account = await simulator.recipient()
    transfer = await gateway.create_transfer(
        order_id=order_id,
        amount_minor=3400,
        currency="eur",
        destination=account,
        source_charge_id=taken.charge_id or "",
        idempotency_key=f"{order_id}:transfer",
        metadata={},
    )
    gone = await simulator.client.post(
        "/v1/payouts", data={"amount": "3400", "currency": "eur"}, headers={"Stripe-Account": account}
    )
    assert gone.status_code == 200, gone.text
    with pytest.raises(StripeRefusedError) as refused:
        await gateway.reverse_transfer(
            transfer.id, amount_minor=1, order_id=order_id, refund_id="ref_1", idempotency_key=f"{order_id}:reverse:1"
        )
    assert refused.value.code == "balance_insufficient"


async def test_a_refund_that_fails_after_it_succeeded_tells_so(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str
) -> None:
    taken = await paid(gateway, order_id, amount_minor=5000)
    refund = await gateway.create_refund(
        taken.id,
        order_id=order_id,
        refund_id="ref_1",
        reason="requested_by_customer",
        amount_minor=5000,
        idempotency_key=f"{order_id}:refund:1",
    )
    assert (refund.status, refund.failure_reason, refund.failure_entry) == ("succeeded", None, None)
    await simulator.admin("POST", f"/refunds/{refund.id}", {"status": "failed"})
    failed = await gateway.retrieve_refund(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "lost_or_stolen_card")
    assert failed.entry is not None
    assert failed.failure_entry is not None
    assert failed.entry.net_minor + failed.failure_entry.net_minor == 0
    assert await gateway.list_refunds(taken.id) == [failed]


async def test_a_pending_refund_has_its_entry_and_succeeds_later(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str
) -> None:
    taken = await paid(gateway, order_id, card="pm_card_pendingRefund", amount_minor=5000)
    refund = await gateway.create_refund(
        taken.id,
        order_id=order_id,
        refund_id="ref_1",
        reason="requested_by_customer",
        amount_minor=500,
        idempotency_key=f"{order_id}:refund:1",
    )
    assert refund.status == "pending"
    await simulator.admin("POST", f"/refunds/{refund.id}", {"status": "succeeded"})
    assert (await gateway.retrieve_refund(refund.id)).status == "succeeded"


async def test_pending_money_becomes_available_in_time(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str
) -> None:
    taken = await paid(gateway, order_id, amount_minor=5000, currency="chf")
    assert taken.entry is not None
    assert taken.entry.is_pending
    assert taken.entry.available_on > taken.entry.created_at
    before = await balance_of(gateway, "chf")
    assert before.pending_minor == taken.entry.net_minor
    wait = taken.entry.available_on - taken.entry.created_at
    await simulator.admin("POST", "/clock", {"advance_s": wait.total_seconds() + 1})
    settled = await gateway.retrieve_balance_entry(taken.entry.id)
    assert settled == replace(taken.entry, is_pending=False)
    after = await balance_of(gateway, "chf")
    assert (after.pending_minor, after.available_minor) == (0, before.available_minor + taken.entry.net_minor)


@pytest.mark.parametrize(
    ("currency", "amount_minor"),
    [("eur", 5000), ("jpy", 5000), ("isk", 5000), ("ugx", 5000), ("kwd", 5010), ("mga", 500_000)],
)
async def test_an_amount_comes_back_in_our_minor_units(
    gateway: StripeGateway, order_id: str, currency: str, amount_minor: int
) -> None:
    taken = await paid(gateway, order_id, amount_minor=amount_minor, currency=currency)
    assert (taken.amount_minor, taken.currency, taken.status) == (amount_minor, currency, "succeeded")
    assert taken.entry is not None
    assert (taken.entry.amount_minor, taken.entry.currency) == (amount_minor, currency)


async def test_only_available_money_is_paid_out_and_once(gateway: StripeGateway, order_id: str) -> None:
    await paid(gateway, order_id, card="pm_card_bypassPending", amount_minor=5000, currency="gbp")
    available = (await balance_of(gateway, "gbp")).available_minor
    assert available > 0
    with pytest.raises(StripeRefusedError, match="balance_insufficient"):
        await gateway.create_payout(
            amount_minor=available + 1, currency="gbp", idempotency_key=f"{order_id}:payout:too_much"
        )
    payouts = [
        await gateway.create_payout(amount_minor=available, currency="gbp", idempotency_key=f"{order_id}:payout")
        for _ in range(2)
    ]
    assert payouts[0].id == payouts[1].id
    assert (payouts[0].amount_minor, payouts[0].currency) == (available, "gbp")
    assert payouts[0].entry is not None
    assert payouts[0].entry.net_minor == -available
    assert (await balance_of(gateway, "gbp")).available_minor == 0
    assert (await gateway.retrieve_payout(payouts[0].id)).entry == payouts[0].entry


async def test_a_dispute_takes_the_money_and_is_answered_once(gateway: StripeGateway, order_id: str) -> None:
    dispute = await disputed(gateway, order_id, "pm_card_createDispute")
    assert (dispute.status, dispute.reason, dispute.is_inquiry) == ("needs_response", "fraudulent", False)
    assert [entry.amount_minor for entry in dispute.entries] == [-5000]
    assert dispute.entries[0].fee_minor > 0
    assert dispute.evidence_due_at is not None
    file_id = await gateway.upload_evidence_file(
        name="delivery.pdf",
        content=b"%PDF-1.7\n%%EOF\n",
        content_type="application/pdf",
        idempotency_key=f"{dispute.id}:file:delivery",
    )
    staged = await gateway.stage_evidence(
        dispute.id,
        evidence=DisputeEvidence(product_description="A printed part", shipping_documentation=file_id),
        submit=False,
        idempotency_key=f"{dispute.id}:stage:1",
    )
    assert (staged.status, staged.has_evidence, staged.submission_count) == ("needs_response", True, 0)
    submitted = await gateway.stage_evidence(
        dispute.id,
        evidence=DisputeEvidence(uncategorized_text="See the documents."),
        submit=True,
        idempotency_key=f"{dispute.id}:submit",
    )
    assert (submitted.status, submitted.submission_count) == ("under_review", 1)
    with pytest.raises(StripeRefusedError):
        await gateway.stage_evidence(
            dispute.id,
            evidence=DisputeEvidence(uncategorized_text="And this."),
            submit=True,
            idempotency_key=f"{dispute.id}:submit:2",
        )


async def test_an_accepted_dispute_is_lost_however_often_it_is_accepted(gateway: StripeGateway, order_id: str) -> None:
    dispute = await disputed(gateway, order_id, "pm_card_createDisputeProductNotReceived")
    assert dispute.reason == "product_not_received"
    for n in range(2):
        accepted = await gateway.accept_dispute(dispute.id, idempotency_key=f"{dispute.id}:accept:{n}")
        assert accepted.status == "lost"


async def test_a_dispute_that_is_won_brings_the_money_back(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str
) -> None:
    dispute = await disputed(gateway, order_id, "pm_card_createDispute")
    await simulator.admin("POST", f"/disputes/{dispute.id}", {"status": "won"})
    won = await gateway.retrieve_dispute(dispute.id)
    assert won.status == "won"
    assert won.entries[0] == dispute.entries[0]
    assert sum(entry.amount_minor for entry in won.entries) == 0
    assert (await gateway.accept_dispute(dispute.id, idempotency_key=f"{dispute.id}:accept")).status == "won"


async def test_a_payout_may_fail_after_it_was_paid(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str
) -> None:
    await paid(gateway, order_id, card="pm_card_bypassPending", amount_minor=5000, currency="sek")
    payout = await gateway.create_payout(amount_minor=1000, currency="sek", idempotency_key=f"{order_id}:payout")
    for status in ("paid", "failed"):
        await simulator.admin("POST", f"/payouts/{payout.id}", {"status": status})
        assert (await gateway.retrieve_payout(payout.id)).status == status
    failed = await gateway.retrieve_payout(payout.id)
    assert failed.failure_code == "no_account"
    assert failed.failure_entry is not None
    assert failed.failure_entry.net_minor == 1000


async def test_an_inquiry_takes_nothing(gateway: StripeGateway, order_id: str) -> None:
    inquiry = await disputed(gateway, order_id, "pm_card_createDisputeInquiry")
    assert (inquiry.is_inquiry, inquiry.entries, inquiry.is_charge_refundable) == (True, (), True)


async def test_an_issuer_that_suspects_fraud_names_the_payment(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str
) -> None:
    taken = await paid(gateway, order_id, amount_minor=5000)
    warning = await simulator.admin("POST", "/early_fraud_warnings", {"charge": taken.charge_id})
    facts = await gateway.retrieve_fraud_warning(warning["id"])
    assert (facts.charge_id, facts.payment_intent_id, facts.is_actionable) == (taken.charge_id, taken.id, True)
