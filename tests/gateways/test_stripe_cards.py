"""Saved cards and providers' accounts through the gateway, and the events they leave."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from fulfil.gateways.stripe.errors import CardDeclinedError, StripeRefusedError
from fulfil.gateways.stripe.gateway import StripeGateway
from tests.gateways.test_stripe_failures import until_done
from tests.simulators.stripe_http import StripeHttp

EVER = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def order_id() -> str:
    """An order of this test's own."""
    return f"ord_{uuid4().hex}"


async def saved(gateway: StripeGateway, simulator: StripeHttp, token: str) -> tuple[str, str]:
    """A customer of Stripe's and a card they saved in their browser."""
    mark = uuid4().hex
    customer = await gateway.create_customer(customer_id=f"cus_of_ours_{mark}", idempotency_key=f"{mark}:customer")
    setup = await gateway.create_setup_intent(stripe_customer_id=customer, idempotency_key=f"{mark}:setup")
    assert (setup.status, setup.payment_method_id) == ("requires_payment_method", None)
    assert setup.client_secret.startswith(f"{setup.id}_secret_")
    await simulator.made(f"/v1/setup_intents/{setup.id}/confirm", payment_method=token)
    done = await gateway.retrieve_setup_intent(setup.id)
    assert done.status == "succeeded"
    assert done.payment_method_id is not None
    return customer, done.payment_method_id


async def payment_of(gateway: StripeGateway, order_id: str, customer: str, *, save_card: bool = False) -> str:
    """An open payment of 50.00 EUR."""
    intent = await gateway.create_payment_intent(
        order_id=order_id,
        amount_minor=5000,
        currency="eur",
        customer_id=customer,
        save_card=save_card,
        idempotency_key=f"{order_id}:payment_intent",
    )
    assert intent.customer_id == customer
    return intent.id


async def test_a_saved_card_is_charged_while_its_owner_is_away(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str
) -> None:
    customer, card = await saved(gateway, simulator, "pm_card_visa")
    (listed,) = await gateway.list_saved_cards(customer)
    assert (listed.id, listed.brand, listed.last4) == (card, "visa", "4242")
    assert await gateway.retrieve_card_owner(card) == customer
    payment = await payment_of(gateway, order_id, customer)
    held = await gateway.charge_saved_card(payment, payment_method=card, idempotency_key=f"{order_id}:charge:1")
    assert (held.status, held.amount_capturable_minor) == ("requires_capture", 5000)
    assert held.capture_before is not None
    assert held.capture_before > datetime.now(UTC)


async def test_a_bank_that_wants_the_owner_declines_and_leaves_the_payment_open(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str
) -> None:
    mark = uuid4().hex
    customer = await gateway.create_customer(customer_id=mark, idempotency_key=f"{mark}:customer")
    payment = await payment_of(gateway, order_id, customer)
    method = await simulator.made("/v1/payment_methods/pm_card_authenticationRequired/attach", customer=customer)
    with pytest.raises(CardDeclinedError) as declined:
        await gateway.charge_saved_card(
            payment, payment_method=str(method["id"]), idempotency_key=f"{order_id}:charge:1"
        )
    assert declined.value.decline.needs_authentication
    assert not declined.value.decline.is_soft
    facts = await gateway.retrieve_payment_intent(payment)
    assert facts.status == "requires_payment_method"
    assert facts.refusal is not None
    assert facts.refusal.needs_authentication


async def test_a_card_that_fails_later_is_declined_for_its_reason(
    gateway: StripeGateway, simulator: StripeHttp, order_id: str
) -> None:
    customer, card = await saved(gateway, simulator, "pm_card_chargeCustomerFail")
    payment = await payment_of(gateway, order_id, customer)
    with pytest.raises(CardDeclinedError) as declined:
        await gateway.charge_saved_card(payment, payment_method=card, idempotency_key=f"{order_id}:charge:1")
    assert declined.value.code == "card_declined"


