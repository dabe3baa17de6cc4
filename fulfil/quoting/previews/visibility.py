"""Which triangle every sample of the picture shows: a depth buffer filled by horizontal spans, all in numpy."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fulfil.quoting.previews.camera import Floats, View

Ints = NDArray[np.int32]

NOTHING = np.int32(-1)
CHUNK = 1 << 17
# What is drawn at once, and what may be drawn in all before the farthest triangles are left out.
BATCH_SAMPLES, BATCH_ROWS = 1 << 20, 1 << 20
MAX_OVERDRAW = 120
HALF = np.float32(0.5)
LEAST_FACING = np.float32(1e-4)  # flatter triangles are seen edge-on: their depth has no meaning
DEPTH_STEPS = float(1 << 28)  # from the middle to the nearest point
MIDDLE = 4 * DEPTH_STEPS  # a span that grows too far by rounding still stays within 31 bits
EMPTY = -(1 << 63) + 0xFFFFFFFF  # far behind everything, with `NOTHING` for a facet
EDGES = ((0, 1), (1, 2), (2, 0))
# Twice the area over the length, in samples: below it a triangle can slip between the samples.
SLIVER = 1.0


@dataclass(frozen=True)
class Facets:
    """The triangles that face the viewer, by their planes: normal (n, 3) in view space, unit length.

    `index` says which triangle of the view each one is, `back` that its inside is seen.
    """

    index: Ints
    normal: Floats
    back: NDArray[np.bool_]


@dataclass(frozen=True)
class Seen:
    """`facet` (rows, columns): the facet of every sample or `NOTHING`; `depth` in samples towards the viewer.

    Where nothing is, the depth lies farther behind the part than the part is deep.
    """

    facet: Ints
    depth: Floats

    @property
    def filled(self) -> slice:
        """The rows in which something is, and two more on either side where there are any."""
        rows = np.flatnonzero(self.facet.max(axis=1) >= 0)
        return slice(max(int(rows[0]) - 2, 0), int(rows[-1]) + 3) if len(rows) else slice(0, 0)


def facing(view: View, *, two_sided: bool) -> Facets:
    """The triangles to draw: those that face the viewer, and of open surfaces the others too, turned round.

    A closed surface that is inside out as a whole is drawn as if it were not.
    """
    indices: list[Ints] = []
    normals: list[Floats] = []
    backs: list[NDArray[np.bool_]] = []
    turned = -1.0 if not two_sided and _signed_volume(view) < 0 else 1.0
    for start in range(0, view.x.shape[1], CHUNK):
        normal = cross(view, slice(start, start + CHUNK)) * np.float32(turned)
        back = normal[2] < 0
        length = np.sqrt(normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2])
        towards = np.abs(normal[2]) if two_sided else normal[2]
        keep = np.flatnonzero(towards > LEAST_FACING * length)
        normal, back, length = normal[:, keep], back[keep], length[keep]
        length[back] *= -1
        indices.append((keep + start).astype(np.int32))
        normals.append(np.ascontiguousarray((normal / length).T))
        backs.append(back)
    return Facets(np.concatenate(indices), np.concatenate(normals), np.concatenate(backs))


def cross(view: View, part: slice) -> Floats:
    """The normals (3, n) of some triangles in view space, as long as twice their areas."""
    (ax, bx, cx), (ay, by, cy), (az, bz, cz) = view.x[:, part], view.y[:, part], view.z[:, part]
    ux, uy, uz, vx, vy, vz = bx - ax, by - ay, bz - az, cx - ax, cy - ay, cz - az
    return np.stack([uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx])


def _signed_volume(view: View) -> float:
    total = 0.0
    for start in range(0, view.x.shape[1], CHUNK):
        part = slice(start, start + CHUNK)
        (ax, bx, cx), (ay, by, cy) = view.x[:, part], view.y[:, part]
        seen_area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        total += float((seen_area * view.z[:, part].sum(axis=0)).sum(dtype=np.float64))
    return total


def resolve(view: View, facets: Facets, width: int, height: int) -> Seen:
    """Find the nearest facet of every sample; shared edges leave no gap, because both sides compute them alike."""
    reach = float(np.abs(view.z).max()) + 1
    steps = DEPTH_STEPS / reach
    nearest = np.full(width * height, EMPTY, np.int64)
    batches = _batches(view, facets, width * height)
    for batch in batches:
        _draw(view, facets, batch, nearest, width, steps)
    for batch in batches:
        _draw_sliver_dots(view, facets, batch, nearest, (width, height), steps)
    halves = nearest.view("<i4").reshape(-1, 2)
    facet = np.ascontiguousarray(halves[:, 0])
    depth = halves[:, 1].astype(np.float32)
    depth -= np.float32(MIDDLE)
    depth *= np.float32(1 / steps)
    return Seen(facet.reshape(height, width), depth.reshape(height, width))


def _batches(view: View, facets: Facets, samples: int) -> list[Ints]:
    """Every facet, in batches of bounded memory; of a mesh more layered than any part, only the nearest."""
    wide, tall = (np.maximum.reduce(side) - np.minimum.reduce(side) for side in (view.x, view.y))
    effort = wide * tall / 2 + tall
    order = np.arange(len(facets.index), dtype=np.int32)
    if effort.sum(dtype=np.float64) > MAX_OVERDRAW * samples:
        order = np.argsort(-view.z[:, facets.index].max(axis=0), kind="stable").astype(np.int32)
        spent = np.cumsum(effort[facets.index[order]], dtype=np.float64)
        order = order[: max(1, int(np.searchsorted(spent, MAX_OVERDRAW * samples)))]
    rows = (np.maximum(wide, tall) + 1)[facets.index[order]]
    return [order[part] for part in _split(np.cumsum(rows, dtype=np.float64), BATCH_ROWS, CHUNK)]


def _split(ends: NDArray[np.float64] | NDArray[np.int64], most: int, most_items: int) -> Iterator[slice]:
    """Runs of items whose sum stays within `most`; one item alone may be larger. `ends` are their cumulated sizes."""
    first = 0
    while first < len(ends):
        done = float(ends[first - 1]) if first else 0.0
        last = int(np.searchsorted(ends, done + most, side="right"))
        last = max(first + 1, min(last, first + most_items))
        yield slice(first, last)
        first = last


def _draw(view: View, facets: Facets, chosen: Ints, nearest: NDArray[np.int64], width: int, steps: float) -> None:
    spans = _spans(view, facets, chosen, width, steps)
    for part in _split(np.cumsum(spans.count, dtype=np.int64), BATCH_SAMPLES, len(spans.count)):
        _fill(spans, part, nearest)


@dataclass(frozen=True)
class _Spans:
    """Runs of `count` samples from `place` on; their keys begin with `key` and grow by `step`."""

    key: NDArray[np.int64]
    step: NDArray[np.int64]
    place: NDArray[np.int64]
    count: Ints


def _spans(view: View, facets: Facets, chosen: Ints, width: int, steps: float) -> _Spans:
    """The runs of samples every facet covers, row by row."""
    x, y, z = _sorted_upwards(view, facets.index[chosen])
    begin, middle, end = (np.ceil(value - HALF).astype(np.int32) for value in y)
    wide = np.ceil(np.maximum.reduce(x) - HALF) > np.ceil(np.minimum.reduce(x) - HALF)
    tall = np.flatnonzero((end > begin) & wide)
    chosen, begin, middle, rows = chosen[tall], begin[tall], middle[tall], (end - begin)[tall]
    (xa, xb, xc), (ya, yb, yc), za = x[:, tall], y[:, tall], z[0, tall]
    normal = facets.normal[chosen]
    slope, rise = -normal[:, 0] / normal[:, 2], -normal[:, 1] / normal[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        lean, lower_lean, upper_lean = (xc - xa) / (yc - ya), (xb - xa) / (yb - ya), (xc - xb) / (yc - yb)
    owner = np.repeat(np.arange(len(tall), dtype=np.int32), rows)
    row = np.arange(len(owner), dtype=np.int32)
    row -= np.repeat(np.cumsum(rows, dtype=np.int32) - rows - begin, rows)
    level = row.astype(np.float32) + HALF
    above = level - ya[owner]
    start = xa[owner]
    side = start + above * lean[owner]
    bend = owner + (row >= middle[owner]) * np.int32(len(tall))
    other = np.concatenate([xa, xb])[bend]
    other += (level - np.concatenate([ya, yb])[bend]) * np.concatenate([lower_lean, upper_lean])[bend]
    left = np.ceil(np.minimum(side, other) - HALF).astype(np.int32)
    count = np.ceil(np.maximum(side, other) - HALF).astype(np.int32)
    count -= left
    full = np.flatnonzero(count > 0)
    owner, left, count = owner[full], left[full], count[full]
    step = (slope.astype(np.float64) * steps)[owner]
    depth = (za.astype(np.float64) * steps)[owner] + (rise.astype(np.float64) * steps)[owner] * above[full]
    depth += step * (left.astype(np.float32) + HALF - start[full])
    growth = np.clip(step, -2 * DEPTH_STEPS / count, 2 * DEPTH_STEPS / count).astype(np.int64) << 32
    key = depth_level(depth) << 32
    key |= chosen[owner]
    return _Spans(key, growth, row[full].astype(np.int64) * width + left, count)


def depth_level(steps: NDArray[np.float64]) -> NDArray[np.int64]:
    """A depth as a whole number that leaves a span within 31 bits, whichever way it goes."""
    return np.clip(steps + MIDDLE, MIDDLE - DEPTH_STEPS, MIDDLE + DEPTH_STEPS).astype(np.int64)


def _sorted_upwards(view: View, index: Ints) -> tuple[Floats, Floats, Floats]:
    """The corners by height: both neighbours of an edge then see its ends in the same order."""
    y = view.y[:, index]
    code = (y[0] > y[1]) + 2 * (y[1] > y[2]) + 4 * (y[0] > y[2])
    ranks = np.array(
        [[0, 1, 2], [1, 0, 2], [0, 2, 1], [0, 1, 2], [0, 1, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]], np.int64
    )[code].T
    flat = ranks * view.x.shape[1] + index
    return view.x.reshape(-1)[flat], view.y.reshape(-1)[flat], view.z.reshape(-1)[flat]


def _fill(spans: _Spans, part: slice, nearest: NDArray[np.int64]) -> None:
    """Offer every sample of some spans its key, and keep the greatest: depth above, facet below.

    Keys along a span are whole-number steps counted from a common origin; that they wrap around does not matter.
    """
    count = spans.count[part]
    start = np.cumsum(count, dtype=np.int64) - count
    ahead = np.arange(int(start[-1]) + int(count[-1]), dtype=np.int64)
    place = np.repeat(spans.place[part] - start, count)
    place += ahead
    key = np.repeat(spans.step[part], count)
    key *= ahead
    key += np.repeat(spans.key[part] - start * spans.step[part], count)
    np.maximum.at(nearest, place, key)


def _draw_sliver_dots(
    view: View, facets: Facets, chosen: Ints, nearest: NDArray[np.int64], frame: tuple[int, int], steps: float
) -> None:
    """Dot what is thinner than a sample along its longest edge, only where nothing else is: wires keep whole."""
    index = facets.index[chosen]
    x, y = view.x[:, index], view.y[:, index]
    area = np.abs((x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]))
    reach = np.stack([np.maximum(np.abs(x[a] - x[b]), np.abs(y[a] - y[b])) for a, b in EDGES])
    longest = reach.max(axis=0)
    thin = np.flatnonzero(area < SLIVER * np.maximum(longest, 1))
    ends = np.array(EDGES)[reach[:, thin].argmax(axis=0)].T
    dots = np.ceil(longest[thin]).astype(np.int32) + 1
    owner = np.repeat(np.arange(len(thin), dtype=np.int32), dots)
    along = np.arange(len(owner), dtype=np.int32) - np.repeat(np.cumsum(dots, dtype=np.int32) - dots, dots)
    share = (along.astype(np.float32) + HALF) / dots[owner]
    px, py, pz = ((side[ends[0], index[thin]], side[ends[1], index[thin]]) for side in (view.x, view.y, view.z))
    column = np.clip(px[0][owner] + share * (px[1] - px[0])[owner], 0, frame[0] - 1).astype(np.int32)
    row = np.clip(py[0][owner] + share * (py[1] - py[0])[owner], 0, frame[1] - 1).astype(np.int32)
    place = row * np.int32(frame[0]) + column
    free = np.flatnonzero(nearest[place] == EMPTY)
    owner, place = owner[free], place[free]
    depth = pz[0][owner] + share[free] * (pz[1] - pz[0])[owner]
    key = depth_level(depth.astype(np.float64) * steps) << 32
    np.maximum.at(nearest, place, key | chosen[thin[owner]])
