"""A photo for a progress report, drawn here so that no camera is needed: a PNG of a bracket on a print bed."""

import struct
import zlib
from typing import NamedTuple

WIDTH, HEIGHT = 160, 120
Colour = tuple[int, int, int]
BED, GRID, PART = (236, 239, 241), (207, 216, 220), (255, 112, 67)
GRID_EVERY = 16


class Box(NamedTuple):
    """A rectangle of pixels."""

    left: int
    right: int
    bottom: int
    top: int

    def holds(self, x: int, y: int) -> bool:
        """Whether the pixel is inside."""
        return self.left <= x < self.right and self.bottom <= y < self.top


FOOT, WALL = Box(30, 130, 20, 36), Box(30, 48, 20, 100)


def photo_of_bracket(percent: int) -> bytes:
    """The lower `percent` of an L-shaped part, as PNG."""
    rows = b"".join(
        b"\0" + b"".join(bytes(_pixel(x, HEIGHT - 1 - y, percent)) for x in range(WIDTH)) for y in range(HEIGHT)
    )
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _pixel(x: int, y: int, percent: int) -> Colour:
    """`y` counts from the bed upwards."""
    printed = y < FOOT.bottom + (WALL.top - FOOT.bottom) * percent // 100
    if printed and (FOOT.holds(x, y) or WALL.holds(x, y)):
        return PART
    return GRID if x % GRID_EVERY == 0 or y % GRID_EVERY == 0 else BED


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
