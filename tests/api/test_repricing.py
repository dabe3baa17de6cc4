"""Stored quotes by other price lists: proofs, recalculations, replays; slicers' confirmations; the catalogue."""

import json
from importlib import resources
from typing import Any

import pytest

from fulfil.kit.clock import utc_now
from fulfil.models.ids import new_id
from fulfil.models.messages.quotes import EstimateConfirmed, Pricing, Refusal, RepricedItem, RepricedQuote
from fulfil.models.tables.quotes import EstimateConfirmationRow, QuoteRow
from fulfil.quoting.prices.tariffs import CURRENT_TARIFF_VERSION
from tests.api.quoted import item_row, quote_row, refused_item_row
from tests.api.running import Api
from tests.api.world import Person, World


@pytest.fixture
def tariff() -> dict[str, Any]:
    """Today's price list as a document."""
    data = resources.files("fulfil.quoting.prices").joinpath("data")
    document: dict[str, Any] = json.loads(data.joinpath(f"tariff-{CURRENT_TARIFF_VERSION}.json").read_text())
    return document


async def test_a_proof_measures_afresh_by_the_original_versions(
    api: Api, world: World, customer: Person, supporter: Person
) -> None:
    quote_id = await world.quote(customer)
    api.quote_work.repriced = RepricedQuote(
        quote_id=quote_id,
        tariff_version="2026-2",
        before_minor=1299,
        after_minor=1299,
        difference_minor=0,
        currency="eur",
        items=(RepricedItem(position=0, before_minor=1299, after_minor=1299),),
        same=True,
    )
    for person in (customer, supporter):
        proof = (await api.post(f"/quotes/{quote_id}/prove", person)).json()
        assert (proof["same"], proof["differences"]) == (True, [])
    asked = api.quote_work.said[0].message
    assert (asked.pricing, asked.afresh, asked.quote_id) == (Pricing.ORIGINAL, True, quote_id)


async def test_a_recalculated_order_shows_the_difference_and_keeps_its_price(
    api: Api, world: World, customer: Person, supporter: Person
) -> None:
    order_id = await world.order(customer)
    for person in (customer, supporter):
        recalculated = (await api.post(f"/orders/{order_id}/recalculate", person)).json()
        assert recalculated["order_id"] == order_id
        assert recalculated["before"] == {"amount_minor": 1299, "currency": "eur"}
        assert recalculated["after"] == {"amount_minor": 1199, "currency": "eur"}
        assert recalculated["difference"] == {"amount_minor": -100, "currency": "eur"}
        assert recalculated["items"][0]["difference"]["amount_minor"] == -100
    assert api.quote_work.said[0].message.pricing is Pricing.TODAY
    assert (await api.get(f"/orders/{order_id}", customer)).json()["total"]["amount_minor"] == 1299


async def test_an_order_that_can_not_be_priced_any_more_says_why(api: Api, world: World, customer: Person) -> None:
    order_id = await world.order(customer)
    gone = Refusal(code="material_unknown", detail="There is no PLA any more.", param="material")
    api.quote_work.repriced = RepricedQuote(
        quote_id=new_id("quo"),
        tariff_version="2027-1",
        before_minor=1299,
        after_minor=None,
        difference_minor=None,
        currency="eur",
        items=(RepricedItem(position=0, before_minor=1299, after_minor=None, refusal=gone),),
    )
    recalculated = (await api.post(f"/orders/{order_id}/recalculate", customer)).json()
    assert (recalculated["after"], recalculated["difference"]) == (None, None)
    assert recalculated["items"][0]["refusal"]["code"] == "material_unknown"


async def test_a_replay_sums_up_by_currency(api: Api, admin: Person, tariff: dict[str, Any]) -> None:
    body = {"tariff": {**tariff, "version": "2026-9"}, "limit": 50}
    answers = [await api.post("/quotes/replay", admin, key="r1", json=body) for _ in range(2)]
    replayed = answers[0].json()
    assert answers[0].status_code == 200
    assert (replayed["tariff_version"], replayed["quotes"]) == ("2026-9", 2)
    assert replayed["sums"][0]["difference"] == {"amount_minor": -200, "currency": "eur"}
    assert len({said.to for said in api.quote_work.said}) == 1
    assert json.loads(api.quote_work.said[0].message.tariff)["version"] == "2026-9"


