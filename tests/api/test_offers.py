"""Offers: hers to see, one to win."""

import asyncio

import pytest
from sqlalchemy import update

from fulfil.api.errors import conflict
from fulfil.models.ids import new_id
from fulfil.models.messages.geometry import LengthUnit, UnitBasis, UnitDecision
from fulfil.models.messages.jobs import AcceptOffer, JobState, OfferState
from fulfil.models.messages.parties import Role
from fulfil.models.messages.quotes import ReadingOptions
from fulfil.models.tables.jobs import OfferRow
from tests.api.fakes import ENDED
from tests.api.quoted import SOLID, analysis_row, item_row, priced, quote_row
from tests.api.running import Api
from tests.api.world import Person, World


async def test_a_provider_sees_her_open_offers_with_her_payout(
    api: Api, world: World, customer: Person, provider: Person, rival: Person
) -> None:
    sale = await world.sale(customer, provider)
    await world.sale(customer, provider, offer=OfferState.EXPIRED)
    await world.offer(sale, rival)

    listed = (await api.get("/offers", provider, params={"state": "open"})).json()["data"]

    assert [offer["id"] for offer in listed] == [sale.offer_id]
    assert listed[0]["payout"] == {"amount_minor": 1104, "currency": "eur"}
    assert listed[0]["work"]["file_id"] == sale.file_id
    assert listed[0]["allowed_actions"] == ["accept", "decline", "counter"]
    on_board = await api.get("/offers", provider, params={"stage": "open_board"})
    assert on_board.json()["data"] == []
    assert (await api.get(f"/offers/{sale.offer_id}", provider)).json() == listed[0]
    assert len((await api.get("/offers", provider)).json()["data"]) == 2


async def test_a_provider_is_told_how_the_file_was_understood_when_it_was_priced(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    file_id, quote_id = await world.file(customer), new_id("quo")
    inches = UnitDecision(unit=LengthUnit.INCH, mm_per_unit=25.4, basis=UnitBasis.CONFIRMED, reason="She said so.")
    solid = SOLID.model_copy(update={"unit": inches, "size_mm": (254.0, 25.4, 50.8)})
    analysis = analysis_row("0" * 64, ReadingOptions(unit=LengthUnit.INCH), solid=solid)
    price = priced().model_copy(update={"infill_percent": 80})
    item = item_row(quote_id, file_id, analysis_id=analysis.id, priced=price, accepted=["thin_wall"])
    await world.add(analysis, quote_row(quote_id, customer.owner_id), item)
    sale = await world.sale(customer, provider, quote_id=quote_id)

    offer = (await api.get(f"/offers/{sale.offer_id}", provider)).json()

    assert offer["work"]["files"] == [
        {
            "file_id": file_id,
            "name": "bracket.stl",
            "quantity": 2,
            "unit": "inch",
            "size_mm": [254.0, 25.4, 50.8],
            "infill_percent": 80,
            "thickness_mm": None,
            "operations": None,
            "accepted_risks": ["thin_wall"],
        }
    ]


async def test_accepting_asks_the_jobs_workflow(api: Api, world: World, customer: Person, provider: Person) -> None:
    sale = await world.sale(customer, provider)
    response = await api.post(f"/offers/{sale.offer_id}/accept", provider)
    assert response.status_code == 200
    assert (response.json()["state"], response.json()["job_id"]) == ("accepted", sale.job_id)
    said = api.processes.said[0]
    assert (said.what, said.to) == ("accept", sale.job_id)
    assert said.message.provider_id == provider.party_id


async def test_of_fifty_simultaneous_accepts_the_losers_get_a_409_that_says_why(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await world.sale(customer, provider)
    rivals = [await world.person(Role.PROVIDER) for _ in range(49)]
    offers = {sale.offer_id: provider, **{await world.offer(sale, rival): rival for rival in rivals}}
    winner: list[str] = []

    async def claim(acceptance: AcceptOffer) -> None:
        if winner:
            raise conflict("offer_lost", "Another provider accepted this job first.", state="accepted")
        winner.append(acceptance.offer_id)

    api.processes.effects["accept"] = claim
    answers = await asyncio.gather(
        *(api.post(f"/offers/{offer_id}/accept", person) for offer_id, person in offers.items())
    )
    lost = [answer.json() for answer in answers if answer.status_code == 409]

    assert [answer.status_code for answer in answers].count(200) == 1
    assert len(lost) == 49
    assert {(each["code"], each["state"]) for each in lost} == {("offer_lost", "accepted")}
    assert all(each["allowed_actions"] == [] for each in lost)


@pytest.mark.parametrize("state", [OfferState.LOST, OfferState.EXPIRED, OfferState.WITHDRAWN, OfferState.DECLINED])
async def test_a_closed_offer_is_refused_without_asking_the_workflow(
    api: Api, world: World, customer: Person, provider: Person, state: OfferState
) -> None:
    sale = await world.sale(customer, provider, offer=state)
    response = await api.post(f"/offers/{sale.offer_id}/accept", provider)
    assert (response.status_code, response.json()["code"]) == (409, f"offer_{state.value}")
    assert (response.json()["state"], response.json()["allowed_actions"]) == (state.value, [])
    assert not api.processes.said


async def test_accepting_again_answers_the_same_acceptance(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await world.sale(
        customer, provider, job=JobState.ACCEPTED, offer=OfferState.ACCEPTED, production=JobState.ACCEPTED
    )
    response = await api.post(f"/offers/{sale.offer_id}/accept", provider)
    assert (response.status_code, response.json()["offer_id"]) == (200, sale.offer_id)
    assert response.json()["start_due_at"] is not None
    assert not api.processes.said


async def test_an_acceptance_still_being_secured_is_joined(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await world.sale(customer, provider, job=JobState.ACCEPTED, offer=OfferState.ACCEPTED)
    assert (await api.post(f"/offers/{sale.offer_id}/accept", provider, key="a1")).status_code == 200
    assert (await api.post(f"/offers/{sale.offer_id}/accept", provider, key="a1")).status_code == 200
    assert len(api.processes.said) == 2
    assert len({said.update_id for said in api.processes.said}) == 1


async def test_accepting_before_the_jobs_workflow_has_started_is_to_be_tried_again(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await world.sale(customer, provider)
    api.processes.troubles["accept"] = ENDED
    response = await api.post(f"/offers/{sale.offer_id}/accept", provider)
    assert (response.status_code, response.json()["code"], response.json()["retryable"]) == (503, "job_starting", True)


async def test_declining_twice_changes_nothing(api: Api, world: World, customer: Person, provider: Person) -> None:
    sale = await world.sale(customer, provider)

    async def write(_: object) -> None:
        async with world.begin() as session:
            await session.execute(update(OfferRow).values(state=OfferState.DECLINED))

    api.processes.effects["decline"] = write
    first = await api.post(f"/offers/{sale.offer_id}/decline", provider, json={"code": "too_busy", "reason": "no time"})
    again = await api.post(f"/offers/{sale.offer_id}/decline", provider, json={})

    assert (first.status_code, first.json()["state"], first.json()["allowed_actions"]) == (200, "declined", [])
    assert again.json() == first.json()
    assert len(api.processes.said) == 1
    assert (api.processes.said[0].message.code, api.processes.said[0].message.reason) == ("too_busy", "no time")
