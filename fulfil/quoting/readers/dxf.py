"""Reads DXF drawings, ASCII and binary, strictly: what is cut short is refused, and never repaired into less.

ezdxf's recover mode is not used, because it turns a truncated file into an empty drawing without a word.
"""

import io
import re
from collections import Counter

import numpy as np
from ezdxf import colors
from ezdxf.document import Drawing as DxfDocument
from ezdxf.filemanagement import dxf_stream_info
from ezdxf.lldxf.tagger import binary_tags_loader

from fulfil.models.messages.findings import Finding, FindingCode, Severity
from fulfil.models.messages.geometry import LengthUnit, UnitDecision
from fulfil.quoting.drawings.assembly import Drawn, assemble
from fulfil.quoting.drawings.curves import boxes
from fulfil.quoting.drawings.drawing import Drawing, DrawnPath, Segments
from fulfil.quoting.drawings.operations import is_white, operation_of_layer
from fulfil.quoting.formats import FileFormat
from fulfil.quoting.limits import LARGEST_COORDINATE_IN_FILE_UNITS, MOST_SEGMENTS, most_bytes
from fulfil.quoting.readers.dxf_blocks import BROKEN, BY_BLOCK, BY_LAYER, Exploder, Piece
from fulfil.quoting.readers.dxf_entities import Solids
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode, file_refusal
from fulfil.quoting.units import decide_unit

BINARY_MARK = b"AutoCAD Binary DXF\r\n\x1a\x00"
BINARY_END = re.compile(rb"\x00\x00?EOF\x00[\x00\s\x1a]*\Z")
# ezdxf takes 50 µs for each entity or vertex it reads, and a loose line as long again to be measured: 14 s in all.
MOST_WRITTEN_ENTITIES = 120_000
TAIL_BYTES = 200
ENTITY = re.compile(rb"\n[ \t]*0[ \t]*\r?\n")
# $INSUNITS; codes that no fabricator draws in (miles, parsecs) count as unstated.
UNITS = {
    1: LengthUnit.INCH,
    2: LengthUnit.FOOT,
    4: LengthUnit.MM,
    5: LengthUnit.CM,
    6: LengthUnit.M,
    13: LengthUnit.MICRON,
}
FLAT = 1e-6  # of the drawing's size: rounding of CAD planes
BLACK = "#000000"


def read_dxf(content: bytes, *, confirmed: LengthUnit | None = None) -> Drawing:
    """What model space shows, blocks exploded, in mm, y turned to point down.

    `confirmed` is the customer's word on the unit. Raises `QuotingRefusalError` for files that are damaged, cut
    short, boundless or refer to themselves; text, notes, hidden layers and solids become findings.
    """
    document = _load(content)
    exploder = Exploder(document)
    try:
        pieces = exploder.explode(document.modelspace())
    except BROKEN as error:
        raise _unreadable(error) from error
    hidden = {layer for layer in {piece.layer for piece in pieces} if exploder.is_hidden(layer)}
    shown = [piece for piece in pieces if piece.layer not in hidden]
    exploder.hidden += len(pieces) - len(shown)
    if not shown and exploder.others:
        kinds = ", ".join(sorted(exploder.others)[:5])
        raise file_refusal(
            RefusalCode.DRAWING_EMPTY,
            f"The drawing holds no flat lines, only {kinds}. Export the outline as polylines in the XY plane, or "
            "upload the solid as STEP.",
        )
    return _assembled(document, exploder, shown, confirmed)


