"""Orders: placing, reading, listing, cancelling."""

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import update

from fulfil.api.errors import conflict, unavailable
from fulfil.kit.clock import utc_now
from fulfil.models.messages.events import EventType
from fulfil.models.messages.jobs import JobState, OfferState
from fulfil.models.messages.orders import OrderPlaced, OrderState, StartOrder
from fulfil.models.messages.payments import PaymentState
from fulfil.models.tables.accounts import IdempotencyKeyRow
from fulfil.models.tables.orders import OrderRow
from tests.api.fakes import ENDED
from tests.api.running import Api, until
from tests.api.world import Person, World


def writing_orders(api: Api, world: World, customer: Person) -> None:
    """Let the fake workflow write the order, as `place_order` does."""

    async def write(start: StartOrder) -> None:
        if not any(row.id == start.order_id for row in await world.rows(OrderRow)):
            await world.order(customer, order_id=start.order_id, quote_id=start.quote_ids[0])

    api.processes.effects["place"] = write


async def test_an_order_is_answered_payable(api: Api, world: World, customer: Person) -> None:
    quote_id = await world.quote(customer)
    writing_orders(api, world, customer)

    response = await api.post("/orders", customer, key="k1", json={"quote_id": quote_id})

    order = response.json()
    assert response.status_code == 201
    assert order["state"] == "awaiting_payment"
    assert order["total"] == {"amount_minor": 1299, "currency": "eur"}
    assert order["payment"]["client_secret"].endswith("_secret_x")
    assert order["payment"]["publishable_key"] == "pk_test_nobody"
    assert order["lines"][0]["quote_id"] == quote_id
    assert order["allowed_actions"] == ["pay", "cancel"]
    assert order["next"]["who"] == "customer"
    start = api.processes.said[0].message
    assert (start.customer_id, start.quote_ids, start.placed_by.id) == (
        customer.party_id,
        (quote_id,),
        customer.party_id,
    )


async def test_a_repeated_order_is_the_same_order_even_after_the_quote_expired(
    api: Api, world: World, customer: Person
) -> None:
    quote_id = await world.quote(customer)
    writing_orders(api, world, customer)

    first = await api.post("/orders", customer, key="k1", json={"quote_id": quote_id})
    api.clock.ahead = timedelta(days=8)
    other = await api.post("/orders", customer, key="k2", json={"quote_id": quote_id})
    again = await api.post("/orders", customer, key="k1", json={"quote_id": quote_id})

    assert first.status_code == again.status_code == 201
    assert other.status_code == 409
    assert first.json()["id"] == again.json()["id"]


async def test_simultaneous_orders_under_one_key_are_one_order(api: Api, world: World, customer: Person) -> None:
    quote_id = await world.quote(customer)
    await world.order(customer)
    started: list[StartOrder] = []
    both = asyncio.Barrier(2)

    async def write(start: StartOrder) -> None:
        started.append(start)
        await both.wait()
        if start is started[0]:
            await world.order(customer, order_id=start.order_id, quote_id=start.quote_ids[0])
        await both.wait()

    api.processes.effects["place"] = write
    body = {"quote_id": quote_id}
    answers = await asyncio.gather(*(api.post("/orders", customer, key="k1", json=body) for _ in range(2)))

    assert {answer.json()["id"] for answer in answers} == {started[0].order_id}
    assert len({said.update_id for said in api.processes.said}) == 1


async def test_an_order_without_an_idempotency_key_is_refused(api: Api, world: World, customer: Person) -> None:
    response = await api.post("/orders", customer, json={"quote_id": await world.quote(customer)})

    assert (response.status_code, response.json()["code"]) == (400, "idempotency_key_missing")
    assert response.json()["param"] == "Idempotency-Key"
    assert not api.processes.said


async def test_a_key_used_for_another_order_is_a_mismatch(api: Api, world: World, customer: Person) -> None:
    writing_orders(api, world, customer)
    await api.post("/orders", customer, key="k1", json={"quote_id": await world.quote(customer)})

    response = await api.post("/orders", customer, key="k1", json={"quote_id": await world.quote(customer)})

    assert (response.status_code, response.json()["code"]) == (422, "idempotency_mismatch")


