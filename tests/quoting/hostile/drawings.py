"""Hostile SVG, DXF, AI and PDF files: bombs, cycles, broken numbers, foreign references, and files cut short."""

# ruff: noqa: E501 (one case is one line)

import io
import random
import struct
from collections.abc import Callable

from ezdxf import units
from ezdxf.filemanagement import new

from tests.quoting.hostile.files import Expectation, HostileFile

HEAD = b'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="100mm" height="100mm" viewBox="0 0 100 100">'
TAIL = b"</svg>"
LINE = b'<path d="M0 0H50V50" stroke="red" fill="none"/>'


def _svg(body: bytes) -> bytes:
    return HEAD + body + TAIL


def _use_bomb() -> bytes:
    levels = [b'<g id="l0">' + LINE + b"</g>"]
    levels += [
        b'<g id="l%d">' % level + b'<use xlink:href="#l%d"/>' % (level - 1) * 10 + b"</g>" for level in range(1, 9)
    ]
    return _svg(b"<defs>" + b"".join(levels) + b'</defs><use xlink:href="#l8"/>')


def _long_use_cycle() -> bytes:
    chain = b"".join(b'<g id="c%d"><use href="#c%d"/></g>' % (i, (i + 1) % 5000) for i in range(5000))
    return _svg(LINE + b"<defs>" + chain + b'</defs><use href="#c0"/>')


def _cubics() -> bytes:
    return _svg(b'<path stroke="red" d="M0 0' + b"c1 2 3 4 5 6" * 300_000 + b'"/>')


def _style_sheet() -> bytes:
    rules = b"".join(b".class%d{stroke:#%06x;fill:none}" % (i, i) for i in range(65_000))
    return _svg(b"<style>" + rules + b"</style>" + LINE)


def _quadratic_style_sheet() -> bytes:
    return _svg(b"<style>" + b".a{fill:red}" * 30_000 + b"</style>" + b'<g class="a"/>' * 50_000 + LINE)


def _nested_groups() -> bytes:
    return _svg(b"<g>" * 20_000 + LINE + b"</g>" * 20_000)


def _entity_bomb() -> bytes:
    entities = b'<!ENTITY a0 "M0 0H9">' + b"".join(
        b'<!ENTITY a%d "%s">' % (i, b"&a%d;" % (i - 1) * 10) for i in range(1, 10)
    )
    return b"<!DOCTYPE svg [" + entities + b"]>" + _svg(b'<path d="&a9;"/>')


def _external_entity() -> bytes:
    return b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + _svg(b"<text>&x;</text>" + LINE)


def _dense_cuts() -> bytes:
    """20,000 lines across each other: 10^8 crossings if someone counted them."""
    dice = random.Random(3)
    lines = ("M{} {}L{} {}".format(*(f"{dice.random() * 100:.2f}" for _ in range(4))) for _ in range(20_000))
    return _svg(b'<path fill="none" stroke="red" d="' + "".join(lines).encode() + b'"/>')


def _same_place() -> bytes:
    return _svg(b'<path fill="none" stroke="red" d="' + b"M1 1h9v9h-9z" * 40_000 + b'"/>')


def _rings_in_rings() -> bytes:
    rings = b"".join(b'<circle cx="500" cy="500" r="%.4f"/>' % (500 - i / 20) for i in range(6000))
    return _svg(b'<g fill="none" stroke="red">' + rings + b"</g>")


def _dxf(entities: str, blocks: str = "") -> bytes:
    """The least a DXF can be: ezdxf reads it, and writing its bombs takes no library."""
    sections = f"  0\nSECTION\n  2\nBLOCKS\n{blocks}  0\nENDSEC\n  0\nSECTION\n  2\nENTITIES\n{entities}  0\nENDSEC\n"
    header = "  0\nSECTION\n  2\nHEADER\n  9\n$ACADVER\n  1\nAC1009\n  0\nENDSEC\n"
    return (header + sections + "  0\nEOF\n").encode()


def _entity(kind: str, *tags: tuple[int, object]) -> str:
    return "".join(f"{code:3d}\n{value}\n" for code, value in ((0, kind), (8, "0"), *tags))


