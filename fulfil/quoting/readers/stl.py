"""Reads binary and ASCII STL, strictly: a damaged file is refused and never read in part."""

import re
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from fulfil.models.messages.findings import Finding, FindingCode, Severity
from fulfil.quoting.formats import SNIFF_BYTES, is_whole_binary_stl, looks_like_ascii_stl, looks_like_binary_stl
from fulfil.quoting.mesh import Corners, Mesh
from fulfil.quoting.readers.binary_stl import (
    CORNERS_OFFSET,
    FACET_BYTES,
    HEADER_BYTES,
    MAX_BYTES,
    announced_triangles,
    check_count,
    check_size,
    truncated,
)
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode, file_refusal

MAX_COORDINATE = 1e5
CORNERS_BYTES = 36
# ASCII is split into words a piece at a time, because words take ten times the memory of the text.
PIECE_BYTES = 1 << 19
REMEMBERED_NUMBERS = 200_000

# What every exporter writes for a facet; None stands for a number.
GRAMMAR = (
    *(b"facet", b"normal", None, None, None, b"outer", b"loop"),
    *(b"vertex", None, None, None) * 3,
    *(b"endloop", b"endfacet"),
)
COORDINATES = (8, 9, 10, 12, 13, 14, 16, 17, 18)

# All of these read lower-case text; a literal start makes the search fast.
SOLID_LINE = re.compile(rb"solid[^\r\n]*")
SOLID_END = re.compile(rb"end ?solid")
FACET_START = re.compile(rb"facet\s+normal")
FACET_END = re.compile(rb"end ?facet")
VERTEX = re.compile(rb"vertex\s+(\S+)\s+(\S+)\s+(\S+)")


def read_stl(content: bytes | memoryview) -> Mesh:
    """The triangles of an STL; an STL states no unit.

    The size decides between binary and ASCII, because binary headers may begin with `solid` too. The corners are
    copied out of the facets once (3 ns each): every later pass over them is faster for it than over a view.
    Raises `QuotingRefusalError` when the file is empty, no STL, cut short, miscounted, too large, or has coordinates
    that are not finite or 100,000 and more.
    """
    size = len(content)
    if not size:
        raise file_refusal(RefusalCode.FILE_EMPTY, "The file is empty. Export the part again and upload the new file.")
    if size > MAX_BYTES:
        raise file_refusal(
            RefusalCode.MESH_TOO_LARGE,
            f"The file has {size:,} bytes, more than the {MAX_BYTES:,} that can be analysed. Export it with a coarser "
            "tolerance (0.01 mm is finer than any printer) or as binary STL.",
        )
    head = bytes(content[:SNIFF_BYTES])
    findings: tuple[Finding, ...] = ()
    if not is_whole_binary_stl(head, size) and looks_like_ascii_stl(head):
        corners = _read_ascii(bytes(content))
    elif looks_like_binary_stl(head, size) or is_whole_binary_stl(head, size):
        triangles = announced_triangles(head)
        findings = _trailing(check_size(triangles, size))
        corners = _read_binary(content, triangles)
    else:
        raise file_refusal(
            RefusalCode.FILE_NOT_STL,
            "The file is not an STL. Export the part as STL (binary or ASCII, millimetres) and upload that file.",
        )
    _check_coordinates(corners)
    return Mesh(corners, findings=findings)


def _read_binary(content: bytes | memoryview, triangles: int) -> Corners:
    offset = HEADER_BYTES + CORNERS_OFFSET
    facets = np.ndarray((triangles,), f"V{CORNERS_BYTES}", content, offset, (FACET_BYTES,))
    return np.ascontiguousarray(facets).view("<f4").reshape(triangles, 3, 3)


def _trailing(extra: int) -> tuple[Finding, ...]:
    if not extra:
        return ()
    return (
        Finding(
            code=FindingCode.TRAILING_BYTES,
            severity=Severity.INFO,
            message=f"{extra:,} bytes follow the last triangle and were ignored.",
            remedy="If the part looks incomplete, export it again.",
            number=extra,
            measure="bytes",
        ),
    )


def _read_ascii(content: bytes) -> Corners:
    text = content.lower()
    numbers = _read_regular(text)
    if numbers is None:
        numbers = _read_irregular(text)
    with np.errstate(over="ignore"):
        return numbers.astype(np.float32).reshape(-1, 3, 3)


