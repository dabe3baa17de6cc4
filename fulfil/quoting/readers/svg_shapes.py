"""Draws the basic shapes of SVG with a pen, in their own user units."""

import math
from collections.abc import Callable
from xml.etree.ElementTree import Element

from fulfil.quoting.drawings.curves import arc_segments
from fulfil.quoting.readers.svg_path import Pen, draw_path, numbers_in
from fulfil.quoting.refusals import RefusalCode, file_refusal

# Reads the attribute as user units; the second argument says what percentages are of: "x", "y" or "r".
Lengths = Callable[[str, str], float | None]

SHAPES = frozenset({"path", "rect", "circle", "ellipse", "line", "polyline", "polygon"})
TURN = tuple(arc_segments(0, math.tau))
QUARTERS = tuple(tuple(arc_segments(quarter * math.pi / 2, math.pi / 2)) for quarter in range(4))
ARC_PIECES = 8


def draw_shape(pen: Pen, name: str, element: Element, lengths: Lengths) -> None:
    """Draw an element named in `SHAPES`. Raises `QuotingRefusalError` for negative sizes and unreadable numbers."""
    if name == "path":
        draw_path(pen, element.get("d") or "")
        return
    pen.reserve(ARC_PIECES + 4)
    if name == "rect":
        _rect(pen, lengths)
    elif name in {"circle", "ellipse"}:
        _ellipse(pen, name, element, lengths)
    elif name == "line":
        pen.move(lengths("x1", "x") or 0, lengths("y1", "y") or 0)
        pen.line(lengths("x2", "x") or 0, lengths("y2", "y") or 0)
    else:
        _polyline(pen, element, closed=name == "polygon")


def not_negative(name: str, attribute: str, number: float | None) -> float:
    """The number, 0 if there is none. Raises `QuotingRefusalError` below 0."""
    if number is not None and number < 0:
        raise file_refusal(
            RefusalCode.FILE_UNREADABLE,
            f"A {name} of the drawing has a negative {attribute} ({number:g}), which means nothing. Export it again.",
        )
    return number or 0


def _rect(pen: Pen, lengths: Lengths) -> None:
    x, y = lengths("x", "x") or 0, lengths("y", "y") or 0
    width = not_negative("rect", "width", lengths("width", "x"))
    height = not_negative("rect", "height", lengths("height", "y"))
    if not width or not height:
        return
    rx, ry = lengths("rx", "x"), lengths("ry", "y")
    rx, ry = (ry if rx is None else rx), (rx if ry is None else ry)
    rx = min(not_negative("rect", "rx", rx), width / 2)
    ry = min(not_negative("rect", "ry", ry), height / 2)
    if not rx or not ry:
        pen.move(x, y)
        for corner in ((x + width, y), (x + width, y + height), (x, y + height)):
            pen.line(*corner)
        pen.close()
        return
    right, bottom = x + width, y + height
    pen.move(right, bottom - ry)
    corners = ((right - rx, bottom - ry), (x + rx, bottom - ry), (x + rx, y + ry), (right - rx, y + ry))
    sides = ((x + rx, bottom), (x, y + ry), (right - rx, y), (right, bottom - ry))
    for quarter, (cx, cy), (to_x, to_y) in zip(QUARTERS, corners, sides, strict=True):
        pen.arcs(quarter, (rx, 0, 0, ry, cx, cy))
        if math.hypot(to_x - pen.x, to_y - pen.y) > 1e-12 * (width + height):
            pen.line(to_x, to_y)
    pen.close()


def _ellipse(pen: Pen, name: str, element: Element, lengths: Lengths) -> None:
    if name == "circle":
        rx = ry = not_negative(name, "r", lengths("r", "r"))
    else:
        given_x, given_y = element.get("rx"), element.get("ry")
        rx = not_negative(name, "rx", lengths("rx", "x") if given_x is not None else lengths("ry", "y"))
        ry = not_negative(name, "ry", lengths("ry", "y") if given_y is not None else lengths("rx", "x"))
    if not rx or not ry:
        return
    cx, cy = lengths("cx", "x") or 0, lengths("cy", "y") or 0
    pen.move(cx + rx, cy)
    pen.arcs(TURN, (rx, 0, 0, ry, cx, cy))
    pen.close()


def _polyline(pen: Pen, element: Element, *, closed: bool) -> None:
    numbers = numbers_in(element.get("points") or "")
    if len(numbers) % 2:
        raise file_refusal(
            RefusalCode.FILE_UNREADABLE,
            f"A polyline of the drawing has {len(numbers)} numbers; points take two each. Export it again.",
        )
    pen.reserve(len(numbers) // 2)
    for place, (x, y) in enumerate(zip(numbers[::2], numbers[1::2], strict=True)):
        if place:
            pen.line(x, y)
        else:
            pen.move(x, y)
    if closed and numbers:
        pen.close()