def _dxf_line(x0: object, y0: object, x1: object, y1: object) -> str:
    return _entity("LINE", (10, x0), (20, y0), (30, 0.0), (11, x1), (21, y1), (31, 0.0))


def _block(name: str, body: str) -> str:
    begin = _entity("BLOCK", (2, name), (70, 0), (10, 0.0), (20, 0.0), (30, 0.0), (3, name), (1, ""))
    return begin + body + _entity("ENDBLK")


def _insert(name: str, *tags: tuple[int, object]) -> str:
    return _entity("INSERT", (2, name), (10, 0.0), (20, 0.0), (30, 0.0), *tags)


def _block_bomb() -> bytes:
    blocks = _block("B0", _dxf_line(0, 0, 9, 9))
    for level in range(1, 9):
        blocks += _block(f"B{level}", _insert(f"B{level - 1}") * 10)
    return _dxf(_insert("B8"), blocks)


def _block_cycle() -> bytes:
    return _dxf(_insert("A") + _dxf_line(0, 0, 9, 9), _block("A", _insert("B")) + _block("B", _insert("A")))


def _minsert() -> bytes:
    grid = ((70, 30_000), (71, 30_000), (44, 1.0), (45, 1.0))
    return _dxf(_insert("A", *grid), _block("A", _dxf_line(0, 0, 9, 9)))


def _real_dxf() -> bytes:
    document = new(units=units.MM)
    space = document.modelspace()
    for place in range(50):
        space.add_circle((place * 20, 0), 8)
    stream = io.StringIO()
    document.write(stream)
    return stream.getvalue().encode()


def _bad_spline() -> bytes:
    document = new(units=units.MM)
    spline = document.modelspace().add_spline()
    spline.control_points = [(0, 0, 0), (1, 1, 0), (2, 0, 0), (3, 1, 0)]
    spline.knots = [0, 1]
    stream = io.StringIO()
    document.write(stream)
    return stream.getvalue().encode()


def _solids_only() -> bytes:
    corners = (
        (10, 0),
        (20, 0),
        (30, 0),
        (11, 9),
        (21, 0),
        (31, 0),
        (12, 9),
        (22, 9),
        (32, 9),
        (13, 0),
        (23, 9),
        (33, 9),
    )
    return _dxf(_entity("3DFACE", *((code, float(value)) for code, value in corners)))


def _binary_dxf() -> bytes:
    return b"AutoCAD Binary DXF\r\n\x1a\x00" + random.Random(5).randbytes(5000) + b"\x00\x00EOF\x00"


def _pdf(extra: bytes = b"") -> bytes:
    return b"%PDF-1.5\n" + extra + b"1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def _files(*rows: tuple[str, Callable[[], bytes], Expectation]) -> tuple[HostileFile, ...]:
    return tuple(HostileFile(*row) for row in rows)


