"""The edges of a surface: which are open, which conflict, which are crowded, and which faces they join."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fulfil.quoting.solids.graphs import Indices, connect
from fulfil.quoting.solids.sketch import Hashes

EDGE_SPREAD = np.uint64(0xD6E8FEB86659FD93)
PAIR = 2
# Buckets that edges fall into by their hash, and faces looked at together.
BUCKET_BITS = 24
BLOCK = 1 << 18


@dataclass(frozen=True)
class Edges:
    """Every edge with its uses. Half-edge `3 * face + corner` runs from that corner to the next.

    `order` lists the half-edges edge by edge; edge `e` owns `uses[e]` of them from `firsts[e]`. `forward` (3 n,) is
    the direction of a half-edge, and `balance[e]` the uses in one direction less those in the other: 0 when closed.
    """

    order: Indices
    firsts: Indices
    uses: Indices
    forward: NDArray[np.bool_]
    balance: Indices

    @property
    def closed(self) -> bool:
        """Whether every edge cancels."""
        return not self.balance.any()

    @property
    def open_edges(self) -> int:
        """Edges that lack a face."""
        return int(np.count_nonzero(self.balance))

    @property
    def crowded(self) -> int:
        """Edges with more than two faces."""
        return int(np.count_nonzero(self.uses > PAIR))

    def conflicts(self) -> Indices:
        """The edges that join two faces of opposite winding."""
        return np.flatnonzero((self.uses == PAIR) & (self.balance != 0))

    def excess(self) -> Indices:
        """The half-edges that nothing cancels."""
        edges = np.flatnonzero(self.balance)
        counts = self.uses[edges]
        owners = np.repeat(edges, counts)
        members = self.order[_ranges(self.firsts[edges], counts)]
        surplus = self.forward[members] == (self.balance[owners] > 0)
        owners, members = owners[surplus], members[surplus]
        rank = np.arange(len(owners)) - np.searchsorted(owners, owners)
        found: Indices = members[rank < np.abs(self.balance[owners])]
        return found

    def pairs(self) -> tuple[Indices, Indices]:
        """Half-edges that belong together.

        Of an edge with two faces both; of a crowded one those that follow each other in the file with opposite
        directions, because exporters write one body after the other.
        """
        twos = self.firsts[self.uses == PAIR]
        first, second = self.order[twos], self.order[twos + 1]
        crowded = np.flatnonzero(self.uses > PAIR)
        if not len(crowded):
            return first, second
        counts = self.uses[crowded]
        owners = np.repeat(np.arange(len(crowded)), counts)
        members = self.order[_ranges(self.firsts[crowded], counts)]
        members = members[np.lexsort((members, owners))]
        rank = np.arange(len(owners)) - np.searchsorted(owners, owners)
        left = np.flatnonzero((rank[:-1] % 2 == 0) & (owners[:-1] == owners[1:]))
        left = left[self.forward[members[left]] != self.forward[members[left + 1]]]
        return np.concatenate([first, members[left]]), np.concatenate([second, members[left + 1]])


def examine_edges(keys: Hashes) -> Edges:
    """Sort the half-edges of faces (n, 3) given by vertex keys; no face may use a vertex twice."""
    return _sorted_edges(*_edge_hashes(keys))


def _sorted_edges(edges: Hashes, forward: NDArray[np.bool_]) -> Edges:
    order = np.argsort(edges)
    edges = edges[order]
    firsts = np.flatnonzero(np.concatenate([[True], edges[1:] != edges[:-1]]))
    uses = np.diff(firsts, append=len(edges))
    signs = forward[order].astype(np.int8) * np.int8(2) - np.int8(1)
    balance = np.add.reduceat(signs, firsts, dtype=np.int64)
    return Edges(order, firsts, uses, forward, balance)


def examine_open_edges(keys: Hashes, most: int) -> tuple[Edges | None, int]:
    """As `examine_edges`, of a large surface only the edges that may be open, and how many half-edges those have.

    None instead of the edges when that is more than `most`. Half-edges fall into buckets, each with the sum of its
    edges' hashes, the two directions with opposite signs: a bucket at 0 holds none that is open. That takes a tenth
    of the time and memory of sorting them all.
    """
    sums = np.zeros(1 << BUCKET_BITS, np.uint64)
    for start in range(0, len(keys), BLOCK):
        edges, forward = _edge_hashes(keys[start : start + BLOCK])
        np.add.at(sums, edges >> np.uint64(64 - BUCKET_BITS), np.where(forward, edges, -edges))
    may_be_open = sums != 0
    found = [np.zeros(0, np.int64)]
    for start in range(0, len(keys), BLOCK):
        edges, _ = _edge_hashes(keys[start : start + BLOCK])
        found.append(np.flatnonzero(may_be_open[edges >> np.uint64(64 - BUCKET_BITS)]) + 3 * start)
    chosen = np.concatenate(found)
    if len(chosen) > most:
        return None, len(chosen)
    if not len(chosen):
        return no_edges(), 0
    faces, corner = np.divmod(chosen, 3)
    edges, some_forward = _hashes_of(keys[faces, corner], keys[faces, (corner + 1) % 3])
    forward = np.zeros(keys.size, np.bool_)
    forward[chosen] = some_forward
    sorted_edges = _sorted_edges(edges, some_forward)
    return replace(sorted_edges, order=chosen[sorted_edges.order], forward=forward), len(chosen)


def no_edges() -> Edges:
    """What is left of a surface when none of its edges is of interest."""
    none = np.zeros(0, np.int64)
    return Edges(none, none, none, np.zeros(0, np.bool_), none)


def _edge_hashes(keys: Hashes) -> tuple[Hashes, NDArray[np.bool_]]:
    return _hashes_of(keys.reshape(-1), keys[:, [1, 2, 0]].reshape(-1))


def _hashes_of(starts: Hashes, ends: Hashes) -> tuple[Hashes, NDArray[np.bool_]]:
    """A hash of each edge, the same in both directions, and whether it runs forward."""
    forward = starts < ends
    edges = np.where(forward, starts, ends)
    edges *= EDGE_SPREAD
    edges += np.where(forward, ends, starts)
    return edges, forward


def split_faces(faces: int, edges: Edges) -> tuple[Indices, int]:
    """Number the shells, closed wherever the surface is: labels (faces,) and their count.

    Shells that merely touch, at a corner or an edge, stay apart. Where pairing along crowded edges left pieces that
    are not closed by themselves, the pieces that share such an edge are one shell.
    """
    first, second = edges.pairs()
    labels, shells = connect(faces, first // 3, second // 3)
    if shells == 1 or not edges.crowded:
        return labels, shells
    crowded = np.flatnonzero(edges.uses > PAIR)
    counts = edges.uses[crowded]
    members = edges.order[_ranges(edges.firsts[crowded], counts)]
    groups = np.repeat(crowded, counts) * shells + labels[members // 3]
    unique, inverse = np.unique(groups, return_inverse=True)
    balance = np.bincount(inverse, np.where(edges.forward[members], 1.0, -1.0))
    loose = unique[balance != 0]
    together = np.flatnonzero(np.diff(loose // shells) == 0)
    merged, count = connect(shells, loose[together] % shells, loose[together + 1] % shells)
    return merged[labels], count


def turned_faces(faces: int, edges: Edges) -> NDArray[np.bool_] | None:
    """The fewest faces to turn, shell by shell, so that none conflicts; None for a surface with one side only.

    Each face stands twice in a graph, as it is and turned; neighbours that agree are joined as they are, those that
    conflict crosswise. A face joined to its own turned self has no definite side.
    """
    first, second = edges.pairs()
    conflict = edges.forward[first] == edges.forward[second]
    left, right = first // 3, second // 3
    swapped = right + faces * conflict
    mirrored = right + faces * ~conflict
    labels, _ = connect(2 * faces, np.concatenate([left, left + faces]), np.concatenate([swapped, mirrored]))
    plain, turned = labels[:faces], labels[faces:]
    if (plain == turned).any():
        return None
    chosen = np.bincount(plain, minlength=int(labels.max()) + 1)
    flip: NDArray[np.bool_] = (chosen[turned] > chosen[plain]) | ((chosen[turned] == chosen[plain]) & (turned < plain))
    return flip


def _ranges(starts: Indices, counts: Indices) -> Indices:
    """The numbers `starts[i] ... starts[i] + counts[i] - 1`, one range after the other."""
    ends = np.cumsum(counts)
    ranges: Indices = np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(starts - ends + counts, counts)
    return ranges
