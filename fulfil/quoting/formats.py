"""What a file is, told by its content and never by its name."""

import re
import struct
import zlib
from enum import StrEnum
from types import MappingProxyType

from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode, file_refusal

SNIFF_BYTES = 4096
STL_HEADER_BYTES = 84
STL_FACET_BYTES = 50
# Exporters pad; more than this is another file glued on, or a wrong triangle count.
TRAILING_JUNK_SHARE = 0.01
# 2^27 triangles would be 7 GB; four characters of text (a tab is the lowest) read as a count are always above it.
PLAUSIBLE_TRIANGLES = 1 << 27


class FileFormat(StrEnum):
    """Every format the project tells apart; what may be quoted or attached is the caller's rule.

    The last six are told by the API alone, where results of services are uploaded.
    """

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
    OBJ = "obj"
    DXF = "dxf"
    DXF_BINARY = "dxf_binary"
    DWG = "dwg"
    SVGZ = "svgz"
    GZIP = "gzip"
    AI = "ai"
    EPS = "eps"
    DOCX = "docx"
    ODT = "odt"
    TEXT = "text"
    MARKDOWN = "markdown"
    MP4 = "mp4"
    WEBM = "webm"


SOLID_FORMATS = frozenset({FileFormat.STL, FileFormat.OBJ, FileFormat.THREE_MF, FileFormat.STEP})
DRAWING_FORMATS = frozenset({FileFormat.SVG, FileFormat.DXF})
QUOTABLE_FORMATS = SOLID_FORMATS | DRAWING_FORMATS
_AS_DRAWING = "Export the drawing as SVG or DXF (texts as paths) and upload that file."
_AS_SOLID = "Export the part as STL, OBJ, 3MF or STEP and upload that file."
_PHOTO = f"A picture has no dimensions: attach it as a photo. {_AS_SOLID} {_AS_DRAWING}"
_REMEDIES = MappingProxyType(
    {
        FileFormat.JPEG: ("a JPEG picture", _PHOTO),
        FileFormat.PNG: ("a PNG picture", _PHOTO),
        FileFormat.WEBP: ("a WebP picture", _PHOTO),
        FileFormat.GIF: ("a GIF picture", _PHOTO),
        FileFormat.PDF: ("a PDF", f"Its lines carry no layers and often no scale. {_AS_DRAWING}"),
        FileFormat.AI: (
            "an Adobe Illustrator file",
            "In Illustrator choose File > Export > Export As and SVG or DXF, texts as outlines, and upload that file.",
        ),
        FileFormat.EPS: ("an EPS (PostScript) file", _AS_DRAWING),
        FileFormat.DWG: ("a DWG", "Save it as DXF (ASCII, 2000 or later) in your CAD program and upload that file."),
        FileFormat.DXF_BINARY: ("a binary DXF", "Save it as ASCII DXF (2000 or later) and upload that file."),
        FileFormat.SVGZ: ("a compressed SVG (SVGZ)", "Save it as plain SVG, or unpack it, and upload that file."),
        FileFormat.GZIP: ("a gzip archive", "Unpack it and upload its files."),
        FileFormat.ZIP: ("a zip archive", "Unpack it and upload its files, several at a time if you like."),
        FileFormat.DOCX: ("a Word document", _AS_DRAWING),
        FileFormat.ODT: ("a text document (ODT)", _AS_DRAWING),
        FileFormat.TEXT: ("plain text", f"{_AS_SOLID} {_AS_DRAWING}"),
        FileFormat.MARKDOWN: ("plain text", f"{_AS_SOLID} {_AS_DRAWING}"),
        FileFormat.MP4: ("a video", _PHOTO),
        FileFormat.WEBM: ("a video", _PHOTO),
        FileFormat.GLB: ("a glTF binary (GLB)", f"It is made for pictures, not for production. {_AS_SOLID}"),
    }
)

