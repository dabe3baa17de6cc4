"""Finds lines drawn twice: same geometry within 0.01 mm, in either direction, whatever the start of an outline."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from fulfil.quoting.drawings.curves import Numbers, boxes, grouped, points_at, runs, swept_areas
from fulfil.quoting.drawings.drawing import Flags, Indices, Segments

SAME_MM = 0.01
EXACT_MM = 1e-5
# More near neighbours than this are looked at no further; exact copies were folded before.
NEIGHBOURS = 6


def duplicate_segments(segments: Segments, lengths: Numbers, contour: Indices) -> Flags:
    """Which segments repeat an earlier one; whole closed outlines also count when they begin elsewhere."""
    if not len(segments):
        return np.zeros(0, dtype=np.bool_)
    ends, middle = segments[:, 0] + segments[:, 3], points_at(segments, 0.5)
    along = segments[:, 3] - segments[:, 0]
    span = np.hypot(*along.T)
    # Doubling the angle makes the direction the same for both ways of drawing the line.
    with np.errstate(invalid="ignore"):
        turned = np.where(
            span[:, None] > 0,
            np.stack([along[:, 0] ** 2 - along[:, 1] ** 2, 2 * along[:, 0] * along[:, 1]], axis=1) / span[:, None],
            0.0,
        )
    same = _repeats(np.column_stack([ends / 2, middle, turned / 2, lengths]))
    return same | _repeated_outlines(segments, lengths, contour)


def _repeated_outlines(segments: Segments, lengths: Numbers, contour: Indices) -> Flags:
    numbers, owner = np.unique(contour, return_inverse=True)
    owner, count = owner.reshape(-1), len(numbers)
    firsts, lasts = runs(owner)
    closed = np.flatnonzero(np.hypot(*(segments[firsts, 0] - segments[lasts, 3]).T) <= SAME_MM)
    if len(closed) < 2:  # noqa: PLR2004 (a pair)
        return np.zeros(len(owner), dtype=np.bool_)
    low, high = boxes(segments)
    total = grouped(lengths, owner, count)
    middle = points_at(segments, 0.5) * lengths[:, None]
    centres = np.column_stack([grouped(middle[:, axis], owner, count) for axis in range(2)]) / total[:, None]
    extent = np.column_stack([np.minimum.reduceat(low, firsts), np.maximum.reduceat(high, firsts)])
    areas = np.sqrt(np.abs(grouped(swept_areas(segments), owner, count)))
    features = np.column_stack([extent, total, areas, centres])
    repeated = np.zeros(count, dtype=np.bool_)
    repeated[closed] = _repeats(features[closed])
    return repeated[owner]


def _repeats(features: NDArray[np.float64]) -> Flags:
    """Which rows lie within `SAME_MM` of an earlier one in every column."""
    _, first, group = np.unique(np.round(features / EXACT_MM), axis=0, return_index=True, return_inverse=True)
    group = group.reshape(-1)
    repeated = np.ones(len(features), dtype=np.bool_)
    repeated[first] = False
    if len(first) > 1:
        tree = cKDTree(features[first])
        _, near = tree.query(features[first], k=min(NEIGHBOURS, len(first)), distance_upper_bound=SAME_MM, p=np.inf)
        earlier = np.append(first, len(features))[near].min(axis=1) < first
        repeated[first[earlier]] = True
    return repeated
