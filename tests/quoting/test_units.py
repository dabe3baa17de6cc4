"""Units are stated, confirmed or guessed, and each says so."""

import pytest

from fulfil.models.messages.findings import FindingCode, Severity
from fulfil.models.messages.geometry import LengthUnit, UnitBasis
from fulfil.quoting.units import MM_PER_UNIT, decide_unit, guess_svg_dpi


def test_every_unit_has_a_length() -> None:
    assert set(MM_PER_UNIT) == set(LengthUnit)
    assert MM_PER_UNIT[LengthUnit.PX96] * 96 == pytest.approx(25.4)
    assert MM_PER_UNIT[LengthUnit.PT] * 72 == pytest.approx(25.4)


def test_the_customers_word_beats_the_file_and_leaves_nothing_to_find() -> None:
    decision, findings = decide_unit(LengthUnit.MM, (1e-3, 1e-3, 1e-3), LengthUnit.INCH)
    assert (decision.unit, decision.basis, decision.mm_per_unit) == (LengthUnit.INCH, UnitBasis.CONFIRMED, 25.4)
    assert findings == ()


def test_the_files_word_is_believed() -> None:
    decision, findings = decide_unit(LengthUnit.INCH, (2, 3, 4), None)
    assert (decision.unit, decision.basis) == (LengthUnit.INCH, UnitBasis.STATED)
    assert LengthUnit.MM in decision.alternatives
    assert findings == ()


def test_a_stated_unit_that_gives_no_possible_part_is_a_risk() -> None:
    _, (finding,) = decide_unit(LengthUnit.M, (10, 20, 30), None)
    assert (finding.code, finding.severity) == (FindingCode.UNIT_IMPLAUSIBLE, Severity.RISK)
    assert (finding.number, finding.limit, finding.measure) == (30_000, 2000, "mm")


@pytest.mark.parametrize("side", [5, 20, 90, 500, 1900])
def test_a_usual_size_is_taken_as_millimetres_with_a_note(side: float) -> None:
    decision, (finding,) = decide_unit(None, (side, 1, 1), None)
    assert (decision.unit, decision.basis) == (LengthUnit.MM, UnitBasis.GUESSED)
    assert (finding.code, finding.severity) == (FindingCode.UNIT_GUESSED, Severity.INFO)
    assert LengthUnit.INCH in decision.alternatives


@pytest.mark.parametrize(
    ("largest", "unit"),
    [
        (0.05, LengthUnit.M),  # 50 mm drawn in metres
        (0.9, LengthUnit.INCH),  # as metres it would be nearly a metre
        (3.0, LengthUnit.MM),  # a small part, or 76 mm in inches
        (5000.0, LengthUnit.MM),
        (1e-7, LengthUnit.MM),
    ],
)
def test_an_unusual_size_is_a_risk_whatever_is_guessed(largest: float, unit: LengthUnit) -> None:
    decision, (finding,) = decide_unit(None, (largest, largest / 2, largest / 3), None)
    assert (decision.unit, decision.basis) == (unit, UnitBasis.GUESSED)
    assert (finding.code, finding.severity) == (FindingCode.UNIT_IMPLAUSIBLE, Severity.RISK)
    assert decision.unit not in decision.alternatives


@pytest.mark.parametrize(
    ("head", "unit"),
    [
        (b'<svg inkscape:version="0.48.4 r9939">', LengthUnit.PX90),
        (b'<svg inkscape:version="0.91 r13725">', LengthUnit.PX90),
        (b'<svg inkscape:version="0.92.3 (2405546)">', LengthUnit.PX96),
        (b'<svg inkscape:version="1.2.2">', LengthUnit.PX96),
        (b"<!-- Created with Inkscape (http://www.inkscape.org/) --><svg>", LengthUnit.PX96),
        (b"<!-- Generator: Adobe Illustrator 26.0.1, SVG Export Plug-In --><svg>", LengthUnit.PX72),
        (b"<svg>", LengthUnit.PX96),
    ],
)
def test_a_drawings_pixel_is_told_by_the_program_that_wrote_it(head: bytes, unit: LengthUnit) -> None:
    guessed, reason = guess_svg_dpi(head)
    assert guessed is unit
    assert reason.endswith(".")
