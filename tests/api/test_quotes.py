"""Quotes: prepared once, explained item by item, refused with the remedy."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fulfil.api.errors import unavailable
from fulfil.api.quote_work import Look, WorkState
from fulfil.models.messages.findings import Finding, FindingCode, Severity
from fulfil.models.messages.quotes import AnalysisProgress, PrepareQuote, QuoteStatus
from fulfil.models.tables.quotes import QuoteItemRow, QuoteRequestRow, QuoteRow
from tests.api.quoted import GUESSED, THIN, analysis_row, item_row, quote_row, refused_item_row
from tests.api.running import Api
from tests.api.world import Person, World

SHA256 = "c" * 64


def preparing(world: World, items: Callable[[PrepareQuote], list[QuoteItemRow]], status: str = "firm") -> Any:
    """An effect that stores a quote as the worker would."""

    async def prepare(request: PrepareQuote) -> None:
        rows = items(request)
        total = sum(row.amount_minor for row in rows)
        await world.add(quote_row(request.quote_id, request.customer_id, status=status, total_minor=total), *rows)

    effect: Callable[[PrepareQuote], Awaitable[None]] = prepare
    return effect


def one_item(request: PrepareQuote) -> list[QuoteItemRow]:
    """The only item, at 12.99 EUR."""
    return [item_row(request.quote_id, request.items[0].file_id)]


async def test_a_quote_explains_its_price(api: Api, world: World, customer: Person) -> None:
    file_id = await world.file(customer, sha256=SHA256)
    analysis = analysis_row(SHA256)
    await world.add(analysis)
    api.quote_work.effects["quote"] = preparing(
        world, lambda asked: [item_row(asked.quote_id, file_id, SHA256, analysis_id=analysis.id, findings=[dump(THIN)])]
    )
    body = {"items": [{"file_id": file_id, "material": "pla", "quantity": 2, "infill_percent": 30, "unit": "mm"}]}
    first = await api.post("/quotes", customer, key="q1", json=body)
    again = await api.post("/quotes", customer, key="q1", json=body)

    quote = first.json()
    [item] = quote["items"]
    assert first.status_code == 201
    assert first.headers["Location"] == f"/api/v1/quotes/{quote['id']}"
    assert quote["total"] == {"amount_minor": 1299, "currency": "eur"}
    amounts = [line["amount_minor"] for line in item["price"]["lines"] + quote["lines"]]
    assert sum(amounts) == 1299
    assert (quote["status"], quote["next"], quote["lead_time_options"][0]["lead_time"]) == ("firm", None, "express")
    assert (quote["calculation_time_ms"], quote["total_calculation_time_ms"]) == (12, 15)
    assert quote["versions"] == {"tariff": "2026-2", "rules": "2026-1"}
    assert item["file"] == {"id": file_id, "name": "bracket.stl", "format": "stl"}
    assert item["solid"]["closedness"] == "closed"
    assert item["estimate"]["mass_band_percent"] == 6
    assert item["findings"][0]["code"] == "thin_wall"
    assert item["previews"]["png"] == f"/api/v1/files/{file_id}/preview.png?analysis={analysis.id}"
    assert item["previews"]["svg"] is None
    assert again.json() == quote
    [said] = api.quote_work.said
    [wished] = said.message.items
    assert (wished.wish.material, wished.wish.infill_percent, wished.options.unit) == ("pla", 30, "mm")
    assert said.message.customer_id == customer.party_id
    assert (await api.get(f"/quotes/{quote['id']}", customer)).json() == quote
    assert (await api.get("/quotes", customer)).json()["data"] == [quote]


def dump(finding: Finding) -> dict[str, Any]:
    """As it is stored."""
    return finding.model_dump(mode="json")


async def test_a_single_refused_file_is_an_error_that_names_field_and_remedy(
    api: Api, world: World, customer: Person
) -> None:
    api.quote_work.effects["quote"] = preparing(
        world, lambda asked: [refused_item_row(asked.quote_id, asked.items[0].file_id, param="material")], "refused"
    )
    body = {"items": [{"file_id": await world.file(customer), "material": "WOOD"}]}
    answers = [await api.post("/quotes", customer, key="q1", json=body) for _ in range(2)]
    for response in answers:
        assert response.status_code == 422
        assert (response.json()["code"], response.json()["param"]) == ("file_truncated", "items.0.material")
        assert "Export it again" in response.json()["detail"]
    assert len(api.quote_work.said) == 1


async def test_one_bad_file_does_not_block_the_rest(api: Api, world: World, customer: Person) -> None:
    files = [await world.file(customer), await world.file(customer, file_format="png")]
    api.quote_work.effects["quote"] = preparing(
        world, lambda asked: [*one_item(asked), refused_item_row(asked.quote_id, files[1], position=1)]
    )
    body = {"items": [{"file_id": file_id, "material": "PLA"} for file_id in files]}
    response = await api.post("/quotes", customer, json=body)
    good, bad = response.json()["items"]
    assert (response.status_code, response.json()["status"]) == (201, "firm")
    assert (good["status"], good["amount"]["amount_minor"]) == ("firm", 1299)
    assert (bad["status"], bad["amount"], bad["price"]) == ("refused", None, None)
    assert (bad["refusal"]["code"], bad["refusal"]["param"]) == ("file_truncated", "items.1.file_id")


async def test_several_files_that_are_all_refused_are_an_answer(api: Api, world: World, customer: Person) -> None:
    files = [await world.file(customer) for _ in range(2)]
    api.quote_work.effects["quote"] = preparing(
        world,
        lambda asked: [refused_item_row(asked.quote_id, file_id, place) for place, file_id in enumerate(files)],
        "refused",
    )
    body = {"items": [{"file_id": file_id, "material": "PLA"} for file_id in files]}
    response = await api.post("/quotes", customer, json=body)
    assert (response.status_code, response.json()["status"]) == (201, "refused")
    assert "see the refusals" in response.json()["next"]["what"]
    assert [item["remedies"] for item in response.json()["next"]["items"]] == [
        ["The file ends too early. Export it again."]
    ] * 2


async def test_a_provisional_quote_says_what_makes_it_firm(api: Api, world: World, customer: Person) -> None:
    file_id = await world.file(customer, sha256=SHA256)
    analysis = analysis_row(SHA256)
    blocker = THIN.model_copy(update={"code": FindingCode.EXCEEDS_BUILD_VOLUME, "severity": Severity.BLOCKER})
    await world.add(
        analysis,
        quote_row("quo_" + "1" * 32, customer.owner_id, status=QuoteStatus.PROVISIONAL),
        item_row(
            "quo_" + "1" * 32,
            file_id,
            SHA256,
            status=QuoteStatus.PROVISIONAL,
            analysis_id=analysis.id,
            findings=[dump(THIN), dump(GUESSED), dump(THIN)],
            accepted=[],
        ),
        item_row(
            "quo_" + "1" * 32,
            file_id,
            SHA256,
            position=1,
            status=QuoteStatus.MANUAL,
            findings=[dump(THIN), dump(blocker)],
            accepted=["thin_wall"],
        ),
    )
    quote = (await api.get("/quotes/quo_" + "1" * 32, customer)).json()
    first, second = quote["next"]["items"]
    assert first["accept"] == ["thin_wall", "unit_guessed"]
    assert first["confirm_unit"] == ["mm", "inch"]
    assert "Make it 0.8 mm or accept the risk." in first["remedies"]
    assert (second["accept"], second["blocked_by"]) == ([], ["exceeds_build_volume"])
    assert "Accept thin_wall, unit_guessed for bracket.stl, or confirm its unit (mm or inch)" in quote["next"]["what"]


async def test_accepted_risks_and_meanings_reach_the_worker_once_each(api: Api, world: World, customer: Person) -> None:
    api.quote_work.effects["quote"] = preparing(world, one_item)
    item = {
        "file_id": await world.file(customer),
        "process": "laser",
        "material": "wood",
        "thickness_mm": 3,
        "operations": {"#ff0000": "cut", "layer:TEXT": "engrave"},
        "accept": ["thin_wall", "thin_wall", "kerf"],
    }
    body = {"items": [item], "currency": "usd", "lead_time": "express", "tier": "premium"}
    assert (await api.post("/quotes", customer, json=body)).status_code == 201
    asked = api.quote_work.said[0].message
    assert asked.items[0].accepted == (FindingCode.THIN_WALL, FindingCode.KERF)
    assert asked.items[0].options.operations == {"#ff0000": "cut", "layer:TEXT": "engrave"}
    assert asked.items[0].wish.thickness_mm == 3
    assert (asked.currency, asked.lead_time, asked.tier) == ("usd", "express", "premium")


async def test_a_photo_alone_is_not_priced(api: Api, world: World, customer: Person) -> None:
    file_id = await world.file(customer, file_format="png")
    response = await api.post("/quotes", customer, json={"items": [{"file_id": file_id, "material": "PLA"}]})
    assert (response.status_code, response.json()["param"]) == (422, "items.0.file_id")
    assert "attach it as a photo" in response.json()["detail"]
    assert not api.quote_work.said


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
        ("process", 7),
        ("thickness_mm", 0),
        ("thickness_mm", "3"),
        ("infill_percent", 101),
        ("infill_percent", 20.5),
        ("unit", "parsec"),
        ("operations", {"#ff0000": "melt"}),
        ("operations", {"": "cut"}),
        ("operations", {"layer:\0": "cut"}),
        ("operations", {f"layer:{number}": "cut" for number in range(201)}),
        ("accept", ["everything"]),
        ("price", 1),
    ],
)
async def test_a_bad_item_names_the_field(api: Api, world: World, customer: Person, field: str, value: Any) -> None:
    good = {"file_id": await world.file(customer), "material": "PLA"}
    body = {"items": [good, {**good, field: value}]}
    response = await api.post("/quotes", customer, json=body)
    assert response.status_code == 422
    assert response.json()["param"].startswith(f"items.1.{field}")
    assert not api.quote_work.said


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("items", []),
        ("items", [{"material": "PLA"}] * 21),
        ("currency", "EURO"),
        ("lead_time", "yesterday"),
        ("tier", ""),
        ("total", {"amount_minor": 1, "currency": "eur"}),
    ],
)
async def test_a_bad_request_names_the_field(api: Api, world: World, customer: Person, field: str, value: Any) -> None:
    body = {"items": [{"file_id": await world.file(customer), "material": "PLA"}], field: value}
    response = await api.post("/quotes", customer, json=body)
    assert (response.status_code, response.json()["param"].split(".")[0]) == (422, field)
    assert not api.quote_work.said


async def test_another_customers_file_is_named_and_nothing_is_begun(
    api: Api, world: World, customer: Person, stranger: Person
) -> None:
    body = {"items": [{"file_id": await world.file(person), "material": "PLA"} for person in (customer, stranger)]}
    response = await api.post("/quotes", customer, json=body)
    assert (response.status_code, response.json()["param"]) == (404, "items.1.file_id")
    assert not await world.rows(QuoteRequestRow)


async def test_a_slow_quote_is_answered_with_its_progress_and_followed(
    api: Api, world: World, customer: Person, stranger: Person
) -> None:
    progress = AnalysisProgress(stage="slicing", percent=40, first_price="about 12.00 EUR")
    api.quote_work.slow = True
    api.quote_work.looks = [Look(WorkState.RUNNING, progress)] * 2
    body = {"items": [{"file_id": await world.file(customer), "material": "PLA"}]}
    first = await api.post("/quotes?wait=1", customer, key="q1", json=body)
    pending = first.json()
    path = first.headers["Location"].removeprefix("/api/v1")
    followed = await api.get(path, customer, params={"wait": 5})
    hidden = await api.get(path, stranger)
    await world.add(quote_row(pending["id"], customer.owner_id), item_row(pending["id"], body["items"][0]["file_id"]))
    ready = await api.get(path, customer)

    assert (first.status_code, pending["status"]) == (202, "analysing")
    assert pending["progress"] == progress.model_dump()
    assert (followed.status_code, followed.json()) == (202, pending)
    assert hidden.status_code == 404
    assert (ready.status_code, ready.json()["status"]) == (200, "firm")
    assert [said.message for said in api.quote_work.said if said.what == "look at quote"] == [0, 5]
    assert (await world.rows(QuoteRequestRow))[0].request["items"][0]["material"] == "PLA"


async def test_a_quote_whose_work_failed_asks_to_post_again(api: Api, world: World, customer: Person) -> None:
    api.quote_work.slow = True
    body = {"items": [{"file_id": await world.file(customer), "material": "PLA"}]}
    pending = (await api.post("/quotes?wait=0", customer, key="q1", json=body)).json()
    for state in (WorkState.FAILED, WorkState.UNKNOWN, WorkState.DONE):
        api.quote_work.looks = [Look(state)]
        lost = await api.get(f"/quotes/{pending['id']}", customer)
        assert (lost.status_code, lost.json()["code"]) == (503, "quote_not_prepared")
        assert "POST again with the same Idempotency-Key" in lost.json()["detail"]

    api.quote_work.slow = False
    api.quote_work.effects["quote"] = preparing(world, one_item)
    again = await api.post("/quotes", customer, key="q1", json=body)
    assert (again.status_code, again.json()["id"]) == (201, pending["id"])
    assert len(await world.rows(QuoteRow)) == 1


async def test_a_quote_that_can_not_be_begun_can_be_joined(api: Api, world: World, customer: Person) -> None:
    api.quote_work.troubles["quote"] = unavailable("temporal_unavailable", "It is away.")
    body = {"items": [{"file_id": await world.file(customer), "material": "PLA"}]}
    answers = [await api.post("/quotes", customer, key="q1", json=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert len({said.to for said in api.quote_work.said}) == 1
