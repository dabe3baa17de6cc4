"""DXF drawings with their length (mm) and box (mm), worked out by hand; y is turned to point down."""

# ruff: noqa: E501 (one case is one line)

import io
import math
from collections.abc import Callable
from functools import lru_cache

from ezdxf import units
from ezdxf.document import Drawing as DxfDocument
from ezdxf.filemanagement import new
from ezdxf.layouts.layout import Modelspace

from tests.quoting.truth.svg_cases import Box, DrawingCase, ellipse_length, mapped_circle


def dxf_bytes(document: DxfDocument) -> bytes:
    """The document as ASCII DXF."""
    stream = io.StringIO()
    document.write(stream)
    return stream.getvalue().encode()


def new_document(unit: int = units.MM) -> tuple[DxfDocument, Modelspace]:
    """An empty document and its model space."""
    document = new(units=unit)
    return document, document.modelspace()


def _case(
    name: str, length_mm: float, box: Box, draw: Callable[[DxfDocument, Modelspace], object], unit: int = units.MM
) -> DrawingCase:
    """`box` is in the file's directions, y up."""
    document, space = new_document(unit)
    draw(document, space)
    x0, y0, x1, y1 = box
    return DrawingCase(name, dxf_bytes(document), length_mm, (x0, -y1, x1, -y0))


def _block(document: DxfDocument, *, base: tuple[float, float] = (0, 0)) -> str:
    block = document.blocks.new("B", base_point=(*base, 0))
    block.add_circle((0, 0), 5)
    return "B"


def _nested(document: DxfDocument, space: Modelspace) -> None:
    inner = document.blocks.new("INNER")
    inner.add_circle((0, 0), 5)
    outer = document.blocks.new("OUTER")
    outer.add_blockref("INNER", (10, 0), dxfattribs={"xscale": 2, "yscale": 2})
    space.add_blockref("OUTER", (100, 0), dxfattribs={"xscale": 3, "yscale": 3, "rotation": 90})


def _layers(document: DxfDocument, space: Modelspace) -> None:
    for name in ("OFF", "FROZEN"):
        document.layers.add(name)
        space.add_line((0, 0), (999, 999), dxfattribs={"layer": name})
    document.layers.get("OFF").off()
    document.layers.get("FROZEN").freeze()
    space.add_line((0, 0), (10, 0))
    space.add_line((0, 0), (999, 0), dxfattribs={"invisible": 1})
    document.layout("Layout1").add_line((0, 0), (500, 500))


def _notes(_document: DxfDocument, space: Modelspace) -> None:
    space.add_linear_dim(base=(0, 20), p1=(0, 0), p2=(100, 0)).render()
    space.add_text("note")
    space.add_mtext("note")
    space.add_leader([(0, 0), (50, 50)])
    space.add_point((500, 500))
    space.add_line((0, 0), (10, 0))


def _hatch(_document: DxfDocument, space: Modelspace) -> None:
    hatch = space.add_hatch()
    hatch.paths.add_polyline_path([(0, 0), (20, 0), (20, 10), (0, 10)], is_closed=True)
    edges = hatch.paths.add_edge_path()
    edges.add_arc((10, 5), 2, 0, 360)


def _spline(_document: DxfDocument, space: Modelspace) -> None:
    space.add_open_spline([(0, 0), (40 / 3, 40), (80 / 3, 40), (40, 0)])


def _minsert(document: DxfDocument, space: Modelspace) -> None:
    attributes = {"row_count": 3, "column_count": 4, "row_spacing": 20, "column_spacing": 30, "rotation": 90}
    space.add_blockref(_block(document), (0, 0), dxfattribs=attributes)