def _load(content: bytes) -> DxfDocument:
    if not content.strip():
        raise file_refusal(RefusalCode.FILE_EMPTY, "The file is empty. Export the drawing again.")
    if len(content) > most_bytes(FileFormat.DXF):
        raise file_refusal(
            RefusalCode.FILE_TOO_LARGE,
            f"The drawing has {len(content) / 1e6:,.0f} MB; {most_bytes(FileFormat.DXF) // 1_000_000} MB are read. "
            "Leave out what is not to be made.",
        )
    is_binary = content.startswith(BINARY_MARK)
    tail = content[-TAIL_BYTES:]
    whole = BINARY_END.search(tail) if is_binary else tail.rstrip(b" \t\r\n\x1a\x00").endswith(b"EOF")
    if not whole:
        raise file_refusal(
            RefusalCode.FILE_TRUNCATED,
            "The file does not end as a DXF does (EOF), so it was cut short or is none. Upload or export it again.",
        )
    if not is_binary and len(ENTITY.findall(content)) > MOST_WRITTEN_ENTITIES:
        raise file_refusal(
            RefusalCode.FILE_TOO_COMPLEX,
            f"The drawing has more than {MOST_WRITTEN_ENTITIES:,} entities and vertices. Join its lines to polylines, "
            "or leave out what is not to be made.",
        )
    try:
        if is_binary:
            return DxfDocument.load(binary_tags_loader(content))
        text = content.replace(b"\r\n", b"\n")
        info = dxf_stream_info(io.StringIO(text.decode("utf-8", errors="ignore")))
        return DxfDocument.read(io.StringIO(text.decode(info.encoding, errors="surrogateescape")))
    except (*BROKEN, EOFError, OSError, StopIteration) as error:
        raise _unreadable(error) from error


def _assembled(document: DxfDocument, exploder: Exploder, pieces: list[Piece], confirmed: LengthUnit | None) -> Drawing:
    count = sum(len(piece.segments) for piece in pieces)
    if count > MOST_SEGMENTS:
        raise file_refusal(
            RefusalCode.FILE_TOO_COMPLEX,
            f"The drawing has {count:,} lines and curves; up to {MOST_SEGMENTS:,} are read. Simplify it or split it.",
        )
    solid = np.concatenate([piece.segments for piece in pieces]) if pieces else np.zeros((0, 4, 3))
    reach = float(np.abs(solid).max()) if solid.size else 0.0
    if not reach <= LARGEST_COORDINATE_IN_FILE_UNITS:  # also when it is no number
        raise file_refusal(
            RefusalCode.DRAWING_OUT_OF_RANGE,
            f"A coordinate of the drawing is {reach:.3g}, which no unit makes a length to work with. Look for stray "
            "points far outside, then export it again.",
        )
    flat: Segments = solid[..., :2]
    unit, unit_findings = _unit(document, flat, confirmed)
    sizes = [size for piece in pieces for size in piece.contours]
    path_of = np.repeat(np.arange(len(pieces)), [len(piece.contours) for piece in pieces])
    scale = unit.mm_per_unit
    drawn = Drawn(
        segments=flat,
        straight=np.concatenate([p.straight for p in pieces]) if pieces else np.zeros(0, dtype=np.bool_),
        contour_starts=(np.cumsum(sizes) - sizes).astype(np.int64).tolist() if sizes else [],
        path_of=path_of.tolist(),
        matrices=np.tile(np.array([scale, 0, 0, -scale, 0, 0]), (len(pieces), 1)),
    )
    kinds = {key: _path(document, *key) for key in {(p.layer, p.colour, p.area) for p in pieces}}
    paths = [kinds[p.layer, p.colour, p.area] for p in pieces]
    findings = (*unit_findings, *_findings(exploder), *_spatial(solid))
    return assemble(drawn, paths, unit, (), findings)


def _unit(
    document: DxfDocument, flat: Segments, confirmed: LengthUnit | None
) -> tuple[UnitDecision, tuple[Finding, ...]]:
    stated = UNITS.get(int(document.header.get("$INSUNITS", 0)))
    if not len(flat):
        decision, _ = decide_unit(stated or LengthUnit.MM, (1.0,), confirmed)
        return decision, ()
    low, high = boxes(flat)
    sides = high.max(axis=0) - low.min(axis=0)
    return decide_unit(stated, (float(sides[0]), float(sides[1])), confirmed)


