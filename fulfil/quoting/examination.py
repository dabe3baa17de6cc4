"""Reads a file of any format and measures it, step by step; this imports every geometry library there is."""

import mmap
import os
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import BinaryIO

import numpy as np

from fulfil.models.messages.findings import Finding
from fulfil.models.messages.geometry import Closedness, LengthUnit, UnitDecision
from fulfil.models.messages.quotes import AnalysisProgress, ReadingOptions, Refusal
from fulfil.quoting.analysis import Analysis, Glance, Step
from fulfil.quoting.artefacts import Artefact, ArtefactKind
from fulfil.quoting.drawings.drawing import Drawing
from fulfil.quoting.drawings.facts import measure_drawing
from fulfil.quoting.formats import (
    DRAWING_FORMATS,
    QUOTABLE_FORMATS,
    SNIFF_BYTES,
    STL_HEADER_BYTES,
    FileFormat,
    is_whole_binary_stl,
    refuse_unquotable,
    sniff_format,
)
from fulfil.quoting.limits import LARGEST_COORDINATE_MM, most_bytes
from fulfil.quoting.mesh import Corners, Mesh
from fulfil.quoting.motion import encode_motion
from fulfil.quoting.previews.drawing import render_drawing_png, render_drawing_svg
from fulfil.quoting.previews.renderer import render_solid
from fulfil.quoting.previews.viewer_mesh import decimate_for_viewer
from fulfil.quoting.readers.dxf import read_dxf
from fulfil.quoting.readers.obj import read_obj
from fulfil.quoting.readers.step import read_step
from fulfil.quoting.readers.stl import read_stl
from fulfil.quoting.readers.svg import read_svg
from fulfil.quoting.readers.threemf import read_threemf
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode, file_refusal
from fulfil.quoting.solids.columns import hit_columns, stand_columns
from fulfil.quoting.solids.facts import measure_solid
from fulfil.quoting.solids.layers import slice_layers
from fulfil.quoting.solids.stream import measure_binary_stl
from fulfil.quoting.solids.walls import measure_walls
from fulfil.quoting.units import decide_unit

FACET = np.dtype([("normal", "<f4", (3,)), ("corners", "<f4", (3, 3)), ("attributes", "<u2")])
FACETS_PER_PIECE = 100_000

SOLID_READERS: Mapping[FileFormat, Callable[[bytes], Mesh]] = MappingProxyType(
    {FileFormat.OBJ: read_obj, FileFormat.THREE_MF: read_threemf, FileFormat.STEP: read_step}
)


def examine(file: BinaryIO, options: ReadingOptions) -> Iterator[Step]:
    """Progress, a glance, artefacts, and at last the `Analysis`; a refusal is an analysis too."""
    found: FileFormat | None = None
    try:
        found = _checked_format(file)
        yield AnalysisProgress(stage="reading", percent=5)
        if found in DRAWING_FORMATS:
            yield from _examine_drawing(file, found, options)
        else:
            yield from _examine_solid(file, found, options)
    except QuotingRefusalError as refusal:
        reason = Refusal(code=refusal.code.value, detail=refusal.detail, param=refusal.param)
        yield Analysis(format=found, refusal=reason)


def solid_as_stl(file: BinaryIO, options: ReadingOptions) -> Iterator[bytes]:
    """The triangles in mm as binary STL, in pieces; raises `QuotingRefusalError`."""
    found = _checked_format(file)
    if found in DRAWING_FORMATS:
        raise file_refusal(RefusalCode.PROCESS_NOT_FOR_FILE, "A drawing has no triangles. Choose a solid.")
    corners, _, _ = _in_millimetres(_read_solid(file, found), options)
    yield bytes(STL_HEADER_BYTES - 4) + len(corners).to_bytes(4, "little")
    for start in range(0, len(corners), FACETS_PER_PIECE):
        piece = corners[start : start + FACETS_PER_PIECE]
        facets = np.zeros(len(piece), FACET)
        facets["corners"] = piece
        yield facets.tobytes()


def _checked_format(file: BinaryIO) -> FileFormat:
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        raise file_refusal(RefusalCode.FILE_EMPTY, "The file is empty. Export the part again and upload the new file.")
    found = sniff_format(file.read(SNIFF_BYTES), size)
    if found not in QUOTABLE_FORMATS or found is None:
        raise refuse_unquotable(found)
    if size > most_bytes(found):
        raise file_refusal(
            RefusalCode.FILE_TOO_LARGE,
            f"The file has {size:,} bytes, and {most_bytes(found):,} is the most of a {found.value.upper()} that is "
            "read. Export it with a coarser tolerance, or split it.",
        )
    return found


