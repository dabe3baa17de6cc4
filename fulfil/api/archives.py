"""Zip archives as they come in: read by their directory alone, never unpacked, refused when they are a trap."""

import io
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

from fulfil.quoting.formats import FileFormat

MOST_ENTRIES = 5_000
MOST_DIRECTORY_BYTES = 2_000_000
MOST_UNPACKED_BYTES = 2_000_000_000
LARGEST_RATIO = 200
RATIO_EXEMPT_BYTES = 50_000_000
LONGEST_NAME = 512
END_RECORD = b"PK\x05\x06"
END_RECORD_BYTES = 22
# Where an archive has one, readers believe this record instead: it stands before the end record and its locator.
LARGE_END_RECORD = b"PK\x06\x06"
LARGE_END_RECORD_BYTES = 56
LARGE_LOCATOR = b"PK\x06\x07"
LARGE_LOCATOR_BYTES = 20
LONGEST_COMMENT = 65_535
ENCRYPTED = 0x1
ODT_TYPE = b"application/vnd.oasis.opendocument.text"
# Programs inside documents: Word's project, LibreOffice's Basic and script folders.
MACROS = ("word/vbaproject.bin", "word/vbadata.xml", "basic/", "scripts/")


class ArchiveRefusedError(Exception):
    """The archive is not kept; `code` and the sentence say why and what would help."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Directory:
    """What an archive says it holds."""

    entries: Sequence[zipfile.ZipInfo]

    @property
    def names(self) -> list[str]:
        """As they stand there, in order."""
        return [entry.filename for entry in self.entries]


def tell_archive(content: bytes) -> FileFormat:
    """ZIP, 3MF, DOCX or ODT, by what the archive holds; raises `ArchiveRefusedError`."""
    directory = read_directory(content)
    _refuse_traps(directory)
    names = {name.lower() for name in directory.names}
    found = _package(content, names)
    if found in (FileFormat.DOCX, FileFormat.ODT) and any(name.startswith(MACROS) for name in names):
        raise ArchiveRefusedError("file_has_macros", "This document holds programs (macros): save it without them.")
    return found


def read_directory(content: bytes) -> Directory:
    """The directory of an archive whose end is where the file ends; raises `ArchiveRefusedError`.

    The end record is measured before the directory is read, so that a lie costs nothing.
    """
    tail = content[-(LARGE_END_RECORD_BYTES + LARGE_LOCATOR_BYTES + END_RECORD_BYTES + LONGEST_COMMENT) :]
    at = tail.rfind(END_RECORD)
    if at < 0 or len(tail) - at < END_RECORD_BYTES:
        raise ArchiveRefusedError("archive_broken", "This archive is cut off or damaged: pack it again.")
    entries, size, comment = struct.unpack_from("<H I 4x H", tail, at + 10)
    if at + END_RECORD_BYTES + comment != len(tail):
        raise ArchiveRefusedError("archive_broken", "Something is glued to the end of this archive: pack it again.")
    large = tail[:at][-(LARGE_END_RECORD_BYTES + LARGE_LOCATOR_BYTES) :]
    if large[-LARGE_LOCATOR_BYTES:].startswith(LARGE_LOCATOR) and large.startswith(LARGE_END_RECORD):
        entries, size = struct.unpack_from("<QQ", large, 32)
    if entries > MOST_ENTRIES or size > MOST_DIRECTORY_BYTES:
        raise ArchiveRefusedError(
            "archive_too_large", f"This archive holds more than {MOST_ENTRIES:,} files: send fewer at a time."
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return Directory(archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, OSError) as error:
        raise ArchiveRefusedError("archive_broken", "This archive can't be read: pack it again as ZIP.") from error


def _refuse_traps(directory: Directory) -> None:
    packed = sum(entry.compress_size for entry in directory.entries)
    unpacked = sum(entry.file_size for entry in directory.entries)
    swollen = unpacked > RATIO_EXEMPT_BYTES and unpacked > LARGEST_RATIO * max(packed, 1)
    if unpacked > MOST_UNPACKED_BYTES or swollen:
        raise ArchiveRefusedError(
            "archive_too_large", f"Unpacked this would be {unpacked:,} bytes: send the files, or fewer at a time."
        )
    if any(entry.flag_bits & ENCRYPTED for entry in directory.entries):
        raise ArchiveRefusedError("archive_encrypted", "This archive has a password: pack it without one.")
    if any(_is_unsafe(name) for name in directory.names):
        raise ArchiveRefusedError(
            "archive_unsafe", "This archive holds names that lead outside of its folder: pack it again."
        )


def _is_unsafe(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return ".." in parts or not parts[0] or parts[0].endswith(":") or len(name) > LONGEST_NAME or "\0" in name


def _package(content: bytes, names: set[str]) -> FileFormat:
    """What the archive is made for; the type of an OpenDocument stands uncompressed at a fixed place."""
    if any(name.startswith("3d/") and name.endswith(".model") for name in names):
        return FileFormat.THREE_MF
    if {"[content_types].xml", "word/document.xml"} <= names:
        return FileFormat.DOCX
    first = content[30 : 30 + 8 + len(ODT_TYPE)]
    # A spreadsheet's or a template's type begins alike and goes on.
    if first == b"mimetype" + ODT_TYPE and content[38 + len(ODT_TYPE) :][:2] == b"PK" and "content.xml" in names:
        return FileFormat.ODT
    return FileFormat.ZIP
