"""Dispatch with the real workflows: counter-offers taken, support's choice, and providers who may not accept."""

from typing import Any

from sqlalchemy import update

from fulfil.kit.clock import utc_now
from fulfil.models.tables.accounts import ProviderRow
from tests.api.shop import Shop
from tests.api.world import Person


async def open_offer(shop: Shop, provider: Person) -> dict[str, Any]:
    """The provider's only open offer."""
    [offer] = (await shop.api.get("/offers", provider, params={"state": "open"})).json()["data"]
    return dict(offer)


async def test_a_taken_counter_offer_sets_date_and_price_to_the_last_cent(shop: Shop, supporter: Person) -> None:
    order = await shop.place()
    await shop.pay(order)
    cheap, late, other = shop.providers
    terms = {"amount": {"amount_minor": 1000, "currency": "eur"}, "lead_time_days": 12}
    offer = await open_offer(shop, cheap)
    counter = (await shop.api.post(f"/offers/{offer['id']}/counter", cheap, json=terms)).json()
    lost = await open_offer(shop, late)
    slow = (await shop.api.post(f"/offers/{lost['id']}/counter", late, json={"lead_time_days": 30})).json()

    taken = await shop.api.post(f"/counter-offers/{counter['id']}/accept", shop.customer, key="t1")
    again = await shop.api.post(f"/counter-offers/{counter['id']}/accept", shop.customer, key="t1")

    assert (taken.status_code, taken.json()["state"]) == (200, "accepted"), taken.text
    assert again.json() == taken.json()
    refused = await shop.api.post(f"/counter-offers/{slow['id']}/accept", shop.customer)
    assert (refused.status_code, refused.json()["code"]) == (409, "counter_expired")
    hers = (await shop.api.get("/offers", other)).json()["data"][0]
    too_late = await shop.api.post(f"/offers/{hers['id']}/accept", other)
    assert (too_late.status_code, too_late.json()["code"]) == (409, "offer_lost")
    [job] = (await shop.api.get("/jobs", cheap)).json()["data"]
    assert job["production"]["due_at"][:16] == taken.json()["due_at"][:16]
    await shop.happened(order["id"], "payment.refunded")
    await shop.make(cheap, job["id"])
    await shop.approve(job["id"])
    await shop.happened(order["id"], "order.closed")

    ledger = (await shop.api.get(f"/support/orders/{order['id']}/ledger", supporter)).json()
    balances = {leg["account"]: leg["amount_minor"] for leg in ledger["balances"]}
    assert balances[f"liability:held:{order['id']}"] == balances[f"liability:payable:{cheap.party_id}"] == 0
    assert balances["revenue:commission"] + balances["liability:tax"] == -150
    checked = (await shop.api.get(f"/support/orders/{order['id']}/ledger/check", supporter)).json()
    assert checked["findings"] == []


async def test_when_all_said_no_support_asks_one_of_them_and_she_makes_it(shop: Shop, supporter: Person) -> None:
    order = await shop.place()
    await shop.pay(order)
    for provider in shop.providers:
        offer = await open_offer(shop, provider)
        body = {"code": "too_busy", "reason": "till Friday"}
        assert (await shop.api.post(f"/offers/{offer['id']}/decline", provider, json=body)).status_code == 200
    escalated = await shop.happened(order["id"], "job.escalated", to=supporter)
    job_id, chosen = escalated["subject"], shop.providers[1]

    body = {"provider_id": chosen.owner_id, "reason": "She said she could after all."}
    asked = await shop.api.post(f"/support/jobs/{job_id}/offer", supporter, json=body, key="o1")
    assert asked.status_code == 201, asked.text
    won = await shop.api.post(f"/offers/{asked.json()['offer_id']}/accept", chosen)
    assert (won.status_code, won.json()["due_at"] is not None) == (200, True), won.text
    again = await shop.api.post(f"/offers/{asked.json()['offer_id']}/accept", chosen)
    assert again.json() == won.json()
    refused = await shop.api.post(f"/support/jobs/{job_id}/offer", supporter, json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "job_taken")

    told = (await shop.api.get(f"/jobs/{job_id}/dispatch", supporter, params={"ranking": "fairest"})).json()
    first = told["decisions"][0]
    assert (first["asked"], {one["answer"] for one in first["candidates"]}) == (3, {"declined"})
    assert all(one["replayed"]["position"] == one["position"] for one in first["candidates"])
    assert [(one["provider_id"], one["answer"]) for one in told["chosen_by_support"]] == [(chosen.owner_id, "accepted")]


async def test_who_may_not_work_is_told_why_and_the_job_stays_open_to_the_others(shop: Shop) -> None:
    order = await shop.place()
    await shop.pay(order)
    suspended, newcomer, fine = shop.providers
    async with shop.world.begin() as session:
        for who, values in (
            (suspended, {"suspended_at": utc_now()}),
            (newcomer, {"capacity_jobs": 0}),
        ):
            await session.execute(update(ProviderRow).where(ProviderRow.id == who.owner_id).values(**values))

    answers = {}
    for who in (suspended, newcomer):
        offer = await open_offer(shop, who)
        answers[who.owner_id] = (await shop.api.post(f"/offers/{offer['id']}/accept", who)).json()

    assert answers[suspended.owner_id]["code"] == "provider_suspended"
    assert answers[suspended.owner_id]["detail"].startswith("You are suspended")
    assert (answers[newcomer.owner_id]["code"], answers[newcomer.owner_id]["state"]) == ("provider_full", "offered")
    offer = await open_offer(shop, fine)
    assert (await shop.api.post(f"/offers/{offer['id']}/accept", fine)).status_code == 200
    assert (await shop.api.get(f"/orders/{order['id']}", shop.customer)).json()["state"] == "in_fulfilment"
