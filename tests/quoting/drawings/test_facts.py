"""Measuring drawings: lengths by operation, areas, pierces, loose ends, duplicates, crossings, holes, webs, travel."""

# ruff: noqa: E501 (one case is one line)

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fulfil.models.messages.findings import Finding, FindingCode
from fulfil.models.messages.geometry import DrawingGeometry, Operation
from fulfil.quoting.drawings.facts import measure_drawing
from fulfil.quoting.motion import Motion
from fulfil.quoting.readers.svg import read_svg
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode
from tests.quoting.readers.test_svg import svg


def measured(
    body: str, operations: dict[str, Operation] | None = None
) -> tuple[DrawingGeometry, Motion, tuple[Finding, ...]]:
    return measure_drawing(read_svg(svg(body)), operations or {})


def cuts(body: str) -> DrawingGeometry:
    return measured(f'<g fill="none" stroke="red">{body}</g>')[0]


def test_a_plate_with_holes_is_one_part_less_its_holes() -> None:
    found = cuts(
        '<rect x="5" y="5" width="80" height="40"/><circle cx="20" cy="20" r="5"/><circle cx="50" cy="20" r="2"/>'
    )
    assert found.cut_length_mm == pytest.approx(240 + 14 * math.pi, rel=1e-5)
    assert found.part_area_mm2 == pytest.approx(3200 - 29 * math.pi, rel=1e-5)
    assert (found.parts, found.pierces, found.open_paths) == (1, 3, 0)
    assert found.size_mm == pytest.approx((80, 40))
    assert found.smallest_hole_mm == pytest.approx(4, rel=1e-4)
    assert found.smallest_hole_at_mm == pytest.approx((45, 15))  # from the corner of what is made


def test_islands_in_holes_are_parts_again() -> None:
    found = cuts(
        '<rect width="90" height="90"/><rect x="10" y="10" width="70" height="70"/><rect x="20" y="20" width="50" height="50"/>'
    )
    assert found.parts == 2
    assert found.part_area_mm2 == pytest.approx(8100 - 4900 + 2500)


def test_lines_that_touch_are_one_outline() -> None:
    found = cuts('<path d="M0 0H10"/><path d="M10.004 10V0"/><path d="M10 10H0"/><line y1="10"/>')
    assert (found.pierces, found.parts, found.open_paths) == (1, 1, 0)
    assert found.part_area_mm2 == pytest.approx(100, rel=1e-3)


def test_gaps_leave_open_ends_with_their_places() -> None:
    found = cuts('<path d="M0 0H10V10H0V0.5"/>')
    assert (found.open_paths, found.parts) == (1, 0)
    assert sorted(found.open_ends_mm) == [(0.0, 0.0), (0.0, 0.5)]


def test_lines_drawn_twice_count_once_in_either_direction() -> None:
    found = cuts('<path d="M0 0H50"/><path d="M50 0H0"/><path d="M0 0.005H50"/><path d="M0 1H50"/>')
    assert found.cut_length_mm == pytest.approx(100)
    assert found.duplicate_length_mm == pytest.approx(100)
    assert (found.duplicate_paths, found.pierces) == (2, 2)


def test_circles_drawn_twice_from_other_starts_count_once() -> None:
    found = cuts('<circle cx="9" cy="9" r="9"/><path d="M9 0A9 9 0 0 0 9 18A9 9 0 0 0 9 0z"/>')
    assert found.cut_length_mm == pytest.approx(18 * math.pi, rel=1e-5)
    assert (found.parts, found.pierces) == (1, 1)


def test_parts_that_share_a_side_stay_whole() -> None:
    found = cuts('<rect width="10" height="10"/><rect x="10" width="10" height="10"/>')
    assert found.cut_length_mm == pytest.approx(70)
    assert (found.parts, found.open_paths) == (2, 0)
    assert found.part_area_mm2 == pytest.approx(200)


def test_neighbours_that_touch_are_parts_side_by_side_however_they_are_turned() -> None:
    for angle in (0, 1, 45, 200):
        body = '<rect width="1" height="2"/><rect x="1" y="1" width="1" height="1"/>'
        assert cuts(f'<g transform="rotate({angle} 30 30)">{body}</g>').parts == 2


def test_the_same_line_cut_and_scored_is_no_duplicate() -> None:
    found, _, _ = measured('<path stroke="red" d="M0 0H9"/><path stroke="blue" d="M0 0H9"/>')
    assert (found.cut_length_mm, found.score_length_mm, found.duplicate_length_mm) == pytest.approx((9, 9, 0))


