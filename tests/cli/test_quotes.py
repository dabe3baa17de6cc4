"""`fulfil quote`: which command is meant, what is asked, what is shown and saved."""

import asyncio
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from fulfil.api.schemas.files import File, Previews
from fulfil.api.schemas.quotes import Quote, QuotedFile, QuoteItem, QuoteVersions
from fulfil.cli.exits import CommandError, ExitCode, NotFoundError, WrongUsageError
from fulfil.cli.main import app
from fulfil.cli.quote_asking import Wishes, preview_paths, read_operations
from fulfil.cli.quote_views import show_quote
from fulfil.kit.clock import utc_now
from fulfil.models.messages.geometry import (
    DrawingGeometry,
    DrawingGroup,
    LengthUnit,
    Operation,
    UnitBasis,
    UnitDecision,
)
from fulfil.models.messages.prices import ItemWish, LeadTime, LeadTimeOption, PriceLine
from fulfil.models.messages.quotes import QuoteStatus, ReadingOptions, Refusal
from fulfil.models.money import Money
from fulfil.quoting.prices.tariffs import load_tariff, parse_tariff
from tests.api.quoted import ESTIMATE, SOLID, THIN, priced
from tests.cli.scripted import Answer, Asked, ScriptedApi, problem, scripted_api

FILE_ID = "fil_" + "1" * 32
PREVIEW = f"/api/v1/files/{FILE_ID}/preview.png?analysis=ana_{'2' * 32}"
PENDING = {
    "id": "quo_1",
    "status": "analysing",
    "progress": {"stage": "slicing", "percent": 40, "first_price": "12.00 EUR"},
    "created_at": "2026-11-21T10:00:00Z",
}


def item(position: int = 0, name: str = "bracket.stl", **more: object) -> QuoteItem:
    """A cube of 12.99 EUR."""
    values: dict[str, object] = {
        "position": position,
        "status": QuoteStatus.FIRM,
        "file": QuotedFile(id=FILE_ID, name=name, format=name.rpartition(".")[2]),
        "wish": ItemWish(process="fdm", material="pla", quantity=2),
        "options": ReadingOptions(),
        "accepted": [],
        "solid": SOLID,
        "drawing": None,
        "findings": [THIN],
        "estimate": ESTIMATE,
        "price": priced(),
        "amount": Money(amount_minor=1299, currency="eur"),
        "refusal": None,
        "previews": Previews(png=PREVIEW),
        "confirmation": None,
        "calculation_time_ms": 12,
        "analyser_version": "2026-1",
        "coefficients_version": "2026-1",
    }
    return QuoteItem.model_validate(values | more)


def quote(*items: QuoteItem) -> Quote:
    """A firm quote."""
    return Quote(
        id="quo_1",
        status=QuoteStatus.FIRM,
        items=list(items or [item()]),
        lines=[PriceLine(code="small_order", title="Small order", explanation="Below 20.00 EUR.", amount_minor=701)],
        items_total=Money(amount_minor=1299, currency="eur"),
        total=Money(amount_minor=2000, currency="eur"),
        lead_time=LeadTime.STANDARD,
        lead_time_days=3,
        lead_time_options=[LeadTimeOption(lead_time=LeadTime.EXPRESS, lead_time_days=2, total_minor=2500)],
        tier="standard",
        versions=QuoteVersions(tariff="2026-2", rules="2026-1"),
        next=None,
        calculation_time_ms=12,
        total_calculation_time_ms=15,
        created_at=utc_now(),
        expires_at=utc_now(),
    )


def stored(name: str = "bracket.stl", known: str = "stl") -> File:
    """An uploaded file."""
    return File(id=FILE_ID, name=name, format=known, size_bytes=3, sha256="0" * 64, created_at=utc_now())


def answer(view: Quote | File, status: int = 201) -> Answer:
    """It as an answer."""
    return Answer(status, view.model_dump_json().encode())


