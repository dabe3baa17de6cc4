"""STL is read whole or refused with code, field and remedy; never in part."""

import math
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fulfil.models.messages.findings import FindingCode
from fulfil.quoting import limits
from fulfil.quoting.formats import FileFormat
from fulfil.quoting.readers import binary_stl as layout
from fulfil.quoting.readers import stl
from fulfil.quoting.readers.stl import read_stl
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode
from tests.quoting.making_solids import Triangles, ascii_stl, binary_stl, box, sphere, together, torus, torus_of

PARTS = Path(__file__).parents[1] / "parts"
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
    "count of all ones": (binary_stl(CUBE, count=0x7FFFFFF), RefusalCode.FILE_TRUNCATED),
    "count one too low": (binary_stl(CUBE, count=11), RefusalCode.FILE_COUNT_MISMATCH),
    "count zero with facets behind it": (binary_stl(CUBE, count=0), RefusalCode.MESH_NO_TRIANGLES),
    "another file glued on": (BINARY + BINARY, RefusalCode.FILE_COUNT_MISMATCH),
    "binary without facets": (binary_stl(CUBE[:0]), RefusalCode.MESH_NO_TRIANGLES),
    "ASCII without facets": (b"solid nothing\nendsolid nothing\n", RefusalCode.MESH_NO_TRIANGLES),
    "ASCII without its end": (ASCII.replace(b"endsolid part", b""), RefusalCode.FILE_TRUNCATED),
    "ASCII cut in half": (ASCII[: len(ASCII) // 2], RefusalCode.FILE_TRUNCATED),
    "ASCII cut in its second solid": (ASCII + ASCII[:900], RefusalCode.FILE_TRUNCATED),
    "ASCII lacking a vertex": (ASCII.replace(b"vertex 10 10 10", b"", 1), RefusalCode.FILE_NOT_STL),
    "ASCII lacking a coordinate": (ASCII.replace(b"10 10 10", b"10 10", 1), RefusalCode.FILE_NOT_STL),
    "ASCII with a word for a number": (ASCII.replace(b"10 10 10", b"10 ten 10", 1), RefusalCode.FILE_NOT_STL),
    "ASCII with decimal commas": (ASCII.replace(b"10 10 10", b"10,0 10,0 10,0"), RefusalCode.FILE_NOT_STL),
    "ASCII with an underscore in a number": (ASCII.replace(b"10 10 10", b"1_0 10 10", 1), RefusalCode.FILE_NOT_STL),
    "ASCII with nan": (ASCII.replace(b"10 10 10", b"10 nan 10", 1), RefusalCode.MESH_NOT_FINITE),
    "ASCII with 1e400": (ASCII.replace(b"10 10 10", b"10 1e400 10", 1), RefusalCode.MESH_NOT_FINITE),
    "NaN": (binary_stl(with_vertex(math.nan)), RefusalCode.MESH_NOT_FINITE),
    "infinity": (binary_stl(with_vertex(-math.inf)), RefusalCode.MESH_NOT_FINITE),
    "1e30": (binary_stl(with_vertex(1e30)), RefusalCode.MESH_OUT_OF_RANGE),
    "-1e30": (ascii_stl(with_vertex(-1e30)), RefusalCode.MESH_OUT_OF_RANGE),
    "far from the origin": (binary_stl(box(10, 10, 10, at=(1e5, 0, 0))), RefusalCode.MESH_OUT_OF_RANGE),
}


@pytest.mark.parametrize(("content", "code"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_refused_naming_field_and_remedy(content: bytes, code: RefusalCode) -> None:
    with pytest.raises(QuotingRefusalError) as refused:
        read_stl(content)
    assert refused.value.code is code
    assert refused.value.param == "file_id"
    assert len(refused.value.detail.split(". ")) >= 2, "a sentence says what is wrong, another what to do"


def test_too_many_triangles_are_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "MAX_TRIANGLES", 11)
    for content in (BINARY, ASCII, ASCII.replace(b"endfacet", b"end facet")):
        with pytest.raises(QuotingRefusalError) as refused:
            read_stl(content)
        assert refused.value.code is RefusalCode.MESH_TOO_LARGE


def test_too_many_bytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stl, "MAX_BYTES", len(BINARY) - 1)
    with pytest.raises(QuotingRefusalError) as refused:
        read_stl(BINARY)
    assert refused.value.code is RefusalCode.MESH_TOO_LARGE


@pytest.mark.parametrize("path", sorted(PARTS.glob("*.stl")), ids=lambda path: path.stem)
def test_a_part_reads_the_same_in_binary_and_ascii(path: Path) -> None:
    corners = read_stl(path.read_bytes()).corners
    assert corners.dtype == np.float32
    assert corners.shape[1:] == (3, 3)
    assert np.array_equal(read_stl(ascii_stl(corners)).corners, corners)


def test_a_file_states_no_unit_and_a_whole_one_gets_no_remarks() -> None:
    mesh = read_stl(memoryview(BINARY))
    assert mesh.unit is None
    assert mesh.findings == ()
    assert np.array_equal(mesh.corners, CUBE)


def test_a_binary_file_may_begin_with_solid() -> None:
    part = sphere(20, 20)
    for header in (b"solid part", b"solid facet normal"):
        assert np.array_equal(read_stl(binary_stl(part, header=header)).corners, part)


def test_a_little_padding_is_ignored_and_said() -> None:
    part = sphere(20, 20)
    mesh = read_stl(binary_stl(part) + b"\r\n")
    assert np.array_equal(mesh.corners, part)
    (finding,) = mesh.findings
    assert (finding.code, finding.number) == (FindingCode.TRAILING_BYTES, 2)


SPELLINGS = {
    "upper case": ASCII.upper(),
    "CRLF": ASCII.replace(b"\n", b"\r\n"),
    "CR": ASCII.replace(b"\n", b"\r"),
    "byte order mark": b"\xef\xbb\xbf\n" + ASCII,
    "tabs": ASCII.replace(b"  ", b"\t"),
    "exponents": ASCII.replace(b" 10", b" 1.0E+01"),
    "words apart": ASCII.replace(b"endfacet", b"end facet").replace(b"endsolid", b"end solid"),
    "a colour between facets": ASCII.replace(b"endfacet", b"endfacet\ncolor 1 0 0", 3),
    "a name that reads like a facet": ascii_stl(CUBE, name="facet normal vertex 1 2 3 endfacet"),
    "no name": ascii_stl(CUBE, name=""),
    "blank lines": ASCII.replace(b"\n", b"\n\n"),
}


@pytest.mark.parametrize("content", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_ascii_is_read_however_it_is_spelt(content: bytes) -> None:
    assert np.array_equal(read_stl(content).corners, CUBE)


def test_several_solids_in_one_ascii_file_are_all_read() -> None:
    other = box(2, 2, 2, at=(20, 0, 0))
    assert np.array_equal(read_stl(ASCII + ascii_stl(other, name="")).corners, together(CUBE, other))


def test_ascii_longer_than_a_piece_loses_nothing_at_the_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    part = torus(20, 6, 24)
    monkeypatch.setattr(stl, "PIECE_BYTES", 777)
    assert np.array_equal(read_stl(ascii_stl(part)).corners, part)


def test_ascii_takes_microseconds_per_facet() -> None:
    part = torus_of(20_000)
    content = ascii_stl(part)
    taken: list[float] = []
    for _ in range(3):
        start = time.process_time()
        read_stl(content)
        taken.append(time.process_time() - start)
    assert min(taken) / len(part) < 12e-6, "2.5 us when alone; trees and quadratic scans would take far longer"


@given(st.binary(max_size=400))
def test_random_bytes_are_refused_and_nothing_else_is_raised(content: bytes) -> None:
    with pytest.raises(QuotingRefusalError):
        read_stl(content)


@settings(max_examples=60)
@given(st.sampled_from([binary_stl(torus(20, 6, 12)), ascii_stl(torus(20, 6, 12))]), st.data())
def test_a_file_cut_anywhere_is_never_read_in_part(whole: bytes, data: st.DataObject) -> None:
    essential = len(whole.rstrip()) - len(b"endsolid part") if whole.startswith(b"solid") else len(whole)
    cut = data.draw(st.integers(0, essential - 1))
    with pytest.raises(QuotingRefusalError):
        read_stl(whole[:cut])


def test_the_caps_are_those_everybody_keeps() -> None:
    assert layout.MAX_TRIANGLES == limits.MOST_TRIANGLES
    assert limits.most_bytes(FileFormat.STL) == layout.MAX_BYTES
    assert layout.MAX_BYTES > layout.HEADER_BYTES + layout.FACET_BYTES * layout.MAX_TRIANGLES
