"""Resets by support: run again from before a step, and never repeat an effect."""

import asyncio

import httpx
from temporalio.client import Client

from fulfil.kit.database import Database
from fulfil.kit.settings import Settings
from fulfil.models.tables.accounts import ProviderRow
from fulfil.workers import orders as orders_worker
from fulfil.workflows.ids import order_workflow_id
from tests.api.fakes import FakeProcesses, FakeQuoteWork
from tests.api.running import Api, MovableClock, create_app, running
from tests.api.shop import WHY, Shop, set_account
from tests.api.world import Person, World


async def test_a_reset_past_the_charge_charges_once_and_the_order_goes_on(shop: Shop, supporter: Person) -> None:
    order = await shop.place()
    await shop.pay(order)
    winner, job = await shop.accept()
    path = f"/support/orders/{order['id']}/reset"
    body = {**WHY, "step": "secure_acceptance"}

    reset = await shop.api.post(path, supporter, key="r1", json=body)
    again = await shop.api.post(path, supporter, key="r1", json=body)
    await shop.make(winner, job["id"])
    await shop.approve(job["id"])
    await shop.happened(order["id"], "order.closed")
    entry = await shop.happened(order["id"], "support.reset", to=supporter)
    async with httpx.AsyncClient() as simulator:
        stripe = (await simulator.get(f"{shop.api.settings.stripe_api_base}/_simulator/dump")).json()

    assert reset.status_code == 200, reset.text
    assert reset.json() == again.json()
    assert reset.json()["from_run_id"] != reset.json()["to_run_id"]
    assert (entry["actor"]["id"], entry["data"]["reason"]) == (supporter.account_id, WHY["reason"])
    charges = [each for each in stripe["charges"] if each["transfer_group"] == order["id"]]
    # The transfer is a payment (`py_…`) to the provider's account.
    assert len([each for each in charges if each["id"].startswith("ch_")]) == 1
    assert len([each for each in stripe["transfers"] if each["transfer_group"] == order["id"]]) == 1
    [accepted] = [
        event
        for event in (await shop.api.get(f"/orders/{order['id']}/events", shop.customer)).json()["data"]
        if event["type"] == "job.accepted"
    ]
    assert accepted["data"]["provider_id"] == winner.party_id


async def test_an_order_workflow_is_reset_before_a_local_activity(shop: Shop, supporter: Person) -> None:
    order = await shop.place()
    await shop.pay(order)
    body = {**WHY, "step": "open_lines"}
    reset = await shop.api.post(f"/support/orders/{order['id']}/reset", supporter, json=body)
    winner, job = await shop.accept()
    await shop.make(winner, job["id"])
    await shop.approve(job["id"])
    await shop.happened(order["id"], "order.closed")
    outcome = await shop.temporal.get_workflow_handle(order_workflow_id(order["id"])).result()
    assert reset.status_code == 200, reset.text
    assert outcome["state"] == "closed"


async def test_a_parked_step_can_be_reset_by_default(shop: Shop, supporter: Person) -> None:
    order = await shop.place()
    await shop.pay(order)
    winner, job = await shop.accept()
    await shop.make(winner, job["id"])
    account = (await shop.world.rows(ProviderRow))[0].stripe_account_id
    await set_account(shop, winner, None)
    await shop.approve(job["id"])
    await shop.happened(order["id"], "step.parked")
    await set_account(shop, winner, account)

    reset = await shop.api.post(f"/support/orders/{order['id']}/reset", supporter, json=WHY)
    await shop.happened(order["id"], "order.closed")
    assert (reset.status_code, reset.json()["step"]) == (200, "settle_job")
    assert (await shop.api.get("/support/stuck", supporter)).json()["data"] == []


async def test_resets_that_could_do_harm_are_refused(shop: Shop, supporter: Person) -> None:
    order = await shop.place()
    path = f"/support/orders/{order['id']}/reset"
    nothing = await shop.api.post(path, supporter, json=WHY)
    forbidden = await shop.api.post(path, supporter, json={**WHY, "step": "close_order"})
    no_job = await shop.api.post(path, supporter, json={**WHY, "step": "settle_job"})
    early = await shop.api.post(path, supporter, json={**WHY, "step": "return_payment"})
    await shop.api.post(f"/orders/{order['id']}/cancel?wait=20", shop.customer, json={"reason": "changed my mind"})
    await shop.temporal.get_workflow_handle(order_workflow_id(order["id"])).result()
    over = await shop.api.post(path, supporter, json={**WHY, "step": "place_order"})

    assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing_parked")
    assert (forbidden.status_code, forbidden.json()["param"]) == (422, "step")
    assert (no_job.status_code, no_job.json()["code"]) == (409, "no_job")
    assert (early.status_code, early.json()["code"]) == (409, "step_not_reached")
    assert (over.status_code, over.json()["code"]) == (409, "workflow_completed")


async def test_money_in_flight_keeps_a_workflow_from_being_reset(
    simulated: Settings, temporal: Client, world: World, customer: Person, supporter: Person, worker_database: Database
) -> None:
    app = create_app(simulated.model_copy(update={"stripe_api_base": "http://127.0.0.1:9"}), temporal=temporal)
    async with running(app) as http, orders_worker.build(temporal, worker_database):
        api = Api(app, http, FakeProcesses(temporal), FakeQuoteWork(temporal), simulated, MovableClock())
        quote_id = await world.quote(customer)
        placing = asyncio.create_task(api.post("/orders", customer, key="k1", json={"quote_id": quote_id}))
        await asyncio.wait([placing], timeout=2)
        assert not placing.done()
        [execution] = [each async for each in temporal.list_workflows("ExecutionStatus = 'Running'")]
        order_id = execution.id.removeprefix("order/")
        await world.order(customer, order_id=order_id, quote_id=quote_id)
        body = {**WHY, "step": "place_order"}
        refused = await api.post(f"/support/orders/{order_id}/reset", supporter, json=body)
        placing.cancel()
        await asyncio.wait([placing])
    assert (refused.status_code, refused.json()["code"]) == (409, "money_in_flight")
