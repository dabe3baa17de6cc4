"""The API with the real workflows, workers and payment simulator behind it: what only the whole can prove."""

import asyncio
from collections import Counter
from datetime import timedelta

from sqlalchemy import update

from fulfil.kit.clock import utc_now
from fulfil.models.messages.jobs import OfferedTo, OfferWave, Stage, StartJob
from fulfil.models.messages.parties import Role
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.tables.inventory import StockItemRow
from fulfil.models.tables.jobs import OfferRow
from fulfil.models.tables.payments import PaymentRow
from fulfil.workflows import attributes
from fulfil.workflows.ids import ORDERS, job_workflow_id, order_workflow_id
from fulfil.workflows.job import JobWorkflow
from tests.api.shop import WHY, Shop, set_account
from tests.api.world import Person


async def test_an_order_goes_from_quote_to_payout(shop: Shop, supporter: Person) -> None:
    order = await shop.place()
    await shop.pay(order)
    winner, job = await shop.accept()
    await shop.make(winner, job["id"])
    await shop.approve(job["id"])
    await shop.happened(order["id"], "order.closed")

    closed = (await shop.api.get(f"/orders/{order['id']}", shop.customer, params={"expand": "job,payment"})).json()
    ledger = (await shop.api.get(f"/support/orders/{order['id']}/ledger", supporter)).json()
    balances = {leg["account"]: leg["amount_minor"] for leg in ledger["balances"]}

    assert (closed["state"], closed["job"]["state"], closed["payment"]["state"]) == ("closed", "closed", "captured")
    assert closed["allowed_actions"] == []
    assert balances[f"liability:held:{order['id']}"] == balances[f"liability:payable:{winner.party_id}"] == 0
    assert (balances["revenue:commission"], balances["liability:tax"]) == (-164, -31)
    assert sum(leg["amount_minor"] for entry in ledger["transactions"] for leg in entry["postings"]) == 0


