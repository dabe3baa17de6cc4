"""How a part is looked at: a three-quarter view from above, without perspective, z up, as large as the frame allows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fulfil.quoting.mesh import Corners

Floats = NDArray[np.float32]

# Degrees. Plates are looked at more from above, so that their large face is seen; the longer side runs across.
STEEP, SHALLOW = 42.0, 28.0
FLAT_SHARE = 0.25
TURN_LONG_X, TURN_LONG_Y = -58.0, -32.0
CHUNK = 1 << 17


@dataclass(frozen=True)
class View:
    """Triangles as the camera sees them, in samples.

    `x`, `y`, `z` have the shape (3 corners, n triangles): x to the right and y up, from the lower left corner; z
    towards the viewer, from the middle of the part's box, which lies at `offset`. `axes` (3, 3) are the camera's right,
    up and towards in the part's coordinates, `scale` is samples per mm, `size` the box in mm.
    """

    x: Floats
    y: Floats
    z: Floats
    axes: NDArray[np.float64]
    offset: tuple[float, float]
    scale: float
    size: NDArray[np.float64]


def camera_axes(size: NDArray[np.float64]) -> NDArray[np.float64]:
    """Right, up and towards (rows, unit length) for a part of the given extents."""
    flat = size[2] < FLAT_SHARE * max(size[0], size[1])
    elevation = np.radians(STEEP if flat else SHALLOW)
    azimuth = np.radians(TURN_LONG_Y if size[1] > size[0] else TURN_LONG_X)
    towards = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    right = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    return np.stack([right, np.cross(towards, right), towards])


def look_at(corners: Corners, width: int, height: int, margins: tuple[float, float]) -> View:
    """Project the triangles, filling a frame of `width` x `height` samples but for `margins` (across, up) on each side.

    Chunked, so that it needs one copy of the triangles and little more; without BLAS, whose kernels differ by machine.
    """
    low = np.array([corners[..., axis].min() for axis in range(3)], np.float64)
    high = np.array([corners[..., axis].max() for axis in range(3)], np.float64)
    size, centre = high - low, (low + high) / 2
    axes = camera_axes(size)
    seen = np.empty((3, 3, len(corners)), np.float32)
    origin = centre.astype(np.float32)
    for start in range(0, len(corners), CHUNK):
        part = np.ascontiguousarray(corners[start : start + CHUNK].reshape(-1, 9).T) - np.tile(origin, 3)[:, None]
        for axis, (a, b, c) in enumerate(axes.astype(np.float32)):
            for corner in range(3):
                px, py, pz = part[3 * corner : 3 * corner + 3]
                seen[axis, corner, start : start + CHUNK] = a * px + b * py + c * pz
    x, y, z = seen
    left, right, lower, upper = float(x.min()), float(x.max()), float(y.min()), float(y.max())
    scale = min(
        (width - 2 * margins[0]) / max(right - left, 1e-30), (height - 2 * margins[1]) / max(upper - lower, 1e-30)
    )
    offset = (width / 2 - scale * (left + right) / 2, height / 2 - scale * (lower + upper) / 2)
    seen *= np.float32(scale)
    x += np.float32(offset[0])
    y += np.float32(offset[1])
    return View(x, y, z, axes, offset, scale, size)
