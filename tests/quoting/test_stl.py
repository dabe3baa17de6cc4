"""Damaged and hostile STL files are refused with code, field and remedy; none is read in part."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fulfil.quoting import stl
from fulfil.quoting.geometry import measure_stl
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode
from tests.quoting.solids import Triangles, ascii_stl, binary_stl, box, inverted, torus

CUBE = box(10, 10, 10)
BINARY = binary_stl(CUBE)
ASCII = ascii_stl(CUBE)


def with_vertex(x: float) -> Triangles:
    changed = CUBE.copy()
    changed[3, 1, 0] = x
    return changed


BAD = {
    "empty": (b"", RefusalCode.FILE_EMPTY),
    "one byte": (b"\0", RefusalCode.FILE_NOT_STL),
    "prose": (b"This is not a part. " * 40, RefusalCode.FILE_NOT_STL),
    "JPEG": (b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(range(256)), RefusalCode.FILE_NOT_STL),
    "header only": (BINARY[:84], RefusalCode.FILE_NOT_STL),
    "binary cut within a facet": (BINARY[:-25], RefusalCode.FILE_TRUNCATED),
    "binary cut between facets": (BINARY[:-50], RefusalCode.FILE_TRUNCATED),
    "count far too high": (binary_stl(CUBE, count=0xFFFFFFF), RefusalCode.FILE_TRUNCATED),
    "count one too low": (binary_stl(CUBE, count=11), RefusalCode.FILE_COUNT_MISMATCH),
    "count zero with facets behind it": (binary_stl(CUBE, count=0), RefusalCode.MESH_NO_TRIANGLES),
    "another file glued on": (BINARY + BINARY, RefusalCode.FILE_COUNT_MISMATCH),
    "binary without facets": (binary_stl(CUBE[:0]), RefusalCode.MESH_NO_TRIANGLES),
    "ASCII without facets": (b"solid nothing\nendsolid nothing\n", RefusalCode.MESH_NO_TRIANGLES),
    "ASCII without its end": (ASCII.replace(b"endsolid part", b""), RefusalCode.FILE_TRUNCATED),
    "ASCII cut in half": (ASCII[: len(ASCII) // 2], RefusalCode.FILE_TRUNCATED),
    "ASCII lacking a vertex": (ASCII.replace(b"vertex 10 10 10", b"", 1), RefusalCode.FILE_NOT_STL),
    "ASCII with a word for a number": (ASCII.replace(b"10 10 10", b"10 ten 10", 1), RefusalCode.FILE_NOT_STL),
    "ASCII with nan": (ASCII.replace(b"10 10 10", b"10 nan 10", 1), RefusalCode.MESH_NOT_FINITE),
    "ASCII with 1e400": (ASCII.replace(b"10 10 10", b"10 1e400 10", 1), RefusalCode.MESH_NOT_FINITE),
    "NaN": (binary_stl(with_vertex(math.nan)), RefusalCode.MESH_NOT_FINITE),
    "infinity": (binary_stl(with_vertex(-math.inf)), RefusalCode.MESH_NOT_FINITE),
    "1e30": (binary_stl(with_vertex(1e30)), RefusalCode.MESH_OUT_OF_RANGE),
    "far from the origin": (binary_stl(box(10, 10, 10, at=(2e5, 0, 0))), RefusalCode.MESH_OUT_OF_RANGE),
    "a part in metres": (binary_stl(box(0.01, 0.02, 0.03)), RefusalCode.PART_TOO_SMALL),
    "all in one point": (binary_stl(np.zeros((20, 3, 3), np.float32)), RefusalCode.PART_TOO_SMALL),
    "a triangle missing": (binary_stl(CUBE[1:]), RefusalCode.MESH_OPEN),
    "a lone triangle": (binary_stl(CUBE[:1]), RefusalCode.MESH_OPEN),
    "a triangle turned": (binary_stl(np.concatenate([inverted(CUBE[:1]), CUBE[1:]])), RefusalCode.MESH_WINDING),
    "half of it turned": (binary_stl(np.concatenate([inverted(CUBE[:6]), CUBE[6:]])), RefusalCode.MESH_WINDING),
    "a flat sheet with two sides": (
        binary_stl(np.concatenate([CUBE[:2], inverted(CUBE[:2])])),
        RefusalCode.MESH_ZERO_VOLUME,
    ),
    "needles without area": (binary_stl(CUBE[:, [0, 1, 1]]), RefusalCode.MESH_ZERO_VOLUME),
    "boxes that overlap": (
        binary_stl(np.concatenate([CUBE, box(10, 10, 10, at=(5, 5, 5))])),
        RefusalCode.MESH_BODIES_OVERLAP,
    ),
    "a box in a box": (
        binary_stl(np.concatenate([CUBE, box(4, 4, 4, at=(3, 3, 3))])),
        RefusalCode.MESH_BODIES_OVERLAP,
    ),
    "one body of two inside out": (
        binary_stl(np.concatenate([CUBE, inverted(box(4, 4, 4, at=(30, 0, 0)))])),
        RefusalCode.MESH_INSIDE_OUT,
    ),
    "the body of two that touch at an edge inside out": (
        binary_stl(np.concatenate([CUBE, inverted(box(10, 10, 10, at=(10, 10, 0)))])),
        RefusalCode.MESH_INSIDE_OUT,
    ),
    "the smaller of two that touch at a corner inside out": (
        binary_stl(np.concatenate([CUBE, inverted(box(4, 4, 4, at=(10, 10, 10)))])),
        RefusalCode.MESH_INSIDE_OUT,
    ),
}


@pytest.mark.parametrize(("content", "code"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_refused_naming_field_and_remedy(content: bytes, code: RefusalCode) -> None:
    with pytest.raises(QuotingRefusalError) as refused:
        measure_stl(content)
    assert refused.value.code is code
    assert refused.value.param == "file_id"
    assert len(refused.value.detail.split(". ")) >= 2, "a sentence says what is wrong, another what to do"


def test_the_refusal_of_an_open_mesh_counts_its_open_edges() -> None:
    with pytest.raises(QuotingRefusalError, match="3 open edges"):
        measure_stl(binary_stl(CUBE[1:]))


def test_a_mesh_with_too_many_triangles_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stl, "MAX_TRIANGLES", 11)
    for content in (BINARY, ASCII):
        with pytest.raises(QuotingRefusalError) as refused:
            measure_stl(content)
        assert refused.value.code is RefusalCode.MESH_TOO_LARGE


@given(st.binary(max_size=400))
def test_random_bytes_are_refused_and_nothing_else_is_raised(content: bytes) -> None:
    with pytest.raises(QuotingRefusalError):
        measure_stl(content)


@settings(max_examples=60)
@given(st.sampled_from([binary_stl(torus(20, 6, 12)), ascii_stl(torus(20, 6, 12))]), st.data())
def test_a_file_cut_anywhere_never_gets_a_volume(whole: bytes, data: st.DataObject) -> None:
    essential = len(whole.rstrip()) - len(b"endsolid part") if whole.startswith(b"solid") else len(whole)
    cut = data.draw(st.integers(0, essential - 1))
    with pytest.raises(QuotingRefusalError):
        measure_stl(whole[:cut])