def test_crossings_are_counted_with_their_places() -> None:
    found = cuts('<path d="M0 0L10 10V0L0 10z"/><path d="M20 0H40M30 -5V5"/>')
    assert found.self_crossings == 2
    assert sorted(found.crossings_mm) == [(5.0, 10.0), (30.0, 5.0)]


def test_corners_that_meet_are_no_crossing() -> None:
    assert cuts('<path d="M0 0H10M10 0V10M10 0H20M10 0V-10"/>').self_crossings == 0


def test_the_narrowest_web_lies_between_cuts_of_one_part() -> None:
    holes = '<rect width="90" height="50"/><circle cx="20" cy="20" r="5"/><circle cx="31.5" cy="20" r="5"/>'
    found = cuts(holes + '<rect x="90.3" width="20" height="50"/>')
    assert found.narrowest_mm == pytest.approx(1.5, abs=0.01)
    assert found.narrowest_at_mm == pytest.approx((25.75, 20), abs=0.01)


def test_inner_cuts_come_before_their_outline_and_scores_before_cuts() -> None:
    body = '<rect width="40" height="40"/><circle cx="20" cy="20" r="15"/><circle cx="20" cy="20" r="5"/><rect x="50" width="40" height="40"/>'
    _, motion, _ = measured(f'<g fill="none" stroke="red">{body}</g><path stroke="blue" d="M0 60H9"/>')
    sizes = [(stroke.operation, round(float(np.ptp(stroke.points[:, 0])))) for stroke in motion.strokes]
    assert sizes[0] == (Operation.SCORE, 9)
    inner = [sizes.index((Operation.CUT, size)) for size in (10, 30, 40)]
    assert inner == sorted(inner)


def test_travel_takes_the_nearest_next_and_open_lines_from_either_end() -> None:
    found = cuts('<path d="M0 0H50"/><path d="M0 20H50"/><path d="M0 10H50"/>')
    assert found.travel_mm == pytest.approx(20)


def test_areas_are_even_odd_and_exact_for_curves() -> None:
    ring = '<path d="M20 0A20 20 0 0 1 20 40A20 20 0 0 1 20 0zM20 10A10 10 0 0 1 20 30A10 10 0 0 1 20 10z"/>'
    found, motion, _ = measured(ring)
    assert found.engraved_area_mm2 == pytest.approx(300 * math.pi, rel=5e-4)
    assert found.engrave_outline_mm == pytest.approx(60 * math.pi, rel=1e-5)
    assert (found.cut_length_mm, len(motion.fills)) == (0, 2)


def test_overlapping_areas_are_engraved_once_and_white_erases() -> None:
    squares = '<rect width="20" height="20"/><rect x="10" width="20" height="20"/>'
    assert measured(squares)[0].engraved_area_mm2 == pytest.approx(600)
    erased = squares + '<rect x="12" y="2" width="6" height="6" fill="white"/><rect x="13" y="3" width="2" height="2"/>'
    assert measured(erased)[0].engraved_area_mm2 == pytest.approx(600 - 36 + 4)


def test_closed_lines_to_engrave_are_filled_and_open_ones_driven() -> None:
    body = '<g id="engrave" fill="none" stroke="red"><rect width="20" height="20"/><rect x="5" y="5" width="10" height="10"/><path d="M0 30H9"/></g>'
    found, motion, _ = measured(body)
    assert found.engraved_area_mm2 == pytest.approx(300)
    assert [stroke.operation for stroke in motion.strokes] == [Operation.ENGRAVE]


def test_the_customers_mapping_beats_the_convention() -> None:
    body = '<path stroke="red" fill="none" d="M0 0H9"/><path stroke="#00ff00" fill="none" d="M0 9H5"/>'
    found, _, findings = measured(body)
    assert found.cut_length_mm == pytest.approx(14)
    assert [each.code for each in findings] == [FindingCode.OPERATION_GUESSED]
    mapping = {"#00ff00": Operation.SCORE, "#ff0000": Operation.IGNORE}
    found, _, findings = measured(body, mapping)
    assert (found.cut_length_mm, found.score_length_mm) == pytest.approx((0, 5))
    assert not findings
    assert {group.key: group.operation for group in found.groups} == mapping
    assert {group.key: group.length_mm for group in found.groups} == pytest.approx({"#00ff00": 5, "#ff0000": 9})