MAGIC = (
    (b"\xff\xd8\xff", FileFormat.JPEG),
    (b"\x89PNG\r\n\x1a\n", FileFormat.PNG),
    (b"GIF87a", FileFormat.GIF),
    (b"GIF89a", FileFormat.GIF),
    (b"AutoCAD Binary DXF\r\n\x1a\0", FileFormat.DXF_BINARY),
    (b"\xc5\xd0\xd3\xc6", FileFormat.EPS),  # EPS with a preview, as Windows programs write it
    (b"glTF", FileFormat.GLB),
)
GZIP_MAGIC = b"\x1f\x8b\x08"
GZIP_WINDOW = 31  # zlib's number for "a gzip header, the largest window"
ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")  # a file inside, or an empty archive
# Names of the Open Packaging Conventions come first in what 3MF exporters write; the reader tells other packages apart.
NAMES_IN_3MF = (b"3D/", b"[Content_Types].xml", b"_rels/.rels", b"Metadata/plate_")
ILLUSTRATOR_IN_PDF = (b"application/vnd.adobe.illustrator", b"/Illustrator", b"AIPrivateData")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# AutoCAD's releases since 2.5: AC1.50, AC2.10, AC1002 … AC1032, then a zero or another binary byte.
DWG_MAGIC = re.compile(rb"AC(?:1\.\d\d|2\.\d\d|10\d\d)[^\r\n -~]")
# Comments (999) may stand before the first section; group codes are right-aligned in three columns.
DXF_START = re.compile(rb"(?:\s*999[ \t]*\r?\n[^\n]*\n)*\s*0[ \t]*\r?\n[ \t]*section[ \t]*\r?\n[ \t]*2[ \t]*\r?\n")
STEP_START = re.compile(rb"(?:/\*.*?\*/\s*)*iso-10303-21\s*;?", re.DOTALL)
# What may stand before the root of an XML document: its declaration, comments, other instructions, a document type.
XML_PROLOG = re.compile(rb"(?:\s+|<\?.*?\?>|<!--.*?-->|<!doctype[^\[>]*(?:\[.*?\]\s*)?>)*", re.DOTALL)
SVG_ROOT = re.compile(rb"<(?:[a-z_][\w.-]*:)?svg[\s/>]")
DOCTYPE_SVG = re.compile(rb"<!doctype\s+(?:[a-z_][\w.-]*:)?svg\b")
# Statements an OBJ is made of; comments and blank lines may surround them.
OBJ_STATEMENT = re.compile(
    rb"(?:v|vn|vt|vp)(?:[ \t]+[-+]?(?:\d|\.\d|nan|inf)[^\s]*){1,8}[ \t]*"
    rb"|(?:f|l|p)(?:[ \t]+[-+\d/]+)+[ \t]*"
    rb"|(?:g|o|s|mg|mtllib|usemtl|usemap|maplib|lod|shadow_obj|trace_obj|cstype|deg|bevel|c_interp|d_interp)"
    rb"(?:[ \t][^\r\n]*)?"
)
# Where lines of an OBJ are looked for before giving up: exporters write long comments first.
MOST_OBJ_LINES = 400


def refuse_unquotable(found: FileFormat | None) -> QuotingRefusalError:
    """The refusal of a file that no reader takes, with the remedy for what it is; None is an unknown content.

    `found` is none of `QUOTABLE_FORMATS`.
    """
    what, remedy = ("of an unknown kind", _AS_SOLID + " " + _AS_DRAWING) if found is None else _REMEDIES[found]
    return file_refusal(RefusalCode.FILE_FORMAT_NOT_QUOTED, f"The content is {what}, whatever the name says. {remedy}")


def sniff_format(head: bytes, size: int) -> FileFormat | None:
    """The format of a file of `size` bytes that begins with `head` (`SNIFF_BYTES` or all of it); None if unknown.

    Cheap enough for every upload. A damaged STL still counts as one, so that its owner reads what is wrong with it.
    """
    if is_whole_binary_stl(head, size):
        return FileFormat.STL
    return _by_magic(head) or _by_words(head, size)


def _by_magic(head: bytes) -> FileFormat | None:
    for magic, known in MAGIC:
        if head.startswith(magic):
            return known
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return FileFormat.WEBP
    if DWG_MAGIC.match(head):
        return FileFormat.DWG
    return _packed(head) or _page(head)


def _packed(head: bytes) -> FileFormat | None:
    if head.startswith(ZIP_MAGIC):
        return FileFormat.THREE_MF if any(name in head for name in NAMES_IN_3MF) else FileFormat.ZIP
    if head.startswith(GZIP_MAGIC):
        return FileFormat.SVGZ if _is_svg(_gunzipped_start(head)) else FileFormat.GZIP
    return None


