"""Material and time of a laser-cut part: its drawing driven through the motion planner."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from pydantic import Field

from fulfil.models.messages.base import Message
from fulfil.models.messages.estimates import Estimate, EstimatePart
from fulfil.models.messages.geometry import DrawingGeometry, Operation
from fulfil.quoting.estimates.planner import Dynamics, drive_time_s, jump_time_s
from fulfil.quoting.estimates.raster import RowTime, Scan, fill_time, image_time
from fulfil.quoting.motion import Motion, Stroke

CURRENT_LASER_VERSION = "2026-1"
METHOD = "laser_motion"
MM3_PER_CM3 = 1_000


@dataclass(frozen=True)
class LaserSettings:
    """How one sheet is worked; a speed of None says that the operation can't be done on it and takes no time."""

    process: str
    material: str
    thickness_mm: float
    density_g_cm3: float
    margin_mm: float
    cut_speed_mm_s: float
    passes: int
    pierce_s: float
    score_speed_mm_s: float | None
    engrave_speed_mm_s: float | None
    engrave_interval_mm: float


class LaserBands(Message):
    """How far each share may be off, in percent."""

    mass: float = Field(gt=0)
    cutting: float = Field(gt=0)
    piercing: float = Field(gt=0)
    travel: float = Field(gt=0)
    scoring: float = Field(gt=0)
    engraving: float = Field(gt=0)
    images: float = Field(gt=0)


class LaserMachine(Message):
    """The motion system times are computed for; `fitted_on` None says that nobody has measured it yet."""

    version: str
    fitted_on: str | None
    basis: str
    acceleration_mm_s2: float = Field(gt=0)
    junction_deviation_mm: float = Field(gt=0)
    rapid_speed_mm_s: float = Field(gt=0)
    raster_acceleration_mm_s2: float = Field(gt=0)
    bands_percent: LaserBands


@cache
def load_laser(version: str = CURRENT_LASER_VERSION) -> LaserMachine:
    """A published set of machine data."""
    file = resources.files("fulfil.quoting.estimates").joinpath("data").joinpath(f"laser-{version}.json")
    return LaserMachine.model_validate(json.loads(file.read_bytes()))


def estimate_laser(
    motion: Motion, geometry: DrawingGeometry, settings: LaserSettings, machine: LaserMachine | None = None
) -> Estimate:
    """One piece: every stroke from rest to rest, the jumps between them, pierces, and rows of fills and pictures.

    The material is the whole blank: the drawing's size with the margin around it. Times are seconds of the machine
    alone, without loading; their band is that of the shares weighted by time, as if all were off the same way.
    """
    data = machine or load_laser()
    parts = [
        _cutting(motion, settings, data),
        _piercing(geometry, settings),
        _scoring(motion, settings, data),
        _engraving(motion, settings, data),
        _pictures(motion, settings, data),
        _travel(motion, settings, data),
    ]
    time_s = sum(part.time_s for part in parts)
    blank = (geometry.size_mm[0] + 2 * settings.margin_mm, geometry.size_mm[1] + 2 * settings.margin_mm)
    mass_g = blank[0] * blank[1] * settings.thickness_mm * settings.density_g_cm3 / MM3_PER_CM3
    material = EstimatePart(
        code="blank",
        title="Blank",
        mass_g=mass_g,
        explanation=(
            f"{blank[0]:.1f} x {blank[1]:.1f} x {settings.thickness_mm:g} mm at {settings.density_g_cm3:g} g/cm³"
        ),
    )
    return Estimate(
        process=settings.process,
        material=settings.material,
        method=METHOD,
        coefficients_version=data.version,
        mass_g=mass_g,
        time_s=time_s,
        mass_band_percent=data.bands_percent.mass,
        time_band_percent=_band(parts, data.bands_percent),
        parts=(material, *(part for part in parts if part.time_s > 0)),
        sheet_mm=blank,
    )


def _band(parts: Sequence[EstimatePart], bands: LaserBands) -> float:
    shares = [(part.time_s, float(getattr(bands, part.code))) for part in parts]
    total = sum(time for time, _ in shares)
    if not total:
        return bands.cutting
    return round(sum(time * band for time, band in shares) / total, 1)


def _cutting(motion: Motion, settings: LaserSettings, data: LaserMachine) -> EstimatePart:
    strokes = _strokes(motion, Operation.CUT)
    once = drive_time_s([stroke.points for stroke in strokes], settings.cut_speed_mm_s, _vector(data))
    length = sum(map(_length_mm, strokes))
    return EstimatePart(
        code="cutting",
        title="Cutting",
        time_s=once * settings.passes,
        explanation=f"{length:.1f} mm at {settings.cut_speed_mm_s:g} mm/s, {_times(settings.passes, 'pass', 'passes')}",
    )


