"""What is said about cuts: parts and holes, loose ends, crossings, and webs between cuts."""

from dataclasses import dataclass

import numpy as np

from fulfil.quoting.drawings.clearances import MOST_PLACES, CutLines
from fulfil.quoting.drawings.curves import Points
from fulfil.quoting.drawings.driving import Driven

Place = tuple[float, float]


@dataclass(frozen=True)
class CutFacts:
    """As in `DrawingGeometry`; `self_crossings` is None when the cuts are too dense to be compared."""

    part_area_mm2: float = 0
    parts: int = 0
    open_paths: int = 0
    open_ends_mm: tuple[Place, ...] = ()
    self_crossings: int | None = 0
    crossings_mm: tuple[Place, ...] = ()
    smallest_hole_mm: float | None = None
    smallest_hole_at_mm: Place | None = None
    narrowest_mm: float | None = None
    narrowest_at_mm: Place | None = None


def examine_cuts(driven: Driven) -> CutFacts:
    """Outer rings are parts, rings in them holes, rings in those parts again."""
    if not driven.chains.count:
        return CutFacts()
    outer = driven.is_ring & (driven.depth % 2 == 0)
    inner = driven.is_ring & (driven.depth % 2 == 1)
    areas = np.abs(driven.areas_mm2)
    hole: float | None = None
    hole_at: Place | None = None
    if inner.any():
        smallest = int(np.flatnonzero(inner)[np.argmin(areas[inner])])
        hole = float(2 * np.sqrt(areas[smallest] / np.pi))
        ring = driven.polyline(smallest)
        hole_at = _place((ring.min(axis=0) + ring.max(axis=0)) / 2)
    lines = CutLines(driven.points, driven.rows)
    opened = ~driven.chains.closed
    ends = np.concatenate([driven.points[driven.rows[:-1]][opened], driven.points[driven.rows[1:] - 1][opened]])
    crossings = lines.crossings(ends)
    web = lines.narrowest(driven.depth, driven.chains.closed)
    return CutFacts(
        part_area_mm2=max(0.0, float(areas[outer].sum() - areas[inner].sum())),
        parts=int(outer.sum()),
        open_paths=int(driven.chains.loose.sum()),
        open_ends_mm=places(driven.chains.loose_ends),
        self_crossings=None if crossings is None else crossings[0],
        crossings_mm=() if crossings is None else places(crossings[1]),
        smallest_hole_mm=hole,
        smallest_hole_at_mm=hole_at,
        narrowest_mm=None if web is None else web[0],
        narrowest_at_mm=None if web is None else _place(web[1]),
    )


def places(points: Points) -> tuple[Place, ...]:
    """The first of them as the messages carry them, to a micron."""
    return tuple(_place(point) for point in points[:MOST_PLACES])


def _place(point: Points) -> Place:
    return round(float(point[0]), 3), round(float(point[1]), 3)
