"""Which corners of a triangle soup are one smooth surface, and the normals of the surface there."""

from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fulfil.quoting.mesh import Corners

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

# Facets meeting at less than this are one smooth surface; more is an edge of the part.
CREASE_COS = np.float32(np.cos(np.radians(32)))
MIX = tuple(np.uint64(odd) for odd in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9))
TINY = np.float32(1e-20)


def weld(points: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """The distinct points (v, 3), and for every given point (n, 3) its number among them."""
    x, y, z = np.ascontiguousarray((points + np.float32(0)).T).view(np.uint32).astype(np.uint64)  # + 0: no -0
    key = x * MIX[0] + y * MIX[1] + z * MIX[2]
    key ^= key >> np.uint64(32)
    order = np.argsort(key, kind="stable")
    ranked = key[order]
    begins = np.concatenate([[True], ranked[1:] != ranked[:-1]])
    number = np.empty(len(points), np.int64)
    number[order] = np.cumsum(begins) - 1
    return points[order[begins[: len(points)]]], number


def face_normals(corners: Corners) -> Floats:
    """Unit normals (3, n); 0 where a triangle has no area."""
    a, b, c = corners.transpose(1, 2, 0)
    u, v = b - a, c - a
    normal = np.stack([u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]])
    normal /= np.maximum(np.sqrt((normal * normal).sum(axis=0)), TINY)
    return normal


def smooth_fans(corners: Corners, normals: Floats) -> Ints:
    """A number for every corner (n, 3): equal where facets around a vertex are one smooth surface.

    `normals` (3, n) have unit length. Vertices are equal by their coordinates; two facets are smooth across the edge
    they share, and a fan is all that hangs together around one vertex.
    """
    total = len(corners)
    if not total:
        return np.zeros((0, 3), np.int32)
    flat = weld(corners.reshape(-1, 3))[1]
    begin = flat.reshape(-1, 3)
    end = np.roll(begin, -1, axis=1)
    edge = (np.minimum(begin, end) * np.int64(3 * total) + np.maximum(begin, end)).reshape(-1)
    order = np.argsort(edge, kind="stable")
    same = np.flatnonzero(edge[order[1:]] == edge[order[:-1]])
    one, other = order[same], order[same + 1]
    smooth = (normals[:, one // 3] * normals[:, other // 3]).sum(axis=0) > CREASE_COS
    one, other = one[smooth], other[smooth]
    one_end, other_end = _next(one), _next(other)
    turned = flat[one] != flat[other]  # neighbours of the same winding run along their edge in opposite directions
    links = (
        np.concatenate([one, one_end]),
        np.concatenate([np.where(turned, other_end, other), np.where(turned, other, other_end)]),
    )
    graph = coo_array((np.ones(len(links[0]), np.int8), links), shape=(3 * total, 3 * total))
    _, fans = cast("tuple[int, Ints]", connected_components(graph, directed=False))
    return fans.reshape(total, 3)


def _next(corner: NDArray[np.int64]) -> NDArray[np.int64]:
    return corner - corner % 3 + (corner + 1) % 3


def corner_normals(corners: Corners, normals: Floats, fans: Ints) -> Floats:
    """Unit normals (3 corners, n, 3) of the surface: the mean of a fan's facets, wide corners counting more."""
    total = int(fans.max(initial=-1)) + 1
    sums = np.zeros((3, total))
    points = corners.transpose(1, 2, 0)
    for corner in range(3):
        to_next = points[(corner + 1) % 3] - points[corner]
        to_last = points[(corner + 2) % 3] - points[corner]
        lengths = np.sqrt((to_next * to_next).sum(axis=0) * (to_last * to_last).sum(axis=0))
        width = 1 - (to_next * to_last).sum(axis=0) / np.maximum(lengths, TINY)
        for axis in range(3):
            sums[axis] += np.bincount(fans[:, corner], weights=normals[axis] * width, minlength=total)
    sums /= np.maximum(np.sqrt((sums * sums).sum(axis=0)), TINY)
    return sums.astype(np.float32).T[fans.T]
