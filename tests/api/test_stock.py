"""Stock: received, adjusted, watched and verified by its provider and by staff."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from fulfil.inventory.leases import reserve
from fulfil.inventory.needs import Need
from fulfil.models.messages.inventory import StockUnit
from fulfil.models.tables.inventory import StockItemRow, StockMovementRow
from tests.api.running import Api
from tests.api.world import Person, World

PLA = {"material": "pla", "quantity": 500, "reason": "delivery note 7"}
SHEETS = {"material": "ACRYLIC", "quantity": 12, "unit": "sheet", "colour": "Clear", "lot": "A-7"}


async def receive(api: Api, provider: Person, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """A lot, as the API answers."""
    response = await api.post(f"/providers/{provider.party_id}/stock", provider, json=body or PLA)
    assert response.status_code == 201, response.text
    return dict(response.json())


async def lease(world: World, provider: Person, quantity: int, offer_id: str = "off_1") -> None:
    """A job has so many grams of PLA for three days."""
    now = await at(world)
    async with world.begin() as session:
        assert await reserve(
            session,
            offer_id=offer_id,
            job_id="job_1",
            provider_id=provider.owner_id,
            need=Need("PLA", None, {StockUnit.GRAM: quantity}),
            expires_at=now + timedelta(days=3),
            at=now,
        )


async def at(world: World) -> Any:
    """The present, as PostgreSQL says."""
    async with world.begin() as session:
        return await session.scalar(text("SELECT now()"))


async def test_received_stock_is_a_movement_and_a_balance(api: Api, world: World, provider: Person) -> None:
    path = f"/providers/{provider.party_id}/stock"
    first = await api.post(path, provider, key="s1", json=PLA)
    again = await api.post(path, provider, key="s1", json=PLA)
    more = await api.post(path, provider, json=PLA)

    assert (first.status_code, first.json()["available_quantity"], first.json()["unit"]) == (201, 500, "g")
    assert again.json() == first.json()
    assert more.json() == {**first.json(), "available_quantity": 1000}
    movements = await world.rows(StockMovementRow)
    assert [(row.kind, row.available_delta, row.reason) for row in movements] == [("received", 500, PLA["reason"])] * 2
    assert [row.actor for row in movements] == [{"kind": "provider", "id": provider.party_id}] * 2
    [stock] = await world.rows(StockItemRow)
    assert (stock.material, stock.available_quantity, stock.reserved_quantity) == ("PLA", 1000, 0)
    assert (await api.get(path, provider)).json() == {"data": [more.json()], "has_more": False}


async def test_a_lot_has_its_colour_and_keeps_its_unit(api: Api, provider: Person) -> None:
    sheets = await receive(api, provider, SHEETS)
    other = await receive(api, provider, {**SHEETS, "lot": ""})
    assert (sheets["colour"], sheets["lot"], sheets["unit"]) == ("clear", "A-7", "sheet")
    assert (other["id"] != sheets["id"], other["lot"]) == (True, None)
    refused = await api.post(f"/providers/{provider.party_id}/stock", provider, json={**SHEETS, "unit": "g"})
    assert (refused.status_code, refused.json()["code"], refused.json()["param"]) == (422, "unit_differs", "unit")
    assert (await api.get(f"/providers/{provider.party_id}/stock/{sheets['id']}", provider)).json() == sheets


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("quantity", (0, -5, 1.5, "5", 10**18, True)),
        ("low_at_quantity", (-1, 10**9, "few")),
        ("unit", ("kg", "", None)),
        ("colour", ("x" * 41, 7)),
        ("reorder_url", ("javascript:alert(1)", "shop", "https://x.example/" + "a" * 2000)),
        ("material", ("", "PLA/2", "x" * 41)),
    ],
)
async def test_what_can_not_be_received_is_refused_by_its_field(
    api: Api, world: World, provider: Person, field: str, values: tuple[object, ...]
) -> None:
    for value in values:
        body = {**PLA, field: value}
        response = await api.post(f"/providers/{provider.party_id}/stock", provider, json=body)
        assert (response.status_code, response.json()["param"]) == (422, field), value
    assert not await world.rows(StockItemRow)


async def test_stock_is_adjusted_by_a_change_or_by_what_was_counted(api: Api, world: World, provider: Person) -> None:
    item = await receive(api, provider)
    await lease(world, provider, 100)
    path = f"/providers/{provider.party_id}/stock/{item['id']}/adjustments"
    reason = {"reason": "stock-taking"}
    lost = await api.post(path, provider, key="a1", json={"change": -120, **reason})
    again = await api.post(path, provider, key="a1", json={"change": -120, **reason})
    counted = await api.post(path, provider, json={"counted": 390, **reason})
    assert [(each.status_code, each.json()["available_quantity"]) for each in (lost, again, counted)] == [
        (201, 280),
        (201, 280),
        (201, 290),
    ]
    assert counted.json()["reserved_quantity"] == 100
    changes = [row.available_delta for row in await world.rows(StockMovementRow) if row.kind == "adjusted"]
    assert sorted(changes) == [-120, 10]


@pytest.mark.parametrize("taken", [{"change": -401}, {"counted": 99}], ids=str)
async def test_what_is_not_free_can_not_be_adjusted_away(
    api: Api, world: World, provider: Person, taken: dict[str, int]
) -> None:
    item = await receive(api, provider)
    await lease(world, provider, 100)
    path = f"/providers/{provider.party_id}/stock/{item['id']}/adjustments"
    refused = await api.post(path, provider, json={**taken, "reason": "lost in the move"})
    assert (refused.status_code, refused.json()["code"]) == (409, "stock_insufficient")
    assert "400 g" in refused.json()["detail"]
    assert (refused.json()["state"], refused.json()["allowed_actions"]) == (
        "short",
        ["receive_stock", "adjust_stock"],
    )
    [row] = await world.rows(StockItemRow)
    assert (row.available_quantity, row.reserved_quantity) == (400, 100)


async def test_an_adjustment_frees_what_expired_first(api: Api, world: World, provider: Person) -> None:
    item = await receive(api, provider)
    await lease(world, provider, 500)
    api.clock.ahead = timedelta(days=4)
    path = f"/providers/{provider.party_id}/stock/{item['id']}"
    gone = await api.post(f"{path}/adjustments", provider, json={"change": -500, "reason": "burnt"})
    assert (gone.json()["available_quantity"], gone.json()["reserved_quantity"]) == (0, 0)
    [reservation] = (await api.get(f"{path}/reservations", provider)).json()["data"]
    assert (reservation["offer_id"], reservation["quantity"], reservation["ending"]) == ("off_1", 500, "expired")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"change": 5}, "reason"),
        ({"reason": "why"}, "body"),
        ({"change": 5, "counted": 5, "reason": "why"}, "body"),
        ({"change": 0, "reason": "why"}, "body"),
        ({"change": 10**9, "reason": "why"}, "change"),
        ({"counted": -1, "reason": "why"}, "counted"),
        ({"change": 5, "reason": "  "}, "reason"),
    ],
)
async def test_an_adjustment_says_how_much_and_why(
    api: Api, world: World, provider: Person, body: dict[str, object], param: str
) -> None:
    item = await receive(api, provider)
    path = f"/providers/{provider.party_id}/stock/{item['id']}/adjustments"
    refused = await api.post(path, provider, json=body)
    assert (refused.status_code, refused.json()["param"]) == (422, param)
    assert len(await world.rows(StockMovementRow)) == 1


async def test_two_who_adjust_the_last_gram_away_are_one_winner(api: Api, world: World, provider: Person) -> None:
    item = await receive(api, provider)
    path = f"/providers/{provider.party_id}/stock/{item['id']}/adjustments"
    body = {"change": -500, "reason": "sold by hand"}
    answers = await asyncio.gather(*(api.post(path, provider, json=body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    [row] = await world.rows(StockItemRow)
    assert row.available_quantity == 0


async def test_low_stock_is_shown_with_where_to_order_more(
    api: Api, world: World, provider: Person, rival: Person, admin: Person
) -> None:
    url = "https://shop.example/pla"
    low = await receive(api, provider, {**PLA, "quantity": 10, "low_at_quantity": 10, "reorder_url": url})
    plenty = await receive(api, provider, {**PLA, "lot": "b", "low_at_quantity": 10})
    await receive(api, rival, {**PLA, "quantity": 1, "low_at_quantity": 10})
    own = f"/providers/{provider.party_id}/stock"
    assert (low["reorder_url"], low["low_since"] is not None, plenty["low_since"]) == (url, True, None)
    assert [each["id"] for each in (await api.get(own, provider, params={"low": True})).json()["data"]] == [low["id"]]
    assert [each["id"] for each in (await api.get("/stock?low=false", provider)).json()["data"]] == [plenty["id"]]
    assert len((await api.get("/stock?low=true", admin)).json()["data"]) == 2
    settings = {"low_at_quantity": 9, "reorder_url": None}
    calmed = await api.request("PUT", f"{own}/{low['id']}", provider, json=settings)
    assert (calmed.json()["low_since"], calmed.json()["reorder_url"]) == (None, None)
    assert [row.kind for row in await world.rows(StockMovementRow)] == ["received"] * 3


async def test_all_movements_of_a_lot_are_listed_in_pages(api: Api, provider: Person) -> None:
    item = await receive(api, provider)
    for _ in range(2):
        await receive(api, provider)
    path = f"/providers/{provider.party_id}/stock/{item['id']}/movements"
    first = (await api.get(path, provider, params={"limit": 2})).json()
    rest = (await api.get(path, provider, params={"limit": 2, "starting_after": first["data"][1]["id"]})).json()
    assert (first["has_more"], rest["has_more"]) == (True, False)
    found = first["data"] + rest["data"]
    assert len({each["id"] for each in found}) == 3
    assert {(each["kind"], each["available_delta"], each["item_id"]) for each in found} == {
        ("received", 500, item["id"])
    }


async def test_a_lot_is_found_below_its_provider_alone(
    api: Api, provider: Person, rival: Person, admin: Person
) -> None:
    item = await receive(api, provider)
    body = {"change": 1, "reason": "found"}
    for person in (rival, admin):
        below = f"/providers/{rival.party_id}/stock/{item['id']}"
        assert (await api.get(below, person)).status_code == 404
        assert (await api.get(f"{below}/movements", person)).status_code == 404
        assert (await api.get(f"{below}/reservations", person)).status_code == 404
        assert (await api.post(f"{below}/adjustments", person, json=body)).status_code == 404


async def test_staff_see_whether_stock_adds_up(api: Api, world: World, provider: Person, supporter: Person) -> None:
    item = await receive(api, provider)
    assert (await api.get("/stock/verification", supporter)).json() == {"items": 1, "movements": 1, "findings": []}
    async with world.begin() as session:
        await session.execute(text("UPDATE stock_items SET available_quantity = 7"))
    [finding] = (await api.get("/stock/verification", supporter)).json()["findings"]
    assert (finding["item_id"], finding["code"]) == (item["id"], "balance_differs")
