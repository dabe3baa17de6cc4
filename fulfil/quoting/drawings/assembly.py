"""Puts what a reader drew together as a `Drawing`: matrices applied, numbers checked, nothing without length left."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fulfil.models.messages.findings import Finding
from fulfil.models.messages.geometry import RasterImage, UnitDecision
from fulfil.quoting.drawings.curves import transformed
from fulfil.quoting.drawings.drawing import Drawing, DrawnPath, Segments
from fulfil.quoting.limits import LARGEST_COORDINATE_MM
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode, file_refusal

# Rounding leaves lines like this where a curve closes; nothing drawn on purpose is so short.
SHORTEST_MM = 1e-9


@dataclass(frozen=True)
class Drawn:
    """Segments before their matrices: `contour_starts` are segment indices, `path_of` and `matrices` per contour."""

    segments: Segments
    straight: NDArray[np.bool_]
    contour_starts: Sequence[int]
    path_of: Sequence[int]
    matrices: NDArray[np.float64]  # (number of paths, 6): from the path's units to mm


def assemble(
    drawn: Drawn,
    paths: Sequence[DrawnPath],
    unit: UnitDecision,
    images: tuple[RasterImage, ...],
    findings: tuple[Finding, ...],
) -> Drawing:
    """Raises `QuotingRefusalError` when a coordinate is no number or farther away than any machine reaches."""
    count = len(drawn.segments)
    starts = np.asarray(drawn.contour_starts, dtype=np.int64)
    path_of = np.asarray(drawn.path_of, dtype=np.int64)
    contour = np.repeat(np.arange(len(starts)), np.diff(starts, append=count))
    with np.errstate(all="ignore"):
        segments = transformed(drawn.segments, drawn.matrices[path_of[contour]]) if count else drawn.segments
    _check_numbers(segments, images)
    kept = np.ptp(segments, axis=1).max(axis=1) > SHORTEST_MM if count else np.zeros(0, dtype=np.bool_)
    contours, contour = np.unique(contour[kept], return_inverse=True)
    return Drawing(
        unit=unit,
        paths=tuple(paths),
        segments=segments[kept],
        straight=drawn.straight[kept],
        contour=contour.reshape(-1),
        path_of=path_of[contours],
        images=images,
        findings=findings,
    )


def _check_numbers(segments: Segments, images: tuple[RasterImage, ...]) -> None:
    places = np.array([[i.x_mm, i.y_mm, i.x_mm + i.width_mm, i.y_mm + i.height_mm] for i in images], dtype=np.float64)
    for numbers in (segments, places):
        if not np.isfinite(numbers).all():
            raise _out_of_range("A coordinate of the drawing is no finite number.")
        if numbers.size and (farthest := float(np.abs(numbers).max())) > LARGEST_COORDINATE_MM:
            raise _out_of_range(f"The drawing reaches {farthest:.3g} mm away from its origin.")


def _out_of_range(what: str) -> QuotingRefusalError:
    return file_refusal(
        RefusalCode.DRAWING_OUT_OF_RANGE,
        f"{what} Check the unit and look for stray points far outside the page, then export it again.",
    )
