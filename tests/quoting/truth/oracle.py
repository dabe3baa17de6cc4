"""svgpathtools as a second opinion on curves, typed at its border."""

from collections.abc import Callable, Sequence
from typing import Protocol, cast

import svgpathtools

Corner = complex


class _Curves(Protocol):
    def length(self, *, error: float) -> float: ...
    def area(self) -> float: ...
    def bbox(self) -> tuple[float, float, float, float]: ...


_parse = cast("Callable[[str], _Curves]", svgpathtools.parse_path)
_cubic = cast("Callable[[Corner, Corner, Corner, Corner], _Curves]", svgpathtools.CubicBezier)
_path = cast("Callable[..., _Curves]", svgpathtools.Path)


def path_length(data: str) -> float:
    """How long the path data of an SVG draws."""
    return float(_parse(data).length(error=1e-6))


def curve_box(points: Sequence[Corner]) -> tuple[float, float, float, float]:
    """The box of a cubic by its four points, as x0, y0, x1, y1."""
    a, b, c, d = points
    x0, x1, y0, y1 = _cubic(a, b, c, d).bbox()
    return x0, y0, x1, y1


def closed_area(curves: Sequence[Sequence[Corner]]) -> float:
    """The signed area inside cubics that follow each other."""
    return float(_path(*(_cubic(a, b, c, d) for a, b, c, d in curves)).area())
