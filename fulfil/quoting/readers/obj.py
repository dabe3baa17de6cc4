"""Reads Wavefront OBJ: vertices and polygons; names of groups and materials cost nothing and open no file.

Statements as in the "Object Files (.obj)" appendix of the Advanced Visualizer manual.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from fulfil.models.messages.findings import Finding, FindingCode, Severity
from fulfil.quoting.formats import BYTE_ORDER_MARK, FileFormat
from fulfil.quoting.limits import MOST_POLYGON_CORNERS, MOST_TRIANGLES
from fulfil.quoting.mesh import Mesh
from fulfil.quoting.readers.corners import (
    Faces,
    Vertices,
    check_bytes,
    check_triangles,
    indexed_mesh,
    too_many_triangles,
)
from fulfil.quoting.readers.polygons import triangulated
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode, file_refusal

FEWEST_CORNERS = 3
# "v" and x, y, z; a weight or a colour may follow and is not needed.
FEWEST_VERTEX_FIELDS = 4
# Texts become numbers this many at a time, so that a large file never holds them all as objects.
BATCH = 500_000

FREE_FORM = frozenset((b"curv", b"curv2", b"surf", b"bzp", b"bsp", b"cdc", b"cdp", b"res"))
OTHER_FILE = frozenset((b"call", b"csh"))
LIBRARIES = frozenset((b"mtllib", b"maplib"))
NO_SURFACE = frozenset((b"l", b"p"))
IDLE = frozenset(
    b"vt vn vp g o s mg usemtl usemap lod shadow_obj trace_obj cstype deg bevel c_interp d_interp bmat step "
    b"parm trim hole scrv sp end con ctech stech".split()
)


@dataclass
class _Batch:
    """Texts waiting to become numbers, with the lines they stand in."""

    coordinates: list[bytes] = field(default_factory=list[bytes])
    vertex_lines: list[int] = field(default_factory=list[int])
    corners: list[bytes] = field(default_factory=list[bytes])
    lengths: list[int] = field(default_factory=list[int])
    known: list[int] = field(default_factory=list[int])  # vertices above each face, for indices from the end
    face_lines: list[int] = field(default_factory=list[int])


@dataclass
class _Tables:
    """Numbers read so far, in pieces; corners count all vertices of the file from 0."""

    vertices: list[Vertices] = field(default_factory=list[Vertices])
    corners: list[Faces] = field(default_factory=list[Faces])
    lengths: list[Faces] = field(default_factory=list[Faces])
    face_lines: list[Faces] = field(default_factory=list[Faces])
    left_out: Counter[bytes] = field(default_factory=Counter[bytes])


def read_obj(content: bytes) -> Mesh:
    """The mesh of all objects and groups, polygons cut into triangles; the format carries no unit.

    Raises `QuotingRefusalError` naming the line for indices and numbers that are none, for free-form surfaces, for
    files continued in others, and without faces.
    """
    check_bytes(content, FileFormat.OBJ)
    tables = _read(content)
    if not tables.lengths or not tables.vertices:
        check_triangles(0)
    vertices, corners = np.concatenate(tables.vertices), np.concatenate(tables.corners)
    lengths = np.concatenate(tables.lengths)
    outside = (corners < 0) | (corners >= len(vertices))
    if outside.any():
        face = int(np.searchsorted(np.cumsum(lengths), int(outside.argmax()), side="right"))
        raise _unreadable(
            int(np.concatenate(tables.face_lines)[face]), f"it names a vertex that is none of the {len(vertices):,}"
        )
    if len(corners) - 2 * len(lengths) > MOST_TRIANGLES:
        raise too_many_triangles()
    return indexed_mesh(vertices, triangulated(vertices, corners, lengths), None, _findings(tables.left_out))


def _read(content: bytes) -> _Tables:
    tables, batch = _Tables(), _Batch()
    known = 0
    for number, line in _lines(content):
        fields = line.split()
        if not fields:
            continue
        keyword = fields[0]
        if keyword == b"f":
            batch.corners += fields[1:]
            batch.lengths.append(len(fields) - 1)
            batch.known.append(known)
            batch.face_lines.append(number)
            if len(batch.corners) > BATCH:
                batch = _convert(tables, batch)
        elif keyword == b"v":
            if len(fields) < FEWEST_VERTEX_FIELDS:
                raise _unreadable(number, "a vertex has three coordinates")
            batch.coordinates += fields[1:FEWEST_VERTEX_FIELDS]
            batch.vertex_lines.append(number)
            known += 1
            if len(batch.coordinates) > BATCH:
                batch = _convert(tables, batch)
        elif keyword not in IDLE:
            _note(tables.left_out, keyword, number)
    _convert(tables, batch)
    return tables


def _lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Statements with the number of the line they begin in; comments taken off, continued lines joined."""
    text = content.removeprefix(BYTE_ORDER_MARK)
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    lines: Iterator[tuple[int, bytes]] = enumerate(text.split(b"\n"), start=1)
    if b"#" in text:
        lines = ((number, line.partition(b"#")[0] if b"#" in line else line) for number, line in lines)
    return _joined(lines) if b"\\\n" in text else lines


