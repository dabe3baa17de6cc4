"""How long a machine's head takes along lines: trapezoid speeds with junction deviation, as controllers plan."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Polyline = NDArray[np.float64]

# Below these nothing is divided: coincident points, straight junctions.
SHORTEST_MM = 1e-9
STRAIGHT = 1e-12


@dataclass(frozen=True)
class Dynamics:
    """What a machine's motion system allows: `junction_deviation_mm` is how far it may round a corner."""

    acceleration_mm_s2: float
    junction_deviation_mm: float


def drive_time_s(polylines: Sequence[Polyline], speed_mm_s: float, dynamics: Dynamics) -> float:
    """Seconds to drive every polyline ((k, 2) or (k, 3), mm), each from rest to rest, at no more than `speed_mm_s`.

    The speed at a corner is bounded by junction deviation (S. K. Jeon's formula in Grbl:
    v² = a d s / (1 - s), s = sin(half the angle between the two lines)), and along finely divided curves also by the
    centripetal acceleration of the radius they follow. Between corners speeds rise and fall with the acceleration:
    in v² both passes of the planner are running minima, so they need no loop. Raises `ValueError` for a speed or an
    acceleration that is not positive.
    """
    if not (speed_mm_s > 0 and dynamics.acceleration_mm_s2 > 0):
        raise ValueError("speed and acceleration must be positive")
    parts = [_thinned(polyline, dynamics.junction_deviation_mm) for polyline in polylines]
    parts = [part for part in parts if len(part) > 1]
    if not parts:
        return 0.0
    steps = np.concatenate([np.diff(part, axis=0) for part in parts])
    lengths = np.sqrt(np.einsum("ij,ij->i", steps, steps))
    # Corner i lies between segments i-1 and i; where a polyline ends and the next begins the head rests.
    allowed = np.zeros(len(lengths) + 1)
    allowed[1:-1] = _corner_speed_squared(steps, lengths, dynamics)
    allowed[np.cumsum([len(part) - 1 for part in parts])] = 0.0
    np.minimum(allowed, speed_mm_s**2, out=allowed)
    return float(_trapezoid_times(lengths, _reachable(allowed, lengths, dynamics), speed_mm_s, dynamics).sum())


def jump_time_s(distances_mm: Floats, speed_mm_s: float, dynamics: Dynamics) -> Floats:
    """Seconds of straight moves from rest to rest, one per distance."""
    rest = np.zeros(len(distances_mm) + 1)
    return _trapezoid_times(np.asarray(distances_mm, np.float64), rest, speed_mm_s, dynamics)


def _thinned(polyline: Polyline, deviation_mm: float) -> Polyline:
    """Without points closer together than the deviation a controller allows itself; the ends stay.

    Flattened curves come in any fineness; the time must not depend on it.
    """
    if len(polyline) < 2:  # noqa: PLR2004 (a line has two ends)
        return polyline
    steps = np.diff(polyline, axis=0)
    lengths = np.sqrt(np.einsum("ij,ij->i", steps, steps))
    spacing = max(deviation_mm, SHORTEST_MM)
    if lengths.min() >= spacing:
        return polyline
    bins = np.floor(np.concatenate([[0.0], np.cumsum(lengths)]) / spacing)
    keep = np.ones(len(polyline), dtype=bool)
    keep[1:] = bins[1:] > bins[:-1]
    # The end replaces whatever was kept in its own bin, unless that is the beginning.
    if not keep[-1]:
        last = int(np.flatnonzero(keep)[-1])
        keep[-1] = bool(lengths[last:].sum() > SHORTEST_MM)
        keep[last] = last == 0 or not keep[-1]
    return polyline[keep]


def _corner_speed_squared(steps: Floats, lengths: Floats, dynamics: Dynamics) -> Floats:
    before, after = lengths[:-1], lengths[1:]
    cosine = np.einsum("ij,ij->i", steps[:-1], steps[1:]) / np.maximum(before * after, SHORTEST_MM**2)
    cosine = np.clip(cosine, -1.0, 1.0)
    half = np.sqrt((1.0 + cosine) / 2.0)
    by_deviation = dynamics.junction_deviation_mm * half / np.maximum(1.0 - half, STRAIGHT)
    by_radius = 0.5 * (before + after) / np.maximum(np.arccos(cosine), STRAIGHT)
    speed_squared: Floats = dynamics.acceleration_mm_s2 * np.minimum(by_deviation, by_radius)
    return speed_squared


def _reachable(allowed: Floats, lengths: Floats, dynamics: Dynamics) -> Floats:
    """v² at every corner after the forward and the backward pass: v² changes by at most 2 a L along a segment."""
    gained = np.concatenate([[0.0], np.cumsum(2.0 * dynamics.acceleration_mm_s2 * lengths)])
    forward = np.minimum.accumulate(allowed - gained) + gained
    backward: Floats = np.minimum.accumulate((forward + gained)[::-1])[::-1] - gained
    return np.clip(backward, 0.0, allowed)


def _trapezoid_times(lengths: Floats, corners: Floats, speed_mm_s: float, dynamics: Dynamics) -> Floats:
    """Seconds per segment that begins and ends with the given v² and may reach `speed_mm_s` in between."""
    acceleration = dynamics.acceleration_mm_s2
    begin, end = corners[:-1], corners[1:]
    peak = np.minimum(0.5 * (begin + end) + acceleration * lengths, speed_mm_s**2)
    peak = np.maximum(peak, np.maximum(begin, end))
    top = np.sqrt(peak)
    ramps = (2.0 * top - np.sqrt(begin) - np.sqrt(end)) / acceleration
    ramp_length = (2.0 * peak - begin - end) / (2.0 * acceleration)
    cruise = np.maximum(lengths - ramp_length, 0.0)
    return ramps + np.divide(cruise, top, out=np.zeros_like(top), where=top > 0)
