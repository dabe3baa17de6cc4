"""Cuts the long lists of vertices and triangles out of a 3MF's XML, so that only the short rest needs an XML parser.

A third of the time of parsing all of it. A list is cut only if every `<` in it begins an element that matches to the
letter what exporters write (no comment, entity, prefix or unknown attribute), so what remains is the parser's: the two
ways can't disagree.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from fulfil.quoting.limits import MOST_TRIANGLES
from fulfil.quoting.readers.corners import too_many_triangles

# The attribute that names a cut list in what is left of the document.
CUT = "fulfil.cut"
PIECE_BYTES = 1 << 22

VERTEX = re.compile(rb'<vertex\s+x="([^"<&]+)"\s+y="([^"<&]+)"\s+z="([^"<&]+)"\s*/>')
TRIANGLE = re.compile(
    rb'<triangle\s+v1="([^"<&]+)"\s+v2="([^"<&]+)"\s+v3="([^"<&]+)"'
    rb'(?:\s+(?!v[123]\b)[A-Za-z_][\w:.-]*="[^"<&]*")*\s*/>'
)


@dataclass
class CutLists:
    """What is left of the document, and by the value of `CUT` what was taken out, as flat arrays."""

    rest: bytes
    vertices: dict[str, NDArray[np.float64]] = field(default_factory=dict[str, NDArray[np.float64]])
    triangles: dict[str, NDArray[np.int64]] = field(default_factory=dict[str, NDArray[np.int64]])


def cut_lists(content: bytes) -> CutLists:
    """Take out every list that is written plainly; raises `ValueError` or `OverflowError` for numbers that are none."""
    cuts = CutLists(b"")
    left: list[bytes] = []
    position = 0
    while (start := content.find(b"<vertices>", position)) >= 0:
        end_of_vertices = content.find(b"</vertices>", start)
        start_of_triangles = content.find(b"<triangles>", end_of_vertices)
        end = content.find(b"</triangles>", start_of_triangles)
        if min(end_of_vertices, start_of_triangles, end) < 0:
            break
        name = str(len(cuts.vertices))
        points = _numbers(content, (start + len(b"<vertices>"), end_of_vertices), VERTEX, float)
        corners = _numbers(content, (start_of_triangles + len(b"<triangles>"), end), TRIANGLE, int)
        if points is None or corners is None:
            left.append(content[position:end])
        else:
            cuts.vertices[name], cuts.triangles[name] = points, corners.astype(np.int64)
            left += (
                content[position : start + len(b"<vertices>")],
                f'<vertex {CUT}="{name}"/>'.encode(),
                content[end_of_vertices : start_of_triangles + len(b"<triangles>")],
                f'<triangle {CUT}="{name}"/>'.encode(),
            )
        position = end
    cuts.rest = b"".join([*left, content[position:]])
    return cuts


def _numbers(
    content: bytes, span: tuple[int, int], element: re.Pattern[bytes], number: Callable[[bytes], float]
) -> NDArray[np.float64] | None:
    """Three numbers of each element, one after another; None if the span holds anything but such elements."""
    start, stop = span
    elements = content.count(b"<", start, stop)
    if elements > 3 * MOST_TRIANGLES:
        raise too_many_triangles()
    pieces: list[NDArray[np.float64]] = []
    found = 0
    while start < stop:
        end = stop if stop - start <= PIECE_BYTES else content.rfind(b"/>", start, start + PIECE_BYTES) + 2
        if end < start + 2:
            return None
        matches = element.findall(content, start, end)
        found += len(matches)
        # Indices up to 2^53 are exact as float64; larger ones are refused as no vertex all the same.
        pieces.append(np.fromiter(map(number, chain.from_iterable(matches)), np.float64, count=3 * len(matches)))
        start = end
    return np.concatenate(pieces) if pieces and found == elements else None
