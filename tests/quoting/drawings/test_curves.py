"""Curves in arrays against svgpathtools, one curve at a time."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fulfil.quoting.drawings.curves import boxes, flattened, lengths, swept_areas
from tests.quoting.truth.oracle import closed_area, curve_box

numbers = st.integers(-50, 50)
NO_LINES = np.zeros(1, dtype=np.bool_)


@settings(deadline=None, max_examples=50)
@given(st.tuples(*[numbers] * 8))
@example((-8, 26, 0, -46, 0, -12, 24, 2))  # a cusp in the middle, where two orders of quadrature agree by chance
def test_lengths_and_boxes_agree_with_svgpathtools(curve: tuple[int, ...]) -> None:
    segment = np.array(curve, dtype=np.float64).reshape(1, 4, 2)
    low, high = boxes(segment)
    expected = curve_box([complex(x, y) for x, y in segment[0].tolist()])
    assert (*low[0], *high[0]) == pytest.approx(expected, abs=1e-6)
    points = segment[0]
    # Steps of the fine polyline are square roots apart, so its own error is far below what is asked.
    if np.ptp(points, axis=0).max() > 0:
        fine, _ = flattened(segment, NO_LINES, 1e-7, 200_000)
        polygon = float(np.hypot(*np.diff(np.concatenate([fine, points[3:]]), axis=0).T).sum())
        assert lengths(segment, NO_LINES)[0] == pytest.approx(polygon, rel=5e-5)


def test_areas_of_closed_paths_agree_with_svgpathtools() -> None:
    corners = [0j, 40 + 0j, 40 + 30j, 10 + 50j]
    curves = [(a, a + 5j, b - 7, b) for a, b in pairwise([*corners, 0j])]
    segments = np.array([[[point.real, point.imag] for point in curve] for curve in curves])
    assert swept_areas(segments).sum() == pytest.approx(closed_area(curves), rel=1e-3)


def test_polylines_stay_within_their_tolerance_and_grow_coarser_on_demand() -> None:
    segment = np.array([[[0, 0], [0, 100], [100, 100], [100, 0]]], dtype=np.float64)
    fine, starts = flattened(segment, NO_LINES, 0.01, 10_000)
    assert starts.tolist() == [0, len(fine)]
    coarse, _ = flattened(segment, NO_LINES, 0.01, 10)
    assert len(coarse) <= 10 < len(fine)
