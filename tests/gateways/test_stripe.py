"""The Stripe gateway: a payment's whole life through the official SDK."""

from uuid import uuid4

import httpx
import pytest

from fulfil.gateways.stripe.errors import CardDeclinedError, StripeRefusedError
from fulfil.gateways.stripe.facts import PaymentIntentFacts
from fulfil.gateways.stripe.gateway import StripeGateway
from fulfil.models.ids import new_id
from tests.simulators.stripe_http import StripeHttp


async def authorised(gateway: StripeGateway, order_id: str, card: str = "pm_card_visa") -> PaymentIntentFacts:
    """A payment of 50.00 EUR held on a card."""
    intent = await gateway.create_payment_intent(
        order_id=order_id, amount_minor=5000, currency="eur", idempotency_key=f"{order_id}:payment_intent"
    )
    return await gateway.confirm_payment_intent(
        intent.id, payment_method=card, return_url="https://shop.example/back", idempotency_key=f"{order_id}:pay:1"
    )


async def captured(gateway: StripeGateway, order_id: str) -> PaymentIntentFacts:
    """A payment of 50.00 EUR that was taken."""
    held = await authorised(gateway, order_id)
    return await gateway.capture_payment_intent(held.id, idempotency_key=f"{order_id}:capture")


@pytest.fixture
def order_id() -> str:
    """An order of this test's own."""
    return f"ord_{uuid4().hex}"


async def test_a_payment_is_authorised_captured_refunded_and_paid_out(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str
) -> None:
    intent = await gateway.create_payment_intent(
        order_id=order_id, amount_minor=5000, currency="eur", idempotency_key=f"{order_id}:payment_intent"
    )
    assert (intent.status, intent.amount_minor, intent.currency) == ("requires_payment_method", 5000, "eur")
    assert (intent.order_id, intent.charge_id, intent.fee_minor, intent.next_action_url) == (order_id, None, None, None)
    held = await gateway.confirm_payment_intent(
        intent.id, payment_method="pm_card_visa", return_url=None, idempotency_key=f"{order_id}:pay:1"
    )
    assert (held.status, held.fee_minor, held.balance_transaction_id) == ("requires_capture", None, None)
    taken = await gateway.capture_payment_intent(intent.id, idempotency_key=f"{order_id}:capture")
    assert (taken.status, taken.charge_id, taken.fee_minor) == ("succeeded", held.charge_id, 100)
    assert taken == await gateway.retrieve_payment_intent(intent.id)

    account = await gateway.create_recipient_account(
        provider_id="prv_1", name="Maker", contact_email="maker@example.com", idempotency_key=f"{order_id}:account"
    )
    assert taken.charge_id is not None
    transfer = await gateway.create_transfer(
        order_id=order_id,
        amount_minor=4000,
        currency="eur",
        destination=account,
        source_charge_id=taken.charge_id,
        idempotency_key=f"{order_id}:transfer",
        metadata={"job_id": "job_1"},
    )
    assert (transfer.amount_minor, transfer.currency, transfer.destination) == (4000, "eur", account)
    refund = await gateway.create_refund(
        intent.id,
        refund_id="ref_1",
        order_id=order_id,
        reason="requested_by_customer",
        amount_minor=1000,
        idempotency_key=f"{order_id}:refund:1",
    )
    assert (refund.status, refund.amount_minor, refund.payment_intent_id) == ("succeeded", 1000, intent.id)
    assert refund == await gateway.retrieve_refund(refund.id)

    everything = await simulator.dump()
    stored = next(one for one in everything["payment_intents"] if one["id"] == intent.id)
    assert (stored["capture_method"], stored["transfer_group"], stored["allowed_payment_method_types"]) == (
        "manual",
        order_id,
        ["card"],
    )
    moved = next(one for one in everything["transfers"] if one["id"] == transfer.id)
    assert (moved["transfer_group"], moved["metadata"]["job_id"]) == (order_id, "job_1")
    recipient = next(one for one in everything["accounts"] if one["id"] == account)
    assert recipient["defaults"]["responsibilities"]["losses_collector"] == "application"


