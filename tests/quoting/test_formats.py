"""A file's format is told by its content."""

import gzip
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulfil.quoting.formats import (
    QUOTABLE_FORMATS,
    SNIFF_BYTES,
    FileFormat,
    refuse_unquotable,
    sniff_format,
)
from fulfil.quoting.refusals import RefusalCode
from tests.quoting.making_solids import ascii_stl, binary_stl, box


def sniffed(content: bytes) -> FileFormat | None:
    return sniff_format(content[:SNIFF_BYTES], len(content))


PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + bytes(13) + struct.pack(">I", zlib.crc32(b"IHDR"))

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h9"/></svg>'
DOCTYPE = b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
ENTITIES = b'<!DOCTYPE svg [<!ENTITY ns_svg "http://www.w3.org/2000/svg">]>'
DXF = b"  0\r\nSECTION\r\n  2\r\nHEADER\r\n  9\r\n$ACADVER\r\n"
OBJ_TEXT = b"# made by hand\no part\nv 0 0 0\nv 1 0 0 0.5 0.5 0.5\nv 0 1 0\nf 1/1/1 2//2 3\n"

KNOWN = {
    "binary STL": (binary_stl(box(10, 10, 10)), FileFormat.STL),
    "binary STL that begins with solid": (binary_stl(box(10, 10, 10), header=b"solid lie"), FileFormat.STL),
    "binary STL that begins like a PDF": (binary_stl(box(10, 10, 10), header=b"%PDF-1.7"), FileFormat.STL),
    "truncated binary STL": (binary_stl(box(10, 10, 10))[:-30], FileFormat.STL),
    "padded binary STL": (binary_stl(box(10, 10, 10)) + b"\0\0", FileFormat.STL),
    "ASCII STL": (ascii_stl(box(10, 10, 10)), FileFormat.STL),
    "ASCII STL after a byte order mark": (b"\xef\xbb\xbf" + ascii_stl(box(10, 10, 10)).upper(), FileFormat.STL),
    "truncated ASCII STL": (ascii_stl(box(10, 10, 10))[:300], FileFormat.STL),
    "JPEG": (b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(200), FileFormat.JPEG),
    "PNG": (PNG, FileFormat.PNG),
    "WebP": (b"RIFF\x24\0\0\0WEBPVP8 " + bytes(20), FileFormat.WEBP),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", FileFormat.PDF),
    "3MF": (b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml" + bytes(100), FileFormat.THREE_MF),
    "ZIP": (b"PK\x03\x04" + bytes(26) + b"readme.txt" + bytes(100), FileFormat.ZIP),
    "STEP": (b"ISO-10303-21;\nHEADER;\n", FileFormat.STEP),
    "STEP after a comment": (b"/* by a CAD program */\nISO-10303-21;\nHEADER;\n", FileFormat.STEP),
    "SVG after a byte order mark": (b"\xef\xbb\xbf" + SVG, FileFormat.SVG),
    "SVG after comments": (b"<!-- <html> --><!-- made by hand -->\n" + SVG, FileFormat.SVG),
    "SVG after a document type": (b'<?xml version="1.0"?>' + DOCTYPE + SVG, FileFormat.SVG),
    "SVG after declared entities": (ENTITIES + SVG, FileFormat.SVG),
    "SVG with a prefix": (b'<svg:svg xmlns:svg="http://www.w3.org/2000/svg"/>', FileFormat.SVG),
    "SVG in UTF-16": (SVG.decode().encode("utf-16"), FileFormat.SVG),
    "SVG in UTF-16 without mark": (SVG.decode().encode("utf-16-le"), FileFormat.SVG),
    "compressed SVG": (gzip.compress(SVG), FileFormat.SVGZ),
    "gzip": (gzip.compress(b"Dear Sir"), FileFormat.GZIP),
    "DXF": (DXF, FileFormat.DXF),
    "DXF after a comment": (b"999\ndxflib 3.17\n" + DXF.replace(b"\r", b""), FileFormat.DXF),
    "binary DXF": (b"AutoCAD Binary DXF\r\n\x1a\0" + bytes(100), FileFormat.DXF_BINARY),
    "DWG": (b"AC1032\0\0\0\0" + bytes(100), FileFormat.DWG),
    "Illustrator, PDF inside": (b"%PDF-1.6\n<</PieceInfo<</Illustrator 9 0 R>>>>", FileFormat.AI),
    "Illustrator, PostScript": (b"%!PS-Adobe-3.0\n%%Creator: Adobe Illustrator(R) 8.0\n", FileFormat.AI),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%Creator: Adobe Illustrator(R) 24.0\n", FileFormat.EPS),
    "EPS with a preview": (b"\xc5\xd0\xd3\xc6" + bytes(100), FileFormat.EPS),
    "GLB": (b"glTF\2\0\0\0" + bytes(20), FileFormat.GLB),
    "OBJ": (OBJ_TEXT, FileFormat.OBJ),
    "OBJ with Windows line ends": (OBJ_TEXT.replace(b"\n", b"\r\n"), FileFormat.OBJ),
    "OBJ after a long comment": (b"# Wavefront OBJ\n" + b"# all rights reserved\n" * 500 + OBJ_TEXT, FileFormat.OBJ),
    "binary STL whose count lies": (binary_stl(box(10, 10, 10), count=0xFFFFFFFF), FileFormat.STL),
    "empty ZIP": (b"PK\x05\x06" + bytes(18), FileFormat.ZIP),
    "sliced 3MF": (b"PK\x03\x04" + bytes(26) + b"Metadata/plate_1.png" + bytes(99), FileFormat.THREE_MF),
    "SVG": (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', FileFormat.SVG),
}


@pytest.mark.parametrize(("content", "expected"), KNOWN.values(), ids=KNOWN.keys())
def test_a_known_format_is_recognised(content: bytes, expected: FileFormat) -> None:
    assert sniffed(content) is expected


UNKNOWN = {
    "nothing": b"",
    "one byte": b"s",
    "prose": b"Dear Sir or Madam, please find attached the drawing of the part we spoke about on Tuesday. " * 4,
    "prose about solids": b"solid work, everyone! " * 20,
    "HTML": b"<!doctype html><html><body>not found</body></html>",
    "prose with lines that look like vertices": b"f or each\nv isit\ng ives\n" * 20,
    "a program in C": b"int main() {\n  return 0;\n}\n" * 5,
    "XML of another kind": b'<?xml version="1.0"?><html><svg/></html>',
    "text that is longer than an STL header": b"one line of text, and then another one\n" * 30,
    "a program": b"\x7fELF\x02\x01\x01" + bytes(200),
    "a script": b"#!/bin/sh\necho hello\n" + b"# padding\n" * 20,
}


@pytest.mark.parametrize("content", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_anything_else_is_unknown(content: bytes) -> None:
    assert sniffed(content) is None


@given(st.binary(max_size=300))
def test_sniffing_never_raises(content: bytes) -> None:
    assert isinstance(sniffed(content), FileFormat | None)


@pytest.mark.parametrize("found", [*sorted(set(FileFormat) - QUOTABLE_FORMATS), None])
def test_whatever_no_reader_takes_is_refused_with_a_remedy(found: FileFormat | None) -> None:
    refusal = refuse_unquotable(found)
    assert refusal.code is RefusalCode.FILE_FORMAT_NOT_QUOTED
    assert any(word in refusal.detail for word in ("Export", "Save", "Unpack"))
