"""Measures an STL part: volume, area and size of a solid that is proven closed."""

import numpy as np
import trimesh

from fulfil.models.messages.quotes import Geometry
from fulfil.quoting.bodies import refuse_ambiguous_bodies
from fulfil.quoting.refusals import RefusalCode, file_refusal
from fulfil.quoting.stl import Corners, read_stl
from fulfil.quoting.surface import Edges, weld

ANALYSER_VERSION = "stl-1"

MAX_COORDINATE_MM = 100_000.0
MIN_SIZE_MM = 0.5
# Below this share of diagonal times area the volume is rounding noise: walls a millionth of the part thin.
ZERO_VOLUME_SHARE = 1e-7


def measure_stl(content: bytes) -> Geometry:
    """Measure a part in the file's units, taken as millimetres; raises `QuotingRefusalError`.

    A price rests on the volume, so whatever makes it doubtful (open edges, conflicting normals, bodies that
    overlap) is refused with its remedy. A surface turned inside out as a whole is measured as if turned back.
    """
    corners = read_stl(content)
    _check_coordinates(corners)
    surface, edges = weld(corners)
    _check_closed(edges)
    refuse_ambiguous_bodies(surface, edges.neighbours)
    middle = (surface.points.min(axis=0) + surface.points.max(axis=0)) / 2
    mesh = trimesh.Trimesh(vertices=surface.points - middle, faces=surface.faces, process=False)
    size_mm = np.ptp(surface.points, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):  # it also divides by the volume, to find the centre of mass
        volume_mm3, area_mm2 = abs(float(mesh.volume)), float(mesh.area)
    if volume_mm3 <= ZERO_VOLUME_SHARE * area_mm2 * float(np.linalg.norm(size_mm)):
        raise file_refusal(
            RefusalCode.MESH_ZERO_VOLUME,
            "The mesh encloses no volume: it is flat, or its faces fold onto each other. Give the part a thickness "
            "and export it again.",
        )
    return Geometry(
        volume_mm3=round(volume_mm3, 3),
        area_mm2=round(area_mm2, 3),
        size_mm=(round(float(size_mm[0]), 4), round(float(size_mm[1]), 4), round(float(size_mm[2]), 4)),
        triangles=len(corners),
        watertight=True,
    )


def _check_coordinates(corners: Corners) -> None:
    unusable = int(np.count_nonzero(~np.isfinite(corners).all(axis=(1, 2))))
    if unusable:
        raise file_refusal(
            RefusalCode.MESH_NOT_FINITE,
            f"{unusable:,} of {len(corners):,} triangles have a coordinate that is not a finite number. "
            "Repair the mesh and export the part again.",
        )
    farthest = float(np.abs(corners).max())
    if farthest > MAX_COORDINATE_MM:
        raise file_refusal(
            RefusalCode.MESH_OUT_OF_RANGE,
            f"A vertex lies {farthest:.3g} mm from the origin; at most {MAX_COORDINATE_MM:,.0f} mm can be measured. "
            "Check the units, move the part to the origin and export it again.",
        )
    largest = float(np.ptp(corners.reshape(-1, 3), axis=0).max())
    if largest < MIN_SIZE_MM:
        raise file_refusal(
            RefusalCode.PART_TOO_SMALL,
            f"The part's largest side is {largest:.3g} mm; {MIN_SIZE_MM} mm is the smallest that can be made. "
            "STL files carry no unit and are read as millimetres: export the part in millimetres.",
        )


def _check_closed(edges: Edges) -> None:
    if edges.open_edges:
        raise file_refusal(
            RefusalCode.MESH_OPEN,
            f"The mesh is not watertight: {edges.open_edges:,} open edges, so it has no definite volume. Close "
            'its holes ("make solid" or "repair" in your CAD program or slicer) and export it again.',
        )
    if edges.conflicting_edges:
        raise file_refusal(
            RefusalCode.MESH_WINDING,
            f"{edges.conflicting_edges:,} edges join faces that point opposite ways, so inside and outside can't "
            "be told apart. Recalculate the normals outwards and export the part again.",
        )
