"""A file's format is told by its content."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulfil.quoting.formats import SNIFF_BYTES, FileFormat, sniff_format
from tests.quoting.solids import ascii_stl, binary_stl, box


def sniffed(content: bytes) -> FileFormat | None:
    return sniff_format(content[:SNIFF_BYTES], len(content))


PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + bytes(13) + struct.pack(">I", zlib.crc32(b"IHDR"))

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
    "a program": b"\x7fELF\x02\x01\x01" + bytes(200),
    "a script": b"#!/bin/sh\necho hello\n" + b"# padding\n" * 20,
}


@pytest.mark.parametrize("content", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_anything_else_is_unknown(content: bytes) -> None:
    assert sniffed(content) is None


@given(st.binary(max_size=300))
def test_sniffing_never_raises(content: bytes) -> None:
    assert isinstance(sniffed(content), FileFormat | None)
