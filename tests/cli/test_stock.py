"""`fulfil stock`: what a provider reads about her lots and sends about them."""

import asyncio
import json

import pytest
from typer.testing import CliRunner, Result

from fulfil.cli.main import app
from tests.cli.scripted import Answer, ScriptedApi, problem, scripted_api

PROVIDER = "prv_" + "1" * 32
ITEM = "stk_" + "2" * 32
WHO = {
    "id": "acc_1",
    "email": "a@b.example",
    "name": "A",
    "role": "provider",
    "party_id": PROVIDER,
    "created_at": "2026-11-21T00:00:00Z",
}
LOT = {
    "id": ITEM,
    "provider_id": PROVIDER,
    "material": "PLA",
    "colour": "black",
    "lot": None,
    "unit": "g",
    "available_quantity": 40,
    "reserved_quantity": 120,
    "low_at_quantity": 50,
    "low_since": "2026-11-21T10:00:00Z",
    "reorder_url": "https://shop.example/pla",
    "created_at": "2026-11-01T00:00:00Z",
}
MOVEMENT = {
    "id": "mov_" + "3" * 32,
    "item_id": ITEM,
    "kind": "reserved",
    "available_delta": -120,
    "reserved_delta": 120,
    "job_id": None,
    "reason": "",
    "actor": None,
    "created_at": "2026-11-21T10:00:00Z",
}


def answer(body: object) -> Answer:
    """As JSON."""
    return Answer(body=json.dumps(body).encode())


async def run(monkeypatch: pytest.MonkeyPatch, api: ScriptedApi, *arguments: str) -> Result:
    """The command, against this API."""
    monkeypatch.setenv("FULFIL_API_URL", api.url)
    monkeypatch.setenv("FULFIL_TOKEN", "token")
    return await asyncio.to_thread(CliRunner().invoke, app, ["stock", *arguments])


async def test_low_lots_are_listed_with_where_to_order_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted_api(answer({"data": [LOT], "has_more": True})) as api:
        told = (await run(monkeypatch, api, "list", "--low")).output
    assert api.asked[0].path == "/api/v1/stock?low=true&limit=100"
    for word in (ITEM, "black", "40 g", "120 g", "https://shop.example/pla", "There is more"):
        assert word in told


async def test_received_material_is_sent_with_its_lot(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted_api(answer(WHO), answer(LOT)) as api:
        told = await run(monkeypatch, api, "receive", "PLA", "500", "--colour", "black", "--low-at", "50")
    assert (told.exit_code, api.asked[1].path) == (0, f"/api/v1/providers/{PROVIDER}/stock")
    sent = json.loads(api.asked[1].body)
    assert (sent["quantity"], sent["unit"], sent["colour"], sent["low_at_quantity"]) == (500, "g", "black", 50)


@pytest.mark.parametrize(("option", "sent"), [("--by=-20", {"change": -20}), ("--counted=0", {"counted": 0})])
async def test_an_adjustment_is_a_change_or_a_count(
    monkeypatch: pytest.MonkeyPatch, option: str, sent: dict[str, int]
) -> None:
    async with scripted_api(answer(LOT)) as api:
        await run(monkeypatch, api, "adjust", ITEM, option, "--reason", "counted", "--provider", PROVIDER)
    assert api.asked[0].path == f"/api/v1/providers/{PROVIDER}/stock/{ITEM}/adjustments"
    assert json.loads(api.asked[0].body) == {"reason": "counted", **sent}


async def test_an_adjustment_without_or_with_both_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted_api(answer(LOT)) as api:
        for options in ((), ("--by=1", "--counted=1")):
            told = await run(monkeypatch, api, "adjust", ITEM, "--reason", "counted", *options)
            assert "either --by or --counted" in str(told.exception)
    assert not api.asked


async def test_movements_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted_api(answer({"data": [MOVEMENT], "has_more": False})) as api:
        told = (await run(monkeypatch, api, "movements", ITEM, "--provider", PROVIDER)).output
    for word in ("reserved", "-120", "+120"):
        assert word in told


async def test_staff_name_whose_stock_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted_api(answer({**WHO, "role": "admin", "party_id": None})) as api:
        told = await run(monkeypatch, api, "movements", ITEM)
    assert "--provider" in str(told.exception)


async def test_what_does_not_add_up_fails_the_verification(monkeypatch: pytest.MonkeyPatch) -> None:
    finding = {"item_id": ITEM, "code": "balance_differs", "detail": "7 available, by its movements 8"}
    bad = answer({"items": 1, "movements": 2, "findings": [finding]})
    good = answer({"items": 1, "movements": 2, "findings": []})
    async with scripted_api(bad, good, problem(403, "role_not_allowed")) as api:
        broken = await run(monkeypatch, api, "verify")
        sound = await run(monkeypatch, api, "verify")
        refused = await run(monkeypatch, api, "verify")
    assert (broken.exit_code, sound.exit_code, refused.exit_code) == (1, 0, 1)
    assert "by its movements 8" in broken.output
    assert "1 lot(s) and 2 movement(s): everything adds up." in sound.output
