"""Volume, area and closedness of triangles, written the plainest way for tests."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

Corners = NDArray[np.float32]


def volume(corners: Corners) -> float:
    """By the divergence theorem; exact for closed surfaces."""
    a, b, c = np.moveaxis(corners.astype(np.float64), 1, 0)
    return float(np.einsum("ni,ni->", a, np.cross(b, c))) / 6


def area(corners: Corners) -> float:
    """The sum of all triangles."""
    a, b, c = np.moveaxis(corners.astype(np.float64), 1, 0)
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()) / 2


def is_closed(corners: Corners) -> bool:
    """Whether every directed edge meets its opposite, bit for bit."""
    edges: Counter[tuple[bytes, bytes]] = Counter()
    for triangle in corners + np.float32(0):  # folds -0.0
        points = [point.tobytes() for point in triangle]
        edges.update(zip(points, [*points[1:], points[0]], strict=True))
    return all(edges[end, start] == count for (start, end), count in edges.items())


def size(corners: Corners) -> list[float]:
    """The sides of the bounding box."""
    sides: list[float] = np.ptp(corners.reshape(-1, 3), axis=0).tolist()
    return sides
