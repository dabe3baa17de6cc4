"""Where cuts cross and where they come too close: both by spatial index, with effort that is bounded beforehand."""

from typing import cast

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from fulfil.quoting.drawings.curves import Points
from fulfil.quoting.drawings.drawing import Flags, Indices

# Lines between this many points are one entry of the index.
BLOCK = 8
# Pairs of entries looked at: about 2 s. More only happens where hatching is drawn as cuts.
MOST_PAIRS = 2_000_000
SAMPLES = 400
MOST_PLACES = 50
TOUCHING_MM = 0.01
# Webs are looked for in growing reach; wider than the last is wide enough for every material.
REACHES_MM = (0.2, 0.6, 2.0, 6.0)
NODE_LINES = 4  # two lines that cross leave four ends at their node


class CutLines:
    """The polylines of all cuts: `points` (m, 2), and for polyline c the rows `starts[c]` to `starts[c + 1]`."""

    def __init__(self, points: Points, starts: Indices) -> None:
        self._points = points
        self._starts = starts
        # A polyline of k points has k - 1 lines; a single point still is a block.
        counts = np.maximum(1, -(-(np.diff(starts) - 1) // BLOCK))
        self._owner = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
        within = np.arange(len(self._owner), dtype=np.int64) - (np.cumsum(counts) - counts)[self._owner]
        begin = starts[:-1][self._owner] + BLOCK * within
        self._blocks = _lines(points, begin, np.minimum(begin + BLOCK + 1, starts[1:][self._owner]))
        self._tree = shapely.STRtree(self._blocks)

    def crossings(self, open_ends: Points) -> tuple[int, Points] | None:
        """How often lines cross themselves or each other, and the first places; None if they are too many to count.

        Lines that only meet at their ends don't cross. `open_ends` are the ends of open chains.
        """
        if self._expected_pairs(0.0) > MOST_PAIRS:
            return None
        lines = _lines(self._points, self._starts[:-1], self._starts[1:])
        noded = shapely.get_parts(shapely.union_all(lines))
        points, owner = shapely.get_coordinates(noded, return_index=True)
        firsts = np.flatnonzero(np.diff(owner, prepend=-1))
        ends = np.concatenate([points[firsts], points[np.append(firsts[1:], len(owner)) - 1]])
        places, counts = np.unique(ends, axis=0, return_counts=True)
        found = places[counts >= NODE_LINES]
        if len(found) and len(open_ends):
            gap, _ = cKDTree(open_ends).query(found)
            found = found[gap > TOUCHING_MM]
        return len(found), np.asarray(found[:MOST_PLACES], dtype=np.float64)

    def narrowest(self, depth: Indices, closed: Flags) -> tuple[float, Points] | None:
        """The smallest distance (mm) between two cuts with material between them, and its place (2,).

        Two outer contours have none between them; cuts that touch or cross are no web. None when nothing is closer
        than the last of `REACHES_MM`, or the cuts are too dense to be compared.
        """
        for reach in REACHES_MM:
            if self._expected_pairs(reach) > MOST_PAIRS:
                return None
            left, right = self._tree.query(self._blocks, predicate="dwithin", distance=reach)
            a, b = self._owner[left], self._owner[right]
            kept = (a < b) & ~(closed[a] & closed[b] & (depth[a] % 2 == 0) & (depth[b] == depth[a]))
            left, right, a, b = left[kept], right[kept], a[kept], b[kept]
            if not len(a):
                continue
            distance = shapely.distance(self._blocks[left], self._blocks[right])
            pair = a * len(self._starts) + b
            apart = ~np.isin(pair, pair[distance <= TOUCHING_MM])
            if not apart.any():
                continue
            best = np.flatnonzero(apart)[np.argmin(distance[apart])]
            web = shapely.shortest_line(self._blocks[left[best]], self._blocks[right[best]])
            return float(distance[best]), np.asarray(shapely.get_coordinates(web).mean(axis=0), dtype=np.float64)
        return None

    def _expected_pairs(self, reach: float) -> float:
        """How many pairs of blocks are that close, from a sample of them."""
        step = max(1, len(self._blocks) // SAMPLES)
        bounds = shapely.bounds(self._blocks[::step])
        grown = shapely.box(bounds[:, 0] - reach, bounds[:, 1] - reach, bounds[:, 2] + reach, bounds[:, 3] + reach)
        return len(self._tree.query(grown)[0]) * step


def _lines(points: Points, begin: Indices, end: Indices) -> NDArray[np.object_]:
    """Line strings over rows begin[i] to end[i] of the points; a single row is doubled."""
    sizes = end - begin
    single = sizes < 2  # noqa: PLR2004 (a line has two points)
    counts = np.where(single, 2, sizes)
    offsets = np.cumsum(counts) - counts
    owner = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(int(counts.sum())) - offsets[owner]
    rows = begin[owner] + np.minimum(within, sizes[owner] - 1)
    return cast("NDArray[np.object_]", shapely.linestrings(points[rows], indices=owner))