def _piercing(geometry: DrawingGeometry, settings: LaserSettings) -> EstimatePart:
    return EstimatePart(
        code="piercing",
        title="Piercing",
        time_s=geometry.pierces * settings.pierce_s,
        explanation=f"{_times(geometry.pierces, 'pierce', 'pierces')} of {settings.pierce_s:g} s",
    )


def _scoring(motion: Motion, settings: LaserSettings, data: LaserMachine) -> EstimatePart:
    strokes = _strokes(motion, Operation.SCORE)
    speed = settings.score_speed_mm_s
    time_s = drive_time_s([stroke.points for stroke in strokes], speed, _vector(data)) if speed else 0.0
    length = sum(map(_length_mm, strokes))
    return EstimatePart(
        code="scoring",
        title="Scoring",
        time_s=time_s,
        explanation=f"{length:.1f} mm at up to {speed or 0:g} mm/s",
    )


def _engraving(motion: Motion, settings: LaserSettings, data: LaserMachine) -> EstimatePart:
    scan = _scan(settings, data)
    # An outline marked for engraving that encloses nothing is driven along, like a score.
    lines = [stroke.points for stroke in _strokes(motion, Operation.ENGRAVE)]
    rows = fill_time(motion.fills, scan) if scan else RowTime(0, 0.0, 0.0)
    along = drive_time_s(lines, scan.speed_mm_s, _vector(data)) if scan else 0.0
    return EstimatePart(
        code="engraving", title="Engraving", time_s=rows.time_s + along, explanation=_rows_text(rows, settings)
    )


def _pictures(motion: Motion, settings: LaserSettings, data: LaserMachine) -> EstimatePart:
    scan = _scan(settings, data)
    rows = image_time(motion.images, scan) if scan else RowTime(0, 0.0, 0.0)
    return EstimatePart(code="images", title="Pictures", time_s=rows.time_s, explanation=_rows_text(rows, settings))


def _travel(motion: Motion, settings: LaserSettings, data: LaserMachine) -> EstimatePart:
    """Jumps from the origin through all strokes in their order; further passes of an open line need a way back."""
    driven = [stroke.points for stroke in motion.strokes if stroke.operation is not Operation.IGNORE]
    if not driven:
        return EstimatePart(code="travel", title="Travel")
    begins = np.array([points[0] for points in driven])
    ends = np.array([points[-1] for points in driven])
    jumps = np.linalg.norm(begins - np.concatenate([[[0.0, 0.0]], ends[:-1]]), axis=1)
    cuts = _strokes(motion, Operation.CUT)
    back = np.array([float(np.linalg.norm(stroke.points[-1] - stroke.points[0])) for stroke in cuts])
    times = jump_time_s(jumps, data.rapid_speed_mm_s, _vector(data)).sum()
    times += (settings.passes - 1) * jump_time_s(back, data.rapid_speed_mm_s, _vector(data)).sum()
    length = float(jumps.sum() + (settings.passes - 1) * back.sum())
    return EstimatePart(
        code="travel",
        title="Travel",
        time_s=float(times),
        explanation=f"{length:.1f} mm in {len(jumps)} jumps at up to {data.rapid_speed_mm_s:g} mm/s",
    )


def _vector(data: LaserMachine) -> Dynamics:
    return Dynamics(data.acceleration_mm_s2, data.junction_deviation_mm)


def _scan(settings: LaserSettings, data: LaserMachine) -> Scan | None:
    if settings.engrave_speed_mm_s is None:
        return None
    dynamics = Dynamics(data.raster_acceleration_mm_s2, data.junction_deviation_mm)
    rapid = max(data.rapid_speed_mm_s, settings.engrave_speed_mm_s)
    return Scan(settings.engrave_interval_mm, settings.engrave_speed_mm_s, rapid, dynamics)


def _strokes(motion: Motion, operation: Operation) -> list[Stroke]:
    return [stroke for stroke in motion.strokes if stroke.operation is operation]


def _length_mm(stroke: Stroke) -> float:
    return float(np.linalg.norm(np.diff(stroke.points, axis=0), axis=1).sum())


def _rows_text(rows: RowTime, settings: LaserSettings) -> str:
    speed = settings.engrave_speed_mm_s or 0
    return f"{rows.rows} rows {settings.engrave_interval_mm:g} mm apart, {rows.engraved_mm:.0f} mm at {speed:g} mm/s"


def _times(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
