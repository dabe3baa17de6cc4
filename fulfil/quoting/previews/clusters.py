"""Fewer triangles: vertices that share a cell of a grid become one, where it fits the surface best."""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from fulfil.quoting.mesh import Corners

Doubles = NDArray[np.float64]

CHUNK = 1 << 18
SAMPLE = 1 << 17
SEARCH_STEPS = 12
MAX_CELLS = 1 << 24
FEWEST_CELLS = 4  # along each axis, so that a plate keeps its thickness
# A little of the mean in every cluster's equations: flat and straight places have no single best point.
DAMPING = 1e-3


@dataclass(frozen=True)
class _Grid:
    low: NDArray[np.float32]
    pitch: NDArray[np.float32]
    cells: tuple[int, int, int]

    def keys(self, corners: Corners) -> NDArray[np.int32]:
        """The cell of every corner, (n, 3)."""
        keys = self._along(corners, 0)
        for axis in (1, 2):
            keys *= np.int32(self.cells[axis])
            keys += self._along(corners, axis)
        return keys

    def _along(self, corners: Corners, axis: int) -> NDArray[np.int32]:
        steps = (corners[..., axis] - self.low[axis]) * (1 / self.pitch[axis])
        along: NDArray[np.int32] = np.minimum(steps, self.cells[axis] - 1).astype(np.int32)
        return along


def cluster(
    corners: Corners, low: Doubles, high: Doubles, max_triangles: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Points (v, 3) and at most `max_triangles` triangles (t, 3) of them; the box of `corners` is `low` to `high`."""
    pitch = _pitch(corners, low, high, max_triangles)
    while True:
        grid = _grid(low, high, pitch)
        keys = np.concatenate([_surviving(grid, corners[at : at + CHUNK]) for at in range(0, len(corners), CHUNK)])
        cells, corner_cells = np.unique(keys, return_inverse=True)
        triangles = _distinct(corner_cells.reshape(-1, 3))
        if len(triangles) <= max_triangles:
            return _best_points(corners, grid, cells), triangles
        pitch *= max(1.05, (len(triangles) / max_triangles) ** 0.5)


def _grid(low: Doubles, high: Doubles, pitch: float) -> _Grid:
    size = np.maximum(high - low, 1e-9)
    # A table of all cells must fit.
    pitch = max(pitch, float(size.max()) / 2000, float(np.prod(size) / MAX_CELLS) ** (1 / 3))
    pitches = np.clip(size / FEWEST_CELLS, pitch / FEWEST_CELLS, pitch)
    x, y, z = (int(cells) + 1 for cells in size / pitches)
    return _Grid(low.astype(np.float32), pitches.astype(np.float32), (x, y, z))


def _pitch(corners: Corners, low: Doubles, high: Doubles, max_triangles: int) -> float:
    """The finest pitch that seems to leave few enough triangles, judged by a sample of them."""
    stride = -(-len(corners) // SAMPLE)
    sample = np.ascontiguousarray(corners[::stride])
    longest = float((high - low).max())
    fine, coarse = longest / 2000, longest / 4
    for _ in range(SEARCH_STEPS):
        pitch = (fine * coarse) ** 0.5
        if len(_surviving(_grid(low, high, pitch), sample)) * stride > max_triangles:
            fine = pitch
        else:
            coarse = pitch
    return coarse


def _surviving(grid: _Grid, corners: Corners) -> NDArray[np.int32]:
    """The cells (n, 3) of the triangles whose corners lie in three."""
    keys = grid.keys(corners)
    a, b, c = keys.T
    apart: NDArray[np.bool_] = (a != b) & (b != c) & (c != a)
    return keys[apart]


def _distinct(triangles: NDArray[np.int64]) -> NDArray[np.int64]:
    """Every triangle once, in the order they came; turning one around makes it another."""
    if not len(triangles):
        return triangles
    first = triangles.argmin(axis=1)
    turned: NDArray[np.int64] = triangles[np.arange(len(triangles))[:, None], (first[:, None] + np.arange(3)) % 3]
    base = np.uint64(int(triangles.max()) + 1)
    a, b, c = turned.astype(np.uint64).T
    _, kept = np.unique((a * base + b) * base + c, return_index=True)
    return np.take(turned, np.sort(kept), axis=0)


def _best_points(corners: Corners, grid: _Grid, cells: NDArray[np.int32]) -> NDArray[np.float32]:
    """For every cell the point nearest to the planes of the triangles in it, kept within the cell."""
    total = len(cells)
    table = np.full(int(np.prod(grid.cells)), total, np.int32)
    table[cells] = np.arange(total, dtype=np.int32)
    sums = np.zeros((13, total + 1))
    for at in range(0, len(corners), CHUNK):
        _accumulate(corners[at : at + CHUNK], grid, table, sums)
    sums = sums[:, :total]
    z = cells % grid.cells[2]
    y = cells // grid.cells[2] % grid.cells[1]
    x = cells // (grid.cells[2] * grid.cells[1])
    middle = (np.stack([x, y, z], axis=1) + 0.5) * grid.pitch
    mean = sums[:3].T / np.maximum(sums[3], 1)[:, None]
    xx, xy, xz, yy, yz, zz, dx, dy, dz = sums[4:]
    matrix = np.stack([xx, xy, xz, xy, yy, yz, xz, yz, zz], axis=1).reshape(-1, 3, 3)
    weight = DAMPING * (xx + yy + zz) + 1e-12
    matrix[:, (0, 1, 2), (0, 1, 2)] += weight[:, None]
    wanted = np.stack([dx, dy, dz], axis=1) + weight[:, None] * mean
    best = cast("Doubles", np.linalg.solve(matrix, wanted[..., None]))[..., 0]
    half = grid.pitch / 2
    return np.add(np.clip(best, middle - half, middle + half), grid.low).astype(np.float32)


def _accumulate(corners: Corners, grid: _Grid, table: NDArray[np.int32], sums: Doubles) -> None:
    """Add to every cell's sums: its corners, their number, and the planes of their triangles, large ones more.

    Rows: x, y, z, number; the six entries of the planes' matrix; their right side. Lengths are from the grid's corner.
    """
    owner = table[grid.keys(corners)]
    points = corners.transpose(1, 2, 0).astype(np.float64) - grid.low[:, None]
    a, b, c = points
    u, v = b - a, c - a
    nx, ny, nz = u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]
    doubled = np.maximum(np.sqrt(nx * nx + ny * ny + nz * nz), 1e-30)
    along = (nx * a[0] + ny * a[1] + nz * a[2]) / doubled
    mx, my, mz = nx / doubled, ny / doubled, nz / doubled
    planes = (mx * nx, mx * ny, mx * nz, my * ny, my * nz, mz * nz, nx * along, ny * along, nz * along)
    total = sums.shape[1]
    for corner in range(3):
        cell = owner[:, corner]
        for axis in range(3):
            sums[axis] += np.bincount(cell, weights=points[corner, axis], minlength=total)
        sums[3] += np.bincount(cell, minlength=total)
        for row, weights in enumerate(planes):
            sums[4 + row] += np.bincount(cell, weights=weights, minlength=total)
