"""Counter-offers: made to an open offer, shown to the customer, taken, declined, withdrawn, each once."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from fulfil.api.errors import conflict
from fulfil.api.processes import ProcessEndedError
from fulfil.kit.clock import utc_now
from fulfil.models.messages.dispatch import CounterState
from fulfil.models.messages.jobs import JobState, OfferState
from fulfil.models.tables.dispatch import CounterOfferRow
from fulfil.models.tables.jobs import OfferRow
from tests.api.countered import add_counter
from tests.api.running import Api
from tests.api.world import Person, Sale, World

LESS = {"amount": {"amount_minor": 1000, "currency": "eur"}, "lead_time_days": 10, "note": "from Monday"}


@pytest.fixture
async def sale(world: World, customer: Person, provider: Person) -> Sale:
    """An open offer of a job at 12.99 EUR."""
    return await world.sale(customer, provider)


async def test_a_provider_offers_another_date_and_a_lower_price_and_the_customer_sees_both(
    api: Api, sale: Sale, customer: Person, provider: Person
) -> None:
    made = await api.post(f"/offers/{sale.offer_id}/counter", provider, json=LESS, key="c1")
    again = await api.post(f"/offers/{sale.offer_id}/counter", provider, json=LESS, key="c1")

    assert made.status_code == again.status_code == 201, made.text
    assert again.json()["id"] == made.json()["id"]
    assert made.json()["payout"] == {"amount_minor": 850, "currency": "eur"}
    assert made.json()["allowed_actions"] == ["withdraw"]
    [seen] = (await api.get(f"/jobs/{sale.job_id}/counter-offers", customer)).json()["data"]
    assert (seen["provider_name"], seen["provider_score"], seen["lead_time_days"]) == ("Printworks", 50, 10)
    assert (seen["amount"]["amount_minor"], seen["saving"]["amount_minor"], seen["payout"]) == (1000, 299, None)
    assert (seen["state"], seen["allowed_actions"]) == ("open", ["accept", "decline"])
    events = (await api.get(f"/orders/{sale.order_id}/events", customer)).json()["data"]
    assert events[-1]["type"] == "job.countered"
    assert events[-1]["data"]["counter_id"] == seen["id"]


async def test_a_rival_does_not_see_it_and_support_does(
    api: Api, world: World, sale: Sale, provider: Person, rival: Person, supporter: Person
) -> None:
    counter_id = await add_counter(world, sale, provider)
    await world.offer(sale, rival)

    assert (await api.get(f"/jobs/{sale.job_id}/counter-offers", rival)).json()["data"] == []
    [seen] = (await api.get(f"/jobs/{sale.job_id}/counter-offers", supporter)).json()["data"]
    assert (seen["id"], seen["allowed_actions"]) == (counter_id, [])


@pytest.mark.parametrize(
    ("terms", "code", "param"),
    [
        ({"amount": {"amount_minor": 1300, "currency": "eur"}}, "price_above_paid", "amount"),
        ({"amount": {"amount_minor": 0, "currency": "eur"}}, "amount_not_representable", "amount"),
        ({"amount": {"amount_minor": 900, "currency": "usd"}}, "currency_mismatch", "amount.currency"),
        ({"note": "the same"}, "counter_is_the_offer", "lead_time_days"),
        ({"amount": {"amount_minor": 1299, "currency": "eur"}}, "counter_is_the_offer", "lead_time_days"),
        ({"lead_time_days": 0}, "parameter_invalid", "lead_time_days"),
        ({"lead_time_days": 366}, "parameter_invalid", "lead_time_days"),
    ],
)
async def test_terms_nobody_can_take_are_refused(
    api: Api, world: World, sale: Sale, provider: Person, terms: dict[str, Any], code: str, param: str
) -> None:
    response = await api.post(f"/offers/{sale.offer_id}/counter", provider, json=terms)
    assert (response.status_code, response.json()["code"], response.json()["param"]) == (422, code, param)
    assert await world.rows(CounterOfferRow) == []


async def test_a_second_one_waits_until_the_first_is_withdrawn_or_over(
    api: Api, world: World, sale: Sale, provider: Person
) -> None:
    first = await add_counter(world, sale, provider)
    refused = await api.post(f"/offers/{sale.offer_id}/counter", provider, json=LESS)
    assert (refused.status_code, refused.json()["code"]) == (409, "counter_open")
    assert "withdraw" in refused.json()["allowed_actions"]

    assert (await api.post(f"/counter-offers/{first}/withdraw", provider)).json()["state"] == "withdrawn"
    assert (await api.post(f"/offers/{sale.offer_id}/counter", provider, json=LESS)).status_code == 201
    async with world.begin() as session:
        await session.execute(update(CounterOfferRow).values(expires_at=utc_now() - timedelta(seconds=1)))
    assert (await api.post(f"/offers/{sale.offer_id}/counter", provider, json=LESS)).status_code == 201


@pytest.mark.parametrize("state", [OfferState.DECLINED, OfferState.EXPIRED, OfferState.LOST, OfferState.WITHDRAWN])
async def test_a_closed_offer_can_not_be_countered(
    api: Api, world: World, customer: Person, provider: Person, state: OfferState
) -> None:
    sale = await world.sale(customer, provider, offer=state)
    response = await api.post(f"/offers/{sale.offer_id}/counter", provider, json=LESS)
    assert (response.status_code, response.json()["code"]) == (409, "offer_not_open")
    assert (response.json()["state"], response.json()["allowed_actions"]) == (state.value, [])
    assert await world.rows(CounterOfferRow) == []


async def test_the_customer_takes_it_once_with_the_same_update(
    api: Api, world: World, sale: Sale, customer: Person, provider: Person
) -> None:
    counter_id = await add_counter(world, sale, provider)
    async with world.begin() as session:
        await session.execute(update(OfferRow).values(state=OfferState.EXPIRED))

    async def write(_: object) -> None:
        async with world.begin() as session:
            await session.execute(update(CounterOfferRow).values(state=CounterState.ACCEPTED, closed_at=utc_now()))

    api.processes.effects["accept"] = write
    taken = await api.post(f"/counter-offers/{counter_id}/accept", customer, key="t1")
    again = await api.post(f"/counter-offers/{counter_id}/accept", customer, key="t1")

    assert (taken.status_code, taken.json()["state"], taken.json()["allowed_actions"]) == (200, "accepted", [])
    assert again.json() == taken.json()
    [said] = api.processes.said
    assert (said.message.counter_id, said.message.offer_id, said.message.actor.id) == (
        counter_id,
        sale.offer_id,
        customer.owner_id,
    )


@pytest.mark.parametrize(
    ("state", "lasts", "code"),
    [
        (CounterState.DECLINED, timedelta(hours=1), "counter_declined"),
        (CounterState.WITHDRAWN, timedelta(hours=1), "counter_withdrawn"),
        (CounterState.EXPIRED, timedelta(hours=1), "counter_expired"),
        (CounterState.OPEN, -timedelta(seconds=1), "counter_expired"),
    ],
)
async def test_what_is_closed_can_not_be_taken_or_declined(
    api: Api,
    world: World,
    sale: Sale,
    customer: Person,
    provider: Person,
    *,
    state: CounterState,
    lasts: timedelta,
    code: str,
) -> None:
    counter_id = await add_counter(world, sale, provider, state=state, lasts=lasts)
    taken = await api.post(f"/counter-offers/{counter_id}/accept", customer)
    assert (taken.status_code, taken.json()["code"], taken.json()["allowed_actions"]) == (409, code, [])
    assert not api.processes.said
    withdrawn = await api.post(f"/counter-offers/{counter_id}/withdraw", provider)
    assert withdrawn.status_code == (200 if state is CounterState.WITHDRAWN else 409)
    [row] = await world.rows(CounterOfferRow)
    assert row.state == state


async def test_when_somebody_else_has_the_job_it_has_expired(
    api: Api, world: World, customer: Person, provider: Person, rival: Person
) -> None:
    sale = await world.sale(customer, rival, job=JobState.ACCEPTED, offer=OfferState.ACCEPTED)
    hers = await world.offer(sale, provider, OfferState.LOST)
    counter_id = await add_counter(world, Sale(**{**sale.__dict__, "offer_id": hers}), provider)

    response = await api.post(f"/counter-offers/{counter_id}/accept", customer)

    assert (response.status_code, response.json()["code"], response.json()["state"]) == (
        409,
        "counter_expired",
        "expired",
    )


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (conflict("offer_lost", "Another provider accepted this job first.", state="accepted"), "offer_lost"),
        (ProcessEndedError("ended"), "counter_expired"),
    ],
)
async def test_what_the_job_refuses_is_told_and_changes_nothing(
    api: Api, world: World, sale: Sale, customer: Person, provider: Person, trouble: Exception, code: str
) -> None:
    counter_id = await add_counter(world, sale, provider)
    api.processes.troubles["accept"] = trouble
    response = await api.post(f"/counter-offers/{counter_id}/accept", customer)
    assert (response.status_code, response.json()["code"]) == (409, code)
    [row] = await world.rows(CounterOfferRow)
    assert row.state == "open"


async def test_the_customer_declines_it_and_twice_changes_nothing(
    api: Api, world: World, sale: Sale, customer: Person, provider: Person
) -> None:
    counter_id = await add_counter(world, sale, provider)
    first = await api.post(f"/counter-offers/{counter_id}/decline", customer, key="d1")
    again = await api.post(f"/counter-offers/{counter_id}/decline", customer, key="d1")
    assert (first.status_code, first.json()["state"]) == (again.status_code, again.json()["state"]) == (200, "declined")
    events = (await api.get(f"/orders/{sale.order_id}/events", customer)).json()["data"]
    assert [event["type"] for event in events].count("job.counter_declined") == 1
