"""A chargeback with the real workflows, workers and payment simulator: what only the whole can prove."""

import asyncio
from typing import Any

import httpx

from fulfil.activities.chargeback_truth import chargeback_id_of, dispute_changed
from fulfil.activities.truth import Truth
from fulfil.kit.database import Database
from tests.api.shop import WHY, Shop
from tests.api.world import Person


async def charge_back(shop: Shop, database: Database, order: dict[str, Any], **traits: object) -> tuple[Truth, str]:
    """The customer's bank disputes the charge, and its event has come."""
    gateway = shop.api.context.stripe
    payment = await gateway.retrieve_payment_intent(order["payment"]["payment_intent_id"])
    async with httpx.AsyncClient(base_url=shop.api.settings.stripe_api_base) as admin:
        opened = await admin.post("/_simulator/disputes", json={"charge": payment.charge_id, **traits})
    truth = Truth(database, gateway, shop.temporal, shop.api.clock)
    assert await dispute_changed(truth, "evt_1", opened.json()["id"]) is None
    return truth, opened.json()["id"]


async def decided(shop: Shop, dispute_id: str, status: str) -> None:
    """The bank decides."""
    async with httpx.AsyncClient(base_url=shop.api.settings.stripe_api_base) as admin:
        answer = await admin.post(f"/_simulator/disputes/{dispute_id}", json={"status": status})
    assert answer.is_success, answer.text


async def shown(shop: Shop, supporter: Person, chargeback_id: str, **wanted: object) -> dict[str, Any]:
    """The chargeback as soon as it shows this."""
    async with asyncio.timeout(20):
        while True:
            answer = await shop.api.get(f"/support/chargebacks/{chargeback_id}", supporter)
            body = dict(answer.json())
            if answer.status_code == 200 and {name: bool(body[name]) for name in wanted} == wanted:
                return body
            await asyncio.sleep(0.05)


async def test_a_chargeback_is_answered_won_and_the_provider_paid_after_it(
    shop: Shop, supporter: Person, worker_database: Database
) -> None:
    order = await shop.place()
    await shop.pay(order)
    winner, job = await shop.accept()
    await shop.make(winner, job["id"])
    truth, dispute_id = await charge_back(shop, worker_database, order, reason="product_not_received")
    path = f"/support/chargebacks/{chargeback_id_of(dispute_id)}"
    staged = await shown(shop, supporter, chargeback_id_of(dispute_id), staged_at=True)
    assert (staged["evidence"]["shipping_carrier"], staged["evidence"]["customer_name"]) == ("DHL", "A customer")

    await shop.approve(job["id"])
    await shop.happened(order["id"], "job.approved")
    frozen = (await shop.api.get(f"/orders/{order['id']}", shop.customer)).json()
    assert (frozen["payment_frozen"], frozen["state"]) == (True, "in_fulfilment")

    added = await shop.api.post(f"{path}/evidence", supporter, json={"text": "She thanked us for the delivery."})
    assert "She thanked us" in added.json()["evidence"]["uncategorized_text"]
    submitted = await shop.api.post(f"{path}/submit", supporter, key="s1", json=WHY)
    again = await shop.api.post(f"{path}/submit", supporter, key="s1", json=WHY)
    assert (submitted.status_code, submitted.json()["state"]) == (200, "under_review")
    assert again.json()["state"] == "under_review"
    too_late = await shop.api.post(f"{path}/accept", supporter, json=WHY)
    assert (too_late.status_code, too_late.json()["state"]) == (409, "under_review")

    await decided(shop, dispute_id, "won")
    assert await dispute_changed(truth, "evt_2", dispute_id) is None
    await shop.happened(order["id"], "order.closed")
    won = await shown(shop, supporter, chargeback_id_of(dispute_id), closed_at=True)

    assert won["state"] == "won"
    ledger = (await shop.api.get(f"/support/orders/{order['id']}/ledger", supporter)).json()
    balances = {leg["account"]: leg["amount_minor"] for leg in ledger["balances"]}
    assert balances[f"liability:held:{order['id']}"] == 0
    assert balances[f"asset:chargeback:{won['id']}"] == 0
    assert balances[f"liability:payable:{winner.party_id}"] == 0


async def test_a_chargeback_given_up_ends_the_workflow(
    shop: Shop, supporter: Person, worker_database: Database
) -> None:
    order = await shop.place()
    await shop.pay(order)
    await shop.accept()
    _, dispute_id = await charge_back(shop, worker_database, order)
    chargeback_id = chargeback_id_of(dispute_id)
    await shown(shop, supporter, chargeback_id, staged_at=True)

    accepted = await shop.api.post(f"/support/chargebacks/{chargeback_id}/accept", supporter, key="a1", json=WHY)

    assert (accepted.status_code, accepted.json()["state"]) == (200, "lost")
    assert accepted.json()["loss"]["held_minor"] == 1299
    outcome = await shop.temporal.get_workflow_handle(f"chargeback/{chargeback_id}").result()
    assert outcome["state"] == "lost"
    again = await shop.api.post(f"/support/chargebacks/{chargeback_id}/accept", supporter, key="a1", json=WHY)
    anew = await shop.api.post(f"/support/chargebacks/{chargeback_id}/accept", supporter, json=WHY)
    assert (again.status_code, anew.status_code) == (200, 409)
