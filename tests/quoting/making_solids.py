"""Solids of known volume as triangle soups, and STL files made of them."""

import struct
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Triangles = NDArray[np.float32]
Place = tuple[float, float, float]

FACET = np.dtype([("normal", "<f4", (3,)), ("corners", "<f4", (3, 3)), ("attributes", "<u2")])
BOX_FACES = ((0, 4, 6, 2), (1, 3, 7, 5), (0, 1, 5, 4), (2, 6, 7, 3), (0, 2, 3, 1), (4, 5, 7, 6))


def box(*sides: float, at: Place = (0, 0, 0)) -> Triangles:
    """Twelve outward triangles; `at` is the lowest corner."""
    corners = np.array([[i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(8)], np.float32)
    faces = [face for a, b, c, d in BOX_FACES for face in ((a, b, c), (a, c, d))]
    return (corners * np.array(sides, np.float32) + np.array(at, np.float32))[faces]


def moved(triangles: Triangles, by: Place) -> Triangles:
    """The same surface somewhere else."""
    return triangles + np.array(by, np.float32)


def inverted(triangles: Triangles) -> Triangles:
    """The same surface turned inside out."""
    return triangles[:, ::-1].copy()


def together(*bodies: Triangles) -> Triangles:
    """Several surfaces in one file."""
    return np.concatenate(bodies)


def torus(ring: float, tube: float, steps: int, tube_steps: int | None = None) -> Triangles:
    """Outward triangles (2 * steps * tube_steps) around a tube whose middle circle has radius `ring`."""
    tube_steps = tube_steps or steps
    u = (np.arange(steps) * 2 * np.pi / steps)[:, None]
    v = (np.arange(tube_steps) * 2 * np.pi / tube_steps)[None, :]
    around = ring + tube * np.cos(v)
    height = np.broadcast_to(tube * np.sin(v), (steps, tube_steps))
    return _grid(np.stack([around * np.cos(u), around * np.sin(u), height], axis=-1).astype(np.float32))


def torus_of(triangles: int) -> Triangles:
    """A torus (ring 40 mm, tube 12 mm) of at least that many triangles, with unequal steps."""
    tube_steps = int((triangles / 4) ** 0.5)
    return torus(40, 12, -(-triangles // (2 * tube_steps)), tube_steps)


def sphere(radius: float, steps: int, at: Place = (0, 0, 0)) -> Triangles:
    """Outward triangles (4 * steps * (steps - 1)) by latitude and longitude."""
    polar, around = np.linspace(0, np.pi, steps + 1), np.arange(2 * steps) * np.pi / steps
    theta, phi = np.meshgrid(polar, around, indexing="ij")
    points = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1)
    points[0], points[-1] = (0, 0, 1), (0, 0, -1)
    points = (points * radius + np.array(at)).astype(np.float32)
    upper, lower = points[:-1], points[1:]
    next_upper, next_lower = np.roll(upper, -1, 1), np.roll(lower, -1, 1)
    first = np.stack([upper, lower, next_lower], axis=2)[:-1].reshape(-1, 3, 3)
    second = np.stack([upper, next_lower, next_upper], axis=2)[1:].reshape(-1, 3, 3)
    return np.concatenate([first, second])


def cylinder(radius: float, height: float, steps: int) -> Triangles:
    """An upright prism with a regular base, outward; volume `steps / 2 * radius**2 * sin(2 pi / steps) * height`."""
    return _revolved([(0, 0), (radius, 0), (radius, height), (0, height)], steps)


def tube(outer: float, inner: float, height: float, steps: int) -> Triangles:
    """An upright pipe, open at both ends, outward."""
    profile = [(inner, 0), (outer, 0), (outer, height), (inner, height), (inner, 0)]
    return _revolved([(float(r), float(z)) for r, z in profile], steps)


def hollow_box(side: float, wall: float) -> Triangles:
    """A cube with a closed cubic room inside."""
    room = side - 2 * wall
    return together(box(side, side, side), inverted(box(room, room, room, at=(wall, wall, wall))))


def open_tray(side: float, wall: float) -> Triangles:
    """A cube hollowed from the top: floor and four walls of thickness `wall`, one closed surface."""
    inner = box(side - 2 * wall, side - 2 * wall, side - wall, at=(wall, wall, wall))
    outer = box(side, side, side)
    is_lid = [np.all(part[:, :, 2] == side, axis=1) for part in (outer, inner)]
    a, b, c, d = ((0.0, 0.0), (side, 0.0), (side, side), (0.0, side))
    e, f, g, h = ((x + (wall if x == 0 else -wall), y + (wall if y == 0 else -wall)) for x, y in (a, b, c, d))
    rim = [
        triangle
        for p, q, r, s in ((a, b, f, e), (b, c, g, f), (c, d, h, g), (d, a, e, h))
        for triangle in ((p, q, r), (p, r, s))
    ]
    lid = np.array([[(x, y, side) for x, y in triangle] for triangle in rim], np.float32)
    return together(outer[~is_lid[0]], inverted(inner[~is_lid[1]]), lid)


def binary_stl(triangles: Triangles, *, header: bytes = b"a part", count: int | None = None) -> bytes:
    """A binary STL; `count` lets its header lie."""
    facets = np.zeros(len(triangles), FACET)
    facets["corners"] = triangles
    return header.ljust(80, b"\0") + struct.pack("<I", len(triangles) if count is None else count) + facets.tobytes()


def ascii_stl(triangles: Triangles, *, name: str = "part") -> bytes:
    """An ASCII STL."""
    lines = [f"solid {name}"]
    for triangle in triangles:
        lines += ["  facet normal 0 0 0", "    outer loop"]
        lines += [f"      vertex {x:.9g} {y:.9g} {z:.9g}" for x, y, z in triangle.tolist()]
        lines += ["    endloop", "  endfacet"]
    return "\n".join([*lines, f"endsolid {name}", ""]).encode()


def _grid(points: NDArray[np.float32]) -> Triangles:
    a, b, d = points, np.roll(points, -1, 0), np.roll(points, -1, 1)
    c = np.roll(b, -1, 1)
    halves = [np.stack(half, axis=2).reshape(-1, 3, 3) for half in ((a, b, c), (a, c, d))]
    return np.concatenate(halves)


def _revolved(profile: list[tuple[float, float]], steps: int) -> Triangles:
    """The surface a profile (radius, height), running counter-clockwise, sweeps around the z axis."""
    angle = np.arange(steps + 1) % steps * 2 * np.pi / steps
    around = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    strips: list[NDArray[np.float64]] = []
    for (r0, z0), (r1, z1) in pairwise(profile):
        low = np.concatenate([around * r0, np.full((steps + 1, 1), z0)], axis=1)
        high = np.concatenate([around * r1, np.full((steps + 1, 1), z1)], axis=1)
        if r0:
            strips.append(np.stack([low[:-1], low[1:], high[1:]], axis=1))
        if r1:
            strips.append(np.stack([low[:-1], high[1:], high[:-1]], axis=1))
    return np.concatenate(strips).astype(np.float32)
