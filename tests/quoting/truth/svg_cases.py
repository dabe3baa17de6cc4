"""SVG drawings with length and box in mm, worked out by hand: circles by pi, ellipses by elliptic integrals."""

# ruff: noqa: E501 (one case is one line)

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ellipe

NAMESPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
PX = 25.4 / 96
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class DrawingCase:
    """`box` is x0, y0, x1, y1 of what is drawn, in mm."""

    name: str
    content: bytes
    length_mm: float
    box_mm: Box


def ellipse_length(a: float, b: float) -> float:
    """The perimeter of an ellipse by its half axes."""
    a, b = max(a, b), min(a, b)
    return float(4 * a * ellipe(1 - (b / a) ** 2))


def mapped_circle(matrix: tuple[float, float, float, float], radius: float) -> tuple[float, float, float]:
    """Perimeter and half width and height of a circle under a linear map a, b, c, d of SVG's order."""
    a, b, c, d = matrix
    linear = np.array([[a, c], [b, d]])
    half_axes = np.linalg.svd(linear, compute_uv=False) * radius
    return ellipse_length(*half_axes.tolist()), radius * math.hypot(a, c), radius * math.hypot(b, d)


def _svg(root: str, body: str) -> bytes:
    return f'<svg {NAMESPACES} {root}><g fill="none" stroke="red">{body}</g></svg>'.encode()


def _mm(body: str) -> bytes:
    return _svg('width="200mm" height="100mm" viewBox="0 0 200 100"', body)


def _around(x: float, y: float, half_width: float, half_height: float) -> Box:
    return x - half_width, y - half_height, x + half_width, y + half_height


def _units() -> list[DrawingCase]:
    line = '<line x1="0" y1="0" x2="96" y2="0"/><line x1="96" y1="0" x2="96" y2="96"/>'
    cases = [
        DrawingCase(f"root in {unit}", _svg(f'width="{number}{unit}" height="{number}{unit}" viewBox="0 0 96 96"', line), 2 * mm, (0, 0, mm, mm))
        for unit, number, mm in (("mm", 48, 48.0), ("cm", 2.4, 24.0), ("in", 2, 50.8), ("pt", 144, 50.8), ("pc", 6, 25.4))
    ]  # fmt: skip
    inch = 25.4
    cases += [
        DrawingCase("root in px", _svg('width="96px" height="96px"', line), 2 * inch, (0, 0, inch, inch)),
        DrawingCase("root without size", _svg("", line), 2 * inch, (0, 0, inch, inch)),
        DrawingCase("viewBox only", _svg('viewBox="0 0 500 500"', line), 2 * inch, (0, 0, inch, inch)),
        DrawingCase("percent size", _svg('width="100%" height="100%" viewBox="0 0 9 9"', line), 2 * inch, (0, 0, inch, inch)),
        DrawingCase("mm without viewBox", _svg('width="300mm" height="300mm"', line), 2 * inch, (0, 0, inch, inch)),
        DrawingCase("width alone in mm", _svg('width="48mm" viewBox="0 0 96 96"', line), 96, (0, 0, 48, 48)),
        DrawingCase("viewBox with origin", _svg('width="96mm" height="96mm" viewBox="-10 -20 96 96"', line), 192, (10, 20, 106, 116)),
        DrawingCase("units inside", _svg('width="100mm" height="100mm"', '<rect x="1cm" y="0.5in" width="20mm" height="72pt"/>'), 2 * (20 + 25.4), (10, 12.7, 30, 38.1)),
        DrawingCase("percent inside", _mm('<rect x="10%" y="10%" width="50%" height="20%"/>'), 240, (20, 10, 120, 30)),
        DrawingCase("Inkscape of 90 dpi", b"<!-- Created with Inkscape -->" + _svg('inkscape:version="0.48.4 r9939" xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape" width="90" height="90"', '<line x2="90"/>'), inch, (0, 0, inch, 0)),
        DrawingCase("Illustrator of 72 dpi", b"<!-- Generator: Adobe Illustrator 24.0 -->" + _svg('viewBox="0 0 72 72"', '<line x2="72"/>'), inch, (0, 0, inch, 0)),
    ]  # fmt: skip
    return cases