def test_unknown_keys_are_refused_with_the_known_ones() -> None:
    with pytest.raises(QuotingRefusalError, match="#ff0000") as refusal:
        measured('<path stroke="red" d="M0 0H9"/>', {"#123456": Operation.CUT})
    assert (refusal.value.code, refusal.value.param) == (RefusalCode.OPERATION_UNKNOWN, "operations")


@pytest.mark.parametrize(
    ("body", "word"),
    [("", "Draw"), ("<text>Hi</text>", "outlines"), ('<path stroke="white" d="M0 0H9"/>', "ignored")],
)
def test_nothing_to_make_is_refused_with_the_reason(body: str, word: str) -> None:
    with pytest.raises(QuotingRefusalError, match=word) as refusal:
        measured(body)
    assert refusal.value.code is RefusalCode.DRAWING_EMPTY


def test_pictures_alone_are_work() -> None:
    found, motion, _ = measured('<image x="5" y="5" width="30" height="20" href="data:image/png;base64,AA"/>')
    assert found.size_mm == pytest.approx((30, 20))
    assert (motion.images[0].x_mm, len(motion.strokes)) == (0, 0)


def test_dense_cuts_are_said_not_to_be_counted() -> None:
    lines = "".join(f"M0 {i / 40}L99 {99 - i / 40}" for i in range(4000))
    found, _, findings = measured(f'<path fill="none" stroke="red" d="{lines}"/>')
    assert found.self_crossings == 0
    assert any(each.code is FindingCode.SELF_CROSSING for each in findings)


coordinates = st.integers(0, 60)
rectangles = st.lists(
    st.tuples(coordinates, coordinates, st.integers(1, 30), st.integers(1, 30)), min_size=1, max_size=6
)


@settings(deadline=None, max_examples=25)
@given(rectangles, st.integers(0, 359))
def test_turning_a_drawing_changes_none_of_its_lengths(boxes: list[tuple[int, int, int, int]], angle: int) -> None:
    body = "".join(f'<rect x="{x}" y="{y}" width="{w}" height="{h}"/>' for x, y, w, h in boxes)
    straight = cuts(body)
    turned = cuts(f'<g transform="rotate({angle} 30 30)">{body}</g>')
    assert turned.cut_length_mm == pytest.approx(straight.cut_length_mm, rel=1e-6)
    assert turned.cut_length_mm + turned.duplicate_length_mm == pytest.approx(sum(2 * (w + h) for _, _, w, h in boxes))
    assert (turned.pierces, turned.open_paths) == (straight.pierces, straight.open_paths)


@settings(deadline=None, max_examples=25)
@given(rectangles)
def test_everything_driven_adds_up_to_the_length(boxes: list[tuple[int, int, int, int]]) -> None:
    body = "".join(f'<rect x="{x}" y="{y}" width="{w}" height="{h}"/>' for x, y, w, h in boxes)
    found, motion, _ = measured(f'<g fill="none" stroke="red">{body}</g>')
    driven = sum(float(np.hypot(*np.diff(stroke.points, axis=0).T).sum()) for stroke in motion.strokes)
    assert driven == pytest.approx(found.cut_length_mm)
    assert len(motion.strokes) == found.pierces


@pytest.mark.parametrize("body", ['<g id="{}"><path d="M10 10H50V50H10z"/></g>', '<path d="M10 10H50V50H10z"/>'])
@pytest.mark.parametrize("operation", [Operation.CUT, Operation.SCORE])
def test_a_filled_shape_to_cut_or_score_is_driven_along_its_outline(body: str, operation: Operation) -> None:
    by_layer = "{}" in body
    found, motion, _ = measured(body.format(operation), None if by_layer else {"fill:#000000": operation})
    driven = {Operation.CUT: found.cut_length_mm, Operation.SCORE: found.score_length_mm}
    assert driven.pop(operation) == pytest.approx(160)
    assert [*driven.values(), found.engraved_area_mm2] == [0, 0]
    assert found.pierces == (1 if operation is Operation.CUT else 0)
    assert len(motion.strokes) == 1


def test_shapes_without_any_style_are_engraved_and_the_guess_is_said() -> None:
    body = '<path d="M10 10H50V50H10z"/><path d="M60 10h5v5z" fill="black"/>'
    found, _, findings = measured(body)
    assert found.engraved_area_mm2 == pytest.approx(1600 + 12.5)
    assert [(each.code, each.number) for each in findings] == [(FindingCode.OPERATION_GUESSED, 1)]
    assert not measured(body, {"fill:#000000": Operation.ENGRAVE})[2]
