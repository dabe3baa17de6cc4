"""How many equal rectangles go onto a sheet or a plate: simple shelves, with what is left filled by turned pieces."""

from math import floor

# Floating-point sizes: 590.0000001 mm of pieces lie on 590 mm.
TOLERANCE_MM = 0.001


def pieces_on(piece_mm: tuple[float, float], room_mm: tuple[float, float]) -> int:
    """The most pieces of one size that shelves find room for; 0 when not even one fits.

    Rows of pieces lying one way, and the strip above them filled with pieces turned by 90 degrees, for every number
    of rows and both ways.
    """
    width, height = piece_mm
    if width <= 0 or height <= 0:
        raise ValueError("a piece has two positive sides")
    return max(_shelves(width, height, *room_mm), _shelves(height, width, *room_mm))


def _shelves(width: float, height: float, room_width: float, room_height: float) -> int:
    columns, turned_columns = _times(width, room_width), _times(height, room_width)
    if columns == 0:
        return 0
    rows = _times(height, room_height)
    return max(used * columns + turned_columns * _times(width, room_height - used * height) for used in range(rows + 1))


def _times(length: float, room: float) -> int:
    return max(floor((room + TOLERANCE_MM) / length), 0)