def _joined(lines: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    pieces: list[bytes] = []
    first = 0
    for number, line in lines:
        first = first if pieces else number
        if line.endswith(b"\\"):
            pieces.append(line[:-1])
            continue
        yield first, b" ".join([*pieces, line])
        pieces = []
    if pieces:
        yield first, b" ".join(pieces)


def _convert(tables: _Tables, batch: _Batch) -> _Batch:
    """Move a batch into the tables as numbers; a new, empty one comes back."""
    if batch.vertex_lines:
        tables.vertices.append(_coordinates(batch))
    if batch.lengths:
        lengths = np.array(batch.lengths, np.int64)
        lines = np.array(batch.face_lines, np.int64)
        if int(lengths.min()) < FEWEST_CORNERS:
            raise _unreadable(int(lines[lengths.argmin()]), "a face has at least three corners")
        if int(lengths.max()) > MOST_POLYGON_CORNERS:
            raise _unreadable(int(lines[lengths.argmax()]), f"a face has at most {MOST_POLYGON_CORNERS:,} corners here")
        corners = _corners(batch)
        from_end = np.repeat(np.array(batch.known, np.int64), lengths) + corners
        tables.corners.append(np.where(corners < 0, from_end, corners - 1))
        tables.lengths.append(lengths)
        tables.face_lines.append(lines)
    return _Batch()


def _coordinates(batch: _Batch) -> Vertices:
    try:
        numbers = np.fromiter(map(float, batch.coordinates), np.float64, count=len(batch.coordinates))
    except ValueError:
        raise _first_bad(batch.coordinates, batch.vertex_lines, float) from None
    return numbers.reshape(-1, 3)


def _corners(batch: _Batch) -> Faces:
    """The vertex part of `7`, `7/1`, `7//3` and `7/1/3`."""
    texts = batch.corners
    if any(b"/" in line for line in texts):
        texts = [text.partition(b"/")[0] for text in texts]
    try:
        return np.fromiter(map(int, texts), np.int64, count=len(texts))
    except (ValueError, OverflowError):
        lines = [line for line, count in zip(batch.face_lines, batch.lengths, strict=True) for _ in range(count)]
        raise _first_bad(texts, lines, int) from None


def _first_bad(texts: list[bytes], lines: list[int], number: Callable[[bytes], float]) -> QuotingRefusalError:
    """The refusal naming the first text that is no number; `lines` has one entry for each text, or for each three."""
    per_line = len(texts) // len(lines)
    for index, text in enumerate(texts):
        try:
            np.int64(int(text)) if number is int else float(text)
        except (ValueError, OverflowError):
            return _unreadable(lines[index // per_line], f"{text.decode('latin-1')[:40]!a} is no number")
    raise AssertionError


def _note(left_out: Counter[bytes], keyword: bytes, number: int) -> None:
    """Count what is left out on purpose; refuse what can't be left out."""
    if keyword in FREE_FORM:
        raise file_refusal(
            RefusalCode.FREE_FORM_SURFACE,
            f"Line {number} of the OBJ describes a free-form surface ({keyword.decode()}), which has no triangles. "
            "Export the part as a polygon mesh, or as STEP.",
        )
    if keyword in OTHER_FILE:
        raise file_refusal(
            RefusalCode.REFERENCE_BROKEN,
            f"Line {number} of the OBJ continues in another file, and only this one was uploaded. "
            "Export the part into one file.",
        )
    if keyword not in NO_SURFACE and keyword not in LIBRARIES:
        raise _unreadable(number, f"{keyword.decode('latin-1')[:40]!a} is no statement of an OBJ")
    left_out[keyword] += 1


def _findings(left_out: Counter[bytes]) -> tuple[Finding, ...]:
    found: list[Finding] = []
    if libraries := sum(left_out[keyword] for keyword in LIBRARIES):
        found.append(
            Finding(
                code=FindingCode.EXTERNAL_REFERENCE,
                severity=Severity.INFO,
                message="The file names a library of materials; it was not opened, shape and price need none.",
                number=libraries,
                measure="references",
            )
        )
    if lines := sum(left_out[keyword] for keyword in NO_SURFACE):
        found.append(
            Finding(
                code=FindingCode.UNSUPPORTED_ELEMENT,
                severity=Severity.INFO,
                message=f"{lines:,} lines or points of the file bound nothing and were left out.",
                remedy="Give them a thickness if they belong to the part.",
                number=lines,
                measure="elements",
            )
        )
    return tuple(found)


def _unreadable(number: int, reason: str) -> QuotingRefusalError:
    return file_refusal(
        RefusalCode.FILE_UNREADABLE,
        f"Line {number:,} of the OBJ can't be read: {reason}. Export the part again.",
    )
