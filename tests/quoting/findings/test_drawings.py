"""Drawings: every finding appears at its limit and not before, with number, limit, place and remedy."""

import pytest

from fulfil.models.messages.findings import Finding, FindingCode, Severity
from fulfil.models.messages.geometry import DrawingGeometry
from fulfil.quoting.findings.rules import find_drawing
from fulfil.quoting.prices.terms import SheetTerms
from tests.quoting.findings.samples import cutting, drawing

IMAGE = {"x_mm": 0, "y_mm": 0, "width_mm": 30, "height_mm": 10}


def only(geometry: DrawingGeometry, terms: SheetTerms | None = None) -> Finding:
    found = find_drawing(geometry, terms or cutting())
    assert len(found) == 1, found
    assert found[0].message.endswith(".")
    assert found[0].remedy.endswith(".")
    return found[0]


@pytest.mark.parametrize("material", ["WOOD-3", "ACRYLIC-8", "METAL-1.5", "LEATHER-2"])
def test_nothing_stands_against_a_sound_drawing(material: str) -> None:
    assert find_drawing(drawing(), cutting(material)) == ()
    assert find_drawing(drawing(smallest_hole_mm=None, narrowest_mm=None), cutting(material)) == ()


@pytest.mark.parametrize(
    ("changes", "code", "severity", "number"),
    [
        ({"size_mm": (1_295, 50)}, FindingCode.EXCEEDS_SHEET, Severity.BLOCKER, 1_295),
        ({"size_mm": (7, 5)}, FindingCode.SMALL_PART, Severity.WARNING, 7),
        ({"open_paths": 2, "open_ends_mm": ((1, 2), (3, 4))}, FindingCode.OPEN_CONTOUR, Severity.RISK, 2),
        ({"duplicate_paths": 1, "duplicate_length_mm": 80}, FindingCode.DUPLICATE_LINES, Severity.WARNING, 80),
        ({"self_crossings": 1, "crossings_mm": ((5, 6),)}, FindingCode.SELF_CROSSING, Severity.RISK, 1),
        ({"parts": 3}, FindingCode.SEVERAL_PARTS, Severity.WARNING, 3),
        ({"images": (IMAGE,)}, FindingCode.IMAGE, Severity.INFO, 300),
        ({"cut_length_mm": 0}, FindingCode.NOTHING_TO_CUT, Severity.BLOCKER, 0),
        ({"cut_length_mm": 0, "score_length_mm": 9}, FindingCode.NOTHING_TO_CUT, Severity.WARNING, 0),
        ({"cut_length_mm": 0, "engraved_area_mm2": 9}, FindingCode.NOTHING_TO_CUT, Severity.WARNING, 0),
        ({"smallest_hole_mm": 1.7}, FindingCode.SMALL_HOLE, Severity.WARNING, 1.7),
        ({"smallest_hole_mm": 0.8}, FindingCode.SMALL_HOLE, Severity.RISK, 0.8),
        ({"narrowest_mm": 2.9}, FindingCode.NARROW_WEB, Severity.WARNING, 2.9),
        ({"narrowest_mm": 1.1}, FindingCode.NARROW_WEB, Severity.RISK, 1.1),
    ],
)
def test_a_fact_becomes_its_finding(
    changes: dict[str, object], code: FindingCode, severity: Severity, number: float
) -> None:
    found = only(drawing(**changes))
    assert (found.code, found.severity, found.number) == (code, severity, number)


def test_places_are_shown() -> None:
    assert only(drawing(open_paths=1, open_ends_mm=((1, 2),))).where_mm == (1, 2)
    assert only(drawing(self_crossings=1, crossings_mm=((5, 6),))).where_mm == (5, 6)
    assert only(drawing(smallest_hole_mm=1.5, smallest_hole_at_mm=(7, 8))).where_mm == (7, 8)
    assert only(drawing(narrowest_mm=2, narrowest_at_mm=(9, 10))).where_mm == (9, 10)


def test_limits_grow_with_the_thickness() -> None:
    assert find_drawing(drawing(smallest_hole_mm=2), cutting("WOOD-3")) == ()
    assert only(drawing(smallest_hole_mm=2), cutting("WOOD-9")).severity is Severity.RISK
    assert only(drawing(smallest_hole_mm=2), cutting("WOOD-6")).limit == pytest.approx(3.6)


def test_features_near_the_width_of_the_cut_are_a_risk_of_their_own() -> None:
    found = find_drawing(drawing(smallest_hole_mm=0.35, smallest_hole_at_mm=(7, 8), narrowest_mm=0.39), cutting())
    kerf = next(finding for finding in found if finding.code is FindingCode.KERF)
    assert (kerf.severity, kerf.number, kerf.limit, kerf.where_mm) == (Severity.RISK, 0.35, 0.4, (7, 8))
    assert {finding.code for finding in found} == {FindingCode.KERF, FindingCode.SMALL_HOLE, FindingCode.NARROW_WEB}


@pytest.mark.parametrize("changes", [{"engraved_area_mm2": 50}, {"engrave_outline_mm": 20}])
def test_metal_can_not_be_engraved_by_rows(changes: dict[str, object]) -> None:
    found = only(drawing(**changes), cutting("METAL-1"))
    assert (found.code, found.severity) == (FindingCode.MATERIAL_NOT_FOR_OPERATION, Severity.BLOCKER)
    assert "METAL-1 can't be engraved by rows" in found.message
    assert find_drawing(drawing(**changes), cutting("WOOD-3")) == ()


def test_a_picture_on_metal_blocks() -> None:
    found = find_drawing(drawing(images=(IMAGE,)), cutting("METAL-1"))
    assert [finding.severity for finding in found] == [Severity.BLOCKER, Severity.INFO]


def test_lines_left_open_matter_only_where_something_is_cut() -> None:
    found = find_drawing(drawing(open_paths=2, cut_length_mm=0, score_length_mm=40), cutting())
    assert [finding.code for finding in found] == [FindingCode.NOTHING_TO_CUT]