async def fulfil(api: ScriptedApi, *arguments: str) -> Result:
    """Run a command against the script."""
    environment: Mapping[str, str] = {"FULFIL_API_URL": api.url, "FULFIL_TOKEN": "token"}
    return await asyncio.to_thread(CliRunner().invoke, app, ["quote", *arguments], env=environment)


def body(asked: Asked) -> dict[str, Any]:
    """The JSON of a request."""
    return dict(json.loads(asked.body))


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file, in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bracket.stl"
    path.write_bytes(b"stl")
    return path


async def test_a_file_is_priced_explained_and_pictured(part: Path) -> None:
    picture = Answer(200, b"\x89PNG", "image/png")
    answers = [answer(stored()), Answer(202, json.dumps(PENDING).encode()), answer(quote(), 200), picture]
    async with scripted_api(*answers) as api:
        ran = await fulfil(api, str(part), "--quantity", "2", "--accept", "thin_wall", "--lead-time", "express")
    uploaded, asked, followed, pictured = api.asked
    assert ran.exit_code == 0, ran.output
    assert (uploaded.path, asked.path) == ("/api/v1/files", "/api/v1/quotes?wait=1")
    assert body(asked) == {
        "items": [
            {"file_id": FILE_ID, "process": "fdm", "material": "PLA", "quantity": 2, "accept": ["thin_wall"]},
        ],
        "currency": "eur",
        "lead_time": "express",
        "tier": "standard",
    }
    assert (followed.path, pictured.path) == ("/api/v1/quotes/quo_1?wait=1", PREVIEW)
    assert (part.parent / "bracket.preview.png").read_bytes() == b"\x89PNG"
    for shown in ("10.0 x 10.0 x 10.0 mm", "1.00 cm3", "± 6 %", "Small order", "20.00 EUR", "bracket.preview.png"):
        assert shown in ran.stdout


async def test_for_machines_it_is_json_and_no_picture(part: Path) -> None:
    async with scripted_api(answer(stored()), answer(quote())) as api:
        ran = await fulfil(api, "make", str(part), "-o", "json")
    assert Quote.model_validate_json(ran.stdout).id == "quo_1"
    assert len(api.asked) == 2
    assert not list(part.parent.glob("*.png"))


async def test_one_bad_file_does_not_block_the_rest(part: Path) -> None:
    other = part.with_name("notes.txt")
    other.write_bytes(b"words")
    refused = problem(415, "file_format_unknown", detail="The content is of an unknown kind.")
    async with scripted_api(answer(stored()), refused, answer(quote())) as api:
        ran = await fulfil(api, str(part), str(other), "--no-preview")
    assert ran.exit_code == ExitCode.USAGE
    assert "20.00 EUR" in ran.stdout
    assert "of an unknown kind" in ran.stderr
    assert len(body(api.asked[2])["items"]) == 1


async def test_a_single_bad_file_is_the_error(part: Path) -> None:
    async with scripted_api(problem(415, "file_format_unknown", detail="It is unknown.")) as api:
        ran = await fulfil(api, str(part))
    assert isinstance(ran.exception, CommandError)
    assert (ran.exception.exit_code, "It is unknown." in str(ran.exception)) == (ExitCode.USAGE, True)


async def test_what_no_slicer_can_check_is_said_and_the_quote_is_shown(part: Path) -> None:
    refused = problem(422, "not_sliceable", detail="The slicer's profile is for PLA.")
    async with scripted_api(answer(stored()), answer(quote()), refused, answer(quote(), 200)) as api:
        ran = await fulfil(api, str(part), "--confirm", "--no-preview")
    assert (ran.exit_code, "20.00 EUR" in ran.stdout) == (0, True)
    assert "bracket.stl was not sliced: The slicer's profile is for PLA." in ran.stderr
    assert api.asked[2].path == "/api/v1/quotes/quo_1/confirm-estimate"


