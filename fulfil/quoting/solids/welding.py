"""Which corners are the same vertex: by hash, and for surfaces that gape by rounding errors, by neighbourhood."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from fulfil.quoting.mesh import Corners
from fulfil.quoting.solids.graphs import Indices, connect
from fulfil.quoting.solids.sketch import SPREAD, Hashes, hash_vertices

# Seams of CAD exporters gape by a unit in the last place; this closes them and nothing a printer could show.
SEAM_SHARE = 1e-6
BLOCK = 1 << 16
# So many points are no longer compared all with all: a place merged on one grid stands for its points on the next.
MANY_POINTS = 200_000


def vertex_keys(corners: Corners) -> Hashes:
    """A 64-bit hash of each place in `corners` (..., 3).

    Equal places have equal keys; that two of 2.5 million different ones share a key is a chance of about 10^-7.
    """
    rows = corners.reshape(-1, 3)
    keys = np.empty(len(rows), np.uint64)
    words = np.empty((3, min(BLOCK, len(rows))), np.uint64)
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK] + np.float32(0)  # folds -0.0 into 0.0
        part = words[:, : len(block)]
        np.copyto(part, block.view(np.uint32).T)
        keys[start : start + BLOCK] = hash_vertices(part)[0]
    return keys.reshape(corners.shape[:-1])


def weld(corners: Corners) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """The same triangles with shared vertices: points (m, 3), and faces (n, 3) as numbers of them."""
    keys = vertex_keys(corners).reshape(-1)
    order = np.argsort(keys)
    new = np.concatenate([[True], keys[order[1:]] != keys[order[:-1]]])
    faces = np.empty(len(keys), np.int32)
    faces[order] = np.cumsum(new, dtype=np.int32) - np.int32(1)
    return corners.reshape(-1, 3)[order[new]], faces.reshape(-1, 3)


def sew(corners: Corners, loose: NDArray[np.bool_], tolerance: float) -> Corners | None:
    """Move the `loose` corners (n, 3) that lie within about `tolerance` of each other onto one of them.

    None if none do. Loose are the ends of open edges: everything else is welded already, and fine detail must stay
    apart. Points share a place when they share a cell of one of eight grids, each shifted by half a cell along some
    axes; one grid alone would part neighbours on either side of a cell's border. The time is bounded, however dense
    the points are.
    """
    ends = corners[loose] + np.float32(0)
    _, firsts, numbers = np.unique(vertex_keys(ends), return_index=True, return_inverse=True)
    points = ends[firsts]
    cells = (points - points.min(axis=0)).astype(np.float64) / (2 * tolerance)
    if len(points) > MANY_POINTS:
        representatives = _merged(cells)
        if (representatives == np.arange(len(points))).all():
            return None
        sewn = corners.copy()
        sewn[loose] = points[representatives][numbers]
        return sewn
    first: list[Indices] = []
    second: list[Indices] = []
    for shift in product((0.0, 0.5), repeat=3):
        numbered = _numbered(cells + shift)
        order = np.argsort(numbered, kind="stable")
        together = np.flatnonzero(numbered[order[1:]] == numbered[order[:-1]])
        first.append(order[together])
        second.append(order[together + 1])
    labels, count = connect(len(points), np.concatenate(first), np.concatenate(second))
    if count == len(points):
        return None
    _, representatives = np.unique(labels, return_index=True)
    sewn = corners.copy()
    sewn[loose] = points[representatives[labels]][numbers]
    return sewn


def _numbered(cells: NDArray[np.float64]) -> Hashes:
    """One number for the cell each point (n, 3) lies in."""
    numbers: Hashes = (np.floor(cells).astype(np.uint64) * SPREAD).sum(axis=1, dtype=np.uint64)
    return numbers


def _merged(cells: NDArray[np.float64]) -> Indices:
    """For each point the number of the one it is moved onto, grid after grid."""
    moved = np.arange(len(cells))
    left = moved
    for shift in product((0.0, 0.5), repeat=3):
        _, firsts, groups = np.unique(_numbered(cells[left] + shift), return_index=True, return_inverse=True)
        onto = np.arange(len(cells))
        onto[left] = left[firsts][groups]
        moved, left = onto[moved], left[firsts]
    return moved
