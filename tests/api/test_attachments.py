"""Texts, documents, archives and videos are told by their content, and traps are refused."""

import struct

import pytest

from fulfil.api.archives import MOST_ENTRIES, ArchiveRefusedError
from fulfil.api.attachments import MOST_TEXT_BYTES, tell_attachment
from tests.api.containers import belittled, box, docx, encrypted, mp4, odt, swollen, webm, zipped

PLAIN = zipped({"plans/a.stl": b"solid a", "read me.txt": b"hello"})


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        (PLAIN, "x.exe", "zip"),
        (belittled(PLAIN), "x.zip", "zip"),
        (docx(), "x.zip", "docx"),
        (odt(), "x", "odt"),
        (odt("application/vnd.oasis.opendocument.text-template"), "x.odt", "zip"),
        (odt("application/vnd.oasis.opendocument.spreadsheet"), "x.odt", "zip"),
        (zipped({"[Content_Types].xml": b"", "3D/3dmodel.model": b""}), "x.docx", "3mf"),
        (mp4(), "x.txt", "mp4"),
        (mp4(b"mp42"), "x", "mp4"),
        (webm(), "x", "webm"),
        (b"Dear customer,\r\n\tit fits.\r\n", "x.pdf", "text"),
        (b"# Title\n\n<p>it fits</p> \xc3\xa9", "README.MD", "markdown"),
        (b"\xef\xbb\xbfwith a mark", "x", "text"),
    ],
)
def test_the_content_says_what_it_is(content: bytes, name: str, told: str) -> None:
    assert tell_attachment(content, name) == told


@pytest.mark.parametrize(
    "content",
    [
        b"MZ\x90\0\x03" + bytes(60),
        b"\x7fELF" + bytes(60),
        b"#!/bin/sh\nrm -rf /",
        b"<!DOCTYPE html><title>x</title>",
        b"  <HTML><script>1</script>",
        b"\xef\xbb\xbf<script>1</script>",
        b"<?php 1;",
        b"{\\rtf1 x}",
        b"@echo off\r\ndel *",
        b"MIME-Version: 1.0\n",
        b"text with \x1b[2J an escape",
        b"text with a \0 zero",
        b"no utf-8: \xff\xfe",
        b"x" * (MOST_TEXT_BYTES + 1),
        mp4(b"qt  "),
        mp4()[:-1],
        box(b"ftyp", b"isom" + bytes(4)) + box(b"mdat", bytes(9)),
        box(b"ftyp", b"isom" + bytes(4)) + struct.pack("!I", 3) + b"moov",
        webm(b"matroska"),
    ],
    ids=lambda content: repr(content[:16]),
)
def test_what_is_none_of_them_has_no_name(content: bytes) -> None:
    assert tell_attachment(content, "x.md") is None


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (docx(vbaProject_bin=b"x"), "file_has_macros"),
        (odt(Basic__Standard=b"x"), "file_has_macros"),
        (odt(Scripts__python=b"x"), "file_has_macros"),
        (encrypted(PLAIN), "archive_encrypted"),
        (swollen(PLAIN, 1_900_000_000), "archive_too_large"),
        (swollen(PLAIN, 2_000_000_001), "archive_too_large"),
        (zipped({f"{number}": b"" for number in range(MOST_ENTRIES + 1)}), "archive_too_large"),
        (belittled(zipped({f"{number}": b"" for number in range(MOST_ENTRIES + 1)})), "archive_too_large"),
        (zipped({"../../etc/passwd": b"x"}), "archive_unsafe"),
        (zipped({"/etc/passwd": b"x"}), "archive_unsafe"),
        (zipped({"C:\\windows\\x": b"x"}), "archive_unsafe"),
        (PLAIN[:-30], "archive_broken"),
        (PLAIN + b"MZ glued on", "archive_broken"),
        (b"PK\x03\x04" + bytes(200), "archive_broken"),
        (PLAIN.replace(b"PK\x01\x02", b"PK\x01\x03"), "archive_broken"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_archive_that_is_a_trap_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(ArchiveRefusedError) as refused:
        tell_attachment(content, "x.zip")
    assert refused.value.code == code