async def test_a_guest_needs_no_login(part: Path) -> None:
    token = Answer(201, b'{"access_token": "guest", "expires_in": 86400}')
    async with scripted_api(token, answer(stored()), answer(quote())) as api:
        ran = await fulfil(api, str(part), "--guest", "--no-preview")
    assert ran.exit_code == 0, ran.output
    assert api.asked[0].path == "/api/v1/guests"
    assert {asked.headers["authorization"] for asked in api.asked[1:]} == {"Bearer guest"}


async def test_the_other_commands_of_the_group_keep_their_names(part: Path) -> None:
    part.with_name("show").write_bytes(b"a file called show")
    async with scripted_api(answer(quote(), 200)) as api:
        ran = await fulfil(api, "show", "quo_1")
    assert ran.exit_code == 0
    assert [asked.path for asked in api.asked] == ["/api/v1/quotes/quo_1?wait=1"]


async def test_options_may_stand_before_the_file(part: Path) -> None:
    async with scripted_api(answer(stored()), answer(quote())) as api:
        ran = await fulfil(api, "--material", "PETG", "--infill", "30", str(part), "--no-preview")
    assert ran.exit_code == 0, ran.output
    [asked] = body(api.asked[1])["items"]
    assert (asked["material"], asked["infill_percent"]) == ("PETG", 30)


async def test_a_proof_that_fails_ends_with_1() -> None:
    money = {"amount_minor": 1299, "currency": "eur"}
    proof = {
        "quote_id": "quo_1",
        "tariff_version": "2026-2",
        "before": money,
        "after": money,
        "difference": {"amount_minor": 0, "currency": "eur"},
        "items": [],
        "same": False,
        "differences": ["item 0: mass 1.2 g became 1.3 g"],
    }
    async with scripted_api(Answer(200, json.dumps(proof).encode())) as api:
        ran = await fulfil(api, "prove", "quo_1")
    assert isinstance(ran.exception, CommandError)
    assert "mass 1.2 g became 1.3 g" in ran.stdout


async def test_a_replay_sends_the_price_list_and_shows_the_sums(tmp_path: Path) -> None:
    tariff, broken = tmp_path / "tariff.json", tmp_path / "broken.json"
    tariff.write_text('{"version": "2026-9"}')
    broken.write_text("[1]")
    replayed = {
        "tariff_version": "2026-9",
        "quotes": 2,
        "unpriceable": 1,
        "sums": [
            {
                "before": {"amount_minor": 2598, "currency": "eur"},
                "after": {"amount_minor": 2398, "currency": "eur"},
                "difference": {"amount_minor": -200, "currency": "eur"},
            }
        ],
        "changed_most": [],
    }
    async with scripted_api(Answer(200, json.dumps(replayed).encode())) as api:
        ran = await fulfil(api, "replay", "--tariff", str(tariff), "--limit", "5")
        wrong = await fulfil(api, "replay", "--tariff", str(broken))
    assert body(api.asked[0]) == {"tariff": {"version": "2026-9"}, "limit": 5}
    assert "-2.00 EUR" in ran.stdout
    assert isinstance(wrong.exception, WrongUsageError)
    assert len(api.asked) == 1


def test_a_folder_without_truth_is_not_fitted_to(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["quote", "refit", str(tmp_path)])
    assert isinstance(ran.exception, WrongUsageError)
    (tmp_path / "truth.json").write_text("{}")
    ran = CliRunner().invoke(app, ["quote", "refit", str(tmp_path), "-o", str(tmp_path / "out.json")])
    assert isinstance(ran.exception, CommandError)
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    ("known", "wishes", "process", "material"),
    [
        ("stl", Wishes(), "fdm", "PLA"),
        ("dxf", Wishes(), "laser", "WOOD"),
        ("step", Wishes(process="Resin"), "Resin", "RESIN"),
        ("svg", Wishes(material="ACRYLIC"), "laser", "ACRYLIC"),
    ],
)
def test_what_is_not_wished_is_what_is_usual_for_the_file(
    known: str, wishes: Wishes, process: str, material: str
) -> None:
    wished = wishes.item(stored(known=known))
    assert (wished["process"], wished["material"]) == (process, material)
    assert "unit" not in wished


