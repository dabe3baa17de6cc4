"""A solid's facts are exact and its doubts are said: no volume is silently zero, partial or double."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fulfil.models.messages.findings import FindingCode, Severity
from fulfil.models.messages.geometry import Closedness
from fulfil.quoting.readers.stl import read_stl
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode
from fulfil.quoting.solids import bodies, overlap, repair
from tests.quoting.making_solids import (
    Triangles,
    box,
    hollow_box,
    inverted,
    moved,
    open_tray,
    sphere,
    together,
    torus,
    tube,
)
from tests.quoting.solids.measuring import MM, findings, measure, remarks, upright

PARTS = Path(__file__).parents[1] / "parts"
CUBE = box(10, 10, 10)
NOTHING: dict[FindingCode, Severity] = {}


def test_a_plain_solid_is_measured_without_remarks() -> None:
    geometry = measure(box(10, 20, 30))
    assert (geometry.volume_mm3, geometry.area_mm2, geometry.size_mm) == (6000, 2200, (10, 20, 30))
    assert (geometry.closedness, geometry.bodies, geometry.hollows) == (Closedness.CLOSED, 1, 0)
    assert (geometry.overlapping, geometry.inside_out, geometry.unit) == (False, False, MM)
    assert remarks(box(10, 20, 30)) == NOTHING


@pytest.mark.parametrize(
    ("name", "volume_mm3", "area_mm2", "size_mm", "count"),
    [
        ("cube20", 8000, 2400, (20, 20, 20), (1, 0)),
        ("plate_1mm", 9600, 19600, (120, 80, 1), (1, 0)),
        ("wedge45", 24000, 5697.0563, (40, 30, 40), (1, 0)),
        ("hollow_cube_closed", 24696, 16536, (40, 40, 40), (1, 1)),
        ("t_overhang", 14000, 5400, (60, 20, 40), (1, 0)),
        ("two_bodies", 8000 + 20 * 10**2 * 3.1365485, 2400 + 2 * 313.65485 + 20 * 62.8, (55, 20, 20), (2, 0)),
    ],
)
def test_a_real_part_measures_what_its_drawing_says(
    name: str, volume_mm3: float, area_mm2: float, size_mm: tuple[float, float, float], count: tuple[int, int]
) -> None:
    geometry = measure(read_stl((PARTS / f"{name}.stl").read_bytes()).corners)
    assert geometry.volume_mm3 == pytest.approx(volume_mm3, rel=1e-3)
    assert geometry.area_mm2 == pytest.approx(area_mm2, rel=1e-3)
    assert geometry.size_mm == pytest.approx(size_mm, abs=1e-3)
    assert (geometry.bodies, geometry.hollows) == count


def test_a_solid_inside_out_as_a_whole_is_measured_as_turned_back() -> None:
    geometry = measure(inverted(sphere(20, 30)))
    assert geometry.inside_out
    assert geometry.volume_mm3 == measure(sphere(20, 30)).volume_mm3
    assert remarks(inverted(sphere(20, 30))) == {FindingCode.MESH_INSIDE_OUT: Severity.INFO}


@pytest.mark.parametrize("turn", [together, inverted])
def test_a_hollow_is_taken_out_whichever_way_the_whole_is_turned(turn: Callable[[Triangles], Triangles]) -> None:
    geometry = measure(turn(hollow_box(10, 2.5)))
    assert (geometry.volume_mm3, geometry.hollows, geometry.hollow_volume_mm3) == (875, 1, 125)
    assert (geometry.bodies, geometry.overlapping) == (1, False)


def test_a_body_in_a_hollow_is_added() -> None:
    geometry = measure(hollow_box(20, 5), box(2, 2, 2, at=(9, 9, 9)))
    assert (geometry.volume_mm3, geometry.bodies, geometry.hollows) == (8000 - 1000 + 8, 2, 1)
    assert not geometry.overlapping


def test_a_hollow_belongs_to_the_innermost_body_around_it() -> None:
    geometry = measure(hollow_box(20, 2), moved(hollow_box(10, 2), (5, 5, 5)), box(1, 1, 1, at=(9, 9, 9)))
    assert geometry.volume_mm3 == pytest.approx(8000 - 16**3 + 1000 - 6**3 + 1)
    assert (geometry.bodies, geometry.hollows, geometry.overlapping) == (3, 2, False)


@pytest.mark.parametrize("second", [box(10, 10, 10, at=(5, 5, 5)), sphere(8, 12, at=(10, 10, 10))])
def test_space_that_bodies_share_counts_once(second: Triangles) -> None:
    geometry = measure(CUBE, second)
    assert geometry.overlapping
    assert geometry.overlap_volume_mm3 == pytest.approx(1000 + measure(second).volume_mm3 - geometry.volume_mm3)
    assert remarks(CUBE, second)[FindingCode.BODIES_OVERLAP] is Severity.WARNING


def test_overlapping_boxes_fill_their_union() -> None:
    assert measure(CUBE, box(10, 10, 10, at=(5, 5, 5))).volume_mm3 == pytest.approx(1875)
    assert measure(CUBE, box(10, 10, 20)).volume_mm3 == pytest.approx(2000), "with one bottom between them"
    assert measure(CUBE, box(4, 4, 4, at=(3, 3, 3))).volume_mm3 == pytest.approx(1000), "one swallowed"


def test_a_body_across_a_hollow_fills_what_it_fills() -> None:
    post = box(2, 2, 14, at=(9, 9, 3))
    assert measure(hollow_box(20, 5), post).volume_mm3 == pytest.approx(7000 + 2 * 2 * 10)


@pytest.mark.parametrize("copies", [2, 3])
def test_a_shell_that_stands_in_the_file_several_times_counts_once(copies: int) -> None:
    geometry = measure(*[CUBE] * copies)
    assert (geometry.volume_mm3, geometry.area_mm2, geometry.bodies) == (1000, 600, 1)
    assert geometry.duplicate_faces == 12 * (copies - 1)
    assert remarks(*[CUBE] * copies) == {FindingCode.DUPLICATE_FACES: Severity.WARNING}


def test_equal_shells_with_other_triangles_count_once() -> None:
    other = CUBE[:, :, [1, 0, 2]][:, ::-1]
    assert measure(CUBE, other).volume_mm3 == pytest.approx(1000)


def test_a_single_face_that_stands_twice_is_left_out() -> None:
    geometry = measure(CUBE, CUBE[4:5])
    assert (geometry.volume_mm3, geometry.closedness, geometry.duplicate_faces) == (1000, Closedness.CLOSED, 1)


@pytest.mark.parametrize("at", [(30, 0, 0), (10, 10, 0), (10, 10, 10)], ids=["apart", "at an edge", "at a corner"])
def test_one_of_two_bodies_inside_out_is_found(at: tuple[float, float, float]) -> None:
    assert measure(CUBE, inverted(box(4, 4, 4, at=at))).volume_mm3 == 1064
    assert remarks(CUBE, inverted(box(4, 4, 4, at=at)))[FindingCode.MESH_INSIDE_OUT] is Severity.RISK


@pytest.mark.parametrize("turned", [1, 3, 5])
def test_faces_against_their_neighbours_are_turned_and_said(turned: int) -> None:
    mixed = together(inverted(CUBE[:turned]), CUBE[turned:])
    geometry = measure(mixed)
    assert (geometry.volume_mm3, geometry.closedness) == (1000, Closedness.CLOSED)
    (finding,) = findings(mixed)
    assert (finding.code, finding.severity, finding.number) == (
        FindingCode.MESH_INSIDE_OUT,
        Severity.WARNING,
        turned,
    )


def test_bodies_that_touch_are_told_apart_and_added() -> None:
    for at, edges in (((10, 0, 0), 5), ((10, 10, 0), 1), ((10, 3, 3), 0), ((10, 10, 10), 0)):
        geometry = measure(CUBE, box(10, 10, 10, at=at))
        assert (geometry.volume_mm3, geometry.bodies, geometry.overlapping) == (2000, 2, False)
        assert geometry.non_manifold_edges == edges
        wanted = Closedness.CLOSED_NON_MANIFOLD if edges else Closedness.CLOSED
        assert geometry.closedness is wanted


def test_shells_joined_along_a_ring_of_crowded_edges_stay_one_closed_solid() -> None:
    upper = tube(6, 4, 5, 16)
    stacked = together(upper[::-1], moved(upper, (0, 0, 5)))
    mixed = stacked[np.random.default_rng(3).permutation(len(stacked))]
    geometry = measure(mixed)
    assert geometry.volume_mm3 == pytest.approx(2 * measure(upper).volume_mm3)
    assert geometry.closedness is Closedness.CLOSED_NON_MANIFOLD


@pytest.mark.parametrize(("missing", "edges"), [(1, 3), (2, 4)])
def test_a_flat_hole_is_counted_placed_and_spanned(missing: int, edges: int) -> None:
    geometry = measure(CUBE[missing:])
    assert (geometry.closedness, geometry.open_edges) == (Closedness.OPEN, edges)
    assert geometry.volume_mm3 == pytest.approx(1000)
    assert geometry.area_mm2 == 600 - 50 * missing
    (finding,) = findings(CUBE[missing:])
    assert (finding.code, finding.severity, finding.number) == (FindingCode.MESH_OPEN, Severity.RISK, edges)
    assert finding.where_mm == geometry.open_places_mm[0]


def test_the_triangles_to_go_on_with_are_closed_upright_and_counted_once() -> None:
    for shapes in (CUBE[1:],), (inverted(CUBE),), (CUBE, moved(CUBE, (5, 0, 0))), (CUBE, moved(CUBE, (20, 0, 0))):
        facts = upright(*shapes)
        assert facts.closed
        assert facts.volume == pytest.approx(measure(*shapes).volume_mm3)


def test_each_hole_has_one_place_and_the_largest_comes_first() -> None:
    solid = torus(40, 12, 60)
    middles = solid.mean(axis=1)
    holes = [[np.array([52, 0, 0]), 6.0], [np.array([-52, 0, 0]), 3.0], [np.array([0, 52, 0]), 2.0]]
    kept = np.all([np.linalg.norm(middles - place, axis=1) > radius for place, radius in holes], axis=0)
    geometry = measure(solid[kept])
    assert len(geometry.open_places_mm) == 3
    for place, (expected, _) in zip(geometry.open_places_mm, holes, strict=True):
        assert np.linalg.norm(np.array(place) - expected) < 2
    assert geometry.volume_mm3 == pytest.approx(measure(solid).volume_mm3, rel=0.01)
    assert findings(solid[kept])[0].message.startswith("The surface is not closed")


def test_at_most_ten_places_are_named() -> None:
    nails = [box(1, 1, 1, at=(3.0 * number, 0, 0))[2:] for number in range(14)]
    geometry = measure(*nails)
    assert (geometry.open_edges, len(geometry.open_places_mm)) == (14 * 4, 10)
    assert geometry.volume_mm3 == pytest.approx(14)


def test_a_wall_inside_that_belongs_to_no_room_is_open_and_changes_no_volume() -> None:
    geometry = measure(box(20, 10, 10, at=(-10, 0, 0)), box(10, 10, 10)[:2])
    assert geometry.closedness is Closedness.OPEN
    assert geometry.volume_mm3 == pytest.approx(2000)


@pytest.mark.parametrize("at", [(0, 0, 0), (5000, -300, 0)])
def test_a_seam_that_gapes_by_a_rounding_error_is_closed(at: tuple[float, float, float]) -> None:
    part = moved(sphere(20, 20), at)
    part[::7] = np.nextafter(part[::7], np.float32(np.inf))
    geometry = measure(part)
    assert geometry.closedness is Closedness.CLOSED
    assert geometry.volume_mm3 == pytest.approx(measure(sphere(20, 20)).volume_mm3, rel=1e-3 if at[0] else 1e-6)
    assert remarks(part) == {FindingCode.SEAMS_CLOSED: Severity.INFO}


def test_a_seam_that_gapes_visibly_stays_open() -> None:
    part = CUBE.copy()
    part[0] += np.float32(0.01)
    assert measure(part).closedness is Closedness.OPEN


def test_faces_without_area_are_counted_and_change_nothing() -> None:
    needles = together(CUBE[:2][:, [0, 1, 1]], CUBE[:1][:, [2, 2, 2]])
    geometry = measure(CUBE, needles)
    assert (geometry.volume_mm3, geometry.degenerate_faces, geometry.closedness) == (1000, 3, Closedness.CLOSED)
    assert remarks(CUBE, needles) == {FindingCode.DEGENERATE_FACES: Severity.INFO}


@pytest.mark.parametrize(
    "solid",
    [CUBE[:1], together(CUBE[:2], inverted(CUBE[:2])), CUBE[:, [0, 1, 1]], box(10, 10, 0)],
    ids=["a lone triangle", "a sheet with two sides", "needles", "a flat box"],
)
def test_what_encloses_nothing_is_refused(solid: Triangles) -> None:
    with pytest.raises(QuotingRefusalError) as refused:
        measure(solid)
    assert refused.value.code is RefusalCode.MESH_ZERO_VOLUME


def test_a_sheet_without_thickness_beside_a_solid_is_left_out_and_said() -> None:
    sheet = moved(CUBE[:2], (30, 0, 0))
    beside = (CUBE, sheet, inverted(sheet))
    geometry = measure(*beside)
    assert (geometry.volume_mm3, geometry.bodies) == (1000, 1)
    assert remarks(*beside)[FindingCode.DEGENERATE_FACES] is Severity.WARNING


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_coordinates_that_are_not_finite_are_refused(value: float) -> None:
    part = CUBE.copy()
    part[3, 1, 0] = value
    with pytest.raises(QuotingRefusalError, match="1 of 12 triangles") as refused:
        measure(part)
    assert refused.value.code is RefusalCode.MESH_NOT_FINITE


def test_a_moebius_strip_has_no_inside_and_says_so() -> None:
    angle = np.linspace(0, 2 * np.pi, 41)
    rims = [
        np.stack(
            [
                (20 + side * np.cos(angle / 2)) * np.cos(angle),
                (20 + side * np.cos(angle / 2)) * np.sin(angle),
                side * np.sin(angle / 2),
            ],
            axis=1,
        )
        for side in (-5, 5)
    ]
    rims[0][-1], rims[1][-1] = rims[1][0], rims[0][0]
    low, high = (rim.astype(np.float32) for rim in rims)
    strip = together(np.stack([low[:-1], low[1:], high[1:]], axis=1), np.stack([low[:-1], high[1:], high[:-1]], axis=1))
    assert measure(strip).closedness is Closedness.OPEN
    assert "no definite inside" in findings(strip)[0].message


def test_bodies_too_large_to_unite_are_not_called_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlap, "MAX_UNION_TRIANGLES", 23)
    crossing = (CUBE, box(10, 10, 10, at=(5, 5, 5)))
    assert measure(*crossing).overlapping is None
    assert remarks(*crossing)[FindingCode.OVERLAP_UNCHECKED] is Severity.RISK
    assert measure(hollow_box(10, 2.5)).volume_mm3 == 875
    assert remarks(hollow_box(10, 2.5)) == {FindingCode.OVERLAP_UNCHECKED: Severity.INFO}


def test_too_many_meeting_bodies_are_not_called_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_PAIRS", 0)
    assert remarks(CUBE, box(10, 10, 10, at=(5, 5, 5)))[FindingCode.OVERLAP_UNCHECKED] is Severity.RISK


def test_no_part_is_larger_than_its_box(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlap, "MAX_UNION_TRIANGLES", 0)
    sheared = [np.roll(box(10, 10, 10), turn, axis=2) + np.float32(turn / 8) for turn in range(3)]
    assert measure(*sheared).volume_mm3 <= 10.25**3


def test_a_mesh_too_large_to_split_says_that_it_was_measured_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fulfil.quoting.solids.facts.MAX_SPLIT_TRIANGLES", 20)
    monkeypatch.setattr(repair, "MAX_SPLIT_TRIANGLES", 20)
    for solid, volume in ((hollow_box(10, 2.5), 875), (hollow_box(10, 2.5)[1:], 875)):
        geometry = measure(solid)
        assert geometry.volume_mm3 == pytest.approx(volume)
        assert (geometry.bodies, geometry.overlapping) == (1, None)
        assert remarks(solid)[FindingCode.OVERLAP_UNCHECKED] is Severity.RISK


def test_a_soup_with_too_many_open_edges_is_not_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair, "MAX_CAPPED_EDGES", 2)
    assert measure(CUBE[1:]).volume_mm3 > 0
    assert "rough estimate" in findings(CUBE[1:])[0].message


def test_thousands_of_bodies_are_compared_in_a_second() -> None:
    nails = [box(1, 1, 1, at=(2.0 * column, 2.0 * row, 0)) for column in range(60) for row in range(50)]
    geometry = measure(*nails)
    assert (geometry.volume_mm3, geometry.bodies, geometry.overlapping) == (3000, 3000, False)


@settings(max_examples=25, deadline=None)
@given(
    at=st.tuples(*[st.integers(-2000, 2000).map(lambda n: n / 4)] * 3),
    seed=st.integers(0, 2**32 - 1),
    solid=st.sampled_from(
        [
            hollow_box(10, 2.5),
            together(CUBE, box(10, 10, 10, at=(5, 5, 5))),
            together(open_tray(10, 1), inverted(box(2, 2, 2, at=(20, 0, 0)))),
            torus(20, 5, 8)[3:],
        ]
    ),
)
def test_neither_place_nor_order_of_triangles_changes_the_facts(
    at: tuple[float, float, float], seed: int, solid: Triangles
) -> None:
    plain = measure(solid)
    changed = moved(solid, at)[np.random.default_rng(seed).permutation(len(solid))]
    again = measure(changed)
    for name in ("volume_mm3", "area_mm2", "hollow_volume_mm3", "overlap_volume_mm3"):
        assert getattr(again, name) == pytest.approx(getattr(plain, name), rel=1e-4, abs=1e-6)
    for name in ("closedness", "bodies", "hollows", "overlapping", "open_edges", "inside_out"):
        assert getattr(again, name) == getattr(plain, name)
    assert {finding.code for finding in findings(changed)} == {finding.code for finding in findings(solid)}
