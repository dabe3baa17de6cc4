"""Zip archives of untrusted origin: the directory is judged before, and every byte counted while it is inflated.

A directory may lie about sizes, so its numbers only refuse early; what counts is what comes out of the inflater.
Archives inside archives are never opened.
"""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO

from fulfil.quoting.limits import (
    LARGEST_INFLATE_RATIO,
    LONGEST_ZIP_NAME,
    MOST_INFLATED_BYTES,
    MOST_ZIP_ENTRIES,
    RATIO_EXEMPT_BYTES,
)
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode, file_refusal

CHUNK_BYTES = 1 << 20
ENCRYPTED = 0x1
STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
LOCAL_HEADER = struct.Struct("<4s5H3I2H")
LOCAL_MAGIC = b"PK\x03\x04"
DIRECTORY_MAGIC = b"PK\x01\x02"
RAW_DEFLATE = -15


class Archive:
    """An archive whose directory passed: its names, and their contents in chunks under one budget for all of them.

    Raises `QuotingRefusalError` when it is damaged, too large, encrypted, or made to harm.
    """

    def __init__(self, content: bytes, *, most_inflated_bytes: int = MOST_INFLATED_BYTES) -> None:
        self._content = content
        self._budget = most_inflated_bytes
        self._most = most_inflated_bytes
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in _directory(content):
            self._admit(entry)
        if sum(entry.file_size for entry in self._entries.values()) > most_inflated_bytes:
            raise self._too_large()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the files inside, as in the directory; folders left out."""
        return tuple(self._entries)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def read(self, name: str) -> bytes:
        """The whole content of a file inside; `KeyError` when there is none of that name."""
        return b"".join(self.chunks(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        """The content of a file inside, at most 1 MB at a time, checked against length and checksum at the end."""
        entry = self._entries[name]
        data = self._stored(entry)
        checksum = length = 0
        for chunk in _inflated(data, entry):
            length += len(chunk)
            self._spend(entry, length, len(chunk))
            checksum = zlib.crc32(chunk, checksum)
            yield chunk
        if length != entry.file_size or checksum != entry.CRC:
            raise _damaged(f"{_shown(name)} does not match its checksum")

    def _admit(self, entry: zipfile.ZipInfo) -> None:
        name = entry.filename
        _check_name(name, entry.orig_filename)
        if entry.flag_bits & ENCRYPTED:
            raise file_refusal(
                RefusalCode.FILE_ENCRYPTED,
                f"{_shown(name)} in the archive is encrypted. Save the part without a password.",
            )
        if entry.compress_type not in (STORED, DEFLATED):
            raise file_refusal(
                RefusalCode.ARCHIVE_UNSAFE,
                f"{_shown(name)} in the archive is packed by method {entry.compress_type}; stored and deflated are "
                "read. Pack it again as an ordinary zip.",
            )
        if name in self._entries:
            raise file_refusal(
                RefusalCode.ARCHIVE_UNSAFE,
                f"The archive holds {_shown(name)} twice, and only one of them can be meant. Export the part again.",
            )
        if entry.file_size > RATIO_EXEMPT_BYTES and entry.file_size > LARGEST_INFLATE_RATIO * entry.compress_size:
            raise _bomb(name)
        if not name.endswith("/"):
            self._entries[name] = entry

    def _stored(self, entry: zipfile.ZipInfo) -> memoryview:
        """The packed bytes, found by the local header; its own sizes are not believed."""
        start = entry.header_offset
        header = self._content[start : start + LOCAL_HEADER.size]
        if start < 0 or len(header) < LOCAL_HEADER.size or not header.startswith(LOCAL_MAGIC):
            raise _damaged(f"{_shown(entry.filename)} is not where the directory says")
        *_, name_length, extra_length = LOCAL_HEADER.unpack(header)
        start += LOCAL_HEADER.size + name_length + extra_length
        data = memoryview(self._content)[start : start + entry.compress_size]
        if len(data) < entry.compress_size:
            raise _damaged(f"{_shown(entry.filename)} is cut short")
        return data

    def _spend(self, entry: zipfile.ZipInfo, length: int, step: int) -> None:
        self._budget -= step
        if self._budget < 0:
            raise self._too_large()
        if length > RATIO_EXEMPT_BYTES and length > LARGEST_INFLATE_RATIO * entry.compress_size:
            raise _bomb(entry.filename)
        if length > entry.file_size:
            raise file_refusal(
                RefusalCode.ARCHIVE_BOMB,
                f"{_shown(entry.filename)} in the archive holds more than the {entry.file_size:,} bytes its directory "
                "announces. Pack it again: an archive that contradicts itself is not read.",
            )

    def _too_large(self) -> QuotingRefusalError:
        return file_refusal(
            RefusalCode.ARCHIVE_BOMB,
            f"Unpacked, the archive is larger than {self._most:,} bytes. Export the part with a coarser tolerance, "
            "or upload its files one by one.",
        )


def _directory(content: bytes) -> list[zipfile.ZipInfo]:
    # Counted before they are listed, because listing a million takes seconds; the end record's count may lie.
    if (records := content.count(DIRECTORY_MAGIC)) > 2 * MOST_ZIP_ENTRIES:
        raise _too_many(records)
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, OverflowError) as error:
        raise _damaged(f"its directory can't be read ({error})") from error
    if len(entries) > MOST_ZIP_ENTRIES:
        raise _too_many(len(entries))
    return entries


def _inflated(data: memoryview, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    if entry.compress_type == STORED:
        for start in range(0, len(data), CHUNK_BYTES):
            yield bytes(data[start : start + CHUNK_BYTES])
        return
    inflater = zlib.decompressobj(RAW_DEFLATE)
    try:
        for start in range(0, len(data), CHUNK_BYTES):
            pending = bytes(data[start : start + CHUNK_BYTES])
            while pending and not inflater.eof:
                if chunk := inflater.decompress(pending, CHUNK_BYTES):
                    yield chunk
                pending = inflater.unconsumed_tail
    except zlib.error as error:
        raise _damaged(f"{_shown(entry.filename)} can't be unpacked ({error})") from error
    if not inflater.eof:
        if rest := inflater.flush():
            yield rest
        raise _damaged(f"{_shown(entry.filename)} is cut short")


def _check_name(name: str, original: str) -> None:
    """Refuse names that would leave the archive's folder, wherever they were unpacked."""
    parts = name.split("/")
    drive = len(name) > 1 and name[1] == ":"
    if ".." in parts or name.startswith("/") or drive or "\\" in original or "\0" in original or not name:
        raise file_refusal(
            RefusalCode.ARCHIVE_UNSAFE,
            f"The archive names a file {_shown(original)}, which points outside of it. Pack it again.",
        )
    if len(name) > LONGEST_ZIP_NAME:
        raise file_refusal(
            RefusalCode.ARCHIVE_UNSAFE,
            f"The archive names a file by {len(name):,} characters; at most {LONGEST_ZIP_NAME} are read.",
        )


def _shown(name: str) -> str:
    """A name for a sentence: short and printable."""
    shortest = name if len(name) <= 60 else f"{name[:57]}..."  # noqa: PLR2004 (fits a line)
    return ascii(shortest)


def _bomb(name: str) -> QuotingRefusalError:
    return file_refusal(
        RefusalCode.ARCHIVE_BOMB,
        f"{_shown(name)} in the archive unpacks to more than {LARGEST_INFLATE_RATIO} times its size, which no part "
        "does. Export the part again.",
    )


def _too_many(entries: int) -> QuotingRefusalError:
    return file_refusal(
        RefusalCode.ARCHIVE_BOMB,
        f"The archive holds {entries:,} files, more than the {MOST_ZIP_ENTRIES:,} that are read. Upload only the part.",
    )


def _damaged(evidence: str) -> QuotingRefusalError:
    return file_refusal(
        RefusalCode.FILE_UNREADABLE,
        f"The archive is damaged: {evidence}. Upload it again, or export it again.",
    )
