"""Cubic Bézier curves in arrays: arcs to curves, exact lengths and areas, boxes, polylines.

Everything works on `Segments` (n, 4, 2) at once; a curve at a time would cost 30 times as much.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fulfil.quoting.drawings.drawing import Flags, Indices, Segments

Points = NDArray[np.float64]
Numbers = NDArray[np.float64]

# An eighth of a turn as one cubic is off by 4e-6 of the radius, far below the 1e-4 every length keeps.
LARGEST_ARC_STEP = math.pi / 4
LENGTH_TOLERANCE = 1e-5
MOST_HALVINGS = 14
# Where the pen slows down (a cusp between nodes), two orders can agree by chance and both be wrong.
WARY_HALVINGS, WARY_SPEED = 4, 0.3
# Bounds the memory of quadrature: 20,000 curves x 16 nodes x 2 coordinates are 5 MB.
CURVES_AT_ONCE = 20_000
COARSE_NODES, FINE_NODES = 8, 16


def arc_segments(start: float, sweep: float) -> list[tuple[float, ...]]:
    """A unit circle's arc as cubics of eight numbers each, from the angle `start` over `sweep` (radians, signed)."""
    steps = max(1, math.ceil(abs(sweep) / LARGEST_ARC_STEP - 1e-9))
    step = sweep / steps
    handle = 4 / 3 * math.tan(step / 4)
    arcs: list[tuple[float, ...]] = []
    for number in range(steps):
        first, last = start + number * step, start + (number + 1) * step
        x0, y0, x3, y3 = math.cos(first), math.sin(first), math.cos(last), math.sin(last)
        arcs.append((x0, y0, x0 - handle * y0, y0 + handle * x0, x3 + handle * y3, y3 - handle * x3, x3, y3))
    return arcs


def line_segments(points: Points) -> Segments:
    """The lines between consecutive points (k, 2), shape (k - 1, 4, 2)."""
    return np.stack([points[:-1], points[:-1], points[1:], points[1:]], axis=1)


def transformed(segments: Segments, matrices: Numbers) -> Segments:
    """Apply one affine map (6,) or one per segment (n, 6), in SVG's order a, b, c, d, e, f."""
    a, b, c, d, e, f = (matrices[..., number, None] for number in range(6))
    x, y = segments[..., 0], segments[..., 1]
    placed: Segments = np.stack([a * x + c * y + e, b * x + d * y + f], axis=-1)
    return placed


def lengths(segments: Segments, straight: Flags) -> Numbers:
    """The length of each segment, to a relative error below 1e-4 at cusps and about 1e-7 elsewhere.

    Gauss-Legendre quadrature of the speed in two orders; where they disagree (cusps, hairpins) the curve is halved.
    """
    along = segments[:, 3] - segments[:, 0]
    found: Numbers = np.hypot(along[:, 0], along[:, 1])
    curves = np.flatnonzero(~straight)
    for first in range(0, len(curves), CURVES_AT_ONCE):
        some = curves[first : first + CURVES_AT_ONCE]
        found[some] = _curve_lengths(segments[some])
    return found


def _curve_lengths(curves: Segments) -> Numbers:
    total = np.zeros(len(curves))
    owner = np.arange(len(curves))
    reach = np.abs(np.diff(curves, axis=1)).sum(axis=(1, 2)) + np.finfo(float).tiny
    for halving in range(MOST_HALVINGS + 1):
        (coarse, _), (fine, slowest) = _quadrature(curves, COARSE_NODES), _quadrature(curves, FINE_NODES)
        settled = np.abs(coarse - fine) <= LENGTH_TOLERANCE * reach[owner]
        if halving < WARY_HALVINGS:
            settled &= slowest > WARY_SPEED * fine
        if halving == MOST_HALVINGS:
            settled[:] = True
        np.add.at(total, owner[settled], fine[settled])
        if settled.all():
            break
        curves, owner = _halved(curves[~settled]), np.repeat(owner[~settled], 2)
    return total


@lru_cache
def _nodes(count: int) -> tuple[Numbers, Numbers]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    t = (nodes + 1) / 2
    basis = np.stack([(1 - t) ** 2, 2 * t * (1 - t), t**2])  # of the derivative
    return 3 * basis, weights / 2


def _quadrature(curves: Segments, count: int) -> tuple[Numbers, Numbers]:
    """The lengths, and the lowest speed met."""
    basis, weights = _nodes(count)
    edges = np.diff(curves, axis=1)
    speed = np.hypot(edges[:, :, 0] @ basis, edges[:, :, 1] @ basis)
    return speed @ weights, speed.min(axis=1)