async def test_a_repeated_order_joins_the_running_one(shop: Shop) -> None:
    body = {"quote_id": await shop.world.quote(shop.customer)}
    answers = await asyncio.gather(*(shop.api.post("/orders", shop.customer, key="k1", json=body) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len((await shop.api.get("/orders", shop.customer)).json()["data"]) == 1
    order_id = answers[0].json()["id"]
    described = await shop.temporal.get_workflow_handle(order_workflow_id(order_id)).describe()
    assert described.typed_search_attributes[attributes.ORDER_STATE] == "awaiting_payment"
    assert described.typed_search_attributes[attributes.CUSTOMER_ID] == shop.customer.party_id
    assert await described.static_summary() == f"Order {order_id}: 12.99 EUR"


async def test_an_unpaid_order_is_cancelled_while_the_customer_waits(shop: Shop) -> None:
    order = await shop.place()
    body = {"reason": "changed my mind"}
    cancelled = await shop.api.post(f"/orders/{order['id']}/cancel?wait=20", shop.customer, key="c1", json=body)
    again = await shop.api.post(f"/orders/{order['id']}/cancel", shop.customer, key="c1", json=body)
    anew = await shop.api.post(f"/orders/{order['id']}/cancel", shop.customer, json=body)
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert again.json()["state"] == "cancelled"
    assert (anew.status_code, anew.json()["code"]) == (409, "order_ended")


async def test_an_order_in_production_can_not_be_cancelled(shop: Shop) -> None:
    order = await shop.place()
    await shop.pay(order)
    winner, job = await shop.accept()
    await shop.api.post(f"/jobs/{job['id']}/start", winner)
    refused = await shop.api.post(f"/orders/{order['id']}/cancel", shop.customer, json={"reason": "too late"})
    assert (refused.status_code, refused.json()["code"]) == (409, "production_started")
    assert refused.json()["state"] == "in_production"


async def test_of_fifty_providers_one_wins_and_everybody_else_reads_why(shop: Shop) -> None:
    world, lead = shop.world, shop.providers[0]
    sale = await world.sale(shop.customer, lead)
    rivals = [await world.person(Role.PROVIDER) for _ in range(49)]
    offers = {sale.offer_id: lead, **{await world.offer(sale, rival): rival for rival in rivals}}
    for rival in rivals:
        await shop.api.post(f"/providers/{rival.owner_id}/stock", rival, json={"material": "PLA", "quantity": 9})
    await authorize(shop, sale.order_id)
    wave = OfferWave(
        stage=Stage.WAVE,
        number=1,
        offers=[OfferedTo(offer_id=offer, provider_id=person.owner_id) for offer, person in offers.items()],
        ends_at=utc_now() + timedelta(seconds=90),
    )
    start = StartJob(
        job_id=sale.job_id, order_id=sale.order_id, line_id=sale.line_id, policies=OrderPolicies(), wave=wave
    )
    await shop.temporal.start_workflow(JobWorkflow.run, start, id=job_workflow_id(sale.job_id), task_queue=ORDERS)
    answers = await asyncio.gather(
        *(shop.api.post(f"/offers/{offer}/accept", person) for offer, person in offers.items())
    )
    assert Counter((answer.status_code, answer.json().get("code")) for answer in answers) == {
        (200, None): 1,
        (409, "offer_lost"): 49,
    }
    assert Counter(row.state for row in await world.rows(OfferRow)) == {"accepted": 1, "lost": 49}
    assert sum(row.reserved_quantity for row in await world.rows(StockItemRow)) == 3


async def authorize(shop: Shop, order_id: str) -> None:
    """The order's payment waits for its capture."""
    stripe = shop.api.context.stripe
    intent = await stripe.create_payment_intent(
        order_id=order_id, amount_minor=1299, currency="eur", idempotency_key=f"{order_id}:payment_intent"
    )
    await stripe.confirm_payment_intent(
        intent.id, payment_method="pm_card_visa", return_url=None, idempotency_key=f"{order_id}:confirm"
    )
    async with shop.world.begin() as session:
        await session.execute(
            update(PaymentRow).where(PaymentRow.order_id == order_id).values(payment_intent_id=intent.id)
        )


async def test_declining_and_accepting_later_is_refused(shop: Shop) -> None:
    order = await shop.place()
    await shop.pay(order)
    provider = shop.providers[0]
    [offer] = (await shop.api.get("/offers", provider, params={"state": "open"})).json()["data"]
    declined = await shop.api.post(f"/offers/{offer['id']}/decline", provider, json={"reason": "no time"})
    late = await shop.api.post(f"/offers/{offer['id']}/accept", provider)
    assert (declined.status_code, declined.json()["state"]) == (200, "declined")
    assert (late.status_code, late.json()["code"]) == (409, "offer_declined")


async def test_support_redispatches_a_job(shop: Shop, supporter: Person) -> None:
    order = await shop.place()
    await shop.pay(order)
    winner, job = await shop.accept()
    response = await shop.api.post(f"/support/orders/{order['id']}/redispatch", supporter, json=WHY)
    await shop.happened(order["id"], "job.offered", times=2)
    late = await shop.api.post(f"/jobs/{job['id']}/start", winner)
    assert response.status_code == 200
    assert (late.status_code, late.json()["code"]) == (409, "job_taken_back")


async def test_a_parked_step_is_found_and_retried(shop: Shop, supporter: Person) -> None:
    order = await shop.place()
    await shop.pay(order)
    winner, job = await shop.accept()
    await shop.make(winner, job["id"])
    await set_account(shop, winner, None)
    await shop.approve(job["id"])
    await shop.happened(order["id"], "step.parked")

    [stuck] = (await shop.api.get("/support/stuck", supporter)).json()["data"]
    skipped = await shop.api.post(f"/support/orders/{order['id']}/skip", supporter, json=WHY)
    account = await shop.api.context.stripe.create_recipient_account(
        provider_id=winner.owner_id, name="P", idempotency_key=f"{winner.owner_id}:again"
    )
    await set_account(shop, winner, account)
    retried = await shop.api.post(f"/support/orders/{order['id']}/retry", supporter, key="r1", json=WHY)
    await shop.happened(order["id"], "order.closed")
    again = await shop.api.post(f"/support/orders/{order['id']}/retry", supporter, key="r1", json=WHY)
    resolved = await shop.happened(order["id"], "step.resolved", to=supporter)

    assert (stuck["order_id"], stuck["step"], stuck["workflow_id"]) == (
        order["id"],
        "settle_job",
        job_workflow_id(job["id"]),
    )
    assert (skipped.status_code, skipped.json()["allowed_actions"]) == (409, ["retry"])
    assert retried.json() == again.json()
    assert (resolved["actor"]["id"], resolved["data"]["reason"]) == (supporter.account_id, WHY["reason"])
    assert (await shop.api.get("/support/stuck", supporter)).json()["data"] == []
