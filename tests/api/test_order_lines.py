"""Ordering many things at once, and what the API says and does about each line."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from fulfil.activities.telling import tell_order_payment_changed
from fulfil.models.ids import new_id
from fulfil.models.messages.events import EventType
from fulfil.models.messages.jobs import JobState, OfferState
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.payments import PaymentChanged, PaymentState
from fulfil.models.money import LARGEST_MINOR
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.deliverables import ServiceRow
from fulfil.models.tables.orders import OrderAddressRow
from tests.api.deliveries import add_service, write_delivery
from tests.api.fakes import ENDED
from tests.api.running import Api
from tests.api.shop import Shop
from tests.api.test_orders import writing_orders
from tests.api.world import Person, World

WHY = {"reason": "not this one"}
HOME = {
    "name": "Ada Lovelace",
    "address_lines": ["12 Main Street"],
    "postal_code": "10119",
    "city": "Berlin",
    "country": "DE",
    "latitude": 52.5,
    "longitude": 13.4,
}


async def test_quotes_and_services_are_ordered_together(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    quotes = [await world.quote(customer) for _ in range(2)]
    service_id = await add_service(world, provider)
    writing_orders(api, world, customer)
    price = (await api.get(f"/services/{service_id}", customer)).json()["price"]["amount_minor"]
    body = {
        "lines": [{"quote_id": quotes[0]}, {"service_id": service_id}, {"quote_id": quotes[1]}],
        "total": {"amount_minor": 2 * 1299 + price, "currency": "eur"},
        "delivery_method": "pickup",
    }

    placed = await api.post("/orders", customer, key="k1", json=body)

    assert placed.status_code == 201, placed.text
    start = api.processes.said[0].message
    assert (start.quote_ids, start.revision, start.delivery_method) == (tuple(quotes), 2, "pickup")
    assert [wanted.service_id for wanted in start.services] == [service_id]
    assert start.total.model_dump() == body["total"]


async def test_an_address_is_kept_beside_the_order_and_never_told_to_the_workflow(
    api: Api, world: World, customer: Person
) -> None:
    writing_orders(api, world, customer)
    quote_id = await world.quote(customer)
    placed = await api.post("/orders", customer, key="k1", json={"quote_id": quote_id, "deliver_to": HOME})
    again = await api.post("/orders", customer, key="k1", json={"quote_id": quote_id, "deliver_to": HOME})

    assert placed.json()["deliver_to"] == again.json()["deliver_to"] == HOME
    assert "Lovelace" not in api.processes.said[0].message.model_dump_json()
    assert [row.city for row in await world.rows(OrderAddressRow)] == ["Berlin"]


async def test_without_an_address_the_order_says_where_goods_go(api: Api, world: World, customer: Person) -> None:
    writing_orders(api, world, customer)
    placed = await api.post("/orders", customer, key="k1", json={"quote_id": await world.quote(customer)})
    assert placed.json()["next"]["what"].endswith("goods go to the billing address")


BAD_LINES: list[tuple[str, dict[str, Any], int, str]] = [
    ("nothing", {}, 422, "parameter_invalid"),
    ("no line", {"lines": []}, 422, "parameter_invalid"),
    ("51 lines", {"lines": [{"service_id": "svc_" + "0" * 32}] * 51}, 422, "parameter_invalid"),
    ("both", {"quote_id": "{quote}", "lines": [{"quote_id": "{quote}"}]}, 422, "parameter_invalid"),
    ("a line of both", {"lines": [{"quote_id": "{quote}", "service_id": "{service}"}]}, 422, "parameter_invalid"),
    ("a line of neither", {"lines": [{}]}, 422, "parameter_invalid"),
    ("twice", {"lines": [{"quote_id": "{quote}"}, {"quote_id": "{quote}"}]}, 422, "quote_twice"),
    ("unknown service", {"lines": [{"service_id": "svc_" + "0" * 32}]}, 404, "not_found"),
    ("service taken off", {"lines": [{"service_id": "{withdrawn}"}]}, 409, "service_not_offered"),
    (
        "another sum",
        {"lines": [{"quote_id": "{quote}"}], "total": {"amount_minor": 1, "currency": "eur"}},
        422,
        "amount_mismatch",
    ),
    ("nowhere", {"quote_id": "{quote}", "deliver_to": {**HOME, "country": "XX"}}, 422, "parameter_invalid"),
    ("off the map", {"quote_id": "{quote}", "deliver_to": {**HOME, "latitude": 91}}, 422, "parameter_invalid"),
]


@pytest.mark.parametrize(("what", "body", "status", "code"), BAD_LINES)
async def test_what_can_not_be_ordered_says_why_and_starts_nothing(
    api: Api, world: World, customer: Person, provider: Person, what: str, body: Any, status: int, code: str
) -> None:
    names = {
        "{quote}": await world.quote(customer),
        "{service}": await add_service(world, provider),
        "{withdrawn}": await add_service(world, provider, active=False),
    }
    refused = await api.post("/orders", customer, key="k1", json=named(body, names))
    assert (refused.status_code, refused.json()["code"]) == (status, code), what
    assert not api.processes.said


async def test_a_suspended_providers_service_and_two_currencies_are_refused(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    service_id = await add_service(world, provider)
    dollars = await add_service(world, provider)
    async with world.begin() as session:
        (await session.get_one(ServiceRow, dollars)).currency = "usd"
    mixed = {"lines": [{"service_id": service_id}, {"service_id": dollars}]}
    first = await api.post("/orders", customer, key="k1", json=mixed)
    async with world.begin() as session:
        (await session.get_one(ProviderRow, provider.owner_id)).suspended_at = api.clock()
    second = await api.post("/orders", customer, key="k2", json={"lines": [{"service_id": service_id}]})
    assert [answer.json()["code"] for answer in (first, second)] == ["currencies_mixed", "service_not_offered"]
    assert {answer.status_code for answer in (first, second)} == {409}


async def test_more_than_an_amount_can_be_is_refused_before_anything_starts(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    service_id = await add_service(world, provider)
    async with world.begin() as session:
        await session.execute(update(ServiceRow).values(price_minor=LARGEST_MINOR))
    twice = {"lines": [{"service_id": service_id}] * 2}
    answer = await api.post("/orders", customer, key="k1", json=twice)
    assert (answer.status_code, answer.json()["code"]) == (422, "amount_too_large")
    assert api.processes.said == []


async def test_each_line_says_where_it_stands_and_what_may_be_done(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    made = await world.sale(
        customer,
        provider,
        order=OrderState.IN_FULFILMENT,
        job=JobState.ACCEPTED,
        offer=OfferState.ACCEPTED,
        production=JobState.ACCEPTED,
    )
    served = await write_delivery(world, customer, provider)

    expand = {"expand": "lines,job,jobs,deliverables"}
    goods = (await api.get(f"/orders/{made.order_id}", customer, params=expand)).json()
    service = (await api.get(f"/orders/{served.order_id}", customer, params=expand)).json()

    [line] = goods["lines"]
    assert (line["kind"], line["state"], line["job_id"]) == ("made_to_order", "accepted", made.job_id)
    assert (line["next"]["what"], line["allowed_actions"]) == ("start", ["cancel"])
    assert [job["id"] for job in goods["jobs"]] == [goods["job"]["id"]] == [made.job_id]
    [line] = service["lines"]
    assert (line["kind"], line["deliverable_id"]) == ("service", served.deliverable_id)
    assert (line["next"]["who"], line["allowed_actions"]) == ("provider", ["cancel"])
    assert (service["job"], service["jobs"]) == (None, [])
    assert [one["id"] for one in service["deliverables"]] == [served.deliverable_id]


async def test_a_line_is_called_off_by_its_customer_or_by_support(
    api: Api, world: World, customer: Person, provider: Person, supporter: Person
) -> None:
    sale = await world.sale(customer, provider)
    path = f"/orders/{sale.order_id}/lines/{sale.line_id}/cancel"
    who = ((customer, path), (customer, path), (supporter, f"/support{path}"))
    answers = [await api.post(there, person, key="c1", json=WHY) for person, there in who]

    assert {answer.status_code for answer in answers} == {200}
    said = api.processes.said
    assert {one.message.line_id for one in said} == {sale.line_id}
    assert len({one.update_id for one in said}) == 2
    assert answers[0].json()["lines"][0]["id"] == sale.line_id


async def test_a_line_of_another_order_is_not_found_and_one_called_off_joins(
    api: Api, world: World, customer: Person, stranger: Person, provider: Person
) -> None:
    sale, other = await world.sale(customer, provider), await world.sale(stranger, provider)
    foreign = await api.post(f"/orders/{sale.order_id}/lines/{other.line_id}/cancel", customer, json=WHY)
    unknown = await api.post(f"/orders/{sale.order_id}/lines/{new_id('lin')}/cancel", customer, json=WHY)
    theirs = await api.post(f"/orders/{other.order_id}/lines/{other.line_id}/cancel", customer, json=WHY)
    gone = await world.sale(customer, provider, job=JobState.CANCELLED)
    joined = await api.post(f"/orders/{gone.order_id}/lines/{gone.line_id}/cancel", customer, json=WHY)

    assert [answer.status_code for answer in (foreign, unknown, theirs, joined)] == [404, 404, 404, 200]
    assert not api.processes.said


async def test_a_line_of_an_order_that_ended_is_not_cancelled(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    ended = await world.sale(customer, provider, order=OrderState.CLOSED, job=JobState.CLOSED)
    running = await world.sale(customer, provider)
    api.processes.troubles["cancel line"] = ENDED
    answers = [
        await api.post(f"/orders/{sale.order_id}/lines/{sale.line_id}/cancel", customer, json=WHY)
        for sale in (ended, running)
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "order_ended")] * 2


async def test_an_order_of_many_lines_goes_from_the_click_to_the_end_of_each(shop: Shop, supporter: Person) -> None:
    """One line called off, the other made: real workflows, workers and money."""
    quotes = [await shop.world.quote(shop.customer) for _ in range(2)]
    body = {"lines": [{"quote_id": quote_id} for quote_id in quotes]}
    placed = await shop.api.post("/orders", shop.customer, key="k1", json=body)
    assert placed.status_code == 201, placed.text
    order = placed.json()
    await shop.pay(order)
    await shop.happened(order["id"], EventType.JOB_OFFERED, 2)
    first, second = (line["id"] for line in order["lines"])
    path, why = f"/support/orders/{order['id']}/redispatch", {"reason": "ask others"}
    which = await shop.api.post(path, supporter, json=why)
    assert (which.status_code, which.json()["code"]) == (409, "job_ambiguous")
    assert which.json()["detail"].count("job_") == 3
    cancelled = await shop.api.post(f"/orders/{order['id']}/lines/{first}/cancel", shop.customer, json=WHY)
    assert cancelled.status_code == 200, cancelled.text
    assert [line["state"] for line in cancelled.json()["lines"]] == ["cancelled", "offered"]

    winner, job = await shop.accept()
    await shop.make(winner, job["id"])
    await shop.approve(job["id"])
    await shop.happened(order["id"], "order.closed")

    closed = (await shop.api.get(f"/orders/{order['id']}", shop.customer, params={"expand": "lines"})).json()
    states = {line["id"]: line["state"] for line in closed["lines"]}
    assert (closed["state"], states[second]) == ("closed", "closed")
    back = (await shop.api.get(f"/orders/{order['id']}/refunds", shop.customer)).json()["data"]
    assert [refund["amount"]["amount_minor"] for refund in back] == [1299]


async def test_a_service_is_captured_at_once_and_paid_back_when_it_is_called_off(shop: Shop) -> None:
    """Real workflows and money, from the click to the refund's start."""
    service_id = await add_service(shop.world, shop.providers[0])
    body = {"lines": [{"service_id": service_id}]}
    order = (await shop.api.post("/orders", shop.customer, key="k1", json=body)).json()
    card = {"payment_method": "pm_card_visa"}
    await shop.api.post(f"/orders/{order['id']}/pay", shop.customer, json=card)
    paid = PaymentChanged(
        event_id="evt_1",
        payment_intent_id=order["payment"]["payment_intent_id"],
        state=PaymentState.AUTHORIZED,
    )
    await tell_order_payment_changed(shop.temporal, order["id"], paid)
    await shop.happened(order["id"], EventType.DELIVERABLE_OPENED)

    opened = (await shop.api.get(f"/orders/{order['id']}", shop.customer, params={"expand": "lines,payment"})).json()
    [line] = opened["lines"]
    assert (opened["state"], opened["payment"]["state"], line["state"]) == ("in_fulfilment", "captured", "draft")

    path = f"/orders/{order['id']}/lines/{line['id']}/cancel"
    assert (await shop.api.post(path, shop.customer, json=WHY)).status_code == 200
    await shop.happened(order["id"], EventType.ORDER_CANCELLED)
    await shop.happened(order["id"], EventType.REFUND_REQUESTED)
    back = (await shop.api.get(f"/orders/{order['id']}/refunds", shop.customer)).json()["data"]
    assert [refund["amount"] for refund in back] == [line["amount"]]


def named(body: dict[str, Any], names: dict[str, str]) -> Any:
    """The body with its names filled in."""
    text = json.dumps(body)
    for name, identifier in names.items():
        text = text.replace(name, identifier)
    return json.loads(text)


MUCH_LATER = timedelta(days=8)


async def test_a_quote_that_has_expired_refuses_the_whole_order(api: Api, world: World, customer: Person) -> None:
    body = {"lines": [{"quote_id": await world.quote(customer)} for _ in range(2)]}
    api.clock.ahead = MUCH_LATER
    refused = await api.post("/orders", customer, key="k1", json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "quote_expired")