def _aspects() -> list[DrawingCase]:
    """A square of 10 in a viewBox of 10 x 10, in a viewport of 40 x 20 mm and of 20 x 40 mm."""
    cases: list[DrawingCase] = []
    shares = {"Min": 0.0, "Mid": 0.5, "Max": 1.0}
    for wide, high in ((40, 20), (20, 40)):
        for x_name, x_share in shares.items():
            for y_name, y_share in shares.items():
                for kind in ("meet", "slice"):
                    size = min(wide, high) if kind == "meet" else max(wide, high)
                    x, y = x_share * (wide - size), y_share * (high - size)
                    aspect = f"x{x_name}Y{y_name} {kind}"
                    root = f'width="{wide}mm" height="{high}mm" viewBox="0 0 10 10" preserveAspectRatio="{aspect}"'
                    content = _svg(root, '<rect width="10" height="10"/>')
                    cases.append(
                        DrawingCase(f"{aspect} in {wide} x {high}", content, 4.0 * size, (x, y, x + size, y + size))
                    )
    root = 'width="40mm" height="20mm" viewBox="0 0 10 10" preserveAspectRatio="none"'
    length, half_width, half_height = mapped_circle((4, 0, 0, 2), 5)
    cases.append(
        DrawingCase(
            "aspect none", _svg(root, '<circle cx="5" cy="5" r="5"/>'), length, _around(20, 10, half_width, half_height)
        )
    )
    return cases  # fmt: skip


def _transforms() -> list[DrawingCase]:
    skewed = mapped_circle((1, 0, math.tan(math.radians(30)), 1), 10)
    mirrored = mapped_circle((-2, 0, 0, 1), 10)
    turned = mapped_circle((math.cos(0.5), math.sin(0.5), -3 * math.sin(0.5), 3 * math.cos(0.5)), 4)
    arc = '<path d="M10 0 A10 10 0 1 1 -10 0 A10 10 0 1 1 10 0 Z"/>'
    half = math.sqrt(0.5)
    return [
        DrawingCase("skewed circle", _mm('<circle transform="translate(50,50) skewX(30)" r="10"/>'), skewed[0], _around(50, 50, *skewed[1:])),
        DrawingCase("skewed arcs", _mm(f'<g transform="translate(50 50)"><g transform="skewX(30)">{arc}</g></g>'), skewed[0], _around(50, 50, *skewed[1:])),
        DrawingCase("mirrored arcs", _mm(f'<g transform="translate(50,50)scale(-2,1)">{arc}</g>'), mirrored[0], _around(50, 50, *mirrored[1:])),
        DrawingCase("rotated and stretched arcs", _mm(f'<g transform="translate(50,50) rotate({math.degrees(0.5)}) scale(1,3)"><g transform="scale(.4)">{arc}</g></g>'), turned[0], _around(50, 50, *turned[1:])),
        DrawingCase("matrix", _mm('<rect transform="matrix(0,2,-2,0,60,10)" width="20" height="5"/>'), 100, (50, 10, 60, 50)),
        DrawingCase("rotation about a point", _mm('<rect transform="rotate(90 50 50)" x="50" y="50" width="20" height="10"/>'), 60, (40, 50, 50, 70)),
        DrawingCase("three groups deep", _mm('<g transform="scale(2)"><g transform="translate(5,5)"><g transform="rotate(45)"><path d="M0 0h10"/></g></g></g>'), 20, (10, 10, 10 + 20 * half, 10 + 20 * half)),
        DrawingCase("CSS transform", _svg('width="96" height="96"', '<rect style="transform: translate(1in, 48px) scale(2)" width="10" height="10"/>'), 80 * PX, (25.4, 12.7, 25.4 + 20 * PX, 12.7 + 20 * PX)),
        DrawingCase("CSS transform by class", _mm('<style>.far{transform:translate(10px,20px) rotate(0.25turn)}</style><path class="far" d="M0 0H10"/>'), 10, (10, 20, 10, 30)),
        DrawingCase("transform-origin", _mm('<rect style="transform:rotate(90deg);transform-origin:50px 50px" x="50" y="50" width="20" height="10"/>'), 60, (40, 50, 50, 70)),
    ]  # fmt: skip


