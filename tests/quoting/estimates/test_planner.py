"""The planner agrees with kinematics done by hand, and with a plain loop for everything else."""

from math import cos, pi, sin, sqrt
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fulfil.quoting.estimates.planner import Dynamics, Polyline, drive_time_s, jump_time_s

USUAL = Dynamics(acceleration_mm_s2=1000, junction_deviation_mm=0.02)


def line(*points: tuple[float, float]) -> Polyline:
    return np.array(points, dtype=np.float64)


def circle(radius_mm: float, segments: int) -> Polyline:
    angles = np.linspace(0, 2 * pi, segments + 1)
    return radius_mm * np.column_stack([np.cos(angles), np.sin(angles)])


def looped_time_s(points: Polyline, speed: float, dynamics: Dynamics) -> float:
    """The same plan by the book: one corner after the other, forth and back."""
    a, d = dynamics.acceleration_mm_s2, dynamics.junction_deviation_mm
    steps = np.diff(points, axis=0)
    lengths = [float(np.hypot(*step)) for step in steps]
    corners = [0.0]
    for index in range(1, len(lengths)):
        before, after = steps[index - 1], steps[index]
        turn = float(np.arccos(np.clip(before @ after / (lengths[index - 1] * lengths[index]), -1, 1)))
        half = cos(turn / 2)
        limits = [speed**2]
        if turn > 1e-9:
            limits += [a * d * half / (1 - half), a * 0.5 * (lengths[index - 1] + lengths[index]) / turn]
        corners.append(min(limits))
    corners.append(0.0)
    for index, length in enumerate(lengths):
        corners[index + 1] = min(corners[index + 1], corners[index] + 2 * a * length)
    for index in reversed(range(len(lengths))):
        corners[index] = min(corners[index], corners[index + 1] + 2 * a * lengths[index])
    total = 0.0
    for begin, end, length in zip(corners, corners[1:], lengths, strict=False):
        peak = min(speed**2, (begin + end) / 2 + a * length)
        total += (2 * sqrt(peak) - sqrt(begin) - sqrt(end)) / a
        total += (length - (2 * peak - begin - end) / (2 * a)) / sqrt(peak)
    return total


@pytest.mark.parametrize(("length", "speed"), [(100, 50), (1_000, 300), (10, 20)])
def test_a_long_line_takes_its_length_by_speed_and_one_ramp(length: float, speed: float) -> None:
    expected = length / speed + speed / 1000
    assert drive_time_s([line((0, 0), (length, 0))], speed, USUAL) == pytest.approx(expected, rel=1e-12)


def test_a_line_too_short_for_the_speed_is_a_triangle() -> None:
    assert drive_time_s([line((0, 0), (0.3, 0.4))], 300, USUAL) == pytest.approx(2 * sqrt(0.5 / 1000), rel=1e-12)


def test_points_along_a_straight_line_cost_nothing() -> None:
    many = np.column_stack([np.linspace(0, 100, 501), np.linspace(0, 50, 501)])
    assert drive_time_s([many], 80, USUAL) == pytest.approx(drive_time_s([many[[0, -1]]], 80, USUAL), rel=1e-6)


def test_a_square_slows_at_three_corners_to_the_junction_speed() -> None:
    square = line((0, 0), (50, 0), (50, 50), (0, 50), (0, 0))
    speed, half = 20.0, sin(pi / 4)
    corner = sqrt(1000 * 0.02 * half / (1 - half))
    # Two ramps from and to rest, six between corner speed and full speed; each saves nothing but its own length.
    full, slow = speed / 1000, (speed - corner) / 1000
    ramp_length = 2 * speed**2 / 2000 + 6 * (speed**2 - corner**2) / 2000
    expected = 2 * full + 6 * slow + (200 - ramp_length) / speed
    assert drive_time_s([square], speed, USUAL) == pytest.approx(expected, rel=1e-12)


def test_turning_back_means_stopping() -> None:
    there = drive_time_s([line((0, 0), (30, 0))], 100, USUAL)
    assert drive_time_s([line((0, 0), (30, 0), (0, 0))], 100, USUAL) == pytest.approx(2 * there, rel=1e-9)


@pytest.mark.parametrize("segments", [100, 1_000, 10_000, 50_000])
def test_a_circle_is_driven_at_its_centripetal_speed_however_finely_it_is_divided(segments: int) -> None:
    radius = 5.0
    top = sqrt(1000 * radius)
    ramps = top / 1000
    expected = 2 * pi * radius / top + ramps
    assert drive_time_s([circle(radius, segments)], 300, USUAL) == pytest.approx(expected, rel=0.015)


