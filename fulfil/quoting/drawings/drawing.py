"""A flat drawing as every reader hands it over and every measurement takes it."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fulfil.models.messages.findings import Finding
from fulfil.models.messages.geometry import RasterImage, UnitDecision

# (n, 4, 2): the control points of cubic Bézier curves; a line is one whose inner points lie on its ends.
Segments = NDArray[np.float64]
Flags = NDArray[np.bool_]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class DrawnPath:
    """One drawn thing; its contours belong together when its area is filled (even-odd).

    `key` is what the customer maps to an operation: `#ff0000` for a stroke, `fill:#000000` for an area without a
    stroke, `layer:CUT` where the layer decides. `colour` is `#rrggbb`, or `gradient`. `unstyled` is an area only by
    default: the file gives it neither fill nor stroke.
    """

    key: str
    colour: str
    layer: str | None = None
    stroked: bool = True
    filled: bool = False
    line_width_mm: float = 0
    unstyled: bool = False


@dataclass(frozen=True)
class Drawing:
    """What a file draws, in mm, y pointing down; every coordinate is finite and within the caps.

    The segments of all paths stand in one array, so that measuring them needs no loop: `contour[i]` is the contour
    (an unbroken line) of segment i and ascends, `path_of[c]` the index of its path in `paths`. `straight[i]` tells
    lines from curves. It may be empty: what an empty drawing means is the measurement's rule.
    """

    unit: UnitDecision
    paths: tuple[DrawnPath, ...]
    segments: Segments
    straight: Flags
    contour: Indices
    path_of: Indices
    images: tuple[RasterImage, ...] = ()
    findings: tuple[Finding, ...] = field(default=())
