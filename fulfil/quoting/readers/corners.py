"""The last step of every reader of indexed meshes: vertices and faces, checked, as a `Mesh`."""

import numpy as np
from numpy.typing import NDArray

from fulfil.models.messages.findings import Finding
from fulfil.models.messages.geometry import LengthUnit
from fulfil.quoting.formats import FileFormat
from fulfil.quoting.limits import (
    LARGEST_COORDINATE_IN_FILE_UNITS,
    LARGEST_COORDINATE_MM,
    MOST_TRIANGLES,
    most_bytes,
)
from fulfil.quoting.mesh import Mesh
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode, file_refusal
from fulfil.quoting.units import MM_PER_UNIT

Vertices = NDArray[np.float64]
Faces = NDArray[np.int64]


def indexed_mesh(vertices: Vertices, faces: Faces, unit: LengthUnit | None, findings: tuple[Finding, ...] = ()) -> Mesh:
    """The mesh of `vertices` (n, 3) in file units and `faces` (m, 3), whose indices are known to be good.

    Raises `QuotingRefusalError` without faces, with too many, and for coordinates infinite or out of range.
    """
    check_triangles(len(faces))
    if not np.isfinite(vertices).all():
        vertices = _checked_where_used(vertices, faces)
    limit = LARGEST_COORDINATE_IN_FILE_UNITS if unit is None else LARGEST_COORDINATE_MM / MM_PER_UNIT[unit]
    corners = vertices[faces]
    farthest = float(max(corners.max(), -corners.min()))
    if farthest > limit:
        raise file_refusal(
            RefusalCode.MESH_OUT_OF_RANGE,
            f"A vertex lies {farthest:.3g} {unit or 'units'} from the origin; at most {limit:,.6g} can be measured. "
            "Check the units, move the part to the origin and export it again.",
        )
    return Mesh(np.ascontiguousarray(corners, dtype=np.float32), unit, findings)


def check_bytes(content: bytes, found: FileFormat) -> None:
    """Raise the refusal of a file larger than its format's reader takes."""
    limit = most_bytes(found)
    if len(content) > limit:
        raise file_refusal(
            RefusalCode.FILE_TOO_LARGE,
            f"The {found.upper()} file has {len(content):,} bytes; at most {limit:,} are read. Export it with a "
            "coarser tolerance, or its parts one by one.",
        )


def check_triangles(count: int) -> None:
    """Raise the refusal for a mesh without triangles or with more than can be analysed."""
    if count == 0:
        raise file_refusal(
            RefusalCode.MESH_NO_TRIANGLES,
            "The file holds no triangles. Check that the body was selected and visible when it was exported.",
        )
    if count > MOST_TRIANGLES:
        raise too_many_triangles()


def too_many_triangles() -> QuotingRefusalError:
    """The refusal of a mesh larger than can be analysed."""
    return file_refusal(
        RefusalCode.MESH_TOO_LARGE,
        f"The mesh has more than the {MOST_TRIANGLES:,} triangles that can be analysed. "
        "Export it with a coarser tolerance (0.01 mm is finer than any printer).",
    )


def _checked_where_used(vertices: Vertices, faces: Faces) -> Vertices:
    """Vertices no face names may be anything; they become 0."""
    finite = np.logical_and.reduce(np.isfinite(vertices), axis=1)
    unusable = len(faces) - int(np.count_nonzero(np.logical_and.reduce(finite[faces], axis=1)))
    if unusable:
        raise file_refusal(
            RefusalCode.MESH_NOT_FINITE,
            f"{unusable:,} of {len(faces):,} triangles have a coordinate that is not a finite number. "
            "Repair the mesh and export the part again.",
        )
    return np.where(finite[:, None], vertices, 0.0)
