"""What else a file can be than geometry and pictures: texts, documents, archives, videos; told by its content."""

import re
import struct

from fulfil.api.archives import tell_archive
from fulfil.quoting.formats import ZIP_MAGIC, FileFormat

MOST_TEXT_BYTES = 10_000_000
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# What no text holds: control characters beside tab, line feed, form feed and carriage return.
CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
# Text that a program would run or a browser would show as a page.
ACTIVE = re.compile(
    rb"\s*(?:#!|<\?|<!doctype\b|<\s*(?:html|head|body|script|svg|iframe|xml)\b|%!PS|\{\\rtf|@echo\b|MIME-Version:)",
    re.IGNORECASE,
)
MARKDOWN_NAMES = (".md", ".markdown")
BOX_HEADER = 8
MOST_BOXES = 64
MP4_BRANDS = frozenset(
    {
        *(b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"iso7", b"iso8", b"iso9"),
        *(b"mp41", b"mp42", b"avc1", b"M4V ", b"MSNV", b"dash"),
    }
)
EBML_MAGIC = b"\x1a\x45\xdf\xa3"
WEBM_DOCTYPE = b"\x42\x82\x84webm"
EBML_HEAD_BYTES = 128


def tell_attachment(content: bytes, name: str) -> FileFormat | None:
    """A text, document, archive or video, or None; raises `ArchiveRefusedError` for an archive that is a trap.

    The name decides nothing but whether a text is called Markdown.
    """
    if content.startswith(ZIP_MAGIC):
        return tell_archive(content)
    if is_mp4(content):
        return FileFormat.MP4
    if is_webm(content):
        return FileFormat.WEBM
    if is_plain_text(content):
        return FileFormat.MARKDOWN if name.lower().endswith(MARKDOWN_NAMES) else FileFormat.TEXT
    return None


def is_plain_text(content: bytes) -> bool:
    """Whether all of it is text in UTF-8, and none that a program or a browser would run."""
    if len(content) > MOST_TEXT_BYTES or CONTROL.search(content) or ACTIVE.match(content.removeprefix(BYTE_ORDER_MARK)):
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def is_mp4(content: bytes) -> bool:
    """Whether it is boxes from the first byte to the last, of a brand of MPEG-4, with a film among them."""
    if content[4:8] != b"ftyp" or content[8:12] not in MP4_BRANDS:
        return False
    at, kinds = 0, set[bytes]()
    for _ in range(MOST_BOXES):
        if at == len(content):
            return b"moov" in kinds
        size = _box_size(content, at)
        if size is None or at + size > len(content):
            return False
        kinds.add(content[at + 4 : at + 8])
        at += size
    # Streams in fragments have any number of boxes; the film's description comes first.
    return b"moov" in kinds


def is_webm(content: bytes) -> bool:
    """Whether it begins as EBML whose document type is WebM; Matroska is another one."""
    return content.startswith(EBML_MAGIC) and WEBM_DOCTYPE in content[:EBML_HEAD_BYTES]


def _box_size(content: bytes, at: int) -> int | None:
    """The size of the box at a place; 0 says to the end, 1 that the size follows in eight bytes."""
    if at + BOX_HEADER > len(content):
        return None
    size = int(struct.unpack_from("!I", content, at)[0])
    if size == 0:
        return len(content) - at
    if size == 1:
        if at + 2 * BOX_HEADER > len(content):
            return None
        size = int(struct.unpack_from("!Q", content, at + BOX_HEADER)[0])
    return size if size >= BOX_HEADER else None