def test_slow_cutting_is_length_by_speed_within_four_percent() -> None:
    for shape in (circle(20, 400), line((0, 0), (80, 0), (80, 50), (0, 50), (0, 0)), circle(3, 60)):
        length = float(np.linalg.norm(np.diff(shape, axis=0), axis=1).sum())
        assert 1.0 <= drive_time_s([shape], 20, USUAL) / (length / 20) <= 1.04


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=2, max_size=30),
    st.floats(1, 500),
    st.floats(100, 10_000),
)
def test_the_running_minima_agree_with_a_loop(
    points: list[tuple[float, float]], speed: float, acceleration: float
) -> None:
    rounded = np.array([(round(x, 1), round(y, 1)) for x, y in points], dtype=np.float64)
    keep = np.concatenate([[True], np.any(np.diff(rounded, axis=0) != 0, axis=1)])
    polyline: Polyline = rounded[keep]
    dynamics = Dynamics(acceleration, 0.02)
    expected = looped_time_s(polyline, speed, dynamics) if len(polyline) > 1 else 0.0
    assert drive_time_s([polyline], speed, dynamics) == pytest.approx(expected, rel=1e-4, abs=1e-5)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=3, max_size=20), st.floats(5, 300))
def test_several_strokes_take_the_sum_of_each_and_never_less_than_length_by_speed(
    points: list[tuple[float, float]], speed: float
) -> None:
    whole = np.array(points)
    first, second = whole[:2], whole[1:]
    together = drive_time_s([first, second], speed, USUAL)
    apart = drive_time_s([first], speed, USUAL) + drive_time_s([second], speed, USUAL)
    assert together == pytest.approx(apart, rel=1e-5, abs=1e-5)
    # Corners may be rounded by the deviation, which only thinning uses.
    length = float(np.linalg.norm(np.diff(whole, axis=0), axis=1).sum())
    assert together * 1.001 + 0.04 * len(points) / speed >= length / speed


@pytest.mark.parametrize(
    "polylines",
    [[], [line((3, 4))], [line((3, 4), (3, 4))], [line((0, 0), (0, 0), (0, 0)), np.empty((0, 2))]],
)
def test_what_has_no_length_takes_no_time(polylines: list[Polyline]) -> None:
    assert drive_time_s(polylines, 100, USUAL) == 0


def test_a_tiny_line_takes_its_time_although_it_is_below_the_deviation() -> None:
    assert drive_time_s([line((0, 0), (0.001, 0))], 100, USUAL) == pytest.approx(2 * sqrt(1e-6), rel=1e-9)
    assert drive_time_s([line((0, 0), (0.001, 0), (0.002, 0))], 100, USUAL) == pytest.approx(2 * sqrt(2e-6), rel=1e-9)


def test_doubled_points_change_nothing() -> None:
    square = line((0, 0), (50, 0), (50, 50), (0, 50), (0, 0))
    doubled = np.repeat(square, 3, axis=0)
    assert drive_time_s([doubled], 60, USUAL) == pytest.approx(drive_time_s([square], 60, USUAL), rel=1e-9)


def test_jumps_go_from_rest_to_rest() -> None:
    times = jump_time_s(np.array([0.0, 0.5, 100.0]), 300, USUAL)
    assert times == pytest.approx([0, 2 * sqrt(0.0005), 100 / 300 + 0.3])


@pytest.mark.parametrize(("speed", "acceleration"), [(0, 1000), (-1, 1000), (float("nan"), 1000), (10, 0)])
def test_a_machine_that_does_not_move_is_a_bug(speed: float, acceleration: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        drive_time_s([line((0, 0), (1, 0))], speed, Dynamics(acceleration, 0.02))


def test_two_hundred_thousand_segments_are_planned_within_a_second_and_a_half() -> None:
    walk = np.cumsum(np.random.default_rng(7).normal(size=(200_001, 2)), axis=0)
    best = min(_seconds([walk]) for _ in range(2))
    assert best < 1.5
    assert min(_seconds(np.array_split(walk, 5_000)) for _ in range(2)) < 1.5


def _seconds(polylines: list[Polyline]) -> float:
    begin = process_time()
    assert drive_time_s(polylines, 100, USUAL) > 0
    return process_time() - begin