def _halved(curves: Segments) -> Segments:
    p0, p1, p2, p3 = (curves[:, number] for number in range(4))
    p01, p12, p23 = (p0 + p1) / 2, (p1 + p2) / 2, (p2 + p3) / 2
    p012, p123 = (p01 + p12) / 2, (p12 + p23) / 2
    middle = (p012 + p123) / 2
    halves = np.stack([np.stack([p0, p01, p012, middle], 1), np.stack([middle, p123, p23, p3], 1)], axis=1)
    return halves.reshape(-1, 4, 2)


def points_at(segments: Segments, t: float) -> Points:
    """Where each curve is at its parameter `t`, shape (n, 2)."""
    weights = np.array([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3])
    points: Points = np.einsum("k,nkd->nd", weights, segments)
    return points


def swept_areas(segments: Segments) -> Numbers:
    """Each segment's share of the area its closed contour bounds: the integral of (x dy - y dx) / 2 along it.

    Summed over a contour it is the signed area, exact for cubics (three Gauss nodes integrate degree 5).
    """
    nodes, weights = np.polynomial.legendre.leggauss(3)
    total = np.zeros(len(segments))
    edges = 3 * np.diff(segments, axis=1)
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        at = points_at(segments, float(node))
        speed = np.einsum("k,nkd->nd", np.array([(1 - node) ** 2, 2 * node * (1 - node), node**2]), edges)
        total += weight * (at[:, 0] * speed[:, 1] - at[:, 1] * speed[:, 0])
    return total / 2


def boxes(segments: Segments) -> tuple[Points, Points]:
    """The exact lower and upper corner of each segment's box, each (n, 2): ends and where a coordinate turns."""
    low = np.minimum(segments[:, 0], segments[:, 3])
    high = np.maximum(segments[:, 0], segments[:, 3])
    bulging = np.flatnonzero(
        ((segments[:, 1:3] < low[:, None]) | (segments[:, 1:3] > high[:, None])).any(axis=(1, 2)),
    )
    curves = segments[bulging]
    p0, p1, p2, p3 = (curves[:, number] for number in range(4))
    a, b, c = p3 - p0 + 3 * (p1 - p2), 2 * (p0 - 2 * p1 + p2), p1 - p0
    with np.errstate(all="ignore"):
        root = np.sqrt(b * b - 4 * a * c)
        # The second form of each root stays exact where a vanishes.
        steady = -(b + np.copysign(root, b)) / 2
        turns = (steady / a, c / steady)
    for turn in turns:
        t = np.clip(np.nan_to_num(turn, nan=0.0, posinf=0.0, neginf=0.0), 0.0, 1.0)
        at = (1 - t) ** 3 * p0 + 3 * t * (1 - t) ** 2 * p1 + 3 * t * t * (1 - t) * p2 + t**3 * p3
        low[bulging] = np.minimum(low[bulging], at)
        high[bulging] = np.maximum(high[bulging], at)
    return low, high


def flattened(segments: Segments, straight: Flags, tolerance: float, most_points: int) -> tuple[Points, Indices]:
    """Polylines within `tolerance` of the curves: points (m, 2) and for segment i its first row `starts[i]`.

    A segment's rows are `starts[i]` up to `starts[i + 1]`, its own end left out, because the next segment begins
    there; `starts` has n + 1 entries. Where that would take more than `most_points`, it gets coarser.
    """
    bend = np.maximum(
        np.hypot(*(segments[:, 0] - 2 * segments[:, 1] + segments[:, 2]).T),
        np.hypot(*(segments[:, 1] - 2 * segments[:, 2] + segments[:, 3]).T),
    )
    bend[straight] = 0
    while True:
        steps = np.maximum(1, np.ceil(np.sqrt(0.75 * bend / tolerance))).astype(np.int64)
        if int(steps.sum()) <= max(most_points, len(segments)):
            break
        tolerance *= 2
    starts = np.concatenate([[0], np.cumsum(steps)])
    owner = np.repeat(np.arange(len(segments)), steps)
    within = np.arange(len(owner), dtype=np.int64) - starts[owner]
    t: Numbers = (within / steps[owner])[:, None]
    p0, p1, p2, p3 = (segments[owner, number] for number in range(4))
    points: Points = (1 - t) ** 3 * p0 + 3 * t * (1 - t) ** 2 * p1 + 3 * t * t * (1 - t) * p2 + t**3 * p3
    lines = straight[owner]
    points[lines] = p0[lines]
    return points, starts


def grouped(values: Numbers, owner: Indices, count: int) -> Numbers:
    """The sum of `values` for each of `count` owners."""
    return np.bincount(owner, weights=values, minlength=count).astype(np.float64)


def runs(ascending: Indices) -> tuple[Indices, Indices]:
    """Where each run of equal numbers begins, and its last place."""
    firsts = np.flatnonzero(np.diff(ascending, prepend=-1))
    return firsts, np.append(firsts[1:], len(ascending))[: len(firsts)] - 1