async def test_a_price_list_that_can_not_be_used_is_refused_by_field(
    api: Api, admin: Person, tariff: dict[str, Any]
) -> None:
    tariff["processes"]["fdm"]["setup_minor"]["eur"] = -1
    refused = await api.post("/quotes/replay", admin, json={"tariff": tariff})
    assert (refused.status_code, refused.json()["code"]) == (422, "tariff_invalid")
    assert refused.json()["param"].startswith("tariff.processes.fdm")
    assert not api.quote_work.said


async def test_an_estimate_is_confirmed_once(api: Api, world: World, customer: Person) -> None:
    quote_id = await world.quote(customer)
    first = await api.post(f"/quotes/{quote_id}/confirm-estimate", customer, json={"position": 0})
    await world.add(
        EstimateConfirmationRow(
            quote_id=quote_id,
            position=0,
            confirmation={
                "slicer": "PrusaSlicer 2.9.2",
                "estimated_g": 10.0,
                "sliced_g": 12.0,
                "estimated_s": 3600.0,
                "sliced_s": 3500.0,
                "finding": None,
                "refusal": None,
            },
            created_at=utc_now(),
        )
    )
    again = await api.post(f"/quotes/{quote_id}/confirm-estimate", customer, json={})
    shown = (await api.get(f"/quotes/{quote_id}", customer)).json()["items"][0]["confirmation"]
    assert (first.status_code, first.json()["sliced_g"]) == (200, 10.3)
    assert again.json()["sliced_g"] == shown["sliced_g"] == 12
    assert len(api.quote_work.said) == 1


async def test_what_can_not_be_confirmed_says_why(api: Api, world: World, customer: Person) -> None:
    quote_id = new_id("quo")
    files = [await world.file(customer) for _ in range(2)]
    await world.add(
        quote_row(quote_id, customer.owner_id),
        item_row(quote_id, files[0]),
        refused_item_row(quote_id, files[1], position=1),
    )
    api.quote_work.confirmed = EstimateConfirmed(
        slicer="",
        estimated_g=1,
        sliced_g=0,
        estimated_s=1,
        sliced_s=0,
        refusal=Refusal(code="slicer_missing", detail="No slicer is installed: install PrusaSlicer.", param="quote_id"),
    )
    path = f"/quotes/{quote_id}/confirm-estimate"
    answers = [await api.post(path, customer, json={"position": position}) for position in range(3)]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (422, "slicer_missing"),
        (409, "item_not_estimated"),
        (422, "position_unknown"),
    ]


async def test_a_provisional_quote_can_not_be_ordered_and_says_what_is_missing(
    api: Api, world: World, customer: Person
) -> None:
    quote_id = await world.quote(customer, status="provisional")
    refused = await api.post("/orders", customer, key="k1", json={"quote_id": quote_id})
    assert (refused.status_code, refused.json()["code"], refused.json()["state"]) == (
        409,
        "quote_not_firm",
        "provisional",
    )


async def test_a_line_shows_every_file_it_covers(
    api: Api, world: World, customer: Person, provider: Person, rival: Person
) -> None:
    sale = await world.sale(customer, provider)
    second, refused = await world.file(customer), await world.file(customer)
    await world.add(
        item_row(sale.quote_id, second, position=1, quantity=5),
        refused_item_row(sale.quote_id, refused, position=2),
    )
    order = (await api.get(f"/orders/{sale.order_id}?expand=lines,job", customer)).json()
    offer = (await api.get(f"/offers/{sale.offer_id}", provider)).json()
    for shown in (order["lines"][0], order["job"]["work"], offer["work"]):
        assert [(file["file_id"], file["quantity"]) for file in shown["files"]] == [(sale.file_id, 2), (second, 5)]
        assert shown["file_id"] == sale.file_id
    assert (await api.get(f"/files/{second}", provider)).status_code == 200
    assert (await api.get(f"/files/{refused}", provider)).status_code == 404
    assert (await api.get(f"/files/{second}", rival)).status_code == 404


async def test_the_catalogue_is_public_and_names_what_can_be_asked_for(api: Api, world: World) -> None:
    answer = await api.get("/catalogue")
    catalogue = answer.json()
    processes = {process["name"]: process for process in catalogue["processes"]}
    wood = next(material for material in processes["laser"]["materials"] if material["name"] == "WOOD")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert catalogue["tariff_version"] == CURRENT_TARIFF_VERSION
    assert {lead["name"] for lead in catalogue["lead_times"]} == {"economy", "standard", "express"}
    assert {"PLA", "PETG"} <= {material["name"] for material in processes["fdm"]["materials"]}
    assert wood["default_thickness_mm"] in wood["thicknesses_mm"]
    assert len(processes["fdm"]["machines"][0]["size_mm"]) == 3
    assert not await world.rows(QuoteRow)
