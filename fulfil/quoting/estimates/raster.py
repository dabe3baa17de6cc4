"""How long engraving by rows takes: areas as a scan crosses them, pictures over their whole width."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from fulfil.models.messages.geometry import RasterImage
from fulfil.quoting.estimates.planner import Dynamics, Polyline, jump_time_s

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Bounds memory (about 90 bytes each); beyond it every n-th row stands for n.
MOST_CROSSINGS = 1_000_000


@dataclass(frozen=True)
class Scan:
    """How rows are engraved: both ways, `interval_mm` apart, gaps at `rapid_mm_s` where that is quicker."""

    interval_mm: float
    speed_mm_s: float
    rapid_mm_s: float
    dynamics: Dynamics

    @property
    def overscan_s(self) -> float:
        """Getting up to speed before a row and down from it behind: 2 v / a."""
        return 2.0 * self.speed_mm_s / self.dynamics.acceleration_mm_s2


@dataclass(frozen=True)
class RowTime:
    """Rows driven, the length engraved in them, and the seconds they take."""

    rows: int
    engraved_mm: float
    time_s: float


def fill_time(rings: Sequence[Polyline], scan: Scan) -> RowTime:
    """Engrave what rings (k, 2) enclose by the even-odd rule; rings close themselves.

    A row takes (its width) / v + 2 v / a. A gap inside a row is crossed at v, or by stopping, jumping and starting
    again where that is quicker.
    """
    edges = _edges(rings)
    if not len(edges):
        return RowTime(0, 0.0, 0.0)
    heights = np.abs(edges[:, 3] - edges[:, 1])
    stride = max(ceil(float(heights.sum()) / scan.interval_mm / MOST_CROSSINGS), 1)
    rows, across = _crossings(edges, scan.interval_mm * stride)
    if not len(rows):
        return RowTime(0, 0.0, 0.0)
    begin, end = across[0::2], across[1::2]
    spans = end - begin
    same_row = rows[2::2] == rows[:-2:2]
    gaps = (begin[1:] - end[:-1])[same_row]
    jumps = scan.overscan_s + jump_time_s(gaps, scan.rapid_mm_s, scan.dynamics)
    count = len(spans) - int(same_row.sum())
    time_s = float(spans.sum()) / scan.speed_mm_s + float(np.minimum(gaps / scan.speed_mm_s, jumps).sum())
    time_s += count * scan.overscan_s
    return RowTime(count * stride, float(spans.sum()) * stride, time_s * stride)


def image_time(images: Sequence[RasterImage], scan: Scan) -> RowTime:
    """Engrave pictures: every row over the whole width, whatever it shows."""
    rows = [ceil(image.height_mm / scan.interval_mm) for image in images]
    engraved = sum(count * image.width_mm for count, image in zip(rows, images, strict=True))
    return RowTime(sum(rows), engraved, engraved / scan.speed_mm_s + sum(rows) * scan.overscan_s)


def _edges(rings: Sequence[Polyline]) -> Floats:
    """All edges that are not level, as x0, y0, x1, y1."""
    whole = [np.concatenate([ring, np.roll(ring, -1, axis=0)], axis=1) for ring in rings if len(ring) > 1]
    if not whole:
        return np.empty((0, 4))
    edges: Floats = np.concatenate(whole)
    slanting: Floats = edges[edges[:, 1] != edges[:, 3]]
    return slanting


def _crossings(edges: Floats, interval_mm: float) -> tuple[Integers, Floats]:
    """Where rows at (i + 1/2) intervals cross edges: row numbers and x, sorted by row, then x.

    An edge owns its lower end and not its upper one, so every row crosses a closed ring an even number of times.
    """
    low = np.minimum(edges[:, 1], edges[:, 3])
    high = np.maximum(edges[:, 1], edges[:, 3])
    first = np.ceil(low / interval_mm - 0.5).astype(np.int64)
    counts = np.ceil(high / interval_mm - 0.5).astype(np.int64) - first
    owner = np.repeat(np.arange(len(edges)), counts)
    nth = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = first[owner] + nth
    x0, y0, x1, y1 = edges[owner].T
    across = x0 + ((rows + 0.5) * interval_mm - y0) / (y1 - y0) * (x1 - x0)
    order = np.lexsort((across, rows))
    return rows[order], across[order]