@lru_cache
def dxf_cases() -> tuple[DrawingCase, ...]:
    """All of them; made once, because ezdxf takes a while to write them."""
    turn, half = 2 * math.pi, math.sqrt(0.5)
    bulge = math.tan(math.pi / 8)  # a quarter turn
    skewed, wide, tall = mapped_circle((2 * half, 2 * half, -half, half), 5)
    # y = 120 t (1 - t), x = 40 t: a parabola of slope ±3 at its ends.
    parabola = 20 * (math.sqrt(10) + math.asinh(3) / 3)

    def line(_: DxfDocument, space: Modelspace) -> None:
        space.add_line((0, 0), (30, 40))

    scales = ((units.MM, 1.0), (units.CM, 10.0), (units.M, 1000.0), (units.IN, 25.4), (units.FT, 304.8))
    cases = [
        _case(f"unit {unit}", 50 * mm, (0, 0, 30 * mm, 40 * mm), line, unit) for unit, mm in scales
    ]  # fmt: skip
    return (
        *cases,
        _case("circle", 10 * math.pi, (0, 0, 10, 10), lambda _, s: s.add_circle((5, 5), 5)),
        _case("arc", 5 * math.pi, (-10, 0, 0, 10), lambda _, s: s.add_arc((0, 0), 10, 90, 180)),
        _case("arc over zero", 5 * math.pi, (10 * half, -10 * half, 10, 10 * half), lambda _, s: s.add_arc((0, 0), 10, 315, 45)),
        _case("mirrored arc", 5 * math.pi, (0, 0, 10, 10), lambda _, s: s.add_arc((0, 0), 10, 90, 180, dxfattribs={"extrusion": (0, 0, -1)})),
        _case("ellipse", ellipse_length(20, 5), (-5, -20, 5, 20), lambda _, s: s.add_ellipse((0, 0), (0, 20), 0.25)),
        _case("half ellipse", ellipse_length(20, 5) / 2, (-20, 0, 20, 5), lambda _, s: s.add_ellipse((0, 0), (20, 0), 0.25, 0, math.pi)),
        _case("lightweight polyline", 60, (0, 0, 20, 10), lambda _, s: s.add_lwpolyline([(0, 0), (20, 0), (20, 10), (0, 10)], close=True)),
        _case("bulges both ways", 10 * math.pi, (0, -5 , 20, 5), lambda _, s: s.add_lwpolyline([(0, 0, -1), (10, 0, 1), (20, 0, 0)], format="xyb")),
        _case("rounded slot", 40 + 10 * math.pi, (-5, 0, 25, 10), lambda _, s: s.add_lwpolyline([(0, 0, 0), (20, 0, 1), (20, 10, 0), (0, 10, 1)], format="xyb", close=True)),
        _case("quarter bulge", 5 * math.pi, (0, 0, 10, 10), lambda _, s: s.add_lwpolyline([(10, 0, bulge), (0, 10, 0)], format="xyb")),
        _case("heavy polyline", 40 + 10 * math.pi, (-5, 0, 25, 10), lambda _, s: s.add_polyline2d([(0, 0, 0), (20, 0, 1), (20, 10, 0), (0, 10, 1)], format="xyb", close=True)),
        _case("polyline in space", 60, (0, 0, 20, 10), lambda _, s: s.add_polyline3d([(0, 0, 7), (20, 0, 7), (20, 10, 7), (0, 10, 7)], close=True)),
        _case("elevated lines", 10, (0, 0, 10, 0), lambda _, s: s.add_line((0, 0, 50), (10, 0, 50))),
        _case("spline by control points", parabola, (0, 0, 40, 30), _spline),
        _case("spline through points in a row", 30, (0, 0, 30, 0), lambda _, s: s.add_spline([(0, 0), (10, 0), (30, 0)])),
        _case("solid", 2 * (20 + 10), (0, 0, 20, 10), lambda _, s: s.add_solid([(0, 0), (20, 0), (0, 10), (20, 10)])),
        _case("hatch", 60 + 4 * math.pi, (0, 0, 20, 10), _hatch),
        _case("block", 10 * math.pi, (95, 45, 105, 55), lambda d, s: s.add_blockref(_block(d), (100, 50))),
        _case("block with base point", 10 * math.pi, (92, 43, 102, 53), lambda d, s: s.add_blockref(_block(d, base=(3, 2)), (100, 50))),
        _case("stretched block", ellipse_length(10, 5), (-10, -5, 10, 5), lambda d, s: s.add_blockref(_block(d), (0, 0), dxfattribs={"xscale": 2})),
        _case("stretched and turned block", skewed, (-wide, -tall, wide, tall), lambda d, s: s.add_blockref(_block(d), (0, 0), dxfattribs={"xscale": 2, "rotation": 45})),
        _case("nested and scaled blocks", 30 * turn, (70, 0, 130, 60), _nested),
        _case("block in rows and columns", 12 * 10 * math.pi, (-45, -5, 5, 95), _minsert),
        _case("layers off or frozen, paper space", 10, (0, 0, 10, 0), _layers),
        _case("dimensions and notes", 10, (0, 0, 10, 0), _notes),
    )  # fmt: skip