def _page(head: bytes) -> FileFormat | None:
    """Page descriptions. Illustrator's own files are PDF or PostScript inside; a PDF it exported stays a PDF."""
    if head.startswith(b"%PDF-"):
        return FileFormat.AI if any(mark in head for mark in ILLUSTRATOR_IN_PDF) else FileFormat.PDF
    if head.startswith((b"%!PS", b"\x04%!PS")):
        own = b"%%Creator: Adobe Illustrator" in head and b"EPSF" not in head.partition(b"\n")[0].partition(b"\r")[0]
        return FileFormat.AI if own else FileFormat.EPS
    return None


def _by_words(head: bytes, size: int) -> FileFormat | None:
    """Formats of text, and the binary STL that may begin with anything."""
    if looks_like_ascii_stl(head):
        return FileFormat.STL
    text = plain_start(_as_ascii(head))
    if STEP_START.match(text):
        return FileFormat.STEP
    if _is_svg(text):
        return FileFormat.SVG
    if DXF_START.match(text):
        return FileFormat.DXF
    if _is_obj(text, whole=size <= len(head)):
        return FileFormat.OBJ
    return FileFormat.STL if looks_like_binary_stl(head, size) else None


def _gunzipped_start(head: bytes) -> bytes:
    """The first unpacked bytes; at most `SNIFF_BYTES`, so that a bomb stays packed."""
    try:
        return plain_start(zlib.decompressobj(GZIP_WINDOW).decompress(head, SNIFF_BYTES))
    except zlib.error:
        return b""


def _as_ascii(head: bytes) -> bytes:
    """Text in UTF-16 as ASCII, told by its mark or by the zeros of a first `<`; anything else as it is."""
    if head.startswith(UTF16_MARKS):
        return head.decode("utf-16", "ignore").encode("ascii", "replace")
    if head.startswith(b"<\0"):
        return head.decode("utf-16-le", "ignore").encode("ascii", "replace")
    if head.startswith(b"\0<"):
        return head.decode("utf-16-be", "ignore").encode("ascii", "replace")
    return head


def _is_svg(text: bytes) -> bool:
    """Whether an XML document's root is `svg`; `text` is in lower case.

    A prolog longer than what we see (a licence, a document type with declarations) still counts when it says svg.
    """
    if not text.startswith(b"<"):
        return False
    prolog = XML_PROLOG.match(text)
    start = prolog.end() if prolog else 0
    if SVG_ROOT.match(text, start):
        return True
    rest = text[start:]
    return DOCTYPE_SVG.search(text) is not None or (rest.startswith(b"<!--") and b"<svg" in rest)


def _is_obj(text: bytes, *, whole: bool) -> bool:
    """Whether every line in sight is one an OBJ has, and at least one is a vertex or face; `text` is in lower case."""
    if b"\0" in text:
        return False
    lines = text.replace(b"\\\r\n", b" ").replace(b"\\\n", b" ").splitlines()
    if not whole and lines:
        lines.pop()  # cut in the middle
    geometry = False
    for line in lines[:MOST_OBJ_LINES]:
        bare = line.partition(b"#")[0].strip()
        if not bare:
            continue
        if not OBJ_STATEMENT.fullmatch(bare):
            # Damaged further down is the reader's to say, with the line.
            return geometry
        geometry = geometry or bare.startswith((b"v ", b"v\t", b"f ", b"f\t"))
    return geometry or (bool(lines) and not whole and _names_itself_obj(text))


def _names_itself_obj(text: bytes) -> bool:
    """A comment block longer than what we see, as scanners write it."""
    return text.startswith(b"#") and (b"wavefront" in text or b".obj" in text or b"obj file" in text)


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
    if not printable or size <= STL_HEADER_BYTES:
        return False
    # A padded header before whole facets is an STL even when its count lies beyond all measure.
    padded = b"\0" in header and (size - STL_HEADER_BYTES) % STL_FACET_BYTES == 0
    return padded or triangles < PLAUSIBLE_TRIANGLES


def plain_start(head: bytes) -> bytes:
    """The beginning in lower case, without byte order mark and leading blanks."""
    return head.removeprefix(BYTE_ORDER_MARK).lstrip().lower()
