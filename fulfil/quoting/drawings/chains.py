"""Joins contours that touch end to end into chains, the lines a laser drives in one go, and finds loose ends."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from fulfil.quoting.drawings.curves import Points, runs
from fulfil.quoting.drawings.drawing import Flags, Indices, Segments

# A gap nobody sees in a kerf of 0.1 mm; exporters leave rounding of this size between the lines of one outline.
JOIN_MM = 0.01
# Ends this close are one point to the exporter.
EXACT_MM = 1e-6


@dataclass(frozen=True)
class Chains:
    """Segments in driving order; `chain[i]` ascends from 0.

    `closed[c]` tells whether chain c ends where it begins; `loose_ends` (k, 2) are ends that touch nothing, and
    `loose[c]` whether chain c has one.
    """

    segments: Segments
    straight: Flags
    chain: Indices
    closed: Flags
    loose: Flags
    loose_ends: Points

    @property
    def count(self) -> int:
        """How many chains there are."""
        return len(self.closed)


def join(segments: Segments, straight: Flags, contour: Indices) -> Chains:
    """Join contours whose ends lie within `JOIN_MM`; `contour` ascends, and its gaps are no matter.

    Where three or more ends meet, chains end: which way to go on is not for us to guess.
    """
    firsts, lasts = runs(contour)
    sizes = lasts + 1 - firsts
    begin, end = segments[firsts, 0], segments[lasts, 3]
    whole = np.hypot(*(begin - end).T) <= JOIN_MM
    partial = np.flatnonzero(~whole)
    sequence: list[int] = np.flatnonzero(whole).tolist()
    flips = [False] * len(sequence)
    chain_of = list(range(len(sequence)))
    closed = [True] * len(sequence)
    nodes = _nodes(begin[partial], end[partial]).tolist()
    for number, trail in enumerate(_trails(nodes), start=len(sequence)):
        sequence.extend(int(partial[contour_number]) for contour_number, _ in trail)
        flips.extend(flipped for _, flipped in trail)
        chain_of.extend([number] * len(trail))
        closed.append(_tail(nodes, trail[0]) == _head(nodes, trail[-1]))
    order, flip = _spread(np.array(sequence, dtype=np.int64), np.array(flips, dtype=np.bool_), firsts, sizes)
    ordered = segments[order]
    ordered[flip] = ordered[flip][:, ::-1]
    chain = np.repeat(np.array(chain_of, dtype=np.int64), sizes[sequence]) if sequence else np.zeros(0, dtype=np.int64)
    closed_flags = np.array(closed, dtype=np.bool_)
    loose, ends = _loose_ends(ordered, chain, closed_flags)
    return Chains(ordered, straight[order], chain, closed_flags, loose, ends)


def _spread(sequence: Indices, flips: Flags, firsts: Indices, sizes: Indices) -> tuple[Indices, Flags]:
    """Contours in a row to segments in a row: their indices, and which run backwards."""
    counts = sizes[sequence]
    offsets = np.cumsum(counts) - counts
    within = np.arange(int(counts.sum())) - np.repeat(offsets, counts)
    flip = np.repeat(flips, counts)
    last = np.repeat(counts, counts) - 1
    return np.repeat(firsts[sequence], counts) + np.where(flip, last - within, within), flip


def _nodes(begin: Points, end: Points) -> Indices:
    """The number of the point each contour begins and ends at, shape (n, 2).

    Ends that meet exactly in pairs are settled first, so that short lines in a row don't all melt into one point.
    """
    ends = np.concatenate([begin, end])
    exact = _clusters(ends, EXACT_MM)
    single = np.flatnonzero(np.bincount(exact)[exact] != 2) if len(ends) else np.zeros(0, dtype=np.int64)  # noqa: PLR2004 (a pair)
    nodes = exact.copy()
    nodes[single] = len(ends) + _clusters(ends[single], JOIN_MM)
    return nodes.reshape(2, -1).T


def _clusters(points: Points, tolerance: float) -> Indices:
    """Numbers that are equal for points within `tolerance` (and for some up to 2.8 times that), in O(n log n).

    Four grids, each shifted by half a cell: two points within half a cell share a cell of one of them.
    """
    if not len(points):
        return np.zeros(0, dtype=np.int64)
    links: list[NDArray[np.int64]] = []
    scaled = points / (2 * tolerance)
    for shift in ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5)):
        cells = np.floor(scaled + shift)
        order = np.lexsort((cells[:, 1], cells[:, 0]))
        same = np.flatnonzero((np.diff(cells[order], axis=0) == 0).all(axis=1))
        links.append(np.stack([order[same], order[same + 1]]))
    rows, columns = np.concatenate(links, axis=1)
    graph = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(len(points), len(points)))
    _, labels = connected_components(graph, directed=False)
    return labels.astype(np.int64)


Trail = list[tuple[int, bool]]


def _tail(nodes: list[list[int]], step: tuple[int, bool]) -> int:
    return nodes[step[0]][1 if step[1] else 0]


def _head(nodes: list[list[int]], step: tuple[int, bool]) -> int:
    return nodes[step[0]][0 if step[1] else 1]


def _trails(nodes: list[list[int]]) -> list[Trail]:
    """Every contour in exactly one trail: (contour, whether it runs backwards) from node to node of degree 2."""
    meeting: dict[int, list[tuple[int, bool]]] = {}
    for number, (tail, head) in enumerate(nodes):
        meeting.setdefault(tail, []).append((number, False))
        meeting.setdefault(head, []).append((number, True))
    used = [False] * len(nodes)
    trails: list[Trail] = []
    # Trails begin at ends and junctions; what is left after that are rings.
    crossings = [steps for steps in meeting.values() if len(steps) != 2]  # noqa: PLR2004 (passing through takes two)
    for steps in (*crossings, *meeting.values()):
        for first in steps:
            if used[first[0]]:
                continue
            trail: Trail = []
            step: tuple[int, bool] | None = first
            while step is not None:
                used[step[0]] = True
                trail.append(step)
                ways = meeting[_head(nodes, step)]
                onward = [way for way in ways if not used[way[0]]] if len(ways) == 2 else []  # noqa: PLR2004 (likewise)
                step = onward[0] if onward else None
            trails.append(trail)
    return trails


def _loose_ends(segments: Segments, chain: Indices, closed: Flags) -> tuple[Flags, Points]:
    """The ends of open chains that lie on no corner of another chain."""
    loose = np.zeros(len(closed), dtype=np.bool_)
    if closed.all():
        return loose, np.zeros((0, 2))
    firsts, lasts = runs(chain)
    opened = np.flatnonzero(~closed)
    ends = np.concatenate([segments[firsts[opened], 0], segments[lasts[opened], 3]])
    owners = np.concatenate([opened, opened])
    corners = np.concatenate([segments[firsts, 0], segments[:, 3]])
    corner_chain = np.concatenate([np.arange(len(closed)), chain])
    # Four neighbours: the end itself, and room for close corners of its own chain.
    _, near = cKDTree(corners).query(ends, k=4, distance_upper_bound=JOIN_MM)
    padded = np.append(corner_chain, -1)[near]
    free = ~((padded != owners[:, None]) & (padded >= 0)).any(axis=1)
    loose[owners[free]] = True
    return loose, ends[free]
