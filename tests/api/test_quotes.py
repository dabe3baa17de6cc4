"""Quotes: prepared once, refused with the remedy."""

from typing import Any

import pytest
from sqlalchemy import update

from fulfil.api.errors import unavailable
from fulfil.models.messages.quotes import PreparedQuote, PrepareQuote, QuoteStatus
from fulfil.models.tables.quotes import QuoteRow
from tests.api.running import Api
from tests.api.world import Person, World


async def test_a_quote_explains_its_price(api: Api, world: World, customer: Person) -> None:
    file_id = await world.file(customer)

    async def prepare(request: PrepareQuote) -> None:
        before = await world.quote(customer)
        async with world.begin() as session:
            await session.execute(update(QuoteRow).where(QuoteRow.id == before).values(id=request.quote_id))

    api.processes.effects["quote"] = prepare
    body = {"file_id": file_id, "material": "PLA", "quantity": 2, "currency": "eur"}
    first = await api.post("/quotes", customer, key="q1", json=body)
    again = await api.post("/quotes", customer, key="q1", json=body)

    quote = first.json()
    assert first.status_code == 201
    assert quote["total"] == {"amount_minor": 1299, "currency": "eur"}
    assert sum(line["amount_minor"] for line in quote["lines"]) == 1299
    assert quote["geometry"]["watertight"] is True
    assert quote["total_calculation_time_ms"] == 12
    assert again.json() == quote
    assert len(api.processes.said) == 1
    asked = api.processes.said[0].message
    assert (asked.process, asked.material, asked.quantity, asked.customer_id) == ("fdm", "PLA", 2, customer.party_id)
    assert (await api.get(f"/quotes/{quote['id']}", customer)).json() == quote
    assert (await api.get("/quotes", customer)).json()["data"] == [quote]


async def test_a_refusal_names_field_and_remedy(api: Api, world: World, customer: Person) -> None:
    api.processes.prepared = PreparedQuote(
        quote_id="quo_" + "0" * 32,
        status=QuoteStatus.REFUSED,
        refusal_code="material_unknown",
        refusal_detail="There is no WOOD for fdm: choose PLA.",
        param="material",
    )
    body = {"file_id": await world.file(customer), "material": "WOOD"}
    response = await api.post("/quotes", customer, json=body)
    assert response.status_code == 422
    assert (response.json()["code"], response.json()["param"]) == ("material_unknown", "material")
    assert "choose PLA" in response.json()["detail"]


async def test_a_photo_is_not_priced(api: Api, world: World, customer: Person) -> None:
    file_id = await world.file(customer, file_format="png")
    response = await api.post("/quotes", customer, json={"file_id": file_id, "material": "PLA"})
    assert (response.status_code, response.json()["param"]) == (422, "file_id")
    assert not api.processes.said


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("file_id", "fil_1"),
        ("file_id", None),
        ("quantity", 0),
        ("quantity", -1),
        ("quantity", "2"),
        ("quantity", 2.5),
        ("quantity", True),
        ("quantity", 10**30),
        ("material", ""),
        ("material", "PLA\x00"),
        ("material", "P" * 41),
        ("currency", "EURO"),
        ("process", 7),
        ("total", {"amount_minor": 1, "currency": "eur"}),
    ],
)
async def test_a_bad_request_names_the_field(api: Api, world: World, customer: Person, field: str, value: Any) -> None:
    body = {"file_id": await world.file(customer), "material": "PLA", "quantity": 1, field: value}
    response = await api.post("/quotes", customer, json=body)
    assert (response.status_code, response.json()["param"]) == (422, field)
    assert not api.processes.said


async def test_a_slow_analysis_can_be_joined(api: Api, world: World, customer: Person) -> None:
    api.processes.troubles["quote"] = unavailable("still_working", "It goes on.")
    body = {"file_id": await world.file(customer), "material": "PLA"}
    answers = [await api.post("/quotes", customer, key="q1", json=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert len({said.to for said in api.processes.said}) == 1
