"""Billing details: one's own, checked so that a document can show them."""

from typing import Any

import pytest

from tests.api.running import Api
from tests.api.world import Person

DETAILS: dict[str, Any] = {
    "name": "Żółta Robotics sp. z o.o.",
    "address_lines": ["ul. Świętokrzyska 20", "00-002 Warszawa"],
    "country": "PL",
    "vat_id": "pl 525-000-10.90",
}


async def put(api: Api, person: Person, **changes: Any) -> Any:
    """Set them."""
    return await api.request("PUT", "/billing-details", person, json={**DETAILS, **changes})


async def test_what_is_set_is_read_back_with_the_vat_id_as_registers_write_it(api: Api, customer: Person) -> None:
    answer = await put(api, customer)

    assert answer.status_code == 200
    assert answer.json() == (await api.get("/billing-details", customer)).json()
    assert answer.json() | {"updated_at": ""} == {**DETAILS, "vat_id": "PL5250001090", "updated_at": ""}


async def test_setting_them_again_replaces_all_of_them(api: Api, customer: Person) -> None:
    await put(api, customer)

    answer = await put(api, customer, name="Ada Lovelace", vat_id=None)

    assert (answer.json()["name"], answer.json()["vat_id"]) == ("Ada Lovelace", None)


async def test_everybody_has_her_own(api: Api, customer: Person, provider: Person, stranger: Person) -> None:
    await put(api, customer)
    await put(api, provider, name="Printworks")

    assert (await api.get("/billing-details", customer)).json()["name"] == DETAILS["name"]
    assert (await api.get("/billing-details", provider)).json()["name"] == "Printworks"
    missing = await api.get("/billing-details", stranger)
    assert (missing.status_code, missing.json()["code"]) == (404, "billing_details_missing")


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"country": "XX"}, "country"),
        ({"country": "de"}, "country"),
        ({"country": "DEU"}, "country"),
        ({"vat_id": "12345"}, "vat_id"),
        ({"vat_id": "DE"}, "vat_id"),
        ({"vat_id": "DE'; --"}, "vat_id"),
        ({"vat_id": "D€123456"}, "vat_id"),
        ({"vat_id": 123456}, "vat_id"),
        ({"vat_id": "NONSENSE"}, "vat_id"),
        ({"vat_id": "PL525000109"}, "vat_id"),
        ({"vat_id": "DE318276451"}, "vat_id"),
        ({"vat_id": "GR123456789", "country": "GR"}, "vat_id"),
        ({"vat_id": "NONSENSE", "country": "NO"}, "vat_id"),
        ({"name": ""}, "name"),
        ({"name": "\u200b"}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "株式会社"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"address_lines": []}, "address_lines"),
        ({"address_lines": ["x"] * 7}, "address_lines"),
        ({"address_lines": ["a\nb"]}, "address_lines.0"),
        ({"party_id": "cus_1"}, "party_id"),
    ],
)
async def test_what_a_document_could_not_show_is_refused(
    api: Api, customer: Person, changes: dict[str, Any], param: str
) -> None:
    answer = await put(api, customer, **changes)

    assert (answer.status_code, answer.json()["param"]) == (422, param)
    assert (await api.get("/billing-details", customer)).status_code == 404


@pytest.mark.parametrize(
    ("country", "vat_id"),
    [
        *(("GR", "EL123456789"), ("GB", "XI123456789"), ("GB", "GB123456789012"), ("IM", "GB123456789")),
        *(("MC", "FR83404833048"), ("AT", "ATU12345678"), ("ES", "ESX1234567L"), ("IE", "IE1S12345L")),
        *(("NL", "NL004495445B01"), ("NO", "NO923456783MVA"), ("CH", "CHE123456788MWST")),
    ],
)
async def test_the_vat_ids_of_many_countries_are_taken(api: Api, customer: Person, country: str, vat_id: str) -> None:
    answer = await put(api, customer, country=country, vat_id=vat_id)

    assert (answer.status_code, answer.json()["vat_id"]) == (200, vat_id)


async def test_a_refused_vat_id_says_what_to_do(api: Api, customer: Person) -> None:
    answer = await put(api, customer, country="GR", vat_id="GR123456789")

    assert "opens with EL: correct it or the country, or leave it out" in answer.json()["detail"]


async def test_text_that_reorders_a_page_loses_what_reorders_it(api: Api, customer: Person) -> None:
    answer = await put(api, customer, name="\u202egnirpS\u202c Ltd")

    assert answer.json()["name"] == "gnirpS Ltd"
