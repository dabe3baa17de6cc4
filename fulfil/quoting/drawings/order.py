"""In which order lines are driven: the nearest next, and nothing before what lies inside it."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from fulfil.quoting.drawings.curves import Points
from fulfil.quoting.drawings.drawing import Flags, Indices

NEIGHBOURS = 12
# Chains whose turn came from the neighbour lists; the others look into a tree rebuilt when it has halved.
REBUILD_SHARE = 0.5


@dataclass(frozen=True)
class Route:
    """`order` are chain numbers, `flipped` whether each is driven from its end, `travel_mm` the way between them."""

    order: list[int]
    flipped: list[bool]
    travel_mm: float


def route(begin: Points, end: Points, closed: Flags, parent: Indices, start: tuple[float, float]) -> Route:
    """Greedy nearest neighbour from `start`, inner before outer: a chain waits for all whose `parent` it is.

    `begin` and `end` are (n, 2); open chains may be driven either way. Not the shortest way there is, but within a
    quarter of it, and what machines do.
    """
    count = len(begin)
    if not count:
        return Route([], [], 0.0)
    waiting = np.bincount(parent[parent >= 0], minlength=count)
    entries = np.concatenate([begin, end])
    usable = np.concatenate([np.ones(count, dtype=np.bool_), ~closed])
    picker = _Picker(entries, usable, waiting == 0, count)
    at = np.array(start, dtype=np.float64)
    near: list[int] = []
    order: list[int] = []
    flipped: list[bool] = []
    travel = 0.0
    for _ in range(count):
        entry = picker.nearest(at, near)
        chain, backwards = entry % count, entry >= count
        travel += float(np.hypot(*(entries[entry] - at)))
        order.append(chain)
        flipped.append(backwards)
        picker.remove(chain)
        owner = int(parent[chain])
        if owner >= 0:
            waiting[owner] -= 1
            if not waiting[owner]:
                picker.release(owner)
        leaving = chain if closed[chain] or backwards else chain + count
        at = entries[leaving]
        near = picker.neighbours[leaving]
    return Route(order, flipped, travel)


class _Picker:
    """The nearest entry that is ready; entries c and c + count are the two ends of chain c."""

    def __init__(self, entries: Points, usable: Flags, ready: Flags, count: int) -> None:
        self._entries = entries
        self._usable = usable
        self._ready = np.concatenate([ready, ready]) & usable
        self._count = count
        self._left = int(self._ready.sum())
        self.neighbours: list[list[int]] = (
            cKDTree(entries).query(entries, k=min(NEIGHBOURS, len(entries)))[1].reshape(len(entries), -1).tolist()
        )
        self._released: list[int] = []
        self._rebuild()

    def nearest(self, at: Points, near: list[int]) -> int:
        """One of the neighbours in their order if any is ready, else by the tree."""
        for entry in near:
            if self._ready[entry]:
                return entry
        best = self._in_tree(at)
        for entry in self._released:
            if self._ready[entry] and (
                best is None or np.hypot(*(self._entries[entry] - at)) < np.hypot(*(self._entries[best] - at))
            ):
                best = entry
        if best is None:
            self._rebuild()
            best = self._in_tree(at)
        if best is None:
            raise ValueError("no line is ready although some are left: their nesting has a cycle")
        return best

    def remove(self, chain: int) -> None:
        for entry in (chain, chain + self._count):
            self._left -= int(self._ready[entry])
            self._ready[entry] = False
        if self._left < REBUILD_SHARE * len(self._members):
            self._rebuild()

    def release(self, chain: int) -> None:
        for entry in (chain, chain + self._count):
            if self._usable[entry]:
                self._ready[entry] = True
                self._left += 1
                self._released.append(entry)
        if len(self._released) > 256:  # noqa: PLR2004 (looked through one by one until they join the tree)
            self._rebuild()

    def _rebuild(self) -> None:
        self._members = np.flatnonzero(self._ready)
        self._released = []
        self._tree = cKDTree(self._entries[self._members]) if len(self._members) else None

    def _in_tree(self, at: Points) -> int | None:
        if self._tree is None:
            return None
        size = len(self._members)
        wanted = 1
        while True:
            wanted = min(size, wanted * 8)
            found = np.atleast_1d(self._tree.query(at, k=wanted)[1])
            for place in found:
                entry = int(self._members[place])
                if self._ready[entry]:
                    return entry
            if wanted == size:
                return None
