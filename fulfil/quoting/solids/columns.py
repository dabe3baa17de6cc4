"""What hangs over, and how much room is under it: a solid seen as columns of a grid (dexels)."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fulfil.models.messages.profiles import Support
from fulfil.quoting.mesh import Corners

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SMALLEST_CELL_MM = 0.35
CELLS_PER_SIDE = 200
# A surface hangs over when it leans more than so many degrees from the vertical's far side, as slicers count.
OVERHANG_DEGREES = 50
# Less room than this, two layers, is bridged or closed without support.
SMALLEST_GAP_MM = 0.4
CHUNK_TRIANGLES = 32_768
# Thousands of plates above each other get a coarser grid rather than all memory.
MOST_HITS = 6_000_000
CHUNK_ROWS = 1 << 19
# Puts the columns where corners of parts hardly ever are.
OFFSET = (0.4142135, 0.5773503)
HEIGHT_STEPS = 1 << 40
SLICES = 64  # of the height, in which the room under overhangs is told
ENTERING = np.uint64(2)  # bit of a hit: the surface faces down, so the solid begins here
HANGING = np.uint64(1)  # bit of a hit: so flat that it needs support


def stand_columns(corners: Corners) -> Support:
    """Support a solid in mm, (n, 3, 3), needs as it stands; place and order of triangles don't matter.

    Each column of the grid counts its overhanging surfaces, and under each the room down to the next surface or the
    bed. Surfaces inside another body don't hang over anything. Memory is bounded: where too many surfaces lie above
    each other, the grid gets coarser. An open surface gives approximations.
    """
    points = corners.reshape(-1, 3)
    lowest, highest = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
    size = highest - lowest
    cell = max(SMALLEST_CELL_MM, float(max(size[0], size[1])) / CELLS_PER_SIDE)
    cell = max(cell, (_seen_mm2(corners, lowest) / MOST_HITS) ** 0.5)
    columns = int(size[0] / cell) + 2
    height_step = max(float(size[2]), 1e-6) / (HEIGHT_STEPS - 1)
    origin = np.array([lowest[0] - OFFSET[0] * cell, lowest[1] - OFFSET[1] * cell, lowest[2]])
    hits = [np.zeros(0, np.uint64)]
    for start in range(0, len(corners), CHUNK_TRIANGLES):
        placed = (corners[start : start + CHUNK_TRIANGLES].astype(np.float64) - origin) / (cell, cell, height_step)
        hits.extend(_hits(placed, columns, height_step / cell))
    return _supported(np.sort(np.concatenate(hits)), cell, height_step, columns)


def _seen_mm2(corners: Corners, origin: Floats) -> float:
    """Area of all triangles seen from above: so many columns hit them."""
    seen = 0.0
    for start in range(0, len(corners), CHUNK_TRIANGLES):
        flat = corners[start : start + CHUNK_TRIANGLES, :, :2] - origin[:2]
        u, v = flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
        seen += float(np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]).sum()) / 2
    return seen


def _hits(placed: Floats, columns: int, height_per_cell: float) -> Iterator[NDArray[np.uint64]]:
    """Where columns (whole x and y) meet triangles: column, height and the two bits, packed so that they sort."""
    placed = placed[_reached(placed[:, :, 0]) & _reached(placed[:, :, 1])]
    normal_x, normal_y, normal_z = _normals(placed, height_per_cell)
    steep = np.cos(np.deg2rad(OVERHANG_DEGREES)) * np.sqrt(normal_x**2 + normal_y**2 + normal_z**2)
    bits = (normal_z < 0) * ENTERING + (normal_z < -steep) * HANGING
    standing = normal_z != 0
    placed, bits = placed[standing], bits[standing]
    slope_x, slope_y = (-(n[standing] / normal_z[standing]) / height_per_cell for n in (normal_x, normal_y))
    order = np.argsort(placed[:, :, 1], axis=1)
    x, y, z = (np.take_along_axis(placed[:, :, axis], order, axis=1) for axis in range(3))
    first, end = np.ceil(y[:, 0]).astype(np.int64), np.ceil(y[:, 2]).astype(np.int64)
    at_x, at_y, at_z = (np.ascontiguousarray(values[:, 0]) for values in (x, y, z))
    low, high = z.min(axis=1), z.max(axis=1)
    rows = end - first
    for part in _portions(rows):
        triangle = np.repeat(np.arange(len(rows))[part], rows[part])
        row = first[triangle] + _counted(rows[part])
        left, right = _chord(x[triangle], y[triangle], row)
        begin = np.ceil(left).astype(np.int64)
        across = np.maximum(np.ceil(right).astype(np.int64) - begin, 0)
        triangle, row = np.repeat(triangle, across), np.repeat(row, across)
        column = np.repeat(begin, across) + _counted(across)
        height = slope_x[triangle] * (column - at_x[triangle]) + slope_y[triangle] * (row - at_y[triangle])
        height = np.clip(height + at_z[triangle], low[triangle], high[triangle])
        yield _packed(row * columns + column, height, bits[triangle])


def _reached(coordinate: Floats) -> NDArray[np.bool_]:
    """Whether a column's coordinate lies between those of a triangle's corners."""
    a, b, c = coordinate[:, 0], coordinate[:, 1], coordinate[:, 2]
    reached: NDArray[np.bool_] = np.ceil(np.maximum(np.maximum(a, b), c)) > np.ceil(np.minimum(np.minimum(a, b), c))
    return reached


def _normals(placed: Floats, height_per_cell: float) -> tuple[Floats, Floats, Floats]:
    u, v = placed[:, 1] - placed[:, 0], placed[:, 2] - placed[:, 0]
    uz, vz = u[:, 2] * height_per_cell, v[:, 2] * height_per_cell
    return u[:, 1] * vz - uz * v[:, 1], uz * v[:, 0] - u[:, 0] * vz, u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]


def _chord(x: Floats, y: Floats, row: Integers) -> tuple[Floats, Floats]:
    """Both ends in x of the rows through triangles; computed alike for both triangles of an edge, so no hit is lost."""
    ends: list[Floats] = []
    upper = row >= y[:, 1]
    for low, high in ((np.zeros_like(row), np.full_like(row, 2)), (np.where(upper, 1, 0), np.where(upper, 2, 1))):
        at = np.arange(len(row))
        x_low, y_low, x_high, y_high = x[at, low], y[at, low], x[at, high], y[at, high]
        span = y_high - y_low
        ends.append(x_low + (x_high - x_low) * ((row - y_low) / np.where(span > 0, span, 1)))
    return np.minimum(ends[0], ends[1]), np.maximum(ends[0], ends[1])


def _portions(rows: Integers) -> Iterator[slice]:
    """Slices of triangles that have at most `CHUNK_ROWS` rows together."""
    ends = np.cumsum(rows)
    start = 0
    while start < len(rows):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + CHUNK_ROWS, side="right")))
        yield slice(start, stop)
        start = stop


def _counted(counts: Integers) -> Integers:
    """0, 1, ... up to each count, one after the other."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)


