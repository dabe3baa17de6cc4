"""Where the outlines of layers turn: an edge between two triangles turns them by one angle at all its heights."""

import numpy as np
from numpy.typing import NDArray

from fulfil.quoting.mesh import Corners

Floats = NDArray[np.float64]
Words = NDArray[np.uint64]

CHUNK_TRIANGLES = 16_384
# Sides of triangles kept to be paired; of more, a sample is taken, chosen by the edges' hashes.
MOST_SIDES = 3_000_000
MIXERS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
SHIFT = 32


class _Sides:
    """Sides of triangles that planes cross: the edge's hash, planes, and the direction of the outline there."""

    def __init__(self) -> None:
        self.keys: list[Words] = []
        self.first: list[NDArray[np.int32]] = []
        self.end: list[NDArray[np.int32]] = []
        self.direction: list[NDArray[np.float32]] = []


def measure_turns(corners: Corners, bed_mm: float, planes: int, spacing_mm: float) -> tuple[Floats, Floats]:
    """The sum of sin(|turn| / 2) and the number of outlines at each plane.

    Outlines turn by 360 degrees around an island and by -360 around a hole, so the sum of turns tells islands less
    holes, and that the least number of outlines there must be. Edges of one or more than two triangles are left out.
    """
    share = max(1, -(-3 * len(corners) // MOST_SIDES))
    keys, first, end, direction = _collected(corners, bed_mm, planes, spacing_mm, share)
    order = np.argsort(keys)
    edges = keys[order] >> np.uint64(1)
    same = edges[1:] == edges[:-1]
    alone = np.concatenate([[True], ~same, [True]])
    pairs = np.flatnonzero(same & alone[:-2] & alone[2:])
    # The lowest bit says whether the side goes up, so the side at which the outline arrives comes second.
    leaving, arriving = order[pairs], order[pairs + 1]
    before, after = direction[arriving].astype(np.float64), direction[leaving].astype(np.float64)
    cosine = (before * after).sum(axis=1)
    sine = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    # As half the way between the directions: 1 - cosine would lose small turns in rounding.
    sharpness = np.hypot(*(after - before).T) * (share / 2)
    turn = np.arctan2(sine, cosine) * (share / (2 * np.pi))
    starts, ends = first[leaving], end[leaving]
    around = np.rint(_summed(starts, ends, turn, planes))
    return _summed(starts, ends, sharpness, planes), np.where(around >= 1, around, 2 - around)


def _summed(starts: NDArray[np.int32], ends: NDArray[np.int32], values: Floats, planes: int) -> Floats:
    steps = np.bincount(starts, values, planes + 1) - np.bincount(ends, values, planes + 1)
    return np.cumsum(steps, dtype=np.float64)[:-1]


def _collected(
    corners: Corners, bed_mm: float, planes: int, spacing_mm: float, share: int
) -> tuple[Words, NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    sides = _Sides()
    for start in range(0, len(corners), CHUNK_TRIANGLES):
        _collect(corners[start : start + CHUNK_TRIANGLES], bed_mm, planes, spacing_mm, share, sides)
    return (
        np.concatenate(sides.keys),
        np.concatenate(sides.first),
        np.concatenate(sides.end),
        np.concatenate(sides.direction),
    )


def _collect(corners: Corners, bed_mm: float, planes: int, spacing_mm: float, share: int, sides: _Sides) -> None:
    hashes = _hashes(corners)
    height = corners[:, :, 2].astype(np.float64) - bed_mm
    plane = np.clip(np.ceil(height / spacing_mm - 0.5), 0, planes).astype(np.int32)
    edge = (corners[:, 1:] - corners[:, :1]).astype(np.float64)
    u, v = edge[:, 0], edge[:, 1]
    along_x = u[:, 0] * v[:, 2] - u[:, 2] * v[:, 0]
    along_y = u[:, 1] * v[:, 2] - u[:, 2] * v[:, 1]
    length = np.hypot(along_x, along_y)
    for side in range(3):
        other = (side + 1) % 3
        here, there = plane[:, side], plane[:, other]
        key = (hashes[:, side] + hashes[:, other]) * np.uint64(MIXERS[3])
        chosen = (here != there) & (length > 0)
        if share > 1:
            chosen &= (key >> np.uint64(SHIFT)) % np.uint64(share) == 0
        at = np.flatnonzero(chosen)
        key, here, there = key[at], here[at], there[at]
        rising = (there > here).astype(np.uint64)
        sides.keys.append(key & ~np.uint64(1) | rising)
        sides.first.append(np.minimum(here, there))
        sides.end.append(np.maximum(here, there))
        sides.direction.append((np.stack([along_x[at], along_y[at]], axis=1) / length[at, None]).astype(np.float32))


def _hashes(corners: Corners) -> Words:
    bits = (corners + np.float32(0)).view(np.uint32).astype(np.uint64)  # -0.0 is 0.0
    mixed = bits[:, :, 0] * np.uint64(MIXERS[0]) ^ bits[:, :, 1] * np.uint64(MIXERS[1])
    mixed ^= bits[:, :, 2] * np.uint64(MIXERS[2])
    mixed ^= mixed >> np.uint64(SHIFT - 3)
    return mixed * np.uint64(MIXERS[3])