def _examine_solid(file: BinaryIO, found: FileFormat, options: ReadingOptions) -> Iterator[Step]:
    if found is FileFormat.STL and options.unit in {None, LengthUnit.MM}:
        yield from _glance_at_stl(file)
    mesh = _read_solid(file, found)
    yield AnalysisProgress(stage="measuring", percent=20)
    as_read, unit, odd = _in_millimetres(mesh, options)
    measured = measure_solid(as_read, unit)
    solid, corners = measured.geometry, measured.corners
    yield Glance(solid.volume_mm3, solid.area_mm2, solid.size_mm)
    yield AnalysisProgress(stage="slicing", percent=40)
    hits = hit_columns(corners)
    layers = slice_layers(corners, hits=hits)
    support = stand_columns(corners, hits)
    yield AnalysisProgress(stage="looking", percent=65)
    walls, gaps = measure_walls(corners)
    held = {"overhang_mm2": support.overhang_mm2, "support_mm3": support.support_mm3}
    solid = solid.model_copy(update={"walls": walls, "gaps": gaps, **held})
    yield AnalysisProgress(stage="drawing", percent=80)
    # What is missing is only seen in the file as it came, inside and out.
    shown = as_read if solid.closedness is Closedness.OPEN else corners
    yield Artefact(ArtefactKind.PREVIEW_PNG, render_solid(shown, two_sided=shown is as_read))
    yield Artefact(ArtefactKind.VIEWER_MESH, decimate_for_viewer(shown))
    findings = (*mesh.findings, *odd, *measured.findings)
    yield Analysis(format=found, solid=solid, layers=layers, support=support, findings=findings)


def _glance_at_stl(file: BinaryIO) -> Iterator[Glance]:
    """The first price of a large file must not wait for its bodies, walls and layers."""
    file.seek(0)
    size = os.fstat(file.fileno()).st_size
    if not is_whole_binary_stl(file.read(SNIFF_BYTES), size):
        return
    file.seek(0)
    facts = measure_binary_stl(file)
    if facts.closed and facts.triangles:
        yield Glance(abs(facts.volume), facts.area, facts.size)


def _examine_drawing(file: BinaryIO, found: FileFormat, options: ReadingOptions) -> Iterator[Step]:
    content = _whole(file)
    drawing: Drawing = (read_svg if found is FileFormat.SVG else read_dxf)(content, confirmed=options.unit)
    yield AnalysisProgress(stage="measuring", percent=40)
    geometry, motion, findings = measure_drawing(drawing, options.operations)
    yield AnalysisProgress(stage="drawing", percent=80)
    yield Artefact(ArtefactKind.PREVIEW_SVG, render_drawing_svg(motion, geometry))
    yield Artefact(ArtefactKind.PREVIEW_PNG, render_drawing_png(motion, geometry))
    yield Artefact(ArtefactKind.MOTION, encode_motion(motion))
    yield Analysis(format=found, drawing=geometry, findings=findings)


def _whole(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


def _mapped(file: BinaryIO) -> memoryview:
    """The content without holding a copy: an STL may be larger than what else is needed."""
    return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _read_solid(file: BinaryIO, found: FileFormat) -> Mesh:
    return read_stl(_mapped(file)) if found is FileFormat.STL else SOLID_READERS[found](_whole(file))


def _in_millimetres(mesh: Mesh, options: ReadingOptions) -> tuple[Corners, UnitDecision, tuple[Finding, ...]]:
    size = np.ptp(mesh.corners.reshape(-1, 3), axis=0)
    unit, odd = decide_unit(mesh.unit, (float(size[0]), float(size[1]), float(size[2])), options.unit)
    corners = mesh.corners if unit.mm_per_unit == 1 else mesh.corners * np.float32(unit.mm_per_unit)
    farthest = float(np.abs(corners).max())
    if farthest > LARGEST_COORDINATE_MM:
        raise file_refusal(
            RefusalCode.MESH_OUT_OF_RANGE,
            f"A vertex lies {farthest:.3g} mm from the origin; {LARGEST_COORDINATE_MM:,.0f} mm is the most. "
            "Check the unit, move the part to the origin and export it again.",
        )
    return corners, unit, odd