def _path(document: DxfDocument, layer_name: str, colour: str, is_area: bool) -> DrawnPath:
    """A layer is the key where it decides the colour, or says in its name what to do; else the entity's colour is."""
    by_layer = colour in {BY_LAYER, BY_BLOCK}
    if by_layer:
        colour = _layer_colour(document, layer_name)
    elif colour.startswith("aci:"):
        colour = _indexed(int(colour[4:]))
    if is_white(colour):
        colour = BLACK  # the colour of lines on CAD's dark screens
    named = operation_of_layer(layer_name) is not None
    layer = layer_name[:60] if by_layer or named else None
    key = f"layer:{layer}" if layer is not None else f"fill:{colour}" if is_area else colour
    return DrawnPath(key=key, colour=colour, layer=layer, stroked=not is_area, filled=is_area)


def _layer_colour(document: DxfDocument, name: str) -> str:
    if not document.layers.has_entry(name):
        return BLACK
    layer = document.layers.get(name)
    return "#{:02x}{:02x}{:02x}".format(*layer.rgb) if layer.rgb is not None else _indexed(abs(layer.dxf.color))


def _indexed(index: int) -> str:
    try:
        return "#{:02x}{:02x}{:02x}".format(*colors.aci2rgb(index))
    except IndexError:
        return BLACK


def _spatial(solid: Solids) -> tuple[Finding, ...]:
    """A finding when lines leave the plane they begin in; a drawing at another height is as flat as any."""
    if not len(solid):
        return ()
    height = solid[..., 2]
    span = np.ptp(height, axis=1) if len(height) else np.zeros(0)
    size = float(np.ptp(solid[..., :2])) or 1.0
    rising = int(np.count_nonzero(span > FLAT * size))
    if not rising:
        return ()
    return (
        Finding(
            code=FindingCode.UNSUPPORTED_ELEMENT,
            severity=Severity.RISK,
            message=f"{rising:,} of its lines leave the XY plane; the drawing is taken as seen from above.",
            remedy="Check the shown size, or export the outline projected to the XY plane.",
            number=rising,
            limit=0,
            measure="lines",
        ),
    )


def _findings(exploder: Exploder) -> tuple[Finding, ...]:
    found: list[Finding] = []
    if exploder.texts:
        found.append(
            Finding(
                code=FindingCode.LIVE_TEXT,
                severity=Severity.RISK,
                message=f"{exploder.texts:,} texts are left out: their letters depend on fonts the file does not hold.",
                remedy="If they are to be made, explode them to polylines (TXTEXP) and export again.",
                number=exploder.texts,
                measure="texts",
            )
        )
    if exploder.pictures:
        found.append(
            Finding(
                code=FindingCode.EXTERNAL_REFERENCE,
                severity=Severity.BLOCKER,
                message=f"The drawing refers to other files, which are never fetched: {_list(exploder.pictures)}.",
                remedy="Bind external references, and take pictures out, before exporting.",
                number=exploder.pictures.total(),
                measure="references",
            )
        )
    if exploder.hidden:
        found.append(
            Finding(
                code=FindingCode.HIDDEN_CONTENT,
                severity=Severity.WARNING,
                message=f"{exploder.hidden:,} entities are left out: invisible, or on layers that are off or frozen.",
                remedy="Switch their layers on if they should be made, or delete them.",
                number=exploder.hidden,
                measure="entities",
            )
        )
    if exploder.others:
        found.append(
            Finding(
                code=FindingCode.UNSUPPORTED_ELEMENT,
                severity=Severity.RISK,
                message=f"Left out, because they are no flat lines: {_list(exploder.others)}.",
                remedy="Compare the preview with your drawing; explode what is missing to polylines.",
                number=exploder.others.total(),
                measure="entities",
            )
        )
    if exploder.notes:
        found.append(
            Finding(
                code=FindingCode.UNSUPPORTED_ELEMENT,
                severity=Severity.INFO,
                message=f"{exploder.notes:,} dimensions and leaders are notes for people, and left out.",
                number=exploder.notes,
                measure="entities",
            )
        )
    return tuple(found)


def _list(counts: Counter[str]) -> str:
    return ", ".join(f"{name} ({count}x)" for name, count in counts.most_common(5))


def _unreadable(error: BaseException) -> QuotingRefusalError:
    return file_refusal(
        RefusalCode.FILE_UNREADABLE,
        f"The drawing can't be read: {str(error)[:150] or type(error).__name__}. Export it again as DXF R2010, or ask "
        "for a quote by hand with this file attached.",
    )