@pytest.mark.parametrize("thickness_mm", [math.nan, math.inf])
def test_a_thickness_that_is_no_number_is_wrong_usage(thickness_mm: float) -> None:
    with pytest.raises(WrongUsageError, match="thickness in mm"):
        Wishes(thickness_mm=thickness_mm)


def test_a_price_list_is_printed_whole_to_be_changed_and_tried() -> None:
    printed = CliRunner().invoke(app, ["quote", "tariff"])
    assert parse_tariff(printed.stdout.encode()) == load_tariff()
    unknown = CliRunner().invoke(app, ["quote", "tariff", "1900-1"])
    assert isinstance(unknown.exception, NotFoundError)


def test_what_a_colour_means_is_said_of_drawings_only() -> None:
    meant = read_operations(["#ff0000=score", "layer:A=B=Cut"])
    assert meant == {"#ff0000": "score", "layer:A=B": "cut"}
    assert Wishes(operations=meant).item(stored(known="dxf"))["operations"] == meant
    assert "operations" not in Wishes(operations=meant).item(stored(known="stl"))
    with pytest.raises(WrongUsageError, match="KEY="):
        read_operations(["score"])


def test_pictures_go_to_a_file_or_a_folder_under_names_of_their_own(tmp_path: Path) -> None:
    one, two = quote(), quote(item(), item(1), item(2, "plate.svg"), item(3, previews=None))
    assert [path for _, path in preview_paths(one, "")] == [Path("bracket.preview.png")]
    assert [path for _, path in preview_paths(one, "out/picture.png")] == [Path("out/picture.png")]
    assert [path.name for _, path in preview_paths(two, str(tmp_path))] == [
        "bracket.preview.png",
        "bracket-1.preview.png",
        "plate.preview.png",
    ]
    with pytest.raises(WrongUsageError, match="name a folder"):
        preview_paths(two, "picture.png")


def test_a_drawing_and_a_refusal_are_shown_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    unit = UnitDecision(unit=LengthUnit.PX96, mm_per_unit=0.26, basis=UnitBasis.GUESSED, reason="It is an SVG of a web")
    drawing = DrawingGeometry(
        unit=unit.model_copy(update={"alternatives": (LengthUnit.MM,)}),
        size_mm=(100, 50),
        groups=(DrawingGroup(key="#ff0000", operation=Operation.CUT, paths=1, length_mm=300),),
        segments=4,
        cut_length_mm=300,
        score_length_mm=20,
        engrave_outline_mm=0,
        engraved_area_mm2=250,
        travel_mm=0,
        pierces=1,
        part_area_mm2=5000,
        parts=1,
        open_paths=0,
    )
    refusal = Refusal(code="file_truncated", detail="It ends [too] early. Export it again.", param="items.1.file_id")
    refused = item(1, "bad.stl", status="refused", refusal=refusal, price=None, amount=None, solid=None, estimate=None)
    show_quote(quote(item(0, "plate.svg", solid=None, drawing=drawing), refused))
    shown = re.sub(r"\s+", " ", capsys.readouterr().out)
    for words in (
        "cut 300 mm in 1 pierces, score 20 mm, engrave 2.5 cm2; #ff0000 cut",
        "px96 (guessed). It is an SVG of a web Another is meant? --unit mm",
        "It ends [too] early. Export it again. [file_truncated]",
        "risk thin_wall",
        "at (1.0, 2.0, 3.0) mm",
        "10 at 5.00 EUR",
        "yes: Printer. It fits.",
        "express 2 d 25.00 EUR",
        "The price is binding.",
    ):
        assert words in shown, words