def _packed(cell: Integers, height: Floats, bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    steps = np.clip(height, 0, HEIGHT_STEPS - 1).astype(np.uint64)
    return cell.astype(np.uint64) << np.uint64(42) | steps << np.uint64(2) | bits


def _supported(hits: NDArray[np.uint64], cell: float, height_step: float, columns: int) -> Support:
    column = (hits >> np.uint64(42)).astype(np.int64)
    height = (hits >> np.uint64(2) & np.uint64(HEIGHT_STEPS - 1)).astype(np.float64) * height_step
    first_of_column = np.diff(column, prepend=-1) > 0
    below = np.where(first_of_column, 0, np.roll(height, 1))
    entering = (hits & ENTERING) != 0
    bodies_below = np.roll(np.cumsum(np.where(entering, 1, -1)), 1)
    bodies_below[:1] = 0
    # In a closed solid every column ends outside; in an open one the count starts anew with each column.
    first = np.maximum.accumulate(np.where(first_of_column, np.arange(len(hits)), 0))
    outside = bodies_below <= bodies_below[first]
    gap = height - below
    held = np.flatnonzero(outside & ((hits & HANGING) != 0) & (gap > SMALLEST_GAP_MM))
    tall = np.bincount(column[held], gap[held], minlength=1).astype(np.float64)
    return Support(
        overhang_mm2=_shortened(len(held) * cell**2),
        support_mm3=_shortened(gap[held].sum() * cell**2),
        sides_mm2=_shortened(_steps(tall, columns) * cell),
        room_mm2=tuple(
            map(_shortened, (_sections(below[held], height[held], HEIGHT_STEPS * height_step) * cell**2).tolist())
        ),
    )


def _steps(tall: Floats, columns: int) -> float:
    """Sum of the differences in height between neighbouring columns."""
    rows = -(-len(tall) // columns)
    field = np.zeros((rows + 2, columns + 2))
    field[1:-1, 1:-1] = np.pad(tall, (0, rows * columns - len(tall))).reshape(rows, columns)
    return float(np.abs(np.diff(field, axis=0)).sum() + np.abs(np.diff(field, axis=1)).sum())


def _sections(low: Floats, high: Floats, height: float) -> Floats:
    """How many columns stand at the middle of each slice of the height."""
    start, end = (np.clip(np.ceil(z / height * SLICES - 0.5), 0, SLICES).astype(np.int64) for z in (low, high))
    return np.cumsum(np.bincount(start, minlength=SLICES + 1) - np.bincount(end, minlength=SLICES + 1))[:-1].astype(
        np.float64
    )


def _shortened(value: float) -> float:
    return float(f"{value:.6g}")
