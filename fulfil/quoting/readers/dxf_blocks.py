"""Explodes the blocks of a DXF in numbers: each is drawn once and placed by matrices; bombs are counted first."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from ezdxf.document import Drawing as DxfDocument
from ezdxf.entities.dxfentity import DXFEntity
from ezdxf.entities.dxfgfx import DXFGraphic
from ezdxf.entities.insert import Insert
from ezdxf.lldxf.const import DXFError
from ezdxf.math import Vec3
from numpy.typing import NDArray

from fulfil.quoting.drawings.drawing import Flags
from fulfil.quoting.limits import DEEPEST_DXF_BLOCKS, MOST_DXF_ENTITIES
from fulfil.quoting.readers.dxf_entities import AREAS, Solids, contours_of
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode, file_refusal

# What ezdxf and arithmetic raise on entities whose numbers make no sense.
BROKEN = (
    *(DXFError, ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError),
    *(RecursionError, UnicodeError, AssertionError),
)
TEXTS = frozenset({"TEXT", "MTEXT", "ATTRIB", "ARCALIGNEDTEXT", "RTEXT"})
NOTES = frozenset(
    {"DIMENSION", "ARC_DIMENSION", "LARGE_RADIAL_DIMENSION", "LEADER", "MULTILEADER", "MLEADER", "TOLERANCE"}
)
PICTURES = frozenset({"IMAGE", "PDFUNDERLAY", "DWFUNDERLAY", "DGNUNDERLAY", "OLE2FRAME", "WIPEOUT"})
SILENT = frozenset({"POINT", "VIEWPORT", "ATTDEF", "SEQEND", "VERTEX", "LIGHT", "SUN"})
BY_LAYER, BY_BLOCK = "bylayer", "byblock"
WORLD = np.eye(4)


@dataclass(frozen=True)
class Piece:
    """The contours of one entity; `contours` are segment counts. `colour` is `#rrggbb`, by layer or by block."""

    segments: Solids
    straight: Flags
    contours: tuple[int, ...]
    layer: str
    colour: str
    area: bool


class Exploder:
    """All pieces of a layout; `texts`, `notes`, `pictures`, `others` and `hidden` count what was left out."""

    def __init__(self, document: DxfDocument) -> None:
        self._document = document
        self._blocks: dict[str, list[Piece]] = {}
        self._sizes: dict[str, int] = {}
        self.texts = 0
        self.notes = 0
        self.hidden = 0
        self.pictures: Counter[str] = Counter()
        self.others: Counter[str] = Counter()

    def explode(self, entities: Iterable[DXFEntity]) -> list[Piece]:
        """Raises `QuotingRefusalError` for cycles, bombs and damaged entities; before anything is exploded."""
        listed = list(entities)
        if self._count(listed, ()) > MOST_DXF_ENTITIES:
            raise file_refusal(
                RefusalCode.EXPANSION_TOO_LARGE,
                f"The drawing's blocks stand for more than {MOST_DXF_ENTITIES:,} lines and curves. Draw what is to be "
                "made once and order it several times.",
            )
        return self._pieces(listed)

    def is_hidden(self, layer: str) -> bool:
        """Whether a layer is off or frozen."""
        if not self._document.layers.has_entry(layer):
            return False
        found = self._document.layers.get(layer)
        return found.is_off() or found.is_frozen()

    def _count(self, entities: Iterable[DXFEntity], open_blocks: tuple[str, ...]) -> int:
        total = 0
        for entity in entities:
            if not isinstance(entity, Insert):
                total += 1
                continue
            name = _name(entity)
            if name in open_blocks or len(open_blocks) > DEEPEST_DXF_BLOCKS:
                raise file_refusal(
                    RefusalCode.REFERENCE_CYCLE,
                    f"The block {name[:60]!r} contains itself, or blocks nest more than {DEEPEST_DXF_BLOCKS} deep. "
                    "Explode the blocks and export the drawing again.",
                )
            if name not in self._sizes:
                known = name in self._document.blocks
                self._sizes[name] = self._count(self._document.blocks.get(name), (*open_blocks, name)) if known else 0
            # Saturated: numbers stay small whatever a file claims.
            total = min(total + _cells(entity) * max(1, self._sizes[name]), 10 * MOST_DXF_ENTITIES)
        return total

    def _pieces(self, entities: Iterable[DXFEntity]) -> list[Piece]:
        pieces: list[Piece] = []
        for entity in entities:
            if not isinstance(entity, DXFGraphic):
                continue
            kind = entity.dxftype()
            if entity.dxf.get("invisible", 0):
                self.hidden += 1
            elif isinstance(entity, Insert):
                pieces.extend(self._inserted(entity))
            elif kind in TEXTS:
                self.texts += 1
            elif kind in NOTES:
                self.notes += 1
            elif kind in PICTURES:
                self.pictures[kind] += 1
            elif kind not in SILENT:
                pieces.extend(self._drawn(entity, kind))
        return pieces

    def _drawn(self, entity: DXFGraphic, kind: str) -> list[Piece]:
        try:
            contours = contours_of(entity)
        except BROKEN as error:
            raise _damaged(kind, entity, error) from error
        if contours is None:
            self.others[kind] += 1
            return []
        contours = [each for each in contours if len(each[0])]
        if not contours:
            return []
        single = len(contours) == 1
        return [
            Piece(
                segments=contours[0][0] if single else np.concatenate([segments for segments, _ in contours]),
                straight=contours[0][1] if single else np.concatenate([straight for _, straight in contours]),
                contours=tuple(len(straight) for _, straight in contours),
                layer=str(entity.dxf.get("layer", "0")),
                colour=_colour(entity),
                area=isinstance(entity, AREAS),
            )
        ]

    def _inserted(self, insert: Insert) -> list[Piece]:
        name = _name(insert)
        if name not in self._document.blocks:
            self.others["INSERT of a missing block"] += 1
            return []
        block = self._document.blocks.get(name)
        if block.block is not None and block.block.is_xref:
            self.pictures["XREF"] += 1
            return []
        layer = str(insert.dxf.get("layer", "0"))
        if self._document.layers.has_entry(layer) and self._document.layers.get(layer).is_frozen():
            self.hidden += 1
            return []
        self.texts += len(insert.attribs)
        if name not in self._blocks:
            self._blocks[name] = self._pieces(block)
        try:
            matrices = _placements(insert)
        except BROKEN as error:
            raise _damaged("INSERT", insert, error) from error
        colour = _colour(insert)
        placed: list[Piece] = []
        for piece in self._blocks[name]:
            dressed = replace(
                piece,
                layer=layer if piece.layer == "0" else piece.layer,
                colour=colour if piece.colour == BY_BLOCK else piece.colour,
            )
            placed.extend(
                replace(dressed, segments=piece.segments @ matrix[:3, :3] + matrix[3, :3]) for matrix in matrices
            )
        return placed


def _placements(insert: Insert) -> list[NDArray[np.float64]]:
    """A matrix (4, 4; row vectors) for each cell of an INSERT or MINSERT."""
    matrix = np.array(list(insert.matrix44()), dtype=np.float64).reshape(4, 4)
    rows, columns = max(1, insert.dxf.row_count), max(1, insert.dxf.column_count)
    if rows * columns == 1:
        return [matrix]
    turn = math.radians(insert.dxf.rotation)
    across = Vec3(math.cos(turn), math.sin(turn)) * insert.dxf.column_spacing
    up = Vec3(-math.sin(turn), math.cos(turn)) * insert.dxf.row_spacing
    ocs = insert.ocs()
    cells: list[NDArray[np.float64]] = []
    for row in range(rows):
        for column in range(columns):
            moved = matrix.copy()
            moved[3, :3] += Vec3(ocs.to_wcs(across * column + up * row)).xyz
            cells.append(moved)
    return cells


def _name(insert: Insert) -> str:
    return str(insert.dxf.get("name", "")).lower()


def _cells(insert: Insert) -> int:
    return max(1, int(insert.dxf.row_count)) * max(1, int(insert.dxf.column_count))


def _colour(entity: DXFGraphic) -> str:
    if (rgb := entity.rgb) is not None:
        return "#{:02x}{:02x}{:02x}".format(*rgb)
    index = int(entity.dxf.get("color", 256))
    return {0: BY_BLOCK, 256: BY_LAYER}.get(index, f"aci:{index}")


def _damaged(kind: str, entity: DXFEntity, error: Exception) -> QuotingRefusalError:
    return file_refusal(
        RefusalCode.FILE_UNREADABLE,
        f"A {kind} of the drawing (handle {entity.dxf.get('handle', '?')}) is damaged: {str(error)[:100]}. "
        "Convert it to polylines and export again, or ask for a quote by hand with this file attached.",
    )
