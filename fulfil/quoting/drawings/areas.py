"""Areas to engrave, as an engraver fills them: even-odd inside one path, painted over each other in their order."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from fulfil.quoting.drawings.curves import Points

# Above this many rings, crossing ones inside one path are united instead of being taken even-odd.
MOST_RINGS_EVEN_ODD = 60


@dataclass(frozen=True)
class FilledPath:
    """The rings of one path, each (k >= 3, 2), with their exact areas; `erasing` paints white over what is below."""

    rings: tuple[Points, ...]
    exact_areas_mm2: tuple[float, ...]
    erasing: bool = False


def engraved(filled: Sequence[FilledPath]) -> tuple[float, tuple[Points, ...]]:
    """The area in mm² and the rings around it, which touch but never cross: even-odd over all of them is the area.

    The area of polygons is corrected by what their curves bulge beyond them, so that it is exact for areas apart.
    """
    painted: BaseGeometry = shapely.Polygon()
    polygons_mm2 = exact_mm2 = 0.0
    for erasing, run in groupby(filled, key=lambda each: each.erasing):
        shapes: list[BaseGeometry] = []
        for path in run:
            shape = _even_odd(path.rings)
            shapes.append(shape)
            if not erasing:
                polygons_mm2 += shape.area
                drawn = sum(_area(ring) for ring in path.rings)
                exact_mm2 += shape.area * (sum(path.exact_areas_mm2) / drawn if drawn > 0 else 1)
        layer = shapely.union_all(shapes)
        if erasing:
            painted = shapely.difference(painted, layer)
        elif painted.is_empty:
            painted = layer
        else:
            painted = shapely.union(painted, layer)
    if polygons_mm2 <= 0:
        return 0.0, ()
    return float(painted.area) * exact_mm2 / polygons_mm2, _rings(painted)


def _even_odd(rings: Sequence[Points]) -> BaseGeometry:
    shapes = [_polygonal(shapely.make_valid(shapely.Polygon(ring))) for ring in rings]
    if len(shapes) == 1:
        return shapes[0]
    if len(shapes) <= MOST_RINGS_EVEN_ODD:
        total: BaseGeometry = shapely.Polygon()
        for shape in shapes:
            total = shapely.symmetric_difference(total, shape)
        return total
    lines = shapely.union_all(shapely.linearrings([np.concatenate([ring, ring[:1]]) for ring in rings]))
    return shapely.build_area(lines)


def _polygonal(shape: BaseGeometry) -> BaseGeometry:
    """Without the lines and points that repairing a ring may leave."""
    if shape.geom_type in {"Polygon", "MultiPolygon"}:
        return shape
    parts = [part for part in shapely.get_parts(shape) if part.geom_type in {"Polygon", "MultiPolygon"}]
    return shapely.union_all(parts) if parts else shapely.Polygon()


def _area(ring: Points) -> float:
    x, y = ring[:, 0], ring[:, 1]
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(np.roll(x, -1), y))) / 2


def _rings(shape: BaseGeometry) -> tuple[Points, ...]:
    rings = [
        ring
        for polygon in shapely.get_parts(shape)
        if polygon.geom_type == "Polygon"
        for ring in (polygon.exterior, *polygon.interiors)
    ]
    return tuple(np.asarray(shapely.get_coordinates(ring), dtype=np.float64) for ring in rings)
