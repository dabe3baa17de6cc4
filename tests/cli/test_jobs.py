"""What a provider reads about a job."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from fulfil.api.schemas.jobs import WorkFile
from fulfil.api.schemas.production import CheckedCriterion, QualityCheck
from fulfil.api.schemas.shipments import Shipment
from fulfil.cli.client import ProblemError
from fulfil.cli.exits import ExitCode
from fulfil.cli.job_views import as_checked, as_sent, as_understood
from fulfil.cli.main import app
from fulfil.models.messages.findings import FindingCode
from fulfil.models.messages.geometry import LengthUnit, Operation
from fulfil.models.messages.shipments import Correction, ShipmentState
from tests.cli.scripted import problem, scripted_api

AT = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)


def test_a_file_is_shown_as_it_was_understood() -> None:
    solid = WorkFile(
        file_id="fil_1",
        name="bracket.stl",
        quantity=2,
        unit=LengthUnit.INCH,
        size_mm=[254.0, 25.4, 50.8],
        infill_percent=80,
        accepted_risks=[FindingCode.THIN_WALL],
    )
    assert as_understood(solid) == ("2 x bracket.stl: 254 x 25.4 x 50.8 mm (in inch), 80 % infill, thin_wall accepted")
    drawing = WorkFile(
        file_id="fil_2",
        name="plate.svg",
        quantity=1,
        unit=LengthUnit.MM,
        size_mm=[110.0, 70.0],
        thickness_mm=3.0,
        operations={"#ff0000": Operation.SCORE},
    )
    assert as_understood(drawing) == "1 x plate.svg: 110 x 70 mm (in mm), 3 mm thick, #ff0000 score"


def test_a_file_nothing_is_known_of_is_just_named() -> None:
    assert as_understood(WorkFile(file_id="fil_1", name="old.stl", quantity=1)) == "1 x old.stl"


def test_a_check_and_a_parcel_are_told_in_a_line() -> None:
    surface = CheckedCriterion(code="surface", title="Surface", passed=False, note="scratched", photo_file_ids=[])
    failed = QualityCheck(
        number=1, passed=False, correction=Correction.REWORK, criteria=[surface], checked_at=AT, checked_by=None
    )
    assert as_checked(failed) == "failed (Surface: scratched), rework"
    parcel = Shipment(
        id="shp_1",
        order_id="ord_1",
        job_id="job_1",
        pieces=3,
        carrier="DHL",
        tracking_number="0034",
        state=ShipmentState.IN_TRANSIT,
        created_at=AT,
        picked_up_at=None,
        delivered_at=None,
        lost_at=None,
        returned_at=None,
        moves=[],
    )
    assert as_sent(parcel) == "3 pieces, DHL 0034: in_transit (shp_1)"


COMMANDS: dict[str, tuple[list[str], str, dict[str, object]]] = {
    "delay": (
        ["job", "delay", "job_1", "--until", "2026-12-24", "--reason", "broken"],
        "/jobs/job_1/delay",
        {"due_at": "2026-12-24T00:00:00Z", "reason": "broken"},
    ),
    "material": (["job", "material", "job_1", "31"], "/jobs/job_1/material", {"used_quantity": 31, "note": ""}),
    "give-back": (["job", "give-back", "job_1", "--reason", "ill"], "/jobs/job_1/give-back", {"reason": "ill"}),
    "ship": (
        ["job", "ship", "job_1", "--carrier", "DHL", "--tracking-number", "7", "--pieces", "2"],
        "/jobs/job_1/ship",
        {"carrier": "DHL", "tracking_number": "7", "pieces": 2},
    ),
    "pickup": (
        ["job", "pickup", "job_1", "--address", "1 Main Street"],
        "/jobs/job_1/ready-for-pickup",
        {"address": "1 Main Street", "note": ""},
    ),
    "deliver": (
        ["job", "deliver", "job_1", "--code", "018273"],
        "/jobs/job_1/deliver",
        {"proof_note": "", "photo_file_ids": [], "pickup_code": "018273"},
    ),
    "choose": (
        ["job", "choose", "job_1", "redispatch", "--reason", "too late"],
        "/jobs/job_1/choice",
        {"choice": "redispatch", "reason": "too late"},
    ),
    "carrier event": (
        ["shipment", "event", "shp_1", "lost", "--event-id", "e1", "--location", "Leipzig"],
        "/shipments/shp_1/events",
        {"event_id": "e1", "kind": "lost", "note": "", "location": "Leipzig"},
    ),
}


@pytest.mark.parametrize(("command", "path", "body"), COMMANDS.values(), ids=COMMANDS)
async def test_a_command_says_it_to_the_api(
    command: list[str], path: str, body: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scripted_api(problem(409, "job_state", detail="It is delivered.", state="delivered")) as api:
        monkeypatch.setenv("FULFIL_API_URL", api.url)
        monkeypatch.setenv("FULFIL_TOKEN", "t")
        refused = await asyncio.to_thread(CliRunner().invoke, app, command)
    [asked] = api.asked
    said = json.loads(asked.body)
    assert isinstance(refused.exception, ProblemError)
    assert (asked.method, asked.path) == ("POST", f"/api/v1{path}")
    assert {name: value for name, value in said.items() if name != "at"} == body


def test_a_check_is_passed_or_names_what_failed() -> None:
    for command in (["job", "quality", "job_1"], ["job", "quality", "job_1", "--passed", "--failed", "surface"]):
        assert CliRunner().invoke(app, command).exit_code == ExitCode.USAGE
