"""Rows of rectangles, rings and pictures take the time worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fulfil.models.messages.geometry import RasterImage
from fulfil.quoting.estimates import raster
from fulfil.quoting.estimates.planner import Dynamics, Polyline
from fulfil.quoting.estimates.raster import Scan, fill_time, image_time

SCAN = Scan(interval_mm=0.1, speed_mm_s=300, rapid_mm_s=300, dynamics=Dynamics(5000, 0.02))
OVERSCAN_S = 2 * 300 / 5000


def box(x: float, y: float, width: float, height: float) -> Polyline:
    return np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], dtype=np.float64)


def test_a_rectangle_takes_its_width_and_the_overscan_per_row() -> None:
    rows = fill_time([box(3, 7, 50, 20)], SCAN)
    assert rows.rows == 200
    assert rows.engraved_mm == pytest.approx(10_000)
    assert rows.time_s == pytest.approx(200 * (50 / 300 + OVERSCAN_S))


def test_a_ring_closed_by_its_first_point_is_the_same() -> None:
    open_ring = box(0, 0, 30, 10)
    closed = np.concatenate([open_ring, open_ring[:1]])
    assert fill_time([closed], SCAN) == fill_time([open_ring], SCAN)


def test_a_hole_is_not_engraved_but_crossed() -> None:
    rows = fill_time([box(0, 0, 50, 20), box(20, 5, 10, 10)], SCAN)
    assert rows.engraved_mm == pytest.approx(50 * 200 - 10 * 100)
    assert rows.time_s == pytest.approx(200 * (50 / 300 + OVERSCAN_S)), "crossing a gap of 10 mm beats stopping"


def test_a_wide_gap_is_jumped_where_that_is_quicker() -> None:
    slow = Scan(interval_mm=0.1, speed_mm_s=50, rapid_mm_s=500, dynamics=Dynamics(5000, 0.02))
    rows = fill_time([box(0, 0, 10, 10), box(510, 0, 10, 10)], slow)
    overscan = 2 * 50 / 5000
    jump = 500 / 500 + 500 / 5000
    assert rows.rows == 100
    assert rows.time_s == pytest.approx(100 * (20 / 50 + overscan + overscan + jump))


def test_boxes_one_above_the_other_share_no_row() -> None:
    one, other = fill_time([box(0, 0, 50, 20)], SCAN), fill_time([box(80, 20, 30, 10)], SCAN)
    both = fill_time([box(0, 0, 50, 20), box(80, 20, 30, 10)], SCAN)
    assert both.rows == one.rows + other.rows
    assert both.time_s == pytest.approx(one.time_s + other.time_s)


def test_a_disc_is_engraved_over_its_area() -> None:
    angles = np.linspace(0, 2 * np.pi, 721)[:-1]
    disc = 20 * np.column_stack([np.cos(angles), np.sin(angles)])
    rows = fill_time([disc], SCAN)
    assert rows.rows == 400
    assert rows.engraved_mm * SCAN.interval_mm == pytest.approx(np.pi * 400, rel=1e-3)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=3, max_size=12))
def test_any_ring_crosses_every_row_an_even_number_of_times(points: list[tuple[float, float]]) -> None:
    ring = np.array(points)
    rows = fill_time([ring], SCAN)
    assert 0 <= rows.rows <= 1_001
    assert 0 <= rows.engraved_mm <= rows.rows * 100.001
    assert rows.time_s >= rows.engraved_mm / 300


def test_drawings_beyond_memory_are_sampled_and_come_out_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    comb = [box(x, 0.03 * x, 1, 60) for x in range(0, 200, 2)]
    exact = fill_time(comb, SCAN)
    monkeypatch.setattr(raster, "MOST_CROSSINGS", 10_000)
    sampled = fill_time(comb, SCAN)
    assert sampled.time_s == pytest.approx(exact.time_s, rel=0.02)
    assert sampled.engraved_mm == pytest.approx(exact.engraved_mm, rel=0.02)


@pytest.mark.parametrize("rings", [[], [np.array([(0.0, 0.0)])], [np.array([(0.0, 1.0), (9.0, 1.0)])]])
def test_what_encloses_nothing_takes_no_time(rings: list[Polyline]) -> None:
    assert fill_time(rings, SCAN).time_s == 0


def test_a_speck_between_two_rows_is_not_engraved() -> None:
    assert fill_time([box(0, 0.06, 5, 0.08)], SCAN).rows == 0


def test_pictures_take_rows_over_their_whole_width() -> None:
    rows = image_time([RasterImage(x_mm=0, y_mm=0, width_mm=60, height_mm=40.04)], SCAN)
    assert rows.rows == 401
    assert rows.time_s == pytest.approx(401 * (60 / 300 + OVERSCAN_S))
    assert image_time([], SCAN).time_s == 0
