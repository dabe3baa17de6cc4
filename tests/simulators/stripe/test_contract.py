"""Every object the simulator makes has the shape that the official SDK and Stripe's API description give it."""

import io
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe
from stripe import StripeClient

from tests.simulators.processes import API_KEY, SimulatorProcess
from tests.simulators.stripe.published_shapes import deviations
from tests.simulators.stripe.sdk_contract import kinds_within, violations

RETURN = "https://shop.example/back"
KINDS = {
    "balance",
    "balance_transaction",
    "charge",
    "customer",
    "dispute",
    "event",
    "file",
    "payment_intent",
    "payment_method",
    "payout",
    "radar.early_fraud_warning",
    "refund",
    "setup_attempt",
    "setup_intent",
    "topup",
    "transfer",
    "transfer_reversal",
    "v2.core.account",
    "v2.core.account_person",
    "v2.core.event",
    "v2.core.event_destination",
    "webhook_endpoint",
}


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """A simulator that has seen every kind of object."""
    process = SimulatorProcess(tmp_path_factory.mktemp("contract") / "stripe.db")
    process.start()
    client = sdk(process)
    play_customers(client)
    play_payments(client)
    play_accounts(client)
    yield process
    process.stop()


def sdk(process: SimulatorProcess) -> StripeClient:
    """The official SDK, talking to the simulator."""
    addresses: Any = {"api": process.url, "files": process.url}
    return StripeClient(API_KEY, base_addresses=addresses, max_network_retries=0)


def play_customers(client: StripeClient) -> None:
    """Customers keep cards, with and without the bank's page."""
    address: Any = {"line1": "Street 1", "city": "Riga", "postal_code": "LV-1001", "country": "LV"}
    customer = client.v1.customers.create(
        {"email": "ann@shop.example", "name": "Ann", "address": address, "metadata": {"shop": "1"}}
    )
    for token in ("pm_card_visa", "pm_card_authenticationRequiredOnSetup"):
        client.v1.setup_intents.create(
            {"customer": customer.id, "payment_method": token, "confirm": True, "return_url": RETURN}
        )
    with pytest.raises(stripe.CardError):
        client.v1.setup_intents.create({"payment_method": "pm_card_chargeDeclined", "confirm": True})
    method = client.v1.payment_methods.attach("pm_card_amex", {"customer": customer.id})
    client.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})
    client.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/hooks", "enabled_events": ["charge.succeeded"]})


def payment(token: str, **changes: object) -> Any:
    """What a payment with a test card is made of."""
    return {
        "amount": 5_000,
        "currency": "eur",
        "confirm": True,
        "payment_method": token,
        "return_url": RETURN,
        **changes,
    }


def play_payments(client: StripeClient) -> None:
    """Payments succeed, wait, are declined, refunded, disputed."""
    for token in (
        "pm_card_visa",
        "pm_card_bypassPending",
        "pm_card_threeDSecure2Required",
        "pm_card_pendingRefund",
        "pm_card_createDispute",
        "pm_card_createIssuerFraudWarning",
    ):
        amount = 90_000 if token == "pm_card_bypassPending" else 5_000
        intent = client.v1.payment_intents.create(payment(token, amount=amount))
        if token in ("pm_card_visa", "pm_card_pendingRefund"):
            client.v1.refunds.create({"payment_intent": intent.id, "amount": 1000})
    for token in ("pm_card_chargeDeclinedInsufficientFunds", "pm_card_radarBlock"):
        with pytest.raises(stripe.CardError):
            client.v1.payment_intents.create(payment(token))
    held = client.v1.payment_intents.create(payment("pm_card_visa", capture_method="manual"))
    client.v1.payment_intents.capture(held.id, {"amount_to_capture": 3000})
    gone = client.v1.payment_intents.create(payment("pm_card_visa", capture_method="manual"))
    client.v1.payment_intents.cancel(gone.id)


def play_accounts(client: StripeClient) -> None:
    """A recipient is made, paid, and made to give back."""
    client.v2.core.event_destinations.create(
        {
            "name": "thin",
            "event_payload": "thin",
            "enabled_events": ["*"],
            "type": "webhook_endpoint",
            "webhook_endpoint": {"url": "http://127.0.0.1:9/thin"},
        }
    )
    account = client.v2.core.accounts.create(
        {
            "contact_email": "maker@shop.example",
            "identity": {"country": "lv", "entity_type": "individual", "individual": {"given_name": "Max"}},
            "configuration": {
                "recipient": {"capabilities": {"stripe_balance": {"stripe_transfers": {"requested": True}}}}
            },
            "defaults": {"responsibilities": {"losses_collector": "application", "fees_collector": "application"}},
        }
    )
    client.v2.core.accounts.persons.create(account.id, {"given_name": "Max", "surname": "Maker"})
    transfer = client.v1.transfers.create({"amount": 1000, "currency": "eur", "destination": account.id})
    client.v1.transfers.reversals.create(transfer.id, {"amount": 300})
    client.v1.payouts.create({"amount": 500, "currency": "eur"})
    client.v1.topups.create({"amount": 500, "currency": "eur", "description": "reserve"})
    client.v1.files.create({"purpose": "dispute_evidence", "file": io.BytesIO(b"%PDF-1.4 receipt")})


