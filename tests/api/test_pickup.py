"""Orders that are picked up: made ready, and handed over for the customer's code."""

from datetime import timedelta

from fulfil.kit.clock import utc_now
from fulfil.models.messages.jobs import JobState
from fulfil.models.messages.orders import DeliveryMethod
from fulfil.models.tables.jobs import ProductionRow
from fulfil.models.tables.timeline import EventRow, TimelineRow
from tests.api.making import PARCEL, job_in_hand, kinds
from tests.api.running import Api
from tests.api.world import Person, Sale, World

PLACE = {"address": "Printworks, 1 Main Street", "note": "Weekdays"}


async def made(world: World, customer: Person, provider: Person) -> Sale:
    """A job made and checked, of an order that is picked up."""
    return await job_in_hand(world, customer, provider, JobState.READY, delivery=DeliveryMethod.PICKUP)


async def test_it_is_handed_over_for_the_code_only_the_customer_sees(
    api: Api, world: World, customer: Person, provider: Person, supporter: Person
) -> None:
    sale = await made(world, customer, provider)
    path = f"/jobs/{sale.job_id}"
    ready = await api.post(f"{path}/ready-for-pickup", provider, json=PLACE)
    [head] = await world.rows(TimelineRow)
    his = (await api.get(path, customer)).json()["making"]["pickup"]
    others = [(await api.get(path, person)).json()["making"]["pickup"]["code"] for person in (provider, supporter)]
    late = {"due_at": (utc_now() + timedelta(days=9)).isoformat(), "reason": "broken"}
    kept = await api.post(f"{path}/delay", provider, json=late)
    without = await api.post(f"{path}/deliver", provider, json={})
    done = await api.post(f"{path}/deliver", provider, json={"pickup_code": his["code"]})

    assert (ready.json()["state"], ready.json()["allowed_actions"]) == ("ready", ["deliver", "material"])
    assert (head.next_who, his["address"], others) == ("customer", PLACE["address"], [None, None])
    assert (kept.status_code, kept.json()["code"]) == (409, "promise_kept")
    assert (without.status_code, without.json()["code"]) == (422, "pickup_code_missing")
    assert (done.status_code, done.json()["state"]) == (200, "delivered")
    assert kinds(await world.rows(EventRow)) == ["job.ready_for_pickup", "job.delivered"]
    assert not any(his["code"] in str(event.data) for event in await world.rows(EventRow))


async def test_codes_can_not_be_tried_out(api: Api, world: World, customer: Person, provider: Person) -> None:
    sale = await made(world, customer, provider)
    path = f"/jobs/{sale.job_id}"
    await api.post(f"{path}/ready-for-pickup", provider, json=PLACE)
    code = (await api.get(path, customer)).json()["making"]["pickup"]["code"]
    wrong = "000000" if code != "000000" else "000001"
    tried = [await api.post(f"{path}/deliver", provider, json={"pickup_code": wrong}, key="d1") for _ in range(5)]
    locked = await api.post(f"{path}/deliver", provider, json={"pickup_code": code})
    api.clock.ahead = timedelta(minutes=16)
    done = await api.post(f"{path}/deliver", provider, json={"pickup_code": code})

    assert {(answer.status_code, answer.json()["code"]) for answer in tried} == {(422, "pickup_code_wrong")}
    assert (locked.status_code, locked.json()["code"]) == (409, "pickup_code_locked")
    assert done.json()["state"] == "delivered"
    [production] = await world.rows(ProductionRow)
    assert production.pickup_failures == 5


async def test_digits_of_another_script_are_no_code(api: Api, world: World, customer: Person, provider: Person) -> None:
    sale = await made(world, customer, provider)
    await api.post(f"/jobs/{sale.job_id}/ready-for-pickup", provider, json=PLACE)
    answer = await api.post(f"/jobs/{sale.job_id}/deliver", provider, json={"pickup_code": "١٢٣٤٥٦"})
    assert (answer.status_code, answer.json()["param"]) == (422, "pickup_code")


async def test_what_is_picked_up_is_not_shipped_and_what_is_shipped_not_picked_up(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    picked_up = await made(world, customer, provider)
    sent = await job_in_hand(world, customer, provider, JobState.READY)
    ship = await api.post(f"/jobs/{picked_up.job_id}/ship", provider, json=PARCEL)
    early = await api.post(f"/jobs/{picked_up.job_id}/deliver", provider, json={"pickup_code": "123456"})
    fetch = await api.post(f"/jobs/{sent.job_id}/ready-for-pickup", provider, json=PLACE)
    assert (ship.status_code, ship.json()["code"]) == (409, "delivery_is_pickup")
    assert ship.json()["allowed_actions"] == ["ready_for_pickup", "delay", "material"]
    assert (early.status_code, early.json()["code"]) == (409, "not_ready_for_pickup")
    assert (fetch.status_code, fetch.json()["code"]) == (409, "delivery_is_shipping")
