"""Whether a triangle soup bounds a solid: welding, edges, duplicate faces, winding."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from fulfil.quoting.stl import Corners

Indices = NDArray[np.int64]
Points = NDArray[np.float64]

# Seams of CAD exporters gape by a unit in the last place; this closes them and nothing a printer could show.
SEAM_SHARE = 1e-6


@dataclass(frozen=True)
class Surface:
    """Triangles that share their vertices: `points` (m, 3) in mm, `faces` (n, 3) indices into them."""

    points: Points
    faces: Indices


@dataclass(frozen=True)
class Edges:
    """What the edges say about a surface; it bounds a solid when the first two are 0.

    `open_edges` lack a neighbour; `conflicting_edges` join faces that point opposite ways. An edge of four faces
    (where bodies touch) counts as closed, because the volume by the divergence theorem is exact there too; then the
    surface is `crowded`. `neighbours` (k, 2) are the pairs of faces that have an edge to themselves.
    """

    open_edges: int
    conflicting_edges: int
    crowded: bool
    neighbours: Indices

    @property
    def closed(self) -> bool:
        """Whether the surface has an inside."""
        return not self.open_edges and not self.conflicting_edges


def weld(corners: Corners) -> tuple[Surface, Edges]:
    """Merge equal corners, and if the surface stays open also those within `SEAM_SHARE` of the diagonal."""
    coordinates = corners.reshape(-1, 3) + np.float32(0)  # folds -0.0 into 0.0
    firsts, indices = _group(coordinates.view(np.int32))
    welded = Surface(coordinates[firsts].astype(np.float64), indices.reshape(-1, 3))
    surface, edges = _without_duplicates(welded)
    if edges.closed:
        return surface, edges
    sewn, sewn_edges = _without_duplicates(_sew(welded))
    return (sewn, sewn_edges) if sewn_edges.closed else (surface, edges)


def connect(count: int, first: Indices, second: Indices) -> Indices:
    """For each of `count` things the lowest one it is linked to, when `first[i]` and `second[i]` are linked."""
    lowest = np.arange(count)
    while True:
        left, right = lowest[first], lowest[second]
        if np.array_equal(left, right):
            return lowest
        np.minimum.at(lowest, np.maximum(left, right), np.minimum(left, right))
        while not np.array_equal(lowest, lowest[lowest]):
            lowest = lowest[lowest]


def examine_edges(faces: Indices) -> Edges:
    """Count the edges whose two directions don't cancel; exact, in one sort."""
    starts, ends = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    proper = np.flatnonzero(starts != ends)
    starts, ends = starts[proper], ends[proper]
    keys = np.minimum(starts, ends) * (faces.max() + 1) + np.maximum(starts, ends)
    order = np.argsort(keys)
    firsts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    uses = np.diff(firsts, append=len(keys))
    balance = np.add.reduceat(np.where(starts < ends, 1, -1)[order], firsts) if len(firsts) else uses
    odd, pairs = uses % 2 == 1, firsts[uses == 2]  # noqa: PLR2004 (an edge has two sides)
    return Edges(
        open_edges=int(np.count_nonzero(odd)),
        conflicting_edges=int(np.count_nonzero(~odd & (balance != 0))),
        crowded=bool((uses > 2).any()),  # noqa: PLR2004 (likewise)
        neighbours=proper[np.stack([order[pairs], order[pairs + 1]], axis=1)] // 3,
    )


def _without_duplicates(surface: Surface) -> tuple[Surface, Edges]:
    edges = examine_edges(surface.faces)
    if not edges.crowded:
        return surface, edges
    first_corner = surface.faces.argmin(axis=1)
    rotated = np.take_along_axis(surface.faces, (first_corner[:, None] + np.arange(3)) % 3, axis=1)
    kept = np.unique(rotated, axis=0)
    if len(kept) == len(rotated):
        return surface, edges
    return Surface(surface.points, kept), examine_edges(kept)


def _sew(surface: Surface) -> Surface:
    """Merge points that share a cell of one of eight grids, each shifted by half a cell along some axes.

    One grid alone would part neighbours that lie on either side of a cell's border.
    """
    low, high = surface.points.min(axis=0), surface.points.max(axis=0)
    cells = (surface.points - low) / max(float(np.linalg.norm(high - low)) * SEAM_SHARE, float(np.finfo(float).tiny))
    first: list[Indices] = []
    second: list[Indices] = []
    for shift in product((0.0, 0.5), repeat=3):
        _, groups = _group(np.floor(cells + shift).astype(np.int32))
        order = np.argsort(groups, kind="stable")
        together = np.flatnonzero(np.diff(groups[order]) == 0)
        first.append(order[together])
        second.append(order[together + 1])
    merged = connect(len(cells), np.concatenate(first), np.concatenate(second))
    return Surface(surface.points, merged[surface.faces])


def _group(keys: NDArray[np.int32]) -> tuple[Indices, Indices]:
    """The rows at which distinct keys (n, 3) first occur, and for every row the number of its key."""
    parts = keys.astype(np.uint64)
    mixed = parts[:, 0] * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= (mixed >> np.uint64(32)) + parts[:, 1] * np.uint64(0xC2B2AE3D27D4EB4F)
    mixed ^= (mixed >> np.uint64(29)) + parts[:, 2] * np.uint64(0x165667B19E3779F9)
    _, firsts, groups = np.unique(mixed, return_index=True, return_inverse=True)
    if not np.array_equal(keys[firsts][groups], keys):  # two keys under one hash: take the slow, sure way
        _, firsts, groups = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return firsts, groups.reshape(-1)
