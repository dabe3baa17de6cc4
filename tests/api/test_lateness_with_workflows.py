"""A job that is late, with the real workflows: the customer waits, asks another provider, or takes her money back."""

from datetime import timedelta
from typing import Any

from fulfil.kit.clock import utc_now
from tests.api.making import CHECKED, PARCEL, happened
from tests.api.making import parcel as parcel_with
from tests.api.shop import Shop
from tests.api.world import Person


async def job_in_hand(shop: Shop) -> tuple[dict[str, Any], Person, str]:
    """An order paid, accepted and started."""
    order = await shop.place()
    await shop.pay(order)
    winner, job = await shop.accept()
    assert (await shop.api.post(f"/jobs/{job['id']}/start", winner)).status_code == 200
    return order, winner, job["id"]


async def announce(shop: Shop, provider: Person, job_id: str, days: int) -> str:
    """So many days until it is ready."""
    due_at = (utc_now() + timedelta(days=days)).isoformat()
    body = {"due_at": due_at, "reason": "A nozzle broke."}
    response = await shop.api.post(f"/jobs/{job_id}/delay", provider, json=body)
    assert response.status_code == 200, response.text
    return str(response.json()["trouble"]["proposed_due_at"])


async def test_a_customer_waits_once_and_then_takes_her_money_back(shop: Shop) -> None:
    order, provider, job_id = await job_in_hand(shop)
    proposed = await announce(shop, provider, job_id, 20)
    waited = await shop.api.post(f"/jobs/{job_id}/choice", shop.customer, json={"choice": "wait"})
    assert waited.status_code == 200, waited.text
    assert (waited.json()["production"]["due_at"], waited.json()["trouble"]) == (proposed, None)

    await announce(shop, provider, job_id, 30)
    body = {"choice": "cancel", "reason": "The fair is over."}
    called_off = await shop.api.post(f"/jobs/{job_id}/choice", shop.customer, json=body, key="c1")
    again = await shop.api.post(f"/jobs/{job_id}/choice", shop.customer, json=body, key="c1")

    assert (called_off.status_code, called_off.json()["state"]) == (200, "cancelled"), called_off.text
    assert again.json()["state"] == "cancelled"
    await shop.happened(order["id"], "job.called_off")
    await shop.happened(order["id"], "payment.refund_sent")


async def test_a_lost_parcel_is_made_by_somebody_else_if_the_customer_says_so(shop: Shop, supporter: Person) -> None:
    order, provider, job_id = await job_in_hand(shop)
    await shop.api.post(f"/jobs/{job_id}/quality", provider, json=CHECKED)
    shipped = await shop.api.post(f"/jobs/{job_id}/ship", provider, json=PARCEL)
    [parcel] = shipped.json()["making"]["shipments"]
    lost = happened("lost", "evt_1", utc_now().isoformat())
    assert (await shop.api.post(f"/shipments/{parcel['id']}/events", supporter, json=lost)).status_code == 200

    chosen = await shop.api.post(f"/jobs/{job_id}/choice", shop.customer, json={"choice": "redispatch"})
    assert chosen.status_code == 200, chosen.text
    await shop.happened(order["id"], "job.offered", times=2)
    others = [each for each in shop.providers if each is not provider]
    offers = [(await shop.api.get("/offers", each, params={"state": "open"})).json()["data"] for each in others]
    assert [len(each) for each in offers] == [1, 1]
    accepted = await shop.api.post(f"/offers/{offers[0][0]['id']}/accept", others[0])
    assert accepted.status_code == 200, accepted.text
    job = (await shop.api.get(f"/jobs/{job_id}", others[0])).json()
    assert (job["state"], job["trouble"], job["making"]["shipments"]) == ("accepted", None, [])
    assert (await shop.api.get(f"/jobs/{job_id}", provider)).status_code == 404

    await shop.api.post(f"/jobs/{job_id}/start", others[0])
    await shop.api.post(f"/jobs/{job_id}/quality", others[0], json=CHECKED)
    same_number = await shop.api.post(f"/jobs/{job_id}/ship", others[0], json=PARCEL)
    shipped = await shop.api.post(f"/jobs/{job_id}/ship", others[0], json=parcel_with("another"))
    assert (same_number.status_code, same_number.json()["param"]) == (422, "tracking_number")
    assert shipped.json()["state"] == "shipped"
