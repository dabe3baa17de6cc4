"""Collects the segments of a drawing and reads the path data of SVG into them; arcs become cubics at once.

svgelements takes 20 µs per segment to build objects that are then taken apart again; this takes about 2 and knows
the same grammar (the tests compare the two). Numbers go into flat arrays, and matrices are applied to all of them at
the end.
"""

import math
import re
from array import array
from collections.abc import Iterable, Sequence

from fulfil.quoting.drawings.curves import arc_segments
from fulfil.quoting.limits import MOST_SEGMENTS
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode, file_refusal

PATH_TEXT = re.compile(r"[\s,0-9.eE+\-MmZzLlHhVvCcSsQqTtAa]*")
COMMAND = re.compile(r"([MmZzLlHhVvCcSsQqTtAa])([^MmZzLlHhVvCcSsQqTtAa]*)")
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
SEPARATORS = re.compile(r"[\s,]*")
# The flags of an arc are single digits and need no separator: `a1 1 0 0110 10`.
NUMBER_TEXT = NUMBER.pattern
GAP = r"[\s,]*"
ARC = re.compile(GAP + GAP.join([f"({NUMBER_TEXT})"] * 3 + ["([01])"] * 2 + [f"({NUMBER_TEXT})"] * 2) + GAP)

ARGUMENTS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2}


class Pen:
    """Draws contours into flat arrays: eight numbers and a straight flag per segment."""

    def __init__(self) -> None:
        self.numbers = array("d")
        self.straight = bytearray()
        self.contour_starts: list[int] = []  # the segment each contour begins with
        self.x = self.y = self._start_x = self._start_y = 0.0
        self._begun = False

    @property
    def segments(self) -> int:
        """How many segments were drawn so far."""
        return len(self.straight)

    def reserve(self, segments: int) -> None:
        """Raise `QuotingRefusalError` if so many more would be too many."""
        if self.segments + segments > MOST_SEGMENTS:
            raise file_refusal(
                RefusalCode.FILE_TOO_COMPLEX,
                f"The drawing has more than {MOST_SEGMENTS:,} lines and curves. Simplify its paths "
                "(0.05 mm is finer than a laser's beam), or split it.",
            )

    def move(self, x: float, y: float) -> None:
        """Begin a contour."""
        self.x, self.y = self._start_x, self._start_y = x, y
        self._begun = False

    def line(self, x: float, y: float) -> None:
        """A line from where the pen is."""
        self._begin()
        self.numbers.extend((self.x, self.y, self.x, self.y, x, y, x, y))
        self.straight.append(1)
        self.x, self.y = x, y

    def cubic(self, x1: float, y1: float, x2: float, y2: float, x: float, y: float) -> None:
        """A curve from where the pen is."""
        self._begin()
        self.numbers.extend((self.x, self.y, x1, y1, x2, y2, x, y))
        self.straight.append(0)
        self.x, self.y = x, y

    def close(self) -> None:
        """Back to the contour's start by a line if need be; what follows is another contour."""
        if self._begun and (self.x, self.y) != (self._start_x, self._start_y):
            self.line(self._start_x, self._start_y)
        self.move(self._start_x, self._start_y)

    def arcs(self, arcs: Iterable[Sequence[float]], matrix: tuple[float, float, float, float, float, float]) -> None:
        """Arcs of the unit circle (`arc_segments`), mapped by a matrix of six."""
        a, b, c, d, e, f = matrix
        for _, _, x1, y1, x2, y2, x, y in arcs:
            self.cubic(
                a * x1 + c * y1 + e, b * x1 + d * y1 + f, a * x2 + c * y2 + e, b * x2 + d * y2 + f,
                a * x + c * y + e, b * x + d * y + f,
            )  # fmt: skip

    def _begin(self) -> None:
        if not self._begun:
            self.contour_starts.append(self.segments)
            self._begun = True


def draw_path(pen: Pen, data: str) -> None:
    """Draw path data. Raises `QuotingRefusalError` where a browser would stop drawing: never a part of a path."""
    if PATH_TEXT.fullmatch(data) is None:
        raise _broken("holds a letter that is no command")
    lead = data.lstrip()
    if not lead:
        return
    if lead[0] not in "Mm":
        raise _broken("does not begin with a move")
    pen.move(0, 0)  # a first `m` is absolute, wherever the path before ended
    reader = _PathReader(pen)
    for command, arguments in COMMAND.findall(lead):
        reader.run(command, arguments)


