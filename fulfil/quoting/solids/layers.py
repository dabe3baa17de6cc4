"""Cuts a solid into layers: section, outline, corners and skins at every height, without building any outline.

A plane cuts a triangle along a chord whose length grows linearly from the lowest corner to the middle one and shrinks
to the highest. So outline and section (by Green's theorem) are sums of polynomials in the height, one per triangle
and half, and where two triangles meet, the outline turns by the same angle at every height. Nothing is chained, and
tall triangles cost no more than flat ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fulfil.models.messages.profiles import LayerProfile, Samples
from fulfil.quoting.mesh import Corners
from fulfil.quoting.solids.columns import Hits, hit_columns
from fulfil.quoting.solids.inside import BOTTOM_LAYERS, TOP_LAYERS, look_inside
from fulfil.quoting.solids.turns import measure_turns

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LAYER_HEIGHT_MM = 0.2
MAX_SAMPLES = 2500
# Few enough that all arrays of a chunk stay in the processor's cache.
CHUNK_TRIANGLES = 16_384
# Up to so many planes are evaluated one by one; beyond, summing coefficients is cheaper, and precise enough.
FEW_PLANES = 6
SIGNIFICANT_DIGITS = 6

# Skins: how much of the step that a slope leaves between two layers the walls cover (fitted to a slicer's solid
# infill, in mm).
TOP_COVERED_MM = 0.533
BOTTOM_COVERED_MM = 0.5


@dataclass(frozen=True)
class Planes:
    """The cutting planes: `count` of them, `spacing_mm` apart, the first half a spacing above the bed."""

    count: int
    spacing_mm: float

    def first_from(self, heights_mm: Floats) -> Integers:
        """Index of the first plane at or above each height above the bed; `count` if there is none."""
        index = np.ceil(heights_mm / self.spacing_mm - 0.5)
        return np.clip(index, 0, self.count).astype(np.int64)


class _Sums:
    """Sums over triangles of a polynomial up to the second degree, at every plane."""

    def __init__(self, planes: Planes) -> None:
        self._heights = (np.arange(planes.count) + 0.5) * planes.spacing_mm
        self._direct = np.zeros(planes.count)
        self._steps = np.zeros((3, planes.count + 1))

    def add(self, at: Integers, values: Floats) -> None:
        self._direct += np.bincount(at, values, len(self._direct))

    def add_between(self, first: Integers, end: Integers, *coefficients: Floats) -> None:
        """Add `coefficients[0] + coefficients[1] * height + ...` from plane `first` until before plane `end`."""
        length = len(self._direct) + 1
        for degree, values in enumerate(coefficients):
            self._steps[degree] += np.bincount(first, values, length) - np.bincount(end, values, length)

    def total(self) -> Floats:
        constant, linear, quadratic = np.cumsum(self._steps[:, :-1], axis=1)
        total: Floats = self._direct + constant + self._heights * (linear + self._heights * quadratic)
        return total


@dataclass(frozen=True)
class _Half:
    """The lower or upper half of triangles: chords grow from the corner at `apex` to the middle corner."""

    first: Integers
    end: Integers
    apex: Floats
    length_slope: Floats  # chord length = length_slope * (z - apex)
    moment: Floats  # section = (moment + moment_slope * z) * (z - apex)
    moment_slope: Floats
    skin_area: Floats  # skin below z = skin_area + skin_growth * (z - apex)^2
    skin_growth: Floats
    upward: NDArray[np.bool_]

    def only(self, at: Integers) -> "_Half":
        """These triangles alone."""
        return _Half(
            self.first[at],
            self.end[at],
            self.apex[at],
            self.length_slope[at],
            self.moment[at],
            self.moment_slope[at],
            self.skin_area[at],
            self.skin_growth[at],
            self.upward[at],
        )


@dataclass(frozen=True)
class _Tally:
    planes: Planes
    section: _Sums
    perimeter: _Sums
    skins_up: _Sums
    skins_down: _Sums
    skin_totals: Floats  # up, down


def slice_layers(
    corners: Corners, layer_height_mm: float = LAYER_HEIGHT_MM, *, hits: Hits | None = None
) -> LayerProfile:
    """Profile of a solid in mm, (n, 3, 3), standing on its lowest point; place and order of triangles don't matter.

    Memory is bounded for any number of triangles. Above `MAX_SAMPLES` layers (half a metre at 0.2 mm) so many
    planes are cut, evenly spaced; above `turns.MOST_SIDES` sides of triangles, corners are estimated from a sample.
    An open surface gives approximations. `hits` are those of `hit_columns`, for callers who have them already.
    """
    lowest, highest = _bounds(corners)
    height = float(highest[2] - lowest[2])
    layers = max(1, int(np.ceil(height / layer_height_mm - 0.5 - 1e-4)))
    samples = min(layers, MAX_SAMPLES)
    planes = Planes(samples, layer_height_mm * (layers / samples))
    origin = np.array([(lowest[0] + highest[0]) / 2, (lowest[1] + highest[1]) / 2, lowest[2]])
    tally = _Tally(planes, _Sums(planes), _Sums(planes), _Sums(planes), _Sums(planes), np.zeros(2))
    for start in range(0, len(corners), CHUNK_TRIANGLES):
        points = corners[start : start + CHUNK_TRIANGLES].astype(np.float64) - origin
        for half in _halves(points, layer_height_mm, tally):
            _add_half(half, tally)
    turning, loops = measure_turns(corners, float(lowest[2]), planes.count, planes.spacing_mm)
    section = np.maximum(tally.section.total(), 0)
    inside, sparse = look_inside(hits or hit_columns(corners), section, planes.spacing_mm, layer_height_mm)
    up, down = tally.skins_up.total(), tally.skins_down.total()
    return LayerProfile(
        layer_height_mm=layer_height_mm,
        layers=layers,
        layers_per_sample=layers / samples,
        section_mm2=_rounded(section),
        perimeter_mm=_rounded(tally.perimeter.total()),
        corners=_rounded(turning),
        loops=_rounded(loops),
        # An upward skin belongs to the last layer below it, a downward one to the first layer above.
        top_mm2=_rounded(np.diff(up, append=tally.skin_totals[0])),
        bottom_mm2=_rounded(np.diff(down, prepend=0)),
        inside_mm2=_rounded(inside),
        sparse_mm2=_rounded(sparse),
    )


def _bounds(corners: Corners) -> tuple[Floats, Floats]:
    # Axis by axis: three long runs are much quicker than a million short ones.
    axes = [corners[:, :, axis] for axis in range(3)]
    return np.array([a.min() for a in axes], dtype=np.float64), np.array([a.max() for a in axes], dtype=np.float64)


def _halves(points: Floats, layer_height_mm: float, tally: _Tally) -> Iterator[_Half]:
    x, y, z = (np.ascontiguousarray(points[:, :, axis].T) for axis in range(3))
    ux, uy, uz = x[1] - x[0], y[1] - y[0], z[1] - z[0]
    vx, vy, vz = x[2] - x[0], y[2] - y[0], z[2] - z[0]
    normal_x, normal_y, normal_z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    flat = np.hypot(normal_x, normal_y)
    low, high = np.minimum(np.minimum(z[0], z[1]), z[2]), np.maximum(np.maximum(z[0], z[1]), z[2])
    middle = np.maximum(np.minimum(z[0], z[1]), np.minimum(np.maximum(z[0], z[1]), z[2]))
    upward = normal_z > 0
    skin = _skins(normal_z, flat, upward, layer_height_mm)
    at_low, at_middle, at_high = (tally.planes.first_from(heights) for heights in (low, middle, high))
    for mask, sums, index in ((upward, tally.skins_up, 0), (~upward, tally.skins_down, 1)):
        tally.skin_totals[index] += skin[mask].sum()
        ends = at_high[mask]
        sums.add_between(ends, np.full_like(ends, tally.planes.count), skin[mask])
    moment = normal_x * x[0] + normal_y * y[0] + normal_z * z[0]
    for first, end, apex, base in ((at_low, at_middle, low, 0.0), (at_middle, at_high, high, 1.0)):
        crossed = np.flatnonzero(end > first)
        tip, span = apex[crossed], (high - low)[crossed]
        # Positive below the middle and negative above it, as is (z - apex).
        scale = 1 / (span * (middle[crossed] - tip))
        yield _Half(
            first[crossed],
            end[crossed],
            tip,
            flat[crossed] * scale,
            0.5 * moment[crossed] * scale,
            -0.5 * normal_z[crossed] * scale,
            skin[crossed] * base,
            skin[crossed] * scale,
            upward[crossed],
        )


def _skins(normal_z: Floats, flat: Floats, upward: NDArray[np.bool_], layer_height_mm: float) -> Floats:
    """Area of each triangle seen from above, less what the walls cover of it."""
    covered = np.where(upward, TOP_COVERED_MM / TOP_LAYERS, BOTTOM_COVERED_MM / BOTTOM_LAYERS) / layer_height_mm
    projected = np.abs(normal_z)
    skins: Floats = 0.5 * np.maximum(projected - covered * flat, 0)
    return skins


def _add_half(half: _Half, tally: _Tally) -> None:
    count = half.end - half.first
    few = np.flatnonzero(count <= FEW_PLANES)
    _add_one_by_one(half.only(few), count[few], tally)
    many = half.only(np.flatnonzero(count > FEW_PLANES))
    tip = many.apex
    tally.perimeter.add_between(many.first, many.end, -many.length_slope * tip, many.length_slope)
    tally.section.add_between(
        many.first, many.end, -many.moment * tip, many.moment - many.moment_slope * tip, many.moment_slope
    )
    for sums, skins in _skinned(many, tally):
        growth, tip = skins.skin_growth, skins.apex
        sums.add_between(skins.first, skins.end, skins.skin_area + growth * tip**2, -2 * growth * tip, growth)


def _add_one_by_one(half: _Half, count: Integers, tally: _Tally) -> None:
    for step in range(int(count.max(initial=0))):
        going_on = np.flatnonzero(count > step)
        half, count = half.only(going_on), count[going_on]
        plane = half.first + step
        z = (plane + 0.5) * tally.planes.spacing_mm
        above = z - half.apex
        tally.perimeter.add(plane, half.length_slope * above)
        tally.section.add(plane, (half.moment + half.moment_slope * z) * above)
        for sums, skins in _skinned(half, tally):
            at = skins.first + step
            above = (at + 0.5) * tally.planes.spacing_mm - skins.apex
            sums.add(at, skins.skin_area + skins.skin_growth * above**2)


def _skinned(half: _Half, tally: _Tally) -> Iterator[tuple[_Sums, _Half]]:
    """Those flat enough to have a skin, with the sums it belongs to."""
    skinned = half.skin_growth != 0
    yield tally.skins_up, half.only(np.flatnonzero(skinned & half.upward))
    yield tally.skins_down, half.only(np.flatnonzero(skinned & ~half.upward))


def _rounded(values: Floats) -> Samples:
    """To `SIGNIFICANT_DIGITS`, relative to the largest: what is below is noise of summing."""
    largest = float(np.abs(values).max(initial=0))
    if largest == 0:
        return (0.0,) * len(values)
    digits = SIGNIFICANT_DIGITS - 1 - int(np.floor(np.log10(largest)))
    return tuple((np.round(values, digits) + 0.0).tolist())
