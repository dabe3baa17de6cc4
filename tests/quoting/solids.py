"""Triangle soups of known volume, and STL files made of them."""

import struct

import numpy as np
from numpy.typing import NDArray

Triangles = NDArray[np.float32]

FACET = np.dtype([("normal", "<f4", (3,)), ("corners", "<f4", (3, 3)), ("attributes", "<u2")])


def box(*sides: float, at: tuple[float, float, float] = (0, 0, 0)) -> Triangles:
    """Twelve outward triangles."""
    quads = [(0, 2, 6, 4), (1, 5, 7, 3), (0, 4, 5, 1), (2, 3, 7, 6), (0, 1, 3, 2), (4, 6, 7, 5)]
    corners = np.array([[i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(8)], np.float32)
    faces = [face for a, b, c, d in quads for face in ((a, b, c), (a, c, d))]
    return inverted((corners * np.array(sides, np.float32) + np.array(at, np.float32))[faces])


def inverted(triangles: Triangles) -> Triangles:
    """The same surface turned inside out."""
    return triangles[:, ::-1].copy()


def torus(ring: float, tube: float, steps: int) -> Triangles:
    """`2 * steps**2` outward triangles around a tube of radius `tube` whose middle circle has radius `ring`."""
    angle = np.arange(steps) * 2 * np.pi / steps
    u, v = np.meshgrid(angle, angle, indexing="ij")
    around = ring + tube * np.cos(v)
    points = np.stack([around * np.cos(u), around * np.sin(u), tube * np.sin(v)], axis=-1).astype(np.float32)
    a, b, d = points, np.roll(points, -1, 0), np.roll(points, -1, 1)
    c = np.roll(b, -1, 1)
    halves = [np.stack(half, axis=2).reshape(-1, 3, 3) for half in ((a, b, c), (a, c, d))]
    return np.concatenate(halves)


def sphere(radius: float, steps: int) -> Triangles:
    """Outward triangles of a sphere by latitude and longitude."""
    polar, round_ = np.linspace(0, np.pi, steps + 1), np.arange(2 * steps) * np.pi / steps
    theta, phi = np.meshgrid(polar, round_, indexing="ij")
    points = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1)
    points[0], points[-1] = (0, 0, 1), (0, 0, -1)
    points = (points * radius).astype(np.float32)
    upper, lower = points[:-1], points[1:]
    next_upper, next_lower = np.roll(upper, -1, 1), np.roll(lower, -1, 1)
    first = np.stack([upper, lower, next_lower], axis=2)[:-1].reshape(-1, 3, 3)
    second = np.stack([upper, next_lower, next_upper], axis=2)[1:].reshape(-1, 3, 3)
    return np.concatenate([first, second])


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
