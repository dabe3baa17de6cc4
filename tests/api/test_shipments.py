"""Parcels: partial shipments, carriers' events in any order, and delivery exactly once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from fulfil.kit.clock import utc_now
from fulfil.models.ids import new_id
from fulfil.models.messages.jobs import JobState
from fulfil.models.messages.parties import Role
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.jobs import JobReportRow, JobRow, ProductionRow
from fulfil.models.tables.orders import OrderAddressRow, OrderLineRow
from fulfil.models.tables.shipments import ShipmentEventRow, ShipmentRow
from fulfil.models.tables.timeline import EventRow, TimelineRow
from tests.api.making import CHECKED, add_parcel, happened, job_in_hand, kinds, parcel
from tests.api.running import Api
from tests.api.world import Person, Sale, World

AT = "2026-01-01T08:00:00Z"


async def ready_job(world: World, customer: Person, provider: Person, pieces: int) -> Sale:
    """So many pieces made and checked."""
    sale = await job_in_hand(world, customer, provider, JobState.READY)
    async with world.begin() as session:
        await session.execute(update(OrderLineRow).where(OrderLineRow.id == sale.line_id).values(quantity=pieces))
    return sale


async def shipped(api: Api, world: World, customer: Person, provider: Person, *pieces: int) -> tuple[Sale, list[str]]:
    """A job shipped in parcels with so many pieces each, and the parcels' ids."""
    sale = await ready_job(world, customer, provider, sum(pieces))
    for number, count in enumerate(pieces):
        body = parcel(f"{sale.job_id[-8:]}-{number}", pieces=count)
        assert (await api.post(f"/jobs/{sale.job_id}/ship", provider, json=body)).status_code == 200
    making = (await api.get(f"/jobs/{sale.job_id}", provider)).json()["making"]
    return sale, [shipment["id"] for shipment in making["shipments"]]


async def tell(api: Api, person: Person, shipment_id: str, kind: str, event_id: str = "") -> Any:
    """An event of a parcel."""
    body = happened(kind, event_id or f"{kind}-1", AT)
    return await api.post(f"/shipments/{shipment_id}/events", person, json=body)


async def test_a_job_is_shipped_with_its_last_piece(api: Api, world: World, customer: Person, provider: Person) -> None:
    sale = await ready_job(world, customer, provider, 5)
    first = await api.post(f"/jobs/{sale.job_id}/ship", provider, json=parcel("A", pieces=2))
    too_many = await api.post(f"/jobs/{sale.job_id}/ship", provider, json=parcel("B", pieces=4))
    same = await api.post(f"/jobs/{sale.job_id}/ship", provider, json=parcel("A", pieces=1))
    rest = await api.post(f"/jobs/{sale.job_id}/ship", provider, json=parcel("B"))
    more = await api.post(f"/jobs/{sale.job_id}/ship", provider, json=parcel("C"))

    assert (first.json()["state"], first.json()["making"]["pieces_left"]) == ("ready", 3)
    assert (too_many.status_code, too_many.json()["param"]) == (422, "pieces")
    assert (same.status_code, same.json()["param"]) == (422, "tracking_number")
    assert (rest.json()["state"], rest.json()["making"]["pieces_left"]) == ("shipped", 0)
    assert (more.status_code, more.json()["code"]) == (409, "job_state")
    assert kinds(await world.rows(EventRow)) == ["shipment.created", "job.shipped"]