def _read_regular(text: bytes) -> NDArray[np.float64] | None:
    """The coordinates of a text that has the usual words in the usual order throughout; None for any other."""
    pieces: list[NDArray[np.float64]] = []
    facets, position = 0, 0
    while start := SOLID_LINE.search(text, position):
        end = text.find(b"endsolid", start.end())
        if end < 0 or text[position : start.start()].strip(b"\xef\xbb\xbf \t\r\n"):
            return None
        position = start.end()
        while position < end:
            cut = text.find(b"endfacet", min(position + PIECE_BYTES, end), end)
            cut = end if cut < 0 else cut + len(b"endfacet")
            words = text[position:cut].split()
            if any(words[place :: len(GRAMMAR)].count(word) * len(GRAMMAR) != len(words) for place, word in WORDS):
                return None
            facets += len(words) // len(GRAMMAR)
            check_count(max(facets, 1))
            pieces.append(_parse(words))
            position = cut
        line_end = SOLID_LINE.search(text, end)
        position = line_end.end() if line_end else len(text)
    if not facets or text[position:].strip():
        return None
    return np.concatenate(pieces)


WORDS = tuple((place, word) for place, word in enumerate(GRAMMAR) if word is not None)


class _Numbers(dict[bytes, float]):
    """Numbers by their text: neighbouring facets repeat each other's, and a look-up takes a third of a conversion."""

    def __missing__(self, word: bytes) -> float:
        if b"_" in word:  # which Python would take for a separator of thousands
            raise _no_number(f"{word[:40]!r}")
        try:
            number = float(word)
        except ValueError as error:
            raise _no_number(f"{word[:40]!r}") from error
        if len(self) < REMEMBERED_NUMBERS:
            self[word] = number
        return number


def _parse(words: list[bytes]) -> NDArray[np.float64]:
    known = _Numbers()
    facets = len(words) // len(GRAMMAR)
    numbers = np.empty((facets, len(COORDINATES)))
    for column, place in enumerate(COORDINATES):
        numbers[:, column] = np.fromiter(map(known.__getitem__, words[place :: len(GRAMMAR)]), np.float64, facets)
    return numbers.reshape(-1)


def _read_irregular(text: bytes) -> NDArray[np.float64]:
    """The coordinates of a text with unusual words between its vertices, after counting that nothing is missing."""
    ends = _count(SOLID_END, text)
    body, solid_lines = SOLID_LINE.subn(b"", text)  # their names may hold any word
    solids = solid_lines - ends
    facets, facet_ends = _count(FACET_START, body), _count(FACET_END, body)
    if solids != ends or facets != facet_ends:
        raise truncated(f"{solids} solid and {facets:,} facet begin; {ends} and {facet_ends:,} end.")
    check_count(facets)
    vertices = _count(VERTEX, body)
    if vertices != 3 * facets:
        raise file_refusal(
            RefusalCode.FILE_NOT_STL,
            f"The file lists {vertices:,} vertices for {facets:,} facets; an STL has three for each. "
            "Export the part again.",
        )
    known = _Numbers()
    words = chain.from_iterable(vertex.groups() for vertex in VERTEX.finditer(body))
    return np.fromiter(map(known.__getitem__, words), np.float64, 3 * vertices)


def _count(pattern: re.Pattern[bytes], text: bytes) -> int:
    return sum(1 for _ in pattern.finditer(text))


def _no_number(evidence: str) -> QuotingRefusalError:
    return file_refusal(
        RefusalCode.FILE_NOT_STL, f"A coordinate of the file is no number ({evidence}). Export the part again."
    )


def _check_coordinates(corners: Corners) -> None:
    low, high = float(corners.min()), float(corners.max())
    if not np.isfinite(low + high):
        unusable = int(np.count_nonzero(~np.isfinite(corners).all(axis=(1, 2))))
        raise file_refusal(
            RefusalCode.MESH_NOT_FINITE,
            f"{unusable:,} of {len(corners):,} triangles have a coordinate that is not a finite number. "
            "Repair the mesh and export the part again.",
        )
    farthest = max(-low, high)
    if farthest >= MAX_COORDINATE:
        raise file_refusal(
            RefusalCode.MESH_OUT_OF_RANGE,
            f"A vertex lies {farthest:.3g} units from the origin; less than {MAX_COORDINATE:,.0f} can be measured. "
            "Check the units, move the part to the origin and export it again.",
        )
