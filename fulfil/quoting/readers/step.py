"""Reads STEP through OpenCascade (cascadio): exact surfaces become triangles within a tolerance.

OpenCascade crashes on some damaged files, so this reader belongs in a child process of its own.
"""

import os
import re
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import cascadio
import numpy as np

from fulfil.models.messages.findings import Finding, FindingCode, Severity
from fulfil.models.messages.geometry import LengthUnit
from fulfil.quoting.formats import FileFormat
from fulfil.quoting.limits import MEGABYTE
from fulfil.quoting.mesh import Mesh
from fulfil.quoting.readers.corners import check_bytes, indexed_mesh
from fulfil.quoting.readers.glb import GlbError, read_glb
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode, file_refusal
from fulfil.quoting.units import MM_PER_UNIT

# Up to a file's size in bytes: how far a triangle may leave its surface (mm), and how far it may turn from it (rad).
# A cylinder loses turn^2 / 6 of its section at most: 0.08 % at 0.07. Larger files describe assemblies of many
# faces, where time matters more.
TOLERANCES = ((4 * MEGABYTE, 0.01, 0.07), (15 * MEGABYTE, 0.02, 0.15))
COARSEST = (0.05, 0.3)

START = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*(?:/\*.*?\*/\s*)*ISO-10303-21\s*;", re.DOTALL | re.IGNORECASE)
DATA = re.compile(rb"\bDATA\s*(?:\([^;]*\))?\s*;", re.IGNORECASE)
END_OF_SECTION = re.compile(rb"\bENDSEC\s*;", re.IGNORECASE)
END = re.compile(rb"END-ISO-10303-21\s*;", re.IGNORECASE)
OTHER_FILE = re.compile(rb"=\s*DOCUMENT_FILE\s*\(", re.IGNORECASE)
# Signatures (edition 3 of the format) may follow the end.
TAIL_BYTES = 64_000
HEAD_BYTES = 64_000


def read_step(content: bytes) -> Mesh:
    """The mesh of every solid and surface in the file, in millimetres; the unit is stated by the format.

    Prints nothing, writes no file. Raises `QuotingRefusalError` for files too large, cut short, unreadable, or without
    a surface. Foreign code may end the process instead.
    """
    _check(content)
    linear_mm, angular_rad = _tolerance(len(content))
    with _silence():
        glb = cascadio.load(
            content, tol_linear=linear_mm, tol_angular=angular_rad, tol_relative=False, use_parallel=False
        )
    if not glb:
        raise _unreadable("its entities can't be translated into surfaces")
    try:
        metres, faces = read_glb(glb)
    except GlbError as error:
        raise _unreadable(f"no mesh came out of it: {error}") from error
    if not len(faces):
        raise file_refusal(
            RefusalCode.MESH_NO_TRIANGLES,
            "The STEP file holds no surface that could be read: only points, curves, sketches or damaged bodies. "
            "Export the solid body (AP203, AP214 or AP242).",
        )
    vertices = metres * MM_PER_UNIT[LengthUnit.M]
    return indexed_mesh(np.ascontiguousarray(vertices), faces, LengthUnit.MM, _findings(content))


def _check(content: bytes) -> None:
    check_bytes(content, FileFormat.STEP)
    if not START.match(content[:HEAD_BYTES]):
        raise _unreadable("it does not begin with ISO-10303-21")
    if not END.search(content[-TAIL_BYTES:]):
        raise file_refusal(
            RefusalCode.FILE_TRUNCATED,
            "The STEP file was cut short: END-ISO-10303-21 is missing at its end. Upload it again, or export it again.",
        )
    data = DATA.search(content)
    if data is None or not END_OF_SECTION.search(content, data.end()):
        raise _unreadable("it has no section of data")


def _tolerance(size: int) -> tuple[float, float]:
    for up_to, linear_mm, angular_rad in TOLERANCES:
        if size <= up_to:
            return linear_mm, angular_rad
    return COARSEST


def _findings(content: bytes) -> tuple[Finding, ...]:
    others = len(OTHER_FILE.findall(content))
    if not others:
        return ()
    return (
        Finding(
            code=FindingCode.EXTERNAL_REFERENCE,
            severity=Severity.RISK,
            message=f"The STEP file names {others:,} other files; what they hold was neither measured nor priced.",
            remedy="Export the assembly into one file.",
            number=others,
            measure="references",
        ),
    )


@contextmanager
def _silence() -> Generator[None]:
    """Nothing of what OpenCascade prints reaches the process's output, which may carry results."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        try:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(kept[0], 1)
            os.dup2(kept[1], 2)
            os.close(kept[0])
            os.close(kept[1])


def _unreadable(reason: str) -> QuotingRefusalError:
    return file_refusal(
        RefusalCode.FILE_UNREADABLE, f"The STEP file can't be read: {reason}. Export the part again as STEP or STL."
    )
