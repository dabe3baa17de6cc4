"""Cuts polygons in space into triangles: fans where they are convex, ears where they are not.

A fan over a concave polygon keeps the volume (the parts outside cancel) but spoils area, rays and sections.
"""

from typing import Protocol, cast

import manifold3d
import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Points = NDArray[np.float64]

TRIANGLE = 3
# How far, relative to the polygon's own size squared, a corner may turn back and still count as straight.
STRAIGHT = 1e-9


class _Triangulate(Protocol):
    def __call__(self, polygons: list[Points], epsilon: float = ...) -> NDArray[np.int32]: ...


# The library ships no types. It returns n - 2 triangles for n corners, whatever they are.
_triangulate = cast("_Triangulate", manifold3d.triangulate)


def triangulated(vertices: Points, corners: Indices, lengths: Indices) -> Indices:
    """Triangles (m, 3) of polygons given as `corners` (their vertex indices, one after another) and `lengths` (>= 3).

    Windings are kept; the order of polygons is not.
    """
    starts = np.cumsum(lengths) - lengths
    if (lengths == TRIANGLE).all():
        return corners.reshape(-1, TRIANGLE)
    triangles: list[Indices] = []
    for length in np.unique(lengths):
        polygons = np.flatnonzero(lengths == length)
        rings = corners[starts[polygons][:, None] + np.arange(length)]
        triangles.append(_of_one_length(vertices, rings).reshape(-1, TRIANGLE))
    return np.concatenate(triangles)


def _of_one_length(vertices: Points, rings: Indices) -> Indices:
    """Triangles (k, n - 2, 3) of `rings` (k, n)."""
    length = int(rings.shape[1])
    fan = np.stack([np.zeros(length - 2, np.int64), np.arange(1, length - 1), np.arange(2, length)], axis=1)
    triangles = rings[:, fan]
    if length == TRIANGLE:
        return triangles
    # Polygons of one length are handled together, at most about a million corners at a time.
    step = max(1, 1_000_000 // length)
    for first in range(0, len(rings), step):
        points = vertices[rings[first : first + step]]
        with np.errstate(invalid="ignore", over="ignore"):  # whoever takes the triangles checks the numbers
            normals = _normals(points)
            concave = np.flatnonzero(~_convex(points, normals))
        for index in concave:
            flat = _flattened(points[index], normals[index])
            triangles[first + index] = rings[first + index][_triangulate([flat])]
    return triangles


def _normals(points: Points) -> Points:
    """Newell's normals (k, 3) of polygons (k, n, 3): twice the area vectors."""
    centred = points - points[:, :1]
    normals: Points = np.cross(centred, np.roll(centred, -1, axis=1)).sum(axis=1)
    return normals


def _convex(points: Points, normals: Points) -> NDArray[np.bool_]:
    """Whether no corner turns back, seen along the normal; polygons without area or finite points count as convex."""
    edges = np.roll(points, -1, axis=1) - points
    turns = np.einsum("kni,ki->kn", np.cross(np.roll(edges, 1, axis=1), edges), normals)
    area = np.einsum("ki,ki->k", normals, normals)
    backwards = np.less(turns.min(axis=1), -STRAIGHT * area)
    convex: NDArray[np.bool_] = np.logical_not(backwards & np.isfinite(area) & np.greater(area, 0))
    return convex


def _flattened(points: Points, normal: Points) -> Points:
    """The polygon (n, 2) seen along the axis nearest to its normal, counter-clockwise."""
    axis = int(np.argmax(np.abs(normal)))
    first, second = ((1, 2), (2, 0), (0, 1))[axis]
    if normal[axis] < 0:
        first, second = second, first
    return np.ascontiguousarray(points[:, (first, second)])