async def test_two_customers_may_use_the_same_key(api: Api, world: World, customer: Person, stranger: Person) -> None:
    for person in (customer, stranger):
        writing_orders(api, world, person)
        response = await api.post("/orders", person, key="k1", json={"quote_id": await world.quote(person)})
        assert response.status_code == 201


async def test_an_expired_quote_is_a_conflict_and_takes_no_key(api: Api, world: World, customer: Person) -> None:
    quote_id = await world.quote(customer, expires_at=utc_now() - timedelta(seconds=1))

    response = await api.post("/orders", customer, key="k1", json={"quote_id": quote_id})

    assert (response.status_code, response.json()["code"]) == (409, "quote_expired")
    assert response.json()["state"] == "expired"
    assert not api.processes.said
    assert not await world.rows(IdempotencyKeyRow)


async def test_an_order_of_somebody_elses_quote_is_not_found(
    api: Api, world: World, customer: Person, stranger: Person
) -> None:
    response = await api.post("/orders", stranger, key="k1", json={"quote_id": await world.quote(customer)})

    assert (response.status_code, response.json()["param"]) == (404, "quote_id")


async def test_a_tampered_amount_is_refused(api: Api, world: World, customer: Person) -> None:
    quote_id = await world.quote(customer)
    for total in ({"amount_minor": 1, "currency": "eur"}, {"amount_minor": 1299, "currency": "usd"}):
        response = await api.post("/orders", customer, key="k1", json={"quote_id": quote_id, "total": total})
        assert (response.status_code, response.json()["code"]) == (422, "amount_mismatch")
        assert response.json()["param"] == "total"
    assert not api.processes.said


async def test_an_order_that_takes_long_can_be_joined_later(api: Api, world: World, customer: Person) -> None:
    quote_id = await world.quote(customer)
    api.processes.troubles["place"] = unavailable("still_working", "It goes on.")

    slow = await api.post("/orders", customer, key="k1", json={"quote_id": quote_id})
    api.processes.troubles.clear()
    writing_orders(api, world, customer)
    joined = await api.post("/orders", customer, key="k1", json={"quote_id": quote_id})

    assert (slow.status_code, slow.json()["retryable"], slow.headers["Retry-After"]) == (503, True, "2")
    assert joined.status_code == 201
    assert len({said.to for said in api.processes.said}) == 1


async def test_a_refusal_by_the_workflow_is_told(api: Api, world: World, customer: Person) -> None:
    quote_id = await world.quote(customer)
    api.processes.placed = OrderPlaced(
        order_id="ord_" + "0" * 32, refusal_code="quote_expired", refusal_detail="This quote expired."
    )
    response = await api.post("/orders", customer, key="k1", json={"quote_id": quote_id})
    assert (response.status_code, response.json()["code"]) == (409, "quote_expired")

    api.processes.troubles["place"] = ENDED
    response = await api.post("/orders", customer, key="k1", json={"quote_id": quote_id})
    assert (response.status_code, response.json()["code"]) == (409, "order_refused")


async def test_orders_are_listed_newest_first_in_pages(
    api: Api, world: World, customer: Person, stranger: Person
) -> None:
    orders = [await world.order(customer) for _ in range(5)]
    await world.order(stranger)

    first = (await api.get("/orders", customer, params={"limit": 3})).json()
    last_id = first["data"][-1]["id"]
    second = (await api.get("/orders", customer, params={"limit": 3, "starting_after": last_id})).json()

    assert [order["id"] for order in first["data"] + second["data"]] == orders[::-1]
    assert (first["has_more"], second["has_more"]) == (True, False)


async def test_orders_can_be_filtered_by_state_and_support_sees_all(
    api: Api, world: World, customer: Person, stranger: Person, supporter: Person
) -> None:
    await world.order(customer)
    paid = [await world.order(person, state=OrderState.PAID) for person in (customer, stranger)]

    mine = (await api.get("/orders", customer, params={"state": "paid"})).json()["data"]
    all_paid = (await api.get("/orders", supporter, params={"state": "paid"})).json()["data"]

    assert [order["id"] for order in mine] == paid[:1]
    assert {order["id"] for order in all_paid} == set(paid)


async def test_a_cursor_that_is_no_order_is_refused(api: Api, customer: Person) -> None:
    response = await api.get("/orders", customer, params={"starting_after": "ord_" + "f" * 32})
    assert (response.status_code, response.json()["param"]) == (422, "starting_after")


