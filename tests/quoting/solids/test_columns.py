"""Support under bodies whose overhangs are known."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fulfil.quoting.mesh import Corners
from fulfil.quoting.solids import columns
from fulfil.quoting.solids.columns import SLICES, stand_columns
from tests.quoting.making_solids import box, cylinder, moved, sphere, together, torus, torus_of

T_SHAPE = together(moved(box(10, 10, 30), (20, 0, 0)), moved(box(50, 10, 10), (0, 0, 30)))
MUSHROOM = together(cylinder(5, 21, 60), moved(cylinder(20, 8, 120), (0, 0, 20)))


def test_a_box_on_the_bed_needs_nothing() -> None:
    support = stand_columns(moved(box(20, 30, 10), (5, 6, 7)))
    assert (support.overhang_mm2, support.support_mm3, support.sides_mm2) == (0, 0, 0)


def test_the_arms_of_a_t_stand_on_columns() -> None:
    support = stand_columns(T_SHAPE)
    assert support.overhang_mm2 == pytest.approx(400, rel=0.03)
    assert support.support_mm3 == pytest.approx(12_000, rel=0.03)
    assert support.sides_mm2 == pytest.approx(2 * 30 * (20 + 10 + 20 + 10), rel=0.03)


def test_the_stem_of_a_mushroom_is_not_filled_with_support() -> None:
    support = stand_columns(MUSHROOM)
    rim = np.pi * (20**2 - 5**2)
    assert support.overhang_mm2 == pytest.approx(rim, rel=0.02)
    assert support.support_mm3 == pytest.approx(rim * 20, rel=0.02)


def test_room_is_told_by_height() -> None:
    support = stand_columns(T_SHAPE)
    full = round(0.75 * SLICES)
    assert len(support.room_mm2) == SLICES
    assert support.room_mm2[: full - 1] == pytest.approx([support.overhang_mm2] * (full - 1))
    assert support.room_mm2[full + 1 :] == (0.0,) * (SLICES - full - 1)
    assert sum(support.room_mm2) * 40 / SLICES == pytest.approx(support.support_mm3, rel=0.03)


def test_a_shelf_over_a_shelf_stands_on_it() -> None:
    lower, upper = box(30, 30, 5), moved(box(30, 30, 5), (0, 0, 15))
    wall = moved(box(2, 30, 20), (-2, 0, 0))
    support = stand_columns(together(lower, upper, wall))
    assert support.support_mm3 == pytest.approx(900 * 10, rel=0.03)


def test_surfaces_inside_another_body_hang_over_nothing() -> None:
    support = stand_columns(together(box(20, 20, 20), moved(box(5, 5, 5), (7, 7, 7))))
    assert support.overhang_mm2 == 0


def test_a_closed_hollow_needs_support_inside() -> None:
    hollow = together(box(40, 40, 40), moved(box(34, 34, 34), (3, 3, 3))[:, ::-1])
    support = stand_columns(hollow)
    assert support.support_mm3 == pytest.approx(34**3, rel=0.03)


def test_only_the_flat_end_of_a_sphere_hangs_over() -> None:
    support = stand_columns(sphere(15, 120))
    flat = np.pi * (15 * np.sin(np.deg2rad(50))) ** 2
    touching = np.pi * (2 * 15 * 0.4)  # less than the smallest gap above the bed
    assert support.overhang_mm2 == pytest.approx(flat - touching, rel=0.03)


@pytest.mark.parametrize(("degrees", "hangs"), [(45, True), (55, False)])
def test_a_leaning_wall_hangs_over_below_fifty_degrees(degrees: float, *, hangs: bool) -> None:
    leaning = box(10, 10, 20).copy()
    leaning[:, :, 0] += leaning[:, :, 2] / np.float32(np.tan(np.deg2rad(degrees)))
    assert (stand_columns(leaning).overhang_mm2 > 0) is hangs


@pytest.mark.parametrize("shift", [(50, -20, 300), (-0.1, 0.7, -3)])
def test_the_place_of_a_part_does_not_matter(shift: tuple[float, float, float]) -> None:
    here, there = stand_columns(MUSHROOM), stand_columns(moved(MUSHROOM, shift))
    assert there.overhang_mm2 == pytest.approx(here.overhang_mm2, rel=0.01)
    assert there.support_mm3 == pytest.approx(here.support_mm3, rel=0.01)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_order_of_triangles_does_not_matter(seed: int) -> None:
    part = together(T_SHAPE, moved(torus(12, 4, 24), (20, 20, 60)))
    assert stand_columns(np.random.default_rng(seed).permutation(part)) == stand_columns(part)


@settings(max_examples=15, deadline=None)
@given(height=st.floats(1, 80), arm=st.floats(4, 40))
def test_higher_overhangs_stand_on_more(height: float, arm: float) -> None:
    def shape(lift: float) -> Corners:
        return together(box(8, 8, lift), moved(box(8 + arm, 8, 3), (0, 0, lift)))

    low, high = stand_columns(shape(height)), stand_columns(shape(height + 5))
    assert high.support_mm3 > low.support_mm3
    assert high.overhang_mm2 == pytest.approx(low.overhang_mm2)


def test_thousands_of_plates_above_each_other_get_a_coarser_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    plates = together(*(moved(box(20, 20, 0.5), (0, 0, 1.5 * level)) for level in range(20)))
    fine = stand_columns(plates)
    monkeypatch.setattr(columns, "MOST_HITS", 8000)
    monkeypatch.setattr(columns, "CHUNK_ROWS", 64)
    coarse = stand_columns(plates)
    assert coarse.support_mm3 == pytest.approx(fine.support_mm3, rel=0.15)
    assert fine.support_mm3 == pytest.approx(400 * 19, rel=0.05)


def test_a_flat_sheet_needs_nothing() -> None:
    flat = np.array([[[0, 0, 0], [5, 0, 0], [0, 5, 0]]], np.float32)
    assert stand_columns(flat).support_mm3 == 0


def test_100_000_triangles_take_a_fraction_of_a_second() -> None:
    part = torus_of(100_000)
    spent: list[float] = []
    for _ in range(3):
        start = time.process_time()
        stand_columns(part)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.2
