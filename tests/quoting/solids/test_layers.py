"""Layers of bodies whose sections and outlines are known."""

import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fulfil.models.messages.profiles import LayerProfile
from fulfil.quoting.mesh import Corners
from fulfil.quoting.solids import layers, turns
from fulfil.quoting.solids.layers import MAX_SAMPLES, slice_layers
from tests.quoting.making_solids import box, cylinder, inverted, moved, sphere, together, torus, torus_of, tube

Floats = NDArray[np.float64]


def brute_force(corners: Corners, heights: Floats) -> tuple[Floats, Floats]:
    """Section and outline at each height by cutting every triangle's sides, one plane at a time."""
    sections, outlines = np.zeros(len(heights)), np.zeros(len(heights))
    triangles = corners.astype(np.float64)
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    for index, height in enumerate(heights):
        above = triangles[:, :, 2] > height
        for triangle, normal, over in zip(triangles, normals, above, strict=True):
            if over.all() or not over.any():
                continue
            ends = [
                a + (b - a) * (height - a[2]) / (b[2] - a[2])
                for a, b in zip(triangle, np.roll(triangle, -1, axis=0), strict=True)
                if (a[2] > height) != (b[2] > height)
            ]
            begin, end = ends[0][:2], ends[1][:2]
            if (end - begin) @ np.array([-normal[1], normal[0]]) < 0:
                begin, end = end, begin
            sections[index] += (begin[0] * end[1] - begin[1] * end[0]) / 2
            outlines[index] += np.hypot(*(end - begin))
    return sections, outlines


def turned(corners: Corners) -> Corners:
    """Turned about all axes, so that nothing is level or upright."""
    a, b = 0.7, 0.4
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    rotated: Corners = (corners.astype(np.float64) @ about_x @ about_y).astype(np.float32)
    return rotated


def close(one: LayerProfile, other: LayerProfile, tolerance: float) -> bool:
    return all(
        np.allclose(getattr(one, name), getattr(other, name), rtol=0, atol=tolerance * max(getattr(one, name)))
        for name in ("section_mm2", "perimeter_mm", "corners")
    )


def test_a_box_has_one_section_outline_and_four_corners_throughout() -> None:
    profile = slice_layers(box(20, 30, 10))
    assert profile.layers == 50
    assert set(profile.section_mm2) == {600.0}
    assert set(profile.perimeter_mm) == {100.0}
    assert profile.corners == pytest.approx([4 * np.sin(np.pi / 4)] * 50, rel=1e-5)
    assert set(profile.loops) == {1.0}
    assert profile.top_mm2 == (*[0.0] * 49, 600.0)
    assert profile.bottom_mm2 == (600.0, *[0.0] * 49)


def test_a_cylinder_has_the_section_and_outline_of_its_polygon() -> None:
    profile = slice_layers(cylinder(10, 12, 90))
    assert profile.section_mm2 == pytest.approx([45 * 100 * np.sin(2 * np.pi / 90)] * 60, rel=1e-5)
    assert profile.perimeter_mm == pytest.approx([90 * 20 * np.sin(np.pi / 90)] * 60, rel=1e-5)
    assert profile.corners == pytest.approx([90 * np.sin(np.pi / 90)] * 60, rel=1e-4)


def test_a_sphere_has_circles_for_layers() -> None:
    profile = slice_layers(sphere(15, 180))
    z = (np.arange(profile.layers) + 0.5) * 0.2 - 15
    square = 225 - z**2
    middle = slice(5, -5)
    assert profile.layers == 150
    assert profile.section_mm2[middle] == pytest.approx((np.pi * square)[middle], rel=2e-3)
    assert profile.perimeter_mm[middle] == pytest.approx((2 * np.pi * np.sqrt(square))[middle], rel=1e-3)
    assert sum(profile.section_mm2) * 0.2 == pytest.approx(4 / 3 * np.pi * 15**3, rel=1e-3)


@pytest.mark.parametrize(
    "corners", [turned(box(9, 14, 5)), turned(torus(8, 3, 12)), turned(tube(8, 5, 9, 14)), torus(9, 4, 9)]
)
def test_sections_and_outlines_are_those_of_cutting_plane_by_plane(corners: Corners) -> None:
    profile = slice_layers(corners)
    heights = (np.arange(profile.layers) + 0.5) * 0.2 + corners[:, :, 2].min()
    sections, outlines = brute_force(corners, heights)
    assert profile.section_mm2 == pytest.approx(sections, abs=1e-3)
    assert profile.perimeter_mm == pytest.approx(outlines, abs=1e-3)


