"""What a file is, told by its content and never by its name."""

import struct
from enum import StrEnum

SNIFF_BYTES = 4096
STL_HEADER_BYTES = 84
STL_FACET_BYTES = 50
# Exporters pad; more than this is another file glued on, or a wrong triangle count.
TRAILING_JUNK_SHARE = 0.01
# 2^28 triangles would be 13 GB; four letters of a text read as a count are always above it.
PLAUSIBLE_TRIANGLES = 1 << 28


class FileFormat(StrEnum):
    """Every format the project tells apart; what may be quoted or attached is the caller's rule."""

    STL = "stl"
    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    GIF = "gif"
    PDF = "pdf"
    THREE_MF = "3mf"
    ZIP = "zip"
    STEP = "step"
    SVG = "svg"
    GLB = "glb"


MAGIC = (
    (b"\xff\xd8\xff", FileFormat.JPEG),
    (b"\x89PNG\r\n\x1a\n", FileFormat.PNG),
    (b"GIF87a", FileFormat.GIF),
    (b"GIF89a", FileFormat.GIF),
    (b"%PDF-", FileFormat.PDF),
    (b"ISO-10303-21", FileFormat.STEP),
    (b"glTF", FileFormat.GLB),
)
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def sniff_format(head: bytes, size: int) -> FileFormat | None:
    """The format of a file of `size` bytes that begins with `head` (`SNIFF_BYTES` or all of it); None if unknown.

    Cheap enough for every upload. A damaged STL still counts as one, so that its owner reads what is wrong with it.
    """
    if is_whole_binary_stl(head, size):
        return FileFormat.STL
    for magic, known in MAGIC:
        if head.startswith(magic):
            return known
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return FileFormat.WEBP
    if head.startswith(b"PK\x03\x04"):
        return FileFormat.THREE_MF if b"3D/3dmodel.model" in head or b"[Content_Types].xml" in head else FileFormat.ZIP
    if looks_like_ascii_stl(head) or looks_like_binary_stl(head, size):
        return FileFormat.STL
    text = plain_start(head)
    return FileFormat.SVG if text.startswith((b"<?xml", b"<svg")) and b"<svg" in text else None


def announced_triangles(head: bytes) -> int:
    """The triangle count a binary STL's header claims; it may lie."""
    return int(struct.unpack_from("<I", head, STL_HEADER_BYTES - 4)[0])


def is_whole_binary_stl(head: bytes, size: int) -> bool:
    """Whether the size is exactly what the header's triangle count takes; then a leading `solid` means nothing."""
    if len(head) < STL_HEADER_BYTES:
        return False
    return size == STL_HEADER_BYTES + STL_FACET_BYTES * announced_triangles(head)


def looks_like_ascii_stl(head: bytes) -> bool:
    """Whether the text begins as an ASCII STL must, after a byte order mark and blanks, in any letter case."""
    text = plain_start(head)
    if not text.startswith(b"solid") or b"\0" in text:
        return False
    return b"facet" in text or b"endsolid" in text


def looks_like_binary_stl(head: bytes, size: int) -> bool:
    """Whether this can be a binary STL that was cut short, padded, or miscounted."""
    if len(head) < STL_HEADER_BYTES:
        return False
    triangles = announced_triangles(head)
    announced = STL_HEADER_BYTES + STL_FACET_BYTES * triangles
    if triangles and announced <= size <= announced * (1 + TRAILING_JUNK_SHARE):
        return True
    header = head[: STL_HEADER_BYTES - 4]
    printable = all(byte in b"\0\t\r\n" or 32 <= byte < 127 for byte in header)  # noqa: PLR2004 (the ASCII range)
    return printable and triangles < PLAUSIBLE_TRIANGLES and size > STL_HEADER_BYTES


def plain_start(head: bytes) -> bytes:
    """The beginning in lower case, without byte order mark and leading blanks."""
    return head.removeprefix(BYTE_ORDER_MARK).lstrip().lower()