async def test_a_payment_that_is_not_captured_later_is_captured_at_once(gateway: StripeGateway, order_id: str) -> None:
    intent = await gateway.create_payment_intent(
        order_id=order_id, amount_minor=5_000, currency="eur", idempotency_key=new_id("key"), capture_later=False
    )
    paid = await gateway.confirm_payment_intent(
        intent.id, payment_method="pm_card_visa", return_url=None, idempotency_key=new_id("key")
    )
    assert (paid.status, paid.entry is not None) == ("succeeded", True)


async def test_every_post_carries_the_key_it_was_given_and_no_other(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str
) -> None:
    before = len((await simulator.dump())["answers"])
    await captured(gateway, order_id)
    keys = [answer["key"] for answer in (await simulator.dump())["answers"][before:]]
    assert keys == [f"{order_id}:payment_intent", f"{order_id}:pay:1", f"{order_id}:capture"]


async def test_a_declined_card_is_a_result_with_its_reason(gateway: StripeGateway, order_id: str) -> None:
    with pytest.raises(CardDeclinedError) as declined:
        await authorised(gateway, order_id, "pm_card_chargeDeclinedInsufficientFunds")
    assert (declined.value.code, declined.value.decline_code) == ("card_declined", "insufficient_funds")
    assert "insufficient funds" in str(declined.value)
    again = await gateway.create_payment_intent(
        order_id=order_id, amount_minor=5000, currency="eur", idempotency_key=f"{order_id}:payment_intent"
    )
    facts = await gateway.retrieve_payment_intent(again.id)
    assert (facts.status, facts.charge_id, facts.decline_code) == (
        "requires_payment_method",
        None,
        "insufficient_funds",
    )


async def test_a_card_that_asks_gives_the_page_to_open(gateway: StripeGateway, order_id: str) -> None:
    asked = await authorised(gateway, order_id, "pm_card_threeDSecure2Required")
    assert (asked.status, asked.charge_id) == ("requires_action", None)
    assert asked.next_action_url is not None
    async with httpx.AsyncClient() as browser:
        await browser.post(asked.next_action_url, data={"outcome": "approve"})
    held = await gateway.retrieve_payment_intent(asked.id)
    assert (held.status, held.next_action_url) == ("requires_capture", None)


async def test_a_card_that_asks_without_a_return_address_gives_no_page(gateway: StripeGateway, order_id: str) -> None:
    intent = await gateway.create_payment_intent(
        order_id=order_id, amount_minor=5000, currency="eur", idempotency_key=f"{order_id}:payment_intent"
    )
    await gateway.confirm_payment_intent(
        intent.id, payment_method="pm_card_threeDSecure2Required", return_url=None, idempotency_key=f"{order_id}:pay:1"
    )
    asked = await gateway.retrieve_payment_intent(intent.id)
    assert (asked.status, asked.next_action_url) == ("requires_action", None)


async def test_a_failed_authentication_tells_why_the_payment_is_open_again(
    gateway: StripeGateway, order_id: str
) -> None:
    asked = await authorised(gateway, order_id, "pm_card_authenticationRequired")
    assert asked.next_action_url is not None
    async with httpx.AsyncClient() as browser:
        await browser.post(asked.next_action_url, data={"outcome": "fail"})
    facts = await gateway.retrieve_payment_intent(asked.id)
    assert (facts.status, facts.decline_code) == ("requires_payment_method", "payment_intent_authentication_failure")


async def test_a_repeated_call_has_one_effect(gateway: StripeGateway, simulator: StripeHttp, order_id: str) -> None:
    first = await captured(gateway, order_id)
    assert await captured(gateway, order_id) == first
    refunds = [
        await gateway.create_refund(
            first.id,
            refund_id="ref_1",
            order_id=order_id,
            reason="requested_by_customer",
            amount_minor=500,
            idempotency_key=f"{order_id}:r",
        )
        for _ in range(3)
    ]
    assert len({refund.id for refund in refunds}) == 1
    charges = [one for one in (await simulator.dump())["charges"] if one["transfer_group"] == order_id]
    assert len(charges) == 1