async def test_a_card_is_saved_by_paying_with_it(gateway: StripeGateway, order_id: str) -> None:
    mark = uuid4().hex
    customer = await gateway.create_customer(customer_id=mark, idempotency_key=f"{mark}:customer")
    assert await gateway.list_saved_cards(customer) == []
    payment = await payment_of(gateway, order_id, customer, save_card=True)
    await gateway.confirm_payment_intent(
        payment, payment_method="pm_card_mastercard", return_url=None, idempotency_key=f"{order_id}:pay:1"
    )
    assert [card.brand for card in await gateway.list_saved_cards(customer)] == ["mastercard"]


async def test_a_forgotten_card_is_nobodys_and_stays_forgotten(gateway: StripeGateway, simulator: StripeHttp) -> None:
    customer, card = await saved(gateway, simulator, "pm_card_visa")
    for n in range(2):
        await gateway.detach_card(card, idempotency_key=f"{card}:detach:{n}")
    assert await gateway.retrieve_card_owner(card) is None
    assert await gateway.list_saved_cards(customer) == []


async def test_a_forgotten_customer_is_gone_however_often(gateway: StripeGateway, simulator: StripeHttp) -> None:
    customer, _ = await saved(gateway, simulator, "pm_card_visa")
    for _ in range(2):
        await gateway.delete_customer(customer)
    with pytest.raises(StripeRefusedError):
        await gateway.create_setup_intent(stripe_customer_id=customer, idempotency_key=f"{customer}:setup:late")


async def test_a_customer_whose_answer_was_lost_is_made_once(gateway: StripeGateway, simulator: StripeHttp) -> None:
    mark = uuid4().hex
    await simulator.admin("POST", "/faults", [{"match": "POST /v1/customers", "mode": "error_500_after", "count": 1}])
    made = await until_done(lambda: gateway.create_customer(customer_id=mark, idempotency_key=f"{mark}:customer"))
    listed = await simulator.read("/v1/customers", limit=100)
    assert [one["id"] for one in listed["data"] if one["metadata"].get("customer_id") == mark] == [made]


async def test_an_account_can_receive_transfers_until_stripe_says_otherwise(
    gateway: StripeGateway, simulator: StripeHttp
) -> None:
    mark = uuid4().hex
    account = await gateway.create_recipient_account(provider_id=mark, name="Maker", idempotency_key=f"{mark}:account")
    await simulator.admin("POST", f"/accounts/{account}/capability", {"status": "active"})
    assert (await gateway.retrieve_recipient_account(account)).can_receive_transfers
    await simulator.admin("POST", f"/accounts/{account}/capability", {"status": "restricted"})
    facts = await gateway.retrieve_recipient_account(account)
    assert (facts.can_receive_transfers, facts.transfers_status) == (False, "restricted")
    link = await gateway.create_onboarding_link(
        account,
        refresh_url="https://shop.example/again",
        return_url="https://shop.example/back",
        idempotency_key=f"{mark}:link:1",
    )
    assert link.url.startswith("http")
    assert link.expires_at > datetime.now(UTC)


async def test_what_happened_is_listed_newest_first(gateway: StripeGateway, order_id: str) -> None:
    intent = await gateway.create_payment_intent(
        order_id=order_id, amount_minor=5000, currency="eur", idempotency_key=f"{order_id}:payment_intent"
    )
    await gateway.cancel_payment_intent(intent.id, idempotency_key=f"{order_id}:void")
    told = [
        (event.type, event.object_state)
        async for event in gateway.list_events(since=EVER)
        if event.object_id == intent.id
    ]
    assert told == [
        ("payment_intent.canceled", "canceled"),
        ("payment_intent.created", "requires_payment_method"),
    ]
    only = [
        event.object_id
        async for event in gateway.list_events(since=EVER, types=["payment_intent.canceled"])
        if event.type != "payment_intent.canceled" or event.object_id == intent.id
    ]
    assert only == [intent.id]
