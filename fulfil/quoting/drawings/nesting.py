"""Which closed cuts lie inside which: holes, parts, and what has to be cut first."""

from typing import cast

import numpy as np
import shapely
from numpy.typing import NDArray

from fulfil.quoting.drawings.curves import Numbers, Points
from fulfil.quoting.drawings.drawing import Indices
from fulfil.quoting.refusals import RefusalCode, file_refusal

SMALLEST_RING_MM2 = 1e-6
RING_CORNERS = 4  # a triangle, closed
# 5 million containments: 3,000 rings one inside the other. Each costs about a microsecond.
MOST_CONTAINMENTS = 5_000_000
AT_ONCE = 256


def nest(rings: list[Points], areas: Numbers, places: Points) -> tuple[Indices, Indices]:
    """In how many rings each line lies, and the smallest of those (-1 if none).

    `places` (n, 2) are the first points of the rings and then of further lines. `rings` (k points each, k >= 4,
    closed) and their absolute `areas` belong to the first `len(rings)` of them; a ring lies only in larger ones.
    Raises `QuotingRefusalError` when that would take too long.
    """
    depth = np.zeros(len(places), dtype=np.int64)
    parent = np.full(len(places), -1, dtype=np.int64)
    if not rings:
        return depth, parent
    size = np.full(len(places), 0.0)
    size[: len(rings)] = areas
    shapes = _polygons(rings)
    inner = shapely.point_on_surface(shapes)
    # A corner of a ring may lie on its neighbour's side, where rounding decides; a point inside it can't.
    insides = np.column_stack([shapely.get_x(inner), shapely.get_y(inner)])
    places = np.concatenate([np.where(np.isfinite(insides), insides, places[: len(rings)]), places[len(rings) :]])
    tree = shapely.STRtree(cast("NDArray[np.object_]", shapely.points(places)))
    largest_first = np.argsort(-areas, kind="stable")
    found = 0
    for start in range(0, len(rings), AT_ONCE):
        some = largest_first[start : start + AT_ONCE]
        polygons = shapes[some]
        shapely.prepare(polygons)
        which, inside = tree.query(polygons, predicate="contains")
        outer = some[which]
        real = (areas[outer] > size[inside]) & (outer != inside)
        outer, inside = outer[real], inside[real]
        found += len(which)
        if found > MOST_CONTAINMENTS:
            raise file_refusal(
                RefusalCode.FILE_TOO_COMPLEX,
                "Thousands of cuts lie inside each other, more than a cutter could hold. Check that areas meant to be "
                "engraved are fills, and not drawn as lines.",
            )
        depth += np.bincount(inside, minlength=len(places))
        # Rings come largest first, so that the last one to claim a place is the smallest.
        parent[inside] = outer
    return depth, parent


def _polygons(rings: list[Points]) -> NDArray[np.object_]:
    points = np.concatenate(rings)
    owner = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
    return cast("NDArray[np.object_]", shapely.polygons(shapely.linearrings(points, indices=owner)))
