"""Reads binary and ASCII STL, strictly: a damaged file is refused and never read in part."""

import re
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from fulfil.quoting.formats import (
    SNIFF_BYTES,
    STL_FACET_BYTES,
    STL_HEADER_BYTES,
    TRAILING_JUNK_SHARE,
    announced_triangles,
    is_whole_binary_stl,
    looks_like_ascii_stl,
    looks_like_binary_stl,
)
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode, file_refusal

Corners = NDArray[np.float32]

MAX_TRIANGLES = 2_000_000
FACET = np.dtype([("normal", "<f4", (3,)), ("corners", "<f4", (3, 3)), ("attributes", "<u2")])

# All of these read lower-case text; a literal start makes the search fast.
SOLID_LINE = re.compile(rb"solid[^\r\n]*")
SOLID_END = re.compile(rb"end ?solid")
FACET_START = re.compile(rb"facet\s+normal")
FACET_END = re.compile(rb"end ?facet")
VERTEX = re.compile(rb"vertex\s+(\S+)\s+(\S+)\s+(\S+)")


def read_stl(content: bytes) -> Corners:
    """The corners of every triangle as float32, shape (n, 3 corners, 3 coordinates), n >= 1.

    The size decides between binary and ASCII, because binary headers may begin with `solid` too.
    Raises `QuotingRefusalError` when the file is empty, no STL, cut short, miscounted or too large.
    """
    if not content:
        raise file_refusal(RefusalCode.FILE_EMPTY, "The file is empty. Export the part again and upload the new file.")
    head = content[:SNIFF_BYTES]
    if is_whole_binary_stl(head, len(content)):
        return _read_binary(content)
    if looks_like_ascii_stl(head):
        return _read_ascii(content)
    if looks_like_binary_stl(head, len(content)):
        _refuse_wrong_size(content)
        return _read_binary(content)
    raise file_refusal(
        RefusalCode.FILE_NOT_STL,
        "The file is not an STL. Export the part as STL (binary or ASCII, millimetres) and upload that file.",
    )


def _refuse_wrong_size(content: bytes) -> None:
    triangles = announced_triangles(content)
    announced = STL_HEADER_BYTES + STL_FACET_BYTES * triangles
    if announced > len(content):
        raise _truncated(
            f"Its header announces {triangles:,} triangles, that is {announced:,} bytes, and it has {len(content):,}."
        )
    if triangles == 0:
        raise _no_triangles()
    if len(content) > announced * (1 + TRAILING_JUNK_SHARE):
        raise file_refusal(
            RefusalCode.FILE_COUNT_MISMATCH,
            f"The file's header announces {triangles:,} triangles, and {len(content) - announced:,} bytes follow them. "
            "Export the part again: a file that contradicts itself can't be priced.",
        )


def _read_binary(content: bytes) -> Corners:
    triangles = announced_triangles(content)
    _check_count(triangles)
    facets = np.frombuffer(content, FACET, count=triangles, offset=STL_HEADER_BYTES)
    return np.ascontiguousarray(facets["corners"])


def _read_ascii(content: bytes) -> Corners:
    text = content.lower()
    ends = len(SOLID_END.findall(text))
    body, solid_lines = SOLID_LINE.subn(b"", text)  # their names may hold any word
    solids = solid_lines - ends
    facets, facet_ends = len(FACET_START.findall(body)), len(FACET_END.findall(body))
    if solids != ends or facets != facet_ends:
        raise _truncated(f"{solids} solid and {facets:,} facet begin; {ends} and {facet_ends:,} end.")
    _check_count(facets)
    vertices = VERTEX.findall(body)
    if len(vertices) != 3 * facets:
        raise file_refusal(
            RefusalCode.FILE_NOT_STL,
            f"The file lists {len(vertices):,} vertices for {facets:,} facets; an STL has three for each. "
            "Export the part again.",
        )
    try:
        numbers = np.fromiter(map(float, chain.from_iterable(vertices)), dtype=np.float64, count=9 * facets)
    except ValueError as error:
        raise file_refusal(
            RefusalCode.FILE_NOT_STL, f"A coordinate of the file is no number ({error}). Export the part again."
        ) from error
    with np.errstate(over="ignore"):
        return numbers.astype(np.float32).reshape(facets, 3, 3)


def _check_count(triangles: int) -> None:
    if triangles == 0:
        raise _no_triangles()
    if triangles > MAX_TRIANGLES:
        raise file_refusal(
            RefusalCode.MESH_TOO_LARGE,
            f"The mesh has {triangles:,} triangles, more than the {MAX_TRIANGLES:,} that can be analysed. "
            "Export it with a coarser tolerance (0.01 mm is finer than any printer).",
        )


def _truncated(evidence: str) -> QuotingRefusalError:
    return file_refusal(
        RefusalCode.FILE_TRUNCATED, f"The file was cut short. {evidence} Upload it again, or export it again."
    )


def _no_triangles() -> QuotingRefusalError:
    return file_refusal(
        RefusalCode.MESH_NO_TRIANGLES,
        "The file holds no triangles. Check that the body was selected and visible when it was exported.",
    )