async def test_expansion_shows_lines_job_and_payment(
    api: Api, world: World, customer: Person, provider: Person, supporter: Person
) -> None:
    sale = await world.sale(
        customer,
        provider,
        order=OrderState.IN_FULFILMENT,
        job=JobState.ACCEPTED,
        offer=OfferState.ACCEPTED,
        production=JobState.IN_PRODUCTION,
    )
    plain = (await api.get(f"/orders/{sale.order_id}", customer)).json()
    full = (await api.get(f"/orders/{sale.order_id}", customer, params={"expand": "lines,job,payment"})).json()
    seen_by_support = (await api.get(f"/orders/{sale.order_id}", supporter, params={"expand": "payment"})).json()
    wrong = await api.get(f"/orders/{sale.order_id}", customer, params={"expand": "lines,secrets"})

    assert plain["lines"] is plain["job"] is plain["payment"] is None
    assert plain["allowed_actions"] == []
    assert full["lines"][0]["file_id"] == sale.file_id
    assert full["job"]["state"] == "in_production"
    assert full["job"]["payout"] is None
    assert full["payment"]["client_secret"] is not None
    assert seen_by_support["payment"]["client_secret"] is None
    assert (wrong.status_code, wrong.json()["param"]) == (422, "expand")


async def test_cancelling_asks_the_workflow_and_says_that_it_goes_on(api: Api, world: World, customer: Person) -> None:
    order_id = await world.order(customer)

    response = await api.post(f"/orders/{order_id}/cancel", customer, json={"reason": "changed my mind"})

    assert response.status_code == 202
    said = api.processes.said[0]
    assert (said.what, said.to, said.message.reason) == ("cancel", order_id, "changed my mind")
    assert said.message.actor.id == customer.party_id


async def test_cancelling_can_wait_for_the_end(api: Api, world: World, customer: Person) -> None:
    order_id = await world.order(customer)
    ends: list[asyncio.Task[None]] = []

    async def end() -> None:
        await until(lambda: api.context.feed.subscriptions > 0)
        await set_state(world, order_id, OrderState.CANCELLED)
        await world.happen(order_id, EventType.ORDER_CANCELLED, key="cancelled")

    async def cancel(_: Any) -> None:
        ends.append(asyncio.create_task(end()))

    api.processes.effects["cancel"] = cancel
    response = await api.post(f"/orders/{order_id}/cancel?wait=20", customer, json={"reason": "changed my mind"})
    await ends[0]

    assert (response.status_code, response.json()["state"]) == (200, "cancelled")
    assert response.elapsed < timedelta(seconds=10)


async def set_state(world: World, order_id: str, state: OrderState) -> None:
    async with world.begin() as session:
        await session.execute(update(OrderRow).where(OrderRow.id == order_id).values(state=state))


async def test_a_refused_cancellation_says_state_and_what_is_possible(api: Api, world: World, customer: Person) -> None:
    order_id = await world.order(customer, state=OrderState.IN_FULFILMENT, payment=PaymentState.CAPTURED)
    api.processes.troubles["cancel"] = conflict(
        "production_started", "Production has started.", state="in_production", allowed_actions=[]
    )
    response = await api.post(f"/orders/{order_id}/cancel", customer, json={"reason": "changed my mind"})

    assert response.status_code == 409
    assert response.json()["code"] == "production_started"
    assert (response.json()["state"], response.json()["allowed_actions"]) == ("in_production", [])


async def test_an_ended_order_is_not_cancelled_again(api: Api, world: World, customer: Person) -> None:
    order_id = await world.order(customer, state=OrderState.CLOSED)

    response = await api.post(f"/orders/{order_id}/cancel", customer, json={"reason": "too late"})

    assert (response.status_code, response.json()["state"]) == (409, "closed")
    assert not api.processes.said


async def test_a_repeated_cancellation_joins_the_first(api: Api, world: World, customer: Person) -> None:
    order_id = await world.order(customer)
    for _ in range(2):
        await api.post(f"/orders/{order_id}/cancel", customer, key="c1", json={"reason": "changed my mind"})
    assert len({said.update_id for said in api.processes.said}) == 1

    await set_state(world, order_id, OrderState.CANCELLED)
    again = await api.post(f"/orders/{order_id}/cancel", customer, key="c1", json={"reason": "changed my mind"})
    assert (again.status_code, again.json()["state"]) == (200, "cancelled")
