"""Refunds through the API with the real workflow, worker and payment simulator behind it."""

import asyncio
from collections import Counter
from typing import Any

from tests.api.shop import Shop
from tests.api.world import Person

NEW = {"reason": "quality", "note": "the edge is broken"}
WHY = {"reason": "looked at the photos"}


async def captured(shop: Shop) -> dict[str, Any]:
    """An order of 12.99 whose job was accepted, so that its money is held."""
    order = await shop.place()
    await shop.pay(order)
    await shop.accept()
    return order


async def test_a_part_is_paid_back_while_the_order_goes_on(shop: Shop, supporter: Person) -> None:
    order = await captured(shop)
    body = {**NEW, "amount": {"amount_minor": 300, "currency": "eur"}}
    answer = await shop.api.post(f"/orders/{order['id']}/refunds?wait=20", supporter, key="k1", json=body)
    seen = (await shop.api.get(f"/orders/{order['id']}", shop.customer)).json()
    assert (answer.status_code, answer.json()["state"]) == (201, "succeeded")
    assert (seen["refunded"]["amount_minor"], seen["refund_state"], seen["state"]) == (
        300,
        "partly_refunded",
        "in_fulfilment",
    )
    assert seen["next"]["who"] == "provider"


async def test_fifty_requests_at_once_never_pay_back_more_than_was_paid(shop: Shop, supporter: Person) -> None:
    order = await captured(shop)
    path, body = f"/orders/{order['id']}/refunds?wait=30", {**NEW, "amount": {"amount_minor": 100, "currency": "eur"}}
    answers = await asyncio.gather(
        *(shop.api.post(path, supporter, key=f"k{number}", json=body) for number in range(50))
    )
    assert Counter((answer.status_code, answer.json().get("code")) for answer in answers) == {
        (201, None): 12,
        (409, "refund_exceeds_paid"): 38,
    }
    seen = (await shop.api.get(f"/orders/{order['id']}", shop.customer)).json()
    assert seen["refunded"]["amount_minor"] == 1200


async def test_after_release_a_second_person_approves_and_the_providers_share_comes_back(
    shop: Shop, supporter: Person, admin: Person
) -> None:
    order = await shop.place()
    await shop.pay(order)
    winner, job = await shop.accept()
    await shop.make(winner, job["id"])
    await shop.approve(job["id"])
    await shop.happened(order["id"], "order.closed")
    asked = await shop.api.post(f"/orders/{order['id']}/refunds?wait=20", supporter, key="k1", json=NEW)
    assert (asked.json()["state"], asked.json()["approval_reasons"]) == ("awaiting_approval", ["after_release"])
    path = f"/refunds/{asked.json()['id']}"
    own = await shop.api.post(f"{path}/approve", supporter, json=WHY)
    assert own.json()["code"] == "second_person_required"
    approved = await shop.api.post(f"{path}/approve", admin, json=WHY)
    assert approved.status_code == 200, approved.text
    await shop.happened(order["id"], "payment.refunded")
    ledger = (await shop.api.get(f"/support/orders/{order['id']}/ledger", supporter)).json()
    balances = {leg["account"]: leg["amount_minor"] for leg in ledger["balances"]}
    assert balances["revenue:commission"] == balances[f"asset:receivable:{winner.party_id}"] == 0
    assert (await shop.api.get(path, supporter)).json()["state"] == "succeeded"
    assert (await shop.api.get(f"/orders/{order['id']}", shop.customer)).json()["refund_state"] == "refunded"


async def test_a_cancelled_order_is_paid_back(shop: Shop) -> None:
    order = await captured(shop)
    cancelled = await shop.api.post(
        f"/orders/{order['id']}/cancel?wait=20", shop.customer, key="c1", json={"reason": "changed my mind"}
    )
    assert cancelled.json()["state"] == "cancelled", cancelled.text
    await shop.happened(order["id"], "payment.refunded")
    (refund,) = (await shop.api.get(f"/orders/{order['id']}/refunds", shop.customer)).json()["data"]
    assert (refund["state"], refund["reason"], refund["amount"]["amount_minor"]) == ("succeeded", "cancellation", 1299)