HOSTILE_DRAWINGS = _files(
    ("svg empty", lambda: b"", "refused"),
    ("svg blank", lambda: b" \n", "refused"),
    ("svg without content", lambda: _svg(b""), "refused"),
    ("svg use bomb of 10^8", _use_bomb, "refused"),
    ("svg use of itself", lambda: _svg(b'<use id="a" href="#a"/>' + LINE), "refused"),
    ("svg use of its own parent", lambda: _svg(b'<g id="a"><use href="#a"/></g>' + LINE), "refused"),
    ("svg use cycle of 5,000", _long_use_cycle, "refused"),
    ("svg 300,000 cubics", _cubics, "refused"),
    ("svg 300,000 elements", lambda: _svg(b"<path/>" * 300_000), "refused"),
    ("svg 2.2 MB of CSS", _style_sheet, "refused"),
    ("svg rules times elements", _quadratic_style_sheet, "refused"),
    ("svg 20,000 nested groups", _nested_groups, "refused"),
    ("svg NaN", lambda: _svg(b'<path d="M0 0L NaN 9"/>'), "refused"),
    ("svg infinite attribute", lambda: _svg(b'<rect width="inf" height="9"/>'), "refused"),
    ("svg 1e300", lambda: _svg(b'<path d="M0 0L1e300 9"/>'), "refused"),
    ("svg overflow by transform", lambda: _svg(b'<g transform="scale(1e200)"><path transform="scale(1e200)" d="M0 0H9"/></g>'), "refused"),
    ("svg tiny arcs far apart", lambda: _svg(b'<path d="M0 0A1e-9 1e-9 0 0 1 1e9 1e9"/>'), "refused"),
    ("svg negative width", lambda: _svg(b'<rect width="-9" height="9"/>'), "refused"),
    ("svg viewBox of zero", lambda: HEAD.replace(b'"0 0 100 100"', b'"0 0 0 0"') + LINE + TAIL, "refused"),
    ("svg entity bomb", _entity_bomb, "refused"),
    ("svg external entity", _external_entity, "refused"),
    ("svg text only", lambda: _svg(b"<text>Hello</text>"), "refused"),
    ("svg external image only", lambda: _svg(b'<image href="http://169.254.169.254/x.png" width="9" height="9"/>'), "refused"),
    ("svg cut short", lambda: _svg(LINE * 50)[:-300], "refused"),
    ("svg of UTF-7", lambda: b'<?xml version="1.0" encoding="utf-7"?>' + _svg(LINE), "refused"),
    ("svg 6,000 rings in rings", _rings_in_rings, "refused"),
    ("svg 20,000 crossing lines", _dense_cuts, "finding"),
    ("svg 40,000 squares in one place", _same_place, "finding"),
    ("svg text beside lines", lambda: _svg(b"<text>Hello</text>" + LINE), "finding"),
    ("svg script", lambda: _svg(b"<script>fetch('http://x')</script>" + LINE), "finding"),
    ("svg event handler", lambda: HEAD.replace(b"<svg", b'<svg onload="x()"') + LINE + TAIL, "finding"),
    ("svg foreignObject", lambda: _svg(b"<foreignObject><body/></foreignObject>" + LINE), "finding"),
    ("svg external use", lambda: _svg(b'<use href="file:///etc/passwd#a"/>' + LINE), "finding"),
    ("svg style sheet of another host", lambda: b'<?xml-stylesheet href="http://x/a.css"?>' + _svg(LINE), "finding"),
    ("dxf cut short", lambda: _real_dxf()[:-5000], "refused"),
    ("dxf cut within a number", lambda: _real_dxf()[:15_000] + b"\n  0\nEOF\n", "refused"),
    ("dxf garbage", lambda: b"  0\nSECTION\n  2\nENTITIES\nhello\nworld\n  0\nEOF\n", "refused"),
    ("dxf random bytes", lambda: random.Random(1).randbytes(20_000) + b"\nEOF\n", "refused"),
    ("dxf binary garbage", _binary_dxf, "refused"),
    ("dxf block cycle", _block_cycle, "refused"),
    ("dxf block bomb of 10^8", _block_bomb, "refused"),
    ("dxf MINSERT of 9x10^8", _minsert, "refused"),
    ("dxf bad spline", _bad_spline, "refused"),
    ("dxf 1e300", lambda: _dxf(_dxf_line(0, 0, 1e300, 9)), "refused"),
    ("dxf NaN", lambda: _dxf(_dxf_line(0, 0, "nan", 9)), "refused"),
    ("dxf no length", lambda: _dxf(_dxf_line(5, 5, 5, 5)), "refused"),
    ("dxf no entities", lambda: _dxf(""), "refused"),
    ("dxf solids only", _solids_only, "refused"),
    ("dxf too many entities", lambda: _dxf(_entity("POINT") * 210_000), "refused"),
    ("ai with PDF inside", lambda: _pdf(b"%\xe2\xe3\xcf\xd3\n%%Creator: Adobe Illustrator\n"), "refused"),
    ("pdf", _pdf, "refused"),
    ("ai of PostScript", lambda: b"%!PS-Adobe-3.0\n%%Creator: Adobe Illustrator(R) 8\n0 0 moveto\n%%EOF\n", "refused"),
    ("dwg", lambda: b"AC1032\x00\x00" + struct.pack("<40I", *range(40)), "refused"),
)  # fmt: skip