async def test_a_parcel_shipped_twice_under_one_key_is_one(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await ready_job(world, customer, provider, 2)
    body = parcel("A", pieces=1)
    answers = await asyncio.gather(
        *(api.post(f"/jobs/{sale.job_id}/ship", provider, json=body, key="s1") for _ in range(4))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len(await world.rows(ShipmentRow)) == 1


async def test_carriers_may_tell_late_twice_and_in_any_order(
    api: Api, world: World, customer: Person, provider: Person, supporter: Person
) -> None:
    _, [shipment_id] = await shipped(api, world, customer, provider, 1)
    said = [("in_transit", "2"), ("picked_up", "1"), ("in_transit", "2"), ("in_transit", "3"), ("delivered", "4")]
    states = [(await tell(api, supporter, shipment_id, kind, number)).json()["state"] for kind, number in said]
    after_the_end = await tell(api, supporter, shipment_id, "lost", "5")

    assert states == ["in_transit", "in_transit", "in_transit", "in_transit", "delivered"]
    assert (after_the_end.status_code, after_the_end.json()["state"]) == (200, "delivered")
    assert len(after_the_end.json()["moves"]) == len(await world.rows(ShipmentEventRow)) == 5
    assert kinds(await world.rows(EventRow)) == [
        *("job.shipped", "shipment.moved", "shipment.moved", "shipment.delivered", "job.delivered")
    ]


async def test_a_job_is_delivered_with_its_last_parcel(
    api: Api, world: World, customer: Person, provider: Person, supporter: Person
) -> None:
    sale, [one, other] = await shipped(api, world, customer, provider, 2, 1)
    await tell(api, supporter, one, "delivered")
    assert (await api.get(f"/jobs/{sale.job_id}", customer)).json()["state"] == "shipped"
    await tell(api, provider, other, "delivered")
    job = (await api.get(f"/jobs/{sale.job_id}", customer)).json()
    reports = [row for row in await world.rows(JobReportRow) if row.kind == "delivered"]
    assert (job["state"], job["allowed_actions"]) == ("delivered", ["approve"])
    assert [report.signal_due for report in reports] == [True]


async def test_carrier_and_provider_deliver_at_once_and_it_is_delivered_once(
    api: Api, world: World, customer: Person, provider: Person, supporter: Person
) -> None:
    sale, [shipment_id] = await shipped(api, world, customer, provider, 1)
    answers = await asyncio.gather(
        *(tell(api, supporter, shipment_id, "delivered", f"e{number}") for number in range(4)),
        *(api.post(f"/jobs/{sale.job_id}/deliver", provider, json={}) for _ in range(4)),
    )
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert [row.kind for row in await world.rows(JobReportRow)].count("delivered") == 1
    assert kinds(await world.rows(EventRow)).count("job.delivered") == 1
    [row] = await world.rows(ShipmentRow)
    assert row.state == "delivered"


async def test_a_delivery_is_proved_by_photo_and_signature(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale, _ = await shipped(api, world, customer, provider, 1)
    photo, signature = [await world.file(provider, file_format="png") for _ in range(2)]
    model = await world.file(provider)
    bad = await api.post(f"/jobs/{sale.job_id}/deliver", provider, json={"signature_file_id": model})
    body = {"proof_note": "Signed", "photo_file_ids": [photo], "signature_file_id": signature}
    good = await api.post(f"/jobs/{sale.job_id}/deliver", provider, json=body)
    shown = [(await api.get(f"/files/{file_id}", customer)).status_code for file_id in (photo, signature)]
    assert (bad.status_code, bad.json()["param"]) == (422, "signature_file_id")
    assert (good.status_code, shown) == (200, [200, 200])


async def test_a_lost_parcel_is_made_again_and_the_customer_chooses_by_whom(
    api: Api, world: World, customer: Person, provider: Person, supporter: Person
) -> None:
    sale, [one, other] = await shipped(api, world, customer, provider, 2, 1)
    await tell(api, supporter, one, "delivered")
    await tell(api, supporter, other, "lost")
    job = (await api.get(f"/jobs/{sale.job_id}", customer)).json()
    [head] = await world.rows(TimelineRow)
    lost = [row for row in await world.rows(JobReportRow) if row.kind == "lost"]

    assert (job["state"], job["production"]["percent"], job["making"]["pieces_left"]) == ("in_production", 0, 1)
    assert (job["trouble"]["kind"], head.next_who) == ("parcel_lost", "customer")
    assert [row.signal_due for row in lost] == [True]

    await api.post(f"/jobs/{sale.job_id}/quality", provider, json=CHECKED)
    again = await api.post(f"/jobs/{sale.job_id}/ship", provider, json=parcel("again"))
    await tell(api, supporter, again.json()["making"]["shipments"][-1]["id"], "delivered")
    done = (await api.get(f"/jobs/{sale.job_id}", customer)).json()
    assert (again.json()["state"], done["state"], done["trouble"]) == ("shipped", "delivered", None)


async def test_a_returned_parcel_is_supports_move_and_can_be_sent_again(
    api: Api, world: World, customer: Person, provider: Person, supporter: Person
) -> None:
    sale, [shipment_id] = await shipped(api, world, customer, provider, 3)
    await tell(api, supporter, shipment_id, "returned")
    [head] = await world.rows(TimelineRow)
    job = (await api.get(f"/jobs/{sale.job_id}", provider)).json()
    assert (head.next_who, job["state"], job["making"]["pieces_left"]) == ("support", "ready", 3)
    again = await api.post(f"/jobs/{sale.job_id}/ship", provider, json=parcel("again"))
    assert again.json()["state"] == "shipped"


async def test_a_parcel_of_a_closed_production_moves_without_its_job(
    api: Api, world: World, customer: Person, provider: Person, supporter: Person
) -> None:
    _, [shipment_id] = await shipped(api, world, customer, provider, 1)
    async with world.begin() as session:
        await session.execute(update(ProductionRow).values(state=JobState.CANCELLED, closed_at=utc_now()))
    answer = await tell(api, supporter, shipment_id, "lost")
    assert answer.json()["state"] == "lost"
    assert "lost" not in {row.kind for row in await world.rows(JobReportRow)}


async def test_a_carrier_names_its_parcel_by_tracking_number(
    api: Api, world: World, customer: Person, provider: Person, supporter: Person
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.SHIPPED)
    ended = await add_parcel(world, sale, provider, tracking_number="T1", state="lost")
    moving = await add_parcel(world, await job_in_hand(world, customer, provider, JobState.SHIPPED), provider)
    created = await api.post("/api-keys", supporter, json={"name": "DHL", "scopes": ["shipments:write"]})
    key = {"Authorization": f"Bearer {created.json()['secret']}"}

    async def say(kind: str, carrier: str, number: str) -> Any:
        body = {**happened(kind, kind, AT), "carrier": carrier, "tracking_number": number}
        return await api.post("/carrier-events", headers=key, json=body)

    told = await say("picked_up", "dhl", moving[-12:])
    late = await say("in_transit", "DHL", "T1")
    unknown = await say("lost", "UPS", "T1")
    nothing_else = await api.get("/orders", headers=key)

    assert (told.status_code, told.json()) == (200, {"shipments": [moving], "states": ["picked_up"]})
    assert (late.status_code, late.json()) == (200, {"shipments": [ended], "states": ["lost"]})
    assert (unknown.status_code, unknown.json()["param"]) == (404, "tracking_number")
    assert nothing_else.status_code == 403


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"kind": "eaten"}, "kind"),
        ({"at": "yesterday"}, "at"),
        ({"at": (utc_now() + timedelta(days=1)).isoformat()}, "at"),
        ({"event_id": ""}, "event_id"),
        ({"colour": "red"}, "colour"),
    ],
    ids=["unknown kind", "no time", "in the future", "no id", "unknown field"],
)
async def test_a_bad_event_names_the_field(
    api: Api, world: World, customer: Person, provider: Person, change: dict[str, Any], param: str
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.SHIPPED)
    shipment_id = await add_parcel(world, sale, provider)
    body = {**happened("in_transit", "1", AT), **change}
    response = await api.post(f"/shipments/{shipment_id}/events", provider, json=body)
    assert (response.status_code, response.json()["param"]) == (422, param)
    assert not await world.rows(ShipmentEventRow)