async def test_a_void_after_the_capture_returns_the_truth(gateway: StripeGateway, order_id: str) -> None:
    taken = await captured(gateway, order_id)
    truth = await gateway.cancel_payment_intent(taken.id, idempotency_key=f"{order_id}:void")
    assert (truth.status, truth.charge_id) == ("succeeded", taken.charge_id)


async def test_a_capture_after_the_void_returns_the_truth(gateway: StripeGateway, order_id: str) -> None:
    held = await authorised(gateway, order_id)
    gone = await gateway.cancel_payment_intent(held.id, idempotency_key=f"{order_id}:void")
    assert gone.status == "canceled"
    truth = await gateway.capture_payment_intent(held.id, idempotency_key=f"{order_id}:capture")
    assert truth.status == "canceled"
    again = await gateway.cancel_payment_intent(held.id, idempotency_key=f"{order_id}:void:again")
    assert again.status == "canceled"


async def test_a_second_capture_under_another_key_takes_nothing_more(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str
) -> None:
    taken = await captured(gateway, order_id)
    truth = await gateway.capture_payment_intent(taken.id, idempotency_key=f"{order_id}:capture:other")
    assert (truth.status, truth.balance_transaction_id) == ("succeeded", taken.balance_transaction_id)
    movements = [one for one in (await simulator.dump())["balance_transactions"] if one["source"] == taken.charge_id]
    assert len(movements) == 1


async def test_a_capture_asked_too_early_works_later_under_the_same_key(gateway: StripeGateway, order_id: str) -> None:
    intent = await gateway.create_payment_intent(
        order_id=order_id, amount_minor=5000, currency="eur", idempotency_key=f"{order_id}:payment_intent"
    )
    early = await gateway.capture_payment_intent(intent.id, idempotency_key=f"{order_id}:capture")
    assert early.status == "requires_payment_method"
    await gateway.confirm_payment_intent(
        intent.id, payment_method="pm_card_visa", return_url=None, idempotency_key=f"{order_id}:pay:1"
    )
    for _ in range(2):
        taken = await gateway.capture_payment_intent(intent.id, idempotency_key=f"{order_id}:capture")
        assert taken.status == "succeeded"


@pytest.mark.parametrize("amount_minor", [5001, 99_999_999])
async def test_a_refund_beyond_the_payment_is_refused_for_good(
    gateway: StripeGateway, order_id: str, amount_minor: int
) -> None:
    taken = await captured(gateway, order_id)
    with pytest.raises(StripeRefusedError):
        await gateway.create_refund(
            taken.id,
            refund_id="ref_1",
            order_id=order_id,
            reason="requested_by_customer",
            amount_minor=amount_minor,
            idempotency_key=f"{order_id}:refund:1",
        )


async def test_a_payment_refunded_already_is_refused_with_its_code(gateway: StripeGateway, order_id: str) -> None:
    taken = await captured(gateway, order_id)
    await gateway.create_refund(
        taken.id,
        refund_id="ref_1",
        order_id=order_id,
        reason="requested_by_customer",
        amount_minor=5000,
        idempotency_key=f"{order_id}:refund:1",
    )
    with pytest.raises(StripeRefusedError) as refused:
        await gateway.create_refund(
            taken.id,
            refund_id="ref_1",
            order_id=order_id,
            reason="requested_by_customer",
            amount_minor=1,
            idempotency_key=f"{order_id}:refund:2",
        )
    assert refused.value.code == "charge_already_refunded"


async def test_a_transfer_to_nobody_is_refused_with_its_code(gateway: StripeGateway, order_id: str) -> None:
    taken = await captured(gateway, order_id)
    with pytest.raises(StripeRefusedError) as refused:
        await gateway.create_transfer(
            order_id=order_id,
            amount_minor=4000,
            currency="eur",
            destination="acct_nobody",
            source_charge_id=taken.charge_id or "",
            idempotency_key=f"{order_id}:transfer",
            metadata={},
        )
    assert refused.value.code == "resource_missing"


async def test_an_unknown_payment_is_refused(gateway: StripeGateway) -> None:
    with pytest.raises(StripeRefusedError) as refused:
        await gateway.retrieve_payment_intent("pi_nobody")
    assert refused.value.code == "resource_missing"