def _shapes() -> list[DrawingCase]:
    rounded = 2 * (40 - 10) + 2 * (20 - 6) + ellipse_length(5, 3)
    parabola = (math.sqrt(2) + math.asinh(1)) / 2 * 20  # y = x²/20 over -10..10, from its tangents of slope ±1
    return [
        DrawingCase("ellipse", _mm('<ellipse cx="50" cy="50" rx="30" ry="10"/>'), ellipse_length(30, 10), (20, 40, 80, 60)),
        DrawingCase("rounded rect", _mm('<rect x="10" y="10" width="40" height="20" rx="5" ry="3"/>'), rounded, (10, 10, 50, 30)),
        DrawingCase("rect rounded to an ellipse", _mm('<rect width="40" height="20" rx="99" ry="99"/>'), ellipse_length(20, 10), (0, 0, 40, 20)),
        DrawingCase("polygon", _mm('<polygon points="0,0 30,0 30,40"/>'), 120, (0, 0, 30, 40)),
        DrawingCase("polyline", _mm('<polyline points="0 0,30 0 30-40"/>'), 70, (0, -40, 30, 0)),
        DrawingCase("quadratic", _mm('<path d="M-10 5Q0-5 10 5"/>'), parabola, (-10, 0, 10, 5)),
        DrawingCase("smooth quadratic", _mm('<path d="m-10 5q10-10 20 0t20 0"/>'), 2 * parabola, (-10, 0, 30, 10)),
        DrawingCase("half turn by arc", _mm('<path d="M0 50a20,20 0 0 1 40,0"/>'), 20 * math.pi, (0, 30, 40, 50)),
        DrawingCase("arc grown to its chord", _mm('<path d="M0 50a1,1 0 0 1 40,0"/>'), 20 * math.pi, (0, 30, 40, 50)),
        DrawingCase("arc of packed flags", _mm('<path d="M0 50a20 20 0 0140 0"/>'), 20 * math.pi, (0, 30, 40, 50)),
        DrawingCase("arc without radius", _mm('<path d="M0 50A0 5 0 0 1 40 50"/>'), 40, (0, 50, 40, 50)),
        DrawingCase("cusp", _mm('<path d="M0 0C40 40 -40 40 0 0"/>'), 0, (0, 0, 0, 0)),
        DrawingCase("curve back on itself", _mm('<path d="M0 0C40 0 -20 0 20 0"/>'), 0, (0, 0, 0, 0)),
        DrawingCase("relative subpath after a close", _mm('<path d="M10 10h10v10z m5 0h10"/>'), 20 + math.sqrt(200) + 10, (10, 10, 25, 20)),
    ]  # fmt: skip


