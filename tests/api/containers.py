"""Small archives, documents and videos, as bytes."""

import io
import struct
import zipfile
from collections.abc import Mapping

ODT_TYPE = "application/vnd.oasis.opendocument.text"


def zipped(files: Mapping[str, bytes], *, stored: tuple[str, ...] = ()) -> bytes:
    """An archive of these, deflated but for the stored ones."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content, zipfile.ZIP_STORED if name in stored else None)
    return out.getvalue()


def docx(**more: bytes) -> bytes:
    """A Word document, with more entries in its `word` folder."""
    parts = {f"word/{name.replace('_', '.')}": content for name, content in more.items()}
    return zipped({"[Content_Types].xml": b"<Types/>", "_rels/.rels": b"<r/>", "word/document.xml": b"<w/>", **parts})


def odt(kind: str = ODT_TYPE, **more: bytes) -> bytes:
    """An OpenDocument of a kind."""
    parts = {name.replace("__", "/"): content for name, content in more.items()}
    return zipped({"mimetype": kind.encode(), "content.xml": b"<office/>", **parts}, stored=("mimetype",))


def encrypted(archive: bytes) -> bytes:
    """The same, saying that its first entry has a password."""
    at = archive.rindex(b"PK\x01\x02") + 8
    return archive[:at] + struct.pack("<H", 1) + archive[at + 2 :]


def swollen(archive: bytes, unpacked: int) -> bytes:
    """The same, saying that its last entry unpacks to so many bytes."""
    at = archive.rindex(b"PK\x01\x02") + 24
    return archive[:at] + struct.pack("<I", unpacked) + archive[at + 4 :]


def belittled(archive: bytes) -> bytes:
    """The same with a larger end record (ZIP64) that is true, and a usual one that says there is a single file."""
    at = archive.rindex(b"PK\x05\x06")
    entries, size, begin = struct.unpack_from("<HII", archive, at + 10)
    large = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, size, begin)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, at, 1)
    usual = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, 50, begin, 0)
    return archive[:at] + large + locator + usual


def box(kind: bytes, content: bytes = b"") -> bytes:
    """A box of an MP4."""
    return struct.pack("!I", 8 + len(content)) + kind + content


def mp4(brand: bytes = b"isom") -> bytes:
    """A film without a picture."""
    return box(b"ftyp", brand + bytes(4) + brand) + box(b"moov", bytes(40)) + box(b"mdat", bytes(100))


def webm(doctype: bytes = b"webm") -> bytes:
    """The beginning of a film."""
    head = b"\x42\x86\x81\x01" + b"\x42\x82" + bytes([0x80 | len(doctype)]) + doctype
    return b"\x1a\x45\xdf\xa3" + bytes([0x80 | len(head)]) + head + b"\x18\x53\x80\x67" + bytes(60)
