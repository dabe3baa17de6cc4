"""The values of SVG attributes: lengths, colours, transforms and viewports; svgelements knows their grammars.

It is given single attributes only, short and checked, never a document: its document reader expands bombs, and
takes `viewBox` off symbols.
"""

import math
import re
from collections.abc import Callable
from colorsys import hls_to_rgb
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
HEX_COLOUR = re.compile(r"#([0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3,4})")
COLOUR_FUNCTION = re.compile(r"(rgb|hsl)a?\(([^()]{1,100})\)(?:\s.*)?", re.DOTALL)
COLOUR_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d{1,2})?)(%|deg|turn|grad|rad)?")
PER_TURN = {"turn": 1.0, "grad": 400.0, "rad": math.tau}


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
    word = text.strip().lower()
    if word.startswith("#"):
        word = word.split()[0]  # an ICC colour may follow
    if found := HEX_COLOUR.fullmatch(word):
        digits = found[1] if len(found[1]) > 4 else "".join(2 * digit for digit in found[1])  # noqa: PLR2004 (#rgba)
        return None if digits[6:] == "00" else "#" + digits[:6]
    if found := COLOUR_FUNCTION.fullmatch(word):
        return _colour_of_function(found[1], found[2].replace(",", " ").replace("/", " ").split())
    if word in {"black", "rebeccapurple"}:
        return "#000000" if word == "black" else "#663399"
    named = SvgColor(word) if word.isalpha() else None
    # svgelements takes every word it does not know for black.
    return None if named is None or named.value is None or named.hexrgb == "#000000" else str(named.hexrgb)


def _colour_of_function(name: str, words: list[str]) -> str | None:
    """`rgb(255 0 0 / 50%)`, `hsl(240deg, 100%, 50%)` and their kin; svgelements knows whole numbers and commas only."""
    numbers = [COLOUR_NUMBER.fullmatch(word) for word in words]
    if len(numbers) not in {3, 4} or not all(numbers):
        return None
    values = [(float(found[1]), found[2]) for found in numbers if found is not None]
    if len(values) > 3 and values[3][0] <= 0:  # noqa: PLR2004 (the fourth is the opacity)
        return None
    if name == "rgb":
        shares = [number / (100 if unit == "%" else 255) for number, unit in values[:3]]
    else:
        (hue, unit), (saturation, _), (lightness, _) = values[:3]
        turns = hue / PER_TURN.get(unit, 360)
        shares = list(hls_to_rgb(turns % 1, _clamped(lightness / 100), _clamped(saturation / 100)))
    return "#" + "".join(f"{int(255 * _clamped(share) + 0.5):02x}" for share in shares)


def _clamped(share: float) -> float:
    return min(max(share, 0.0), 1.0)


def _unreadable(what: str, text: str) -> QuotingRefusalError:
    return file_refusal(
        RefusalCode.FILE_UNREADABLE, f"A {what} of the drawing can't be read: {text.strip()[:60]!r}. Export it again."
    )
