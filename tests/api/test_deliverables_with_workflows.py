"""A service ordered, delivered by milestones and paid, with the real workflows and the payment simulator behind it."""

from typing import Any

from fulfil.activities.deliverable_relay import DeliverableReportRelayActivity
from fulfil.activities.telling import tell_order_payment_changed
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.models.messages.payments import PaymentChanged, PaymentState
from tests.activities.test_relays import running
from tests.api.shop import Shop
from tests.api.world import Person

SERVICE = {
    "title": "Design of a housing",
    "description": "From your sketch to a printable model.",
    "price": {"amount_minor": 50_001, "currency": "eur"},
    "milestones": [
        {"title": "Two concepts", "days": 5, "share_bp": 3000},
        {"title": "Finished model", "days": 14, "share_bp": 7000},
    ],
}


async def ordered(shop: Shop, service_id: str) -> dict[str, Any]:
    """The order of a service, paid."""
    body = {"lines": [{"service_id": service_id}]}
    order = (await shop.api.post("/orders?expand=payment", shop.customer, key="k1", json=body)).json()
    path = f"/orders/{order['id']}/pay"
    paid = await shop.api.post(path, shop.customer, json={"payment_method": "pm_card_visa"})
    assert paid.status_code == 200, paid.text
    change = PaymentChanged(
        event_id="evt_1", payment_intent_id=order["payment"]["payment_intent_id"], state=PaymentState.AUTHORIZED
    )
    await tell_order_payment_changed(shop.temporal, order["id"], change)
    await shop.happened(order["id"], "deliverable.opened")
    return dict(order)


async def test_a_service_is_paid_milestone_by_milestone(
    shop: Shop, worker_database: Database, supporter: Person
) -> None:
    provider, customer = shop.providers[0], shop.customer
    service = (await shop.api.post("/services", provider, json=SERVICE)).json()
    relay = DeliverableReportRelayActivity(worker_database, shop.temporal, utc_now)
    async with running(relay.relay_deliverable_reports):
        order = await ordered(shop, service["id"])
        [deliverable] = (await shop.api.get(f"/deliverables?order_id={order['id']}", provider)).json()["data"]
        path = f"/deliverables/{deliverable['id']}"
        for number, milestone in enumerate(deliverable["milestones"], start=1):
            body = {"milestone_id": milestone["id"], "note": "done"}
            submitted = await shop.api.post(f"{path}/submit", provider, json=body)
            approved = await shop.api.request("PUT", f"{path}/approve", customer)
            assert (submitted.status_code, approved.status_code) == (200, 200), (submitted.text, approved.text)
            await shop.happened(order["id"], "payment.released", times=number)
        for ended in ("order.closed", "deliverable.completed"):
            await shop.happened(order["id"], ended)

    shown = (await shop.api.get(path, supporter)).json()
    ledger = (await shop.api.get(f"/support/orders/{order['id']}/ledger", supporter)).json()
    balances = {leg["account"]: leg["amount_minor"] for leg in ledger["balances"]}
    assert (shown["state"], [one["state"] for one in shown["milestones"]]) == ("completed", ["completed"] * 2)
    assert sum(one["amount"]["amount_minor"] for one in shown["milestones"]) == 50_001
    assert balances[f"liability:held:{order['id']}"] == balances[f"liability:payable:{provider.party_id}"] == 0
    assert sum(leg["amount_minor"] for entry in ledger["transactions"] for leg in entry["postings"]) == 0