def kept(database: Path) -> list[Any]:
    """Every object as it is stored, and the snapshots in the events."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return [json.loads(body) for (body,) in connection.execute("SELECT body FROM objects ORDER BY seq")]


def test_every_kept_object_and_every_snapshot_has_the_shape_of_the_sdks_class(simulator: SimulatorProcess) -> None:
    entities = [inner for entity in kept(simulator.database) for inner in kinds_within(entity)]
    seen = {str(entity["object"]) for entity in entities}
    assert seen >= KINDS - {"balance"}
    problems = {problem for entity in entities if not entity.get("deleted") for problem in violations(entity)}
    problems |= {problem for entity in entities for problem in deviations(entity)}
    assert sorted(problems) == []


def test_what_is_answered_but_not_kept_has_the_shape_too(simulator: SimulatorProcess) -> None:
    client = sdk(simulator)
    account = client.v2.core.accounts.list({"limit": 1}).data[0]
    everything: Any = ["configuration.recipient", "defaults", "identity", "requirements", "future_requirements"]
    flow: Any = {"refresh_url": RETURN, "return_url": RETURN}
    use_case: Any = {"type": "account_onboarding", "account_onboarding": flow}
    answers: list[Any] = [
        client.v1.balance.retrieve(),
        client.v1.accounts.retrieve(account.id),
        client.v2.core.accounts.retrieve(account.id),
        client.v2.core.accounts.retrieve(account.id, {"include": everything}),
        client.v2.core.account_links.create({"account": account.id, "use_case": use_case}),
    ]
    bodies = [json.loads(str(answer.last_response.body)) for answer in answers]
    assert [problem for body in bodies for problem in (*violations(body), *deviations(body))] == []


def test_the_sdk_reads_every_kind_back_with_everything_expanded(simulator: SimulatorProcess) -> None:
    client = sdk(simulator)
    intents = client.v1.payment_intents.list(
        {"limit": 100, "expand": ["data.latest_charge.balance_transaction", "data.customer", "data.payment_method"]}
    )
    paid = next(intent for intent in intents.data if intent.status == "succeeded")
    assert isinstance(paid.latest_charge, stripe.Charge)
    assert isinstance(paid.latest_charge.balance_transaction, stripe.BalanceTransaction)
    assert isinstance(paid.payment_method, stripe.PaymentMethod)
    setups = client.v1.setup_intents.list({"expand": ["data.latest_attempt", "data.customer"]})
    assert {type(intent.latest_attempt) for intent in setups.data} == {stripe.SetupAttempt}
    customers = client.v1.customers.list({"expand": ["data.invoice_settings.default_payment_method"]})
    settings = customers.data[0].invoice_settings
    assert settings is not None
    assert isinstance(settings.default_payment_method, stripe.PaymentMethod)
    events = client.v1.events.list({"types": ["payment_intent.succeeded", "charge.succeeded"], "limit": 2})
    assert all(isinstance(event, stripe.Event) for event in events.data)
    bodies = [json.loads(str(page.last_response.body)) for page in (intents, setups, customers) if page.last_response]
    items = [item for body in bodies for item in body["data"]]
    assert [problem for item in items for problem in (*violations(item), *deviations(item))] == []


def test_lists_have_the_four_fields_of_a_list(simulator: SimulatorProcess) -> None:
    client = sdk(simulator)
    for answer in (
        client.v1.charges.list(),
        client.v1.customers.list(),
        client.v1.events.list(),
        client.v1.payment_intents.list(),
        client.v1.refunds.list(),
        client.v1.setup_intents.list(),
        client.v1.transfers.list(),
        client.v1.webhook_endpoints.list(),
    ):
        assert answer.last_response is not None
        body = json.loads(str(answer.last_response.body))
        assert (set(body), body["object"]) == ({"object", "data", "has_more", "url"}, "list")
    persons = client.v2.core.accounts.list({"limit": 1})
    assert persons.last_response is not None
    assert set(json.loads(str(persons.last_response.body))) == {"data", "next_page_url", "previous_page_url"}
