"""Triangles as every reader hands them over and every measurement takes them."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fulfil.models.messages.findings import Finding
from fulfil.models.messages.geometry import LengthUnit

# (n triangles, 3 corners, 3 coordinates); measurements take millimetres, readers give file units.
Corners = NDArray[np.float32]


@dataclass(frozen=True)
class Mesh:
    """What a file holds: at least one triangle, every coordinate finite, in file units.

    `unit` is what the file states, None when its format can't; `findings` are what the reader noticed.
    """

    corners: Corners
    unit: LengthUnit | None = None
    findings: tuple[Finding, ...] = field(default=())
