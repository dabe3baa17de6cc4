"""Measures triangles in one pass: volume, area, box, finiteness and closedness, in constant memory.

Imports numpy only: a process that measures a file needs no more than 45 MB, whatever the file's size.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from fulfil.quoting.readers.binary_stl import (
    CORNERS_OFFSET,
    FACET_BYTES,
    HEADER_BYTES,
    announced_triangles,
    check_count,
    check_size,
    truncated,
)
from fulfil.quoting.solids.sketch import MODULUS, hash_vertices, sketch_triangles

# 480 KB of file at a time: its buffers nearly stay in the cache of a core, and numpy's overhead per call stays small.
BLOCK = 9600

Block = NDArray[np.float32]  # (3 coordinates, 3 corners, n triangles), in any strides
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class StreamedFacts:
    """What one pass tells, in the unit of the coordinates.

    `volume` is signed: negative when the surface points inwards, and an approximation (seen from the middle of the
    box) unless `closed`. Nothing but `triangles` means anything while `not_finite` triangles are among them.
    """

    triangles: int
    volume: float
    area: float
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    not_finite: int
    sketch: int
    trailing_bytes: int = 0

    @property
    def closed(self) -> bool:
        """Whether every edge cancels against its opposite, so that the surface bounds a solid."""
        return self.sketch == 0 and self.not_finite == 0

    @property
    def size(self) -> tuple[float, float, float]:
        """The sides of the box."""
        x, y, z = (high - low for low, high in zip(self.low, self.high, strict=True))
        return x, y, z

    @property
    def diagonal(self) -> float:
        """The diagonal of the box."""
        return float(np.linalg.norm(self.size))


def measure_binary_stl(file: BinaryIO, *, triangles: int | None = None) -> StreamedFacts:
    """Measure a binary STL that is positioned at its beginning.

    With `triangles` the caller vouches for the file's size; without, the header's count is held against it.
    Raises `QuotingRefusalError` when the file is cut short, miscounted or too large.
    """
    header = file.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES:
        raise truncated(f"It has {len(header)} bytes; the header alone takes {HEADER_BYTES}.")
    trailing = 0
    if triangles is None:
        triangles = announced_triangles(header)
        here = file.tell()
        trailing = check_size(triangles, file.seek(0, 2))
        file.seek(here)
    check_count(triangles)
    buffer = memoryview(bytearray(min(BLOCK, triangles) * FACET_BYTES))
    measure = Measure(min(BLOCK, triangles))
    for start in range(0, triangles, BLOCK):
        count = min(BLOCK, triangles - start)
        _fill(file, buffer[: count * FACET_BYTES], triangles)
        measure.add(np.ndarray((3, 3, count), "<f4", buffer, CORNERS_OFFSET, (4, 12, FACET_BYTES)))
    return measure.facts(trailing)


def measure_corners(corners: NDArray[np.float32]) -> StreamedFacts:
    """Measure triangles (n, 3 corners, 3 coordinates) in memory by the same arithmetic; n >= 1."""
    measure = Measure(min(BLOCK, len(corners)))
    for start in range(0, len(corners), BLOCK):
        measure.add(corners[start : start + BLOCK].transpose(2, 1, 0))
    return measure.facts()


class Measure:
    """The running sums of one pass and the buffers they are computed in."""

    def __init__(self, block: int) -> None:
        self._corners = np.empty((3, 3, block), np.float32)
        self._exact = np.empty((3, 3, block))
        self._words = self._exact.view(np.uint64)  # never needed at the same time, and the cache is small
        self._normals = np.empty((3, block))
        self._products = np.empty((2, block))
        self._triangles = self._not_finite = self._sketch = 0
        self._six_volumes = self._twice_area = 0.0
        self._twice_areas = np.zeros(3)  # of the projections; their sum is the lack of a closed surface
        self._low, self._high = np.full(3, np.inf, np.float32), np.full(3, -np.inf, np.float32)

    def add(self, block: Block) -> None:
        """Add at most as many triangles as the buffers hold."""
        count = block.shape[2]
        corners = self._corners[:, :, :count]
        with np.errstate(all="ignore"):
            np.copyto(corners, block)
            corners += np.float32(0)  # folds -0.0 into 0.0
            low, high = corners.min(axis=(1, 2)), corners.max(axis=(1, 2))
            if not np.isfinite(low + high).all():
                self._not_finite += int(np.count_nonzero(~np.isfinite(corners).all(axis=(0, 1))))
            np.minimum(self._low, low, out=self._low)
            np.maximum(self._high, high, out=self._high)
            self._add_solid(corners)
        words = self._words[:, :, :count]
        np.copyto(words, corners.view(np.uint32))
        first, second = hash_vertices(words)
        self._sketch += sketch_triangles(first, second)
        self._triangles += count

    def facts(self, trailing_bytes: int = 0) -> StreamedFacts:
        """The result so far."""
        x0, y0, z0 = self._low.tolist()
        x1, y1, z1 = self._high.tolist()
        # Moving the origin changes the sum by the lack of closedness alone, so it is done once, here.
        middle = (self._low.astype(np.float64) + self._high) / 2
        return StreamedFacts(
            triangles=self._triangles,
            volume=math.nan if self._not_finite else (self._six_volumes - float(middle @ self._twice_areas)) / 6,
            area=self._twice_area / 2,
            low=(x0, y0, z0),
            high=(x1, y1, z1),
            not_finite=self._not_finite,
            sketch=self._sketch % MODULUS,
            trailing_bytes=trailing_bytes,
        )

    def _add_solid(self, corners: Block) -> None:
        count = corners.shape[2]
        exact, normals, products = self._exact[:, :, :count], self._normals[:, :count], self._products[:, :count]
        np.copyto(exact, corners)
        origin, first, second = exact[:, 0], exact[:, 1], exact[:, 2]
        first -= origin
        second -= origin
        left, right = products
        for axis in range(3):
            following, last = (axis + 1) % 3, (axis + 2) % 3
            np.multiply(first[following], second[last], out=left)
            np.multiply(first[last], second[following], out=right)
            np.subtract(left, right, out=normals[axis])
            self._six_volumes += float(np.dot(origin[axis], normals[axis]))
        self._twice_areas += normals.sum(axis=1)
        normals *= normals
        np.add(normals[0], normals[1], out=left)
        left += normals[2]
        np.sqrt(left, out=left)
        self._twice_area += float(left.sum())


def _fill(file: BinaryIO, buffer: memoryview, triangles: int) -> None:
    read = cast("Callable[[memoryview], int | None]", file.readinto)  # type: ignore[attr-defined]
    filled = 0
    while filled < len(buffer):
        got = read(buffer[filled:])
        if not got:
            raise truncated(f"It ends before the last of its {triangles:,} triangles.")
        filled += got
