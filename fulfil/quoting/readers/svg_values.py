"""The values of SVG attributes: lengths, colours, transforms and viewports; svgelements knows their grammars.

It is given single attributes only, short and checked, never a document: its document reader expands bombs, and
takes `viewBox` off symbols.
"""

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol, cast

from svgelements import Color as SvgColor
from svgelements import Matrix as SvgMatrix
from svgelements import Viewbox as SvgViewbox

from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode, file_refusal
from fulfil.quoting.units import MM_PER_INCH

Affine = tuple[float, float, float, float, float, float]
IDENTITY: Affine = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)

LENGTH = re.compile(
    r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(mm|cm|in|pt|pc|px|q|em|rem|ex|%)?\s*", re.IGNORECASE
)
MM_PER_PHYSICAL = {"mm": 1.0, "cm": 10.0, "in": MM_PER_INCH, "pt": MM_PER_INCH / 72, "pc": MM_PER_INCH / 6, "q": 0.25}
FONT_SIZE_PX = 16  # what an em is where nothing sets a font, CSS's medium
TRANSFORMS = re.compile(
    r"(?:[\s,]*(?:matrix|translate[XY]?|scale[XY]?|rotate|skew[XY]?)\s*\(\s*[-+.\w\s,%]*\)[\s,]*)*", re.IGNORECASE
)
LONGEST_TRANSFORM = 2000


class _Matrix(Protocol):
    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    def render(self, *, ppi: float, relative_length: float) -> None: ...


_viewbox_transform = cast("Callable[..., str]", SvgViewbox.viewbox_transform)


def multiply(outer: Affine, inner: Affine) -> Affine:
    """First `inner`, then `outer`."""
    a, b, c, d, e, f = outer
    p, q, r, s, t, u = inner
    return a * p + c * q, b * p + d * q, a * r + c * s, b * r + d * s, a * t + c * u + e, b * t + d * u + f


@lru_cache(maxsize=4096)
def transform(text: str, px_per_inch: float) -> Affine:
    """A transform list, of an attribute or of CSS. Raises `QuotingRefusalError` for one that can't be read."""
    if text.strip().lower() in {"", "none"}:
        return IDENTITY
    if len(text) > LONGEST_TRANSFORM or TRANSFORMS.fullmatch(text) is None:
        raise _unreadable("transform", text)
    try:
        matrix = cast("_Matrix", SvgMatrix(text))
        matrix.render(ppi=px_per_inch, relative_length=math.nan)  # percentages are of a box we don't have
        found = (matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f)
        affine = tuple(float(number) for number in found)
    except (TypeError, ValueError, IndexError, AttributeError, OverflowError, ZeroDivisionError) as error:
        raise _unreadable("transform", text) from error
    if not all(map(math.isfinite, affine)):
        raise _unreadable("transform", text)
    return cast("Affine", affine)


def viewport(place: tuple[float, float, float, float], box: tuple[float, ...], aspect: str) -> Affine:
    """The map from a viewBox (x, y, width, height) into a viewport likewise, by `preserveAspectRatio`."""
    words = aspect.split() or ["xMidYMid"]
    if words[0] == "defer":
        words = words[1:] or ["xMidYMid"]
    text = _viewbox_transform(*place, *box, " ".join([*words, "meet"][:2]))
    return transform(text, 96)


def view_box(text: str | None) -> tuple[float, ...] | None:
    """Four numbers, or None where there is none. Raises `QuotingRefusalError` for an empty or broken one."""
    if text is None or not text.strip():
        return None
    try:
        box = tuple(float(word) for word in text.replace(",", " ").split())
    except ValueError as error:
        raise _unreadable("viewBox", text) from error
    if len(box) != 4 or not all(map(math.isfinite, box)):  # noqa: PLR2004 (x, y, width, height)
        raise _unreadable("viewBox", text)
    if min(box[2:]) <= 0:
        raise file_refusal(
            RefusalCode.FILE_UNREADABLE,
            f"A viewBox of the drawing has no size ({text.strip()[:60]}), so nothing in it has one. Export it again.",
        )
    return box


@lru_cache(maxsize=4096)
def split_length(text: str) -> tuple[float, str]:
    """The number and the unit in lower case (empty if none). Raises `QuotingRefusalError` for anything else."""
    found = LENGTH.fullmatch(text)
    if found is None or not math.isfinite(number := float(found[1])):
        raise _unreadable("length", text)
    return number, (found[2] or "").lower()


def length(text: str, reference: float, px_per_inch: float) -> float:
    """A length in user units; percentages are of `reference`."""
    number, unit = split_length(text)
    if unit in {"", "px"}:
        return number
    if unit == "%":
        return number / 100 * reference
    if unit in MM_PER_PHYSICAL:
        return number * MM_PER_PHYSICAL[unit] / MM_PER_INCH * px_per_inch
    return number * FONT_SIZE_PX * (0.5 if unit == "ex" else 1)


@lru_cache(maxsize=4096)
def colour(text: str) -> str | None:
    """`#rrggbb`, or None if it is fully transparent or no colour."""
    found = SvgColor(text[:100])
    if found.value is None or found.alpha == 0:
        return None
    return str(found.hexrgb)


def _unreadable(what: str, text: str) -> QuotingRefusalError:
    return file_refusal(
        RefusalCode.FILE_UNREADABLE, f"A {what} of the drawing can't be read: {text.strip()[:60]!r}. Export it again."
    )