async def test_customers_see_the_parcels_of_their_orders_and_no_labels(
    api: Api, world: World, customer: Person, provider: Person, stranger: Person
) -> None:
    sale, [shipment_id] = await shipped(api, world, customer, provider, 2)
    listed = (await api.get(f"/orders/{sale.order_id}/shipments", customer)).json()["data"]
    one = await api.get(f"/shipments/{shipment_id}", customer)
    label = await api.get(f"/shipments/{shipment_id}/label", customer)
    other = await api.get(f"/shipments/{shipment_id}", stranger)
    assert [each["id"] for each in listed] == [one.json()["id"]] == [shipment_id]
    assert (label.status_code, other.status_code) == (403, 404)


async def test_a_label_has_sender_recipient_mass_and_reference_and_no_event_tells_them(
    api: Api, world: World, customer: Person, provider: Person, rival: Person
) -> None:
    sale, [shipment_id] = await shipped(api, world, customer, provider, 2)
    await world.add(
        OrderAddressRow(
            order_id=sale.order_id,
            name="Ada Lovelace",
            address_lines=["12 St James's Square"],
            postal_code="10115",
            city="Berlin",
            country="DE",
            created_at=utc_now(),
        )
    )
    async with world.begin() as session:
        of_hers = update(ProviderRow).where(ProviderRow.id == provider.owner_id)
        await session.execute(of_hers.values(address_lines=["1 Main Street"], country="DE"))
    label = (await api.get(f"/shipments/{shipment_id}/label", provider)).json()
    hidden = await api.get(f"/shipments/{shipment_id}/label", rival)

    assert (label["recipient"]["name"], label["sender"]["address_lines"]) == ("Ada Lovelace", ["1 Main Street"])
    assert (label["pieces"], label["mass_g"] > 0, label["reference"]) == (2, True, shipment_id[-12:].upper())
    assert hidden.status_code == 404
    told = [str(event.data) for event in await world.rows(EventRow)]
    assert not any("Lovelace" in each or "St James" in each for each in told)


async def test_a_shipment_and_a_calling_off_at_once_have_one_winner(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await ready_job(world, customer, provider, 1)
    async with world.begin() as session:
        await session.execute(update(ProductionRow).values(state=JobState.CANCELLED, closed_at=utc_now()))
        shipping = asyncio.create_task(api.post(f"/jobs/{sale.job_id}/ship", provider, json=parcel("A")))
        await asyncio.wait([shipping], timeout=0.3)
        assert not shipping.done()
        await session.execute(update(JobRow).values(state=JobState.CANCELLED, provider_id=None, offer_id=None))
    response = await shipping
    assert (response.status_code, response.json()["code"]) == (409, "job_taken_back")
    assert not await world.rows(ShipmentRow)


async def test_another_providers_parcel_is_not_told_of(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    _, [shipment_id] = await shipped(api, world, customer, provider, 1)
    rival = await world.person(Role.PROVIDER)
    answers = [await tell(api, rival, each, "lost") for each in (shipment_id, new_id("shp"))]
    assert [answer.status_code for answer in answers] == [404, 404]