def numbers_in(text: str) -> list[float]:
    """The numbers of a list separated by blanks, commas, signs or nothing that could be part of a number."""
    try:
        return [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        numbers = NUMBER.findall(text)
        if SEPARATORS.fullmatch(NUMBER.sub("", text)) is None:
            raise _broken("holds a number that can't be read") from None
        return [float(number) for number in numbers]


class _PathReader:
    """The state between two commands: where smooth curves take their first handle from."""

    def __init__(self, pen: Pen) -> None:
        self._pen = pen
        self._cubic: tuple[float, float] | None = None  # the last handle, if the last command was of that kind
        self._quadratic: tuple[float, float] | None = None

    def run(self, command: str, arguments: str) -> None:
        kind, pen = command.upper(), self._pen
        if kind == "Z":
            if arguments.strip(" \t\r\n\f,"):
                raise _broken("has numbers after a Z")
            pen.close()
            self._cubic = self._quadratic = None
            return
        relative = command != kind
        if kind == "A":
            self._arcs(arguments, relative=relative)
            return
        numbers = numbers_in(arguments)
        size = ARGUMENTS[kind]
        if not numbers or len(numbers) % size:
            raise _broken(f"has a {command} with {len(numbers)} numbers, which takes {size} at a time")
        pen.reserve(len(numbers) // size)
        if kind == "C":
            self._cubics(numbers, relative=relative)
        elif kind in "SQT":
            self._others(kind, numbers, relative=relative)
        else:
            self._lines(kind, numbers, relative=relative)

    def _lines(self, kind: str, numbers: list[float], *, relative: bool) -> None:
        pen = self._pen
        self._cubic = self._quadratic = None
        if kind in "HV":
            for number in numbers:
                if kind == "H":
                    pen.line(pen.x + number if relative else number, pen.y)
                else:
                    pen.line(pen.x, pen.y + number if relative else number)
            return
        moving = kind == "M"
        for x, y in zip(numbers[::2], numbers[1::2], strict=True):
            to_x, to_y = (pen.x + x, pen.y + y) if relative else (x, y)
            if moving:
                pen.move(to_x, to_y)
                moving = False  # further pairs of a move are lines
            else:
                pen.line(to_x, to_y)

    def _cubics(self, numbers: list[float], *, relative: bool) -> None:
        pen = self._pen
        groups = zip(*(numbers[start::6] for start in range(6)), strict=True)
        if relative:
            for x1, y1, x2, y2, x, y in groups:
                px, py = pen.x, pen.y
                pen.cubic(px + x1, py + y1, px + x2, py + y2, px + x, py + y)
                self._cubic = (px + x2, py + y2)
        else:
            for x1, y1, x2, y2, x, y in groups:
                pen.cubic(x1, y1, x2, y2, x, y)
                self._cubic = (x2, y2)
        self._quadratic = None

    def _others(self, kind: str, numbers: list[float], *, relative: bool) -> None:
        pen, size = self._pen, ARGUMENTS[kind]
        for first in range(0, len(numbers), size):
            px, py = pen.x, pen.y
            given = numbers[first : first + size]
            if relative:
                given = [number + (px, py)[place % 2] for place, number in enumerate(given)]
            if kind == "S":
                hx, hy = self._cubic or (px, py)
                x2, y2, x, y = given
                pen.cubic(2 * px - hx, 2 * py - hy, x2, y2, x, y)
                self._cubic, self._quadratic = (x2, y2), None
                continue
            if kind == "Q":
                qx, qy, x, y = given
            else:
                hx, hy = self._quadratic or (px, py)
                qx, qy, x, y = 2 * px - hx, 2 * py - hy, *given
            pen.cubic(px + 2 / 3 * (qx - px), py + 2 / 3 * (qy - py), x + 2 / 3 * (qx - x), y + 2 / 3 * (qy - y), x, y)
            self._cubic, self._quadratic = None, (qx, qy)

    def _arcs(self, arguments: str, *, relative: bool) -> None:
        self._cubic = self._quadratic = None
        at = 0
        while at < len(arguments) or not at:
            found = ARC.match(arguments, at)
            if found is None:
                raise _broken("has an arc (A) whose seven numbers can't be read")
            at = found.end()
            rx, ry, turn, large, sweep, x, y = (float(number) for number in found.groups())
            self._pen.reserve(8)
            if relative:
                x, y = x + self._pen.x, y + self._pen.y
            draw_arc(
                self._pen, (abs(rx), abs(ry)), math.radians(turn % 360), large=bool(large), sweep=bool(sweep), to=(x, y)
            )


def draw_arc(
    pen: Pen, radii: tuple[float, float], turn: float, *, large: bool, sweep: bool, to: tuple[float, float]
) -> None:
    """An elliptical arc by its end points (SVG 1.1, appendix F.6.5), radii grown where they don't reach."""
    (rx, ry), (x, y) = radii, to
    if (pen.x, pen.y) == to:
        return
    half_x, half_y = (pen.x - x) / 2, (pen.y - y) / 2
    # Radii this small against the chord would be grown from nothing: the specification draws a line for zero.
    if min(rx, ry) <= 1e-12 * math.hypot(half_x, half_y):
        pen.line(x, y)
        return
    cos, sin = math.cos(turn), math.sin(turn)
    # In units of the radii the ellipse is a circle of radius 1.
    ux, uy = (cos * half_x + sin * half_y) / rx, (cos * half_y - sin * half_x) / ry
    reach = math.hypot(ux, uy)
    if reach > 1:
        rx, ry, ux, uy = rx * reach, ry * reach, ux / reach, uy / reach
        reach = 1
    away = math.sqrt(max(0.0, 1 / reach**2 - 1)) * (-1 if large == sweep else 1)
    cx, cy = away * uy, -away * ux
    start, end = math.atan2(uy - cy, ux - cx), math.atan2(-uy - cy, -ux - cx)
    angle = (end - start) % math.tau
    if not sweep:
        angle -= math.tau
    a, b, c, d = cos * rx, sin * rx, -sin * ry, cos * ry
    e, f = (pen.x + x) / 2 + a * cx + c * cy, (pen.y + y) / 2 + b * cx + d * cy
    pieces = arc_segments(start, angle)
    pen.arcs(pieces[:-1], (a, b, c, d, e, f))
    *_, x2, y2, _, _ = pieces[-1]
    x1, y1 = pieces[-1][2:4]
    # The last piece ends exactly where the file says, so that the next one joins.
    pen.cubic(a * x1 + c * y1 + e, b * x1 + d * y1 + f, a * x2 + c * y2 + e, b * x2 + d * y2 + f, x, y)


def _broken(what: str) -> QuotingRefusalError:
    return file_refusal(
        RefusalCode.FILE_UNREADABLE, f"The data of a path {what}. Export the drawing again; it would be cut in part."
    )
