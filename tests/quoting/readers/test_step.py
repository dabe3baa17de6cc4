"""STEP: exact surfaces become triangles of the right volume, whatever the unit."""

import math
import time
from pathlib import Path

import pytest

from fulfil.models.messages.findings import FindingCode, Severity
from fulfil.models.messages.geometry import LengthUnit
from fulfil.quoting.readers.step import read_step
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode
from tests.quoting.readers.measuring import is_closed, size, volume
from tests.quoting.readers.step_files import step_box, step_cylinder

BOX = step_box(10, 20, 30, at=(1, 2, 3))

PARTS = {
    "box": (BOX, 6000),
    "box in inches": (step_box(1, 2, 3, inches=True), 6 * 25.4**3),
    "cylinder": (step_cylinder(10, 30), math.pi * 3000),
    "thin cylinder": (step_cylinder(0.5, 30), math.pi * 7.5),
    "wide cylinder": (step_cylinder(300, 5), math.pi * 450_000),
    "cylinder in inches": (step_cylinder(1, 3, inches=True), math.pi * 3 * 25.4**3),
}


@pytest.mark.parametrize(("content", "expected_mm3"), PARTS.values(), ids=PARTS.keys())
def test_a_solid_keeps_its_volume_and_is_closed(content: bytes, expected_mm3: float) -> None:
    mesh = read_step(content)
    assert mesh.unit is LengthUnit.MM
    assert volume(mesh.corners) == pytest.approx(expected_mm3, rel=1e-3)
    assert is_closed(mesh.corners)


@pytest.mark.parametrize(("name", "exact_mm3"), [("ball_socket", 9880.3089), ("shaft_clamp", 5716.7746)])
def test_a_modelled_part_keeps_the_volume_its_modeller_told(name: str, exact_mm3: float) -> None:
    mesh = read_step((Path(__file__).parent / "parts" / f"{name}.step").read_bytes())
    assert volume(mesh.corners) == pytest.approx(exact_mm3, rel=1e-3)
    assert is_closed(mesh.corners)


def test_a_box_stays_where_it_is() -> None:
    corners = read_step(BOX).corners
    assert corners.reshape(-1, 3).min(axis=0).tolist() == pytest.approx([1, 2, 3])
    assert size(corners) == pytest.approx([10, 20, 30])


def test_nothing_is_printed_and_no_file_is_left(
    capfd: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("empty")
    monkeypatch.chdir(folder)
    with pytest.raises(QuotingRefusalError):
        read_step(BOX.replace(b"PRODUCT", b"#((("))
    read_step(BOX)
    assert capfd.readouterr() == ("", "")
    assert list(folder.iterdir()) == []


REFUSED = {
    "nothing": (b"", RefusalCode.FILE_UNREADABLE),
    "another text": (b"Dear Sir", RefusalCode.FILE_UNREADABLE),
    "cut short": (BOX[:-400], RefusalCode.FILE_TRUNCATED),
    "the last line lacking": (BOX.replace(b"END-ISO-10303-21;\n", b""), RefusalCode.FILE_TRUNCATED),
    "no data": (BOX.partition(b"DATA;")[0] + b"END-ISO-10303-21;", RefusalCode.FILE_UNREADABLE),
    "no surfaces": (BOX.replace(b"ADVANCED_FACE", b"NO_FACE"), RefusalCode.MESH_NO_TRIANGLES),
    "too large": (BOX.replace(b"DATA;", b"DATA;" + b" " * 50_000_000), RefusalCode.FILE_TOO_LARGE),
}


@pytest.mark.parametrize(("content", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_whole_solid_is_refused(content: bytes, code: RefusalCode) -> None:
    with pytest.raises(QuotingRefusalError) as refusal:
        read_step(content)
    assert refusal.value.code is code


def test_parts_in_other_files_are_a_risk() -> None:
    outside = b"#9001=DOCUMENT_FILE('bolt.stp','',$,#9002,'',$);\n#9002=DOCUMENT_TYPE('');\nENDSEC;\nEND-ISO"
    (finding,) = read_step(BOX.replace(b"ENDSEC;\nEND-ISO", outside)).findings
    assert (finding.code, finding.severity) == (FindingCode.EXTERNAL_REFERENCE, Severity.RISK)


def test_a_small_part_is_quick() -> None:
    started = time.process_time()
    read_step(step_cylinder(10, 30))
    assert time.process_time() - started < 0.5