def _structure() -> list[DrawingCase]:
    symbol = '<defs><symbol id="s" viewBox="0 0 10 10"><circle cx="5" cy="5" r="5"/></symbol></defs>'
    square = '<defs><rect id="r" width="10" height="10"/></defs>'
    inner = '<rect width="10" height="10"/>'
    return [
        DrawingCase("use", _mm(square + '<use href="#r" x="5"/><use xlink:href="#r" y="20" transform="scale(2)"/>'), 120, (0, 0, 20, 60)),
        DrawingCase("use before its target", _mm('<use href="#r" x="5"/>' + square), 40, (5, 0, 15, 10)),
        DrawingCase("use in use", _mm(square + '<defs><g id="g"><use href="#r"/><use href="#r" x="20"/></g></defs><use href="#g" y="5"/>'), 80, (0, 5, 30, 15)),
        DrawingCase("symbol with viewBox", _mm(symbol + '<use href="#s" x="10" y="10" width="40" height="20"/>'), 20 * math.pi, (20, 10, 40, 30)),
        DrawingCase("symbol of another aspect", _mm(symbol.replace('id="s"', 'id="s" preserveAspectRatio="none"') + '<use href="#s" width="40" height="20"/>'), ellipse_length(20, 10), (0, 0, 40, 20)),
        DrawingCase("symbol without viewBox", _mm('<symbol id="t"><rect width="10" height="10"/></symbol><use href="#t" x="3"/>'), 40, (3, 0, 13, 10)),
        DrawingCase("nested svg", _mm(f'<svg x="10" y="20" width="40" height="20" viewBox="0 0 10 10">{inner}</svg>'), 80, (20, 20, 40, 40)),
        DrawingCase("nested svg without viewBox", _mm(f'<svg x="10" y="20">{inner}</svg>'), 40, (10, 20, 20, 30)),
        DrawingCase("nested svg twice", _mm(f'<svg x="10" width="100" height="100" viewBox="0 0 10 10"><svg x="1" y="1" width="50%" height="50%" viewBox="0 0 20 20">{inner}</svg></svg>'), 100, (20, 10, 45, 35)),
        DrawingCase("definitions are not drawn", _mm(square + f'<clipPath id="c">{inner}</clipPath><mask id="m">{inner}</mask><pattern id="p">{inner}</pattern><marker id="k">{inner}</marker><symbol id="y">{inner}</symbol>{inner}'), 40, (0, 0, 10, 10)),
        DrawingCase("hidden", _mm(f'<g display="none">{inner}</g><g style="visibility:hidden"><circle r="50"/><rect visibility="visible" width="10" height="10"/></g>'), 40, (0, 0, 10, 10)),
        DrawingCase("hidden by class", _mm('<style>/* x */ .off, #gone {display:none} g > .no{stroke:none}</style><circle class="off" r="9"/><circle id="gone" r="9"/><circle class="no" r="9"/><line x2="10"/>'), 10, (0, 0, 10, 0)),
        DrawingCase("clip paths are not cut", _mm(f'<clipPath id="c"><circle r="3"/></clipPath><g clip-path="url(#c)">{inner}</g>'), 40, (0, 0, 10, 10)),
        DrawingCase("style beats attribute", _mm('<circle r="9" stroke="red" style="stroke:none"/><line x2="10" stroke="none" style="stroke: blue"/>'), 10, (0, 0, 10, 0)),
        DrawingCase("switch", _mm('<switch><foreignObject/><g><line x2="10"/></g><line x2="99"/></switch>'), 10, (0, 0, 10, 0)),
        DrawingCase("without namespace", b'<svg width="10mm" height="10mm" viewBox="0 0 10 10"><path fill="none" stroke="red" d="M0 0H10"/></svg>', 10, (0, 0, 10, 0)),
        DrawingCase("document type of old programs", b'<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">' + _mm('<line x2="10"/>'), 10, (0, 0, 10, 0)),
    ]  # fmt: skip


def _on_lines(case: DrawingCase) -> DrawingCase:
    """The two curves without a closed form, by a polyline of a million points."""
    controls = {
        "cusp": ((0, 0), (40, 40), (-40, 40), (0, 0)),
        "curve back on itself": ((0, 0), (40, 0), (-20, 0), (20, 0)),
    }.get(case.name)
    if controls is None:
        return case
    t = np.linspace(0, 1, 1_000_001)[:, None]
    p0, p1, p2, p3 = np.array(controls, dtype=np.float64)
    points = (1 - t) ** 3 * p0 + 3 * t * (1 - t) ** 2 * p1 + 3 * t * t * (1 - t) * p2 + t**3 * p3
    length = float(np.hypot(*np.diff(points, axis=0).T).sum())
    (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return DrawingCase(case.name, case.content, length, (x0, y0, x1, y1))


SVG_CASES = [_on_lines(case) for case in (*_units(), *_aspects(), *_transforms(), *_shapes(), *_structure())]