def test_outlines_are_counted_with_their_holes() -> None:
    assert set(slice_layers(tube(10, 8, 5, 30)).loops) == {2.0}
    assert set(slice_layers(torus(20, 5, 40)).loops) == {2.0}
    pins = together(*(box(2, 2, 5) + np.float32(4 * place) for place in range(5)))
    assert max(slice_layers(pins).loops) >= 2
    side_by_side = together(*(moved(box(2, 2, 5), (4 * place, 0, 0)) for place in range(5)))
    assert set(slice_layers(side_by_side).loops) == {5.0}


def test_skins_of_slopes_hold_what_walls_leave_of_them() -> None:
    flat, steep = slice_layers(sphere(15, 90)), slice_layers(cylinder(10, 12, 90))
    seen = np.pi * 225
    assert 0.3 * seen < sum(flat.top_mm2) < 0.7 * seen
    assert sum(flat.bottom_mm2) < sum(flat.top_mm2)
    assert sum(steep.top_mm2) == pytest.approx(np.pi * 100, rel=2e-3)


@pytest.mark.parametrize("shift", [(100, -200, 300), (-0.05, 0.33, -17.3)])
def test_the_place_of_a_part_does_not_matter(shift: tuple[float, float, float]) -> None:
    part = turned(torus(12, 4, 24))
    assert close(slice_layers(part), slice_layers(moved(part, shift)), 1e-3)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_order_of_triangles_does_not_matter(seed: int) -> None:
    part = turned(torus(12, 4, 24))
    shuffled = np.random.default_rng(seed).permutation(part)
    assert close(slice_layers(part), slice_layers(shuffled), 1e-5)


@settings(max_examples=25, deadline=None)
@given(width=st.floats(0.5, 100), depth=st.floats(0.5, 100), height=st.floats(0.05, 60))
def test_layers_of_any_box_are_the_box(width: float, depth: float, height: float) -> None:
    profile = slice_layers(box(width, depth, height))
    assert profile.layers == max(1, round(height / 0.2)) or abs(profile.layers * 0.2 - height) <= 0.11
    if height > 0.2:
        assert profile.section_mm2 == pytest.approx([width * depth] * profile.layers, rel=1e-4)
        assert sum(profile.top_mm2) == pytest.approx(width * depth, rel=1e-4)


def test_a_body_in_another_direction_of_winding_gives_no_negative_section() -> None:
    assert min(slice_layers(inverted(box(5, 5, 5))).section_mm2) == 0


def test_a_tall_part_is_sampled_and_says_so() -> None:
    profile = slice_layers(box(10, 10, 1990))
    assert profile.layers == 9950
    assert len(profile.section_mm2) == MAX_SAMPLES
    assert profile.layers_per_sample * MAX_SAMPLES == pytest.approx(9950)
    assert set(profile.section_mm2) == {100.0}


def test_corners_of_very_many_triangles_are_estimated_from_some(monkeypatch: pytest.MonkeyPatch) -> None:
    part = turned(torus(15, 6, 120))
    exact = slice_layers(part)
    monkeypatch.setattr(turns, "MOST_SIDES", 3 * len(part) // 4)
    sampled = slice_layers(part)
    assert sampled.perimeter_mm == exact.perimeter_mm
    assert sum(sampled.corners) == pytest.approx(sum(exact.corners), rel=0.05)


def test_a_profile_is_the_same_in_chunks_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    part = turned(torus(12, 4, 24))
    whole = slice_layers(part)
    monkeypatch.setattr(layers, "CHUNK_TRIANGLES", 100)
    monkeypatch.setattr(turns, "CHUNK_TRIANGLES", 77)
    assert close(whole, slice_layers(part), 1e-5)


def test_a_profile_can_be_stored_as_json_and_read_again() -> None:
    profile = slice_layers(turned(torus(12, 4, 24)))
    text = profile.model_dump_json()
    assert LayerProfile.model_validate_json(text) == profile
    assert max(len(str(value)) for value in json.loads(text)["section_mm2"]) <= 9


def test_a_flat_sheet_and_a_single_triangle_give_one_layer_and_no_error() -> None:
    flat = np.array([[[0, 0, 0], [5, 0, 0], [0, 5, 0]]], np.float32)
    assert slice_layers(flat).section_mm2 == (0.0,)
    assert slice_layers(np.concatenate([flat, flat])).layers == 1


def test_100_000_triangles_take_a_fraction_of_a_second() -> None:
    part = torus_of(100_000)
    spent: list[float] = []
    for _ in range(3):
        start = time.process_time()
        slice_layers(part)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.25
