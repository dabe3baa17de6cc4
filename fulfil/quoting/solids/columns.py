"""What hangs over, and how much room is under it: a solid seen as columns of a grid (dexels)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fulfil.models.messages.profiles import Support
from fulfil.quoting.mesh import Corners
from fulfil.quoting.solids.cells import BITS, count_all, fallen, fill_words, grown, moved_down, set_bits

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SMALLEST_CELL_MM = 0.35
# Bounds time and memory: words of 64 layers (`cells`).
MOST_WORDS = 1_200_000
# A surface hangs over when it leans more than so many degrees from the vertical's far side, as slicers count.
OVERHANG_DEGREES = 50
# Less room than this, two layers, is bridged or closed without support.
SMALLEST_GAP_MM = 0.4
# Slicers let support stand out beside what it holds (fitted).
SPREAD_MM = 1.0
LAYER_MM = 0.2
MOST_LAYERS = 2500
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


@dataclass(frozen=True)
class Grid:
    """Upright columns: so many per row, so far apart."""

    cell_mm: float
    columns: int
    rows: int

    def shape(self, margin: int) -> tuple[int, int]:
        """Rows and columns with `margin` more at every side."""
        return self.rows + 2 * margin, self.columns + 2 * margin

    def widened(self, column: Integers, margin: int) -> Integers:
        """Numbers of the same columns in the grid with a margin."""
        row = column // self.columns
        return (row + margin) * (self.columns + 2 * margin) + column - row * self.columns + margin


@dataclass(frozen=True)
class Hits:
    """Where columns meet the surface, sorted by column and height."""

    grid: Grid
    column: Integers
    height_mm: Floats
    entering: NDArray[np.bool_]
    hanging: NDArray[np.bool_]
    starts: Integers  # for each hit, the first of its column


def stand_columns(corners: Corners, hits: Hits | None = None) -> Support:
    """Support a solid in mm, (n, 3, 3), needs as it stands; place and order of triangles don't matter.

    Each column of the grid counts its overhanging surfaces, and under each the room down to the next surface or the
    bed. Surfaces inside another body don't hang over anything. Memory is bounded: where too many surfaces lie above
    each other, the grid gets coarser. An open surface gives approximations. `hits` are those of `hit_columns`, for
    callers who have them already.
    """
    return _supported(hits or hit_columns(corners), float(_lowest_and_size(corners)[1][2]))


def hit_columns(corners: Corners) -> Hits:
    """Every hit of the columns of a grid, which is coarser where too many surfaces lie above each other."""
    lowest, size = _lowest_and_size(corners)
    words = min(float(size[2]) / LAYER_MM, MOST_LAYERS) // BITS + 1
    cell = max(SMALLEST_CELL_MM, math.sqrt(float(size[0] * size[1]) * words / MOST_WORDS))
    cell = max(cell, (_seen_mm2(corners, lowest) / MOST_HITS) ** 0.5)
    grid = Grid(cell, int(size[0] / cell) + 2, int(size[1] / cell) + 2)
    height_step = max(float(size[2]), 1e-6) / (HEIGHT_STEPS - 1)
    origin = np.array([lowest[0] - OFFSET[0] * cell, lowest[1] - OFFSET[1] * cell, lowest[2]])
    found = [np.zeros(0, np.uint64)]
    for start in range(0, len(corners), CHUNK_TRIANGLES):
        placed = (corners[start : start + CHUNK_TRIANGLES].astype(np.float64) - origin) / (cell, cell, height_step)
        found.extend(_hits(placed, grid.columns, height_step / cell))
    packed = np.sort(np.concatenate(found))
    column = (packed >> np.uint64(42)).astype(np.int64)
    height = (packed >> np.uint64(2) & np.uint64(HEIGHT_STEPS - 1)).astype(np.float64) * height_step
    at = np.arange(len(packed))
    starts = np.maximum.accumulate(np.where(np.diff(column, prepend=-1) > 0, at, 0))
    return Hits(grid, column, height, (packed & ENTERING) != 0, (packed & HANGING) != 0, starts)


def material_ends(hits: Hits) -> tuple[Integers, Floats]:
    """Column and height of the hits at which material begins or ends, bodies inside each other counting as one."""
    step = np.where(hits.entering, 1, -1)
    total = np.cumsum(step)
    depth = total - (total - step)[hits.starts]
    ends = np.flatnonzero((depth > 0) != (depth - step > 0))
    return hits.column[ends], hits.height_mm[ends]


def _lowest_and_size(corners: Corners) -> tuple[Floats, Floats]:
    # Axis by axis: three long runs are much quicker than a million short ones.
    axes = [corners[:, :, axis] for axis in range(3)]
    lowest = np.array([axis.min() for axis in axes], dtype=np.float64)
    return lowest, np.array([axis.max() for axis in axes], dtype=np.float64) - lowest


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
    low = np.minimum(np.minimum(z[:, 0], z[:, 1]), z[:, 2])
    high = np.maximum(np.maximum(z[:, 0], z[:, 1]), z[:, 2])
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


def _supported(hits: Hits, height_mm: float) -> Support:
    column, height, grid = hits.column, hits.height_mm, hits.grid
    below = np.where(hits.starts == np.arange(len(column)), 0, np.roll(height, 1))
    bodies_below = np.roll(np.cumsum(np.where(hits.entering, 1, -1)), 1)
    bodies_below[:1] = 0
    # In a closed solid every column ends outside; in an open one the count starts anew with each column.
    outside = bodies_below <= bodies_below[hits.starts]
    gap = height - below
    held = np.flatnonzero(outside & hits.hanging & (gap > SMALLEST_GAP_MM))
    tall = np.bincount(column[held], gap[held], minlength=1).astype(np.float64)
    room = _sections(below[held], height[held], height_mm) * grid.cell_mm**2
    plain = Support(
        overhang_mm2=_shortened(len(held) * grid.cell_mm**2),
        support_mm3=_shortened(gap[held].sum() * grid.cell_mm**2),
        sides_mm2=_shortened(_steps(tall, grid.columns) * grid.cell_mm),
        room_mm2=tuple(map(_shortened, room.tolist())),
    )
    return plain if not len(held) else _spread(plain, hits, held, height_mm)


def _spread(plain: Support, hits: Hits, held: Integers, height_mm: float) -> Support:
    """The same with the margin slicers give overhangs, which stands on the bed even where the overhang is within."""
    grid = hits.grid
    layers = min(max(1, math.ceil(height_mm / LAYER_MM)), MOST_LAYERS)
    spacing = height_mm / layers
    margin = max(1, round(SPREAD_MM / grid.cell_mm))
    shape = grid.shape(margin + 1)
    column, height = material_ends(hits)
    plane = np.clip(np.ceil(height / spacing - 0.5), 0, layers).astype(np.int64)
    free = ~fill_words(grid.widened(column, margin + 1), plane, shape, layers)
    roof = np.clip(np.ceil(hits.height_mm[held] / spacing - 0.5) - 1, 0, layers - 1).astype(np.int64)
    hanging = set_bits(grid.widened(hits.column[held], margin + 1), roof, shape, layers) & free
    room = fallen(grown(hanging, margin) & free, free, layers)
    upright = sum(count_all(side) for side in (room[:, 1:] ^ room[:, :-1], room[:, :, 1:] ^ room[:, :, :-1]))
    return plain.model_copy(
        update={
            "spread_overhang_mm2": _shortened(count_all(room & ~moved_down(room, 1)) * grid.cell_mm**2),
            "spread_support_mm3": _shortened(count_all(room) * grid.cell_mm**2 * spacing),
            "spread_sides_mm2": _shortened(upright * grid.cell_mm * spacing),
        }
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
