"""Turns the lines of one operation into strokes: joined, flattened, nested and put in order."""

from dataclasses import dataclass

import numpy as np

from fulfil.models.messages.geometry import Operation
from fulfil.quoting.drawings.chains import Chains, join
from fulfil.quoting.drawings.curves import Numbers, Points, flattened, grouped, runs, swept_areas
from fulfil.quoting.drawings.drawing import Flags, Indices, Segments
from fulfil.quoting.drawings.nesting import RING_CORNERS, SMALLEST_RING_MM2, nest
from fulfil.quoting.drawings.order import Route, route
from fulfil.quoting.motion import Stroke

STROKE_TOLERANCE_MM = 0.05
MOST_POINTS = 1_000_000


@dataclass(frozen=True)
class Driven:
    """Chains of one operation; chain c is the rows `rows[c]` to `rows[c + 1]` of `points`.

    `areas_mm2` are signed and exact, 0 for chains that bound nothing; `is_ring` tells which do, `depth` in how many
    rings each chain lies.
    """

    chains: Chains
    points: Points
    rows: Indices
    areas_mm2: Numbers
    is_ring: Flags
    depth: Indices
    parent: Indices

    def polyline(self, chain: int) -> Points:
        """The points of one chain, (k, 2); a closed one ends where it began."""
        return self.points[self.rows[chain] : self.rows[chain + 1]]


def drive(segments: Segments, straight: Flags, contour: Indices) -> Driven:
    """Join, flatten and nest. Raises `QuotingRefusalError` when thousands of rings lie inside each other."""
    chains = join(segments, straight, contour)
    points, rows = _polylines(chains)
    areas = np.where(chains.closed, grouped(swept_areas(chains.segments), chains.chain, chains.count), 0.0)
    is_ring = chains.closed & (np.abs(areas) > SMALLEST_RING_MM2) & (np.diff(rows) >= RING_CORNERS)
    rings_first = np.concatenate([np.flatnonzero(is_ring), np.flatnonzero(~is_ring)])
    rings = [points[rows[chain] : rows[chain + 1]] for chain in np.flatnonzero(is_ring)]
    depth, parent = np.zeros(chains.count, dtype=np.int64), np.full(chains.count, -1, dtype=np.int64)
    found_depth, found_parent = nest(rings, np.abs(areas[is_ring]), points[rows[:-1]][rings_first])
    depth[rings_first] = found_depth
    parent[rings_first] = np.where(found_parent >= 0, rings_first[found_parent], -1)
    return Driven(chains, points, rows, areas, is_ring, depth, parent)


def order(driven: Driven, start: tuple[float, float], some: Flags | None = None) -> Route:
    """The order to drive all chains in, or `some` of them, from where the head is."""
    picked = np.arange(driven.chains.count) if some is None else np.flatnonzero(some)
    parent = driven.parent[picked]
    if some is not None:
        parent = np.full(len(picked), -1, dtype=np.int64)
    begin, end = driven.points[driven.rows[:-1]][picked], driven.points[driven.rows[1:] - 1][picked]
    found = route(begin, end, driven.chains.closed[picked], parent, start)
    return Route([int(picked[chain]) for chain in found.order], found.flipped, found.travel_mm)


def strokes(driven: Driven, way: Route, operation: Operation) -> list[Stroke]:
    """What the head drives, in the order of the route."""
    return [
        Stroke(operation, driven.polyline(chain)[:: -1 if flipped else 1])
        for chain, flipped in zip(way.order, way.flipped, strict=True)
    ]


def _polylines(chains: Chains) -> tuple[Points, Indices]:
    points, starts = flattened(chains.segments, chains.straight, STROKE_TOLERANCE_MM, MOST_POINTS)
    firsts, lasts = runs(chains.chain)
    ends = chains.segments[lasts, 3]
    ends[chains.closed] = chains.segments[firsts, 0][chains.closed]
    at = starts[lasts + 1]
    with_ends = np.insert(points, at, ends, axis=0)
    return with_ends, np.concatenate([[0], at + np.arange(1, len(at) + 1)])
