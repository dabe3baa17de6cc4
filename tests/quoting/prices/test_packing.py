"""Shelves hold as many pieces as drawn by hand, and never more than area allows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulfil.quoting.prices.packing import pieces_on

lengths = st.floats(4, 700)


@pytest.mark.parametrize(
    ("piece", "room", "expected"),
    [
        ((100, 50), (600, 400), 48),
        ((600, 400), (600, 400), 1),
        ((400, 600), (600, 400), 1),
        ((600.01, 400), (600, 400), 0),
        ((601, 10), (600, 400), 0),
        ((300.0000001, 400), (600, 400), 2),
        ((350, 250), (600, 400), 2),
        ((300, 250), (600, 400), 2),
        # One row lying and three turned above it; all one way would be four.
        ((3, 2), (6, 5), 5),
        # Only a pinwheel would hold a fourth, and shelves know none.
        ((3, 2), (5, 5), 3),
    ],
)
def test_shelves_hold_what_was_drawn_by_hand(
    piece: tuple[float, float], room: tuple[float, float], expected: int
) -> None:
    assert pieces_on(piece, room) == expected


@given(lengths, lengths, st.floats(100, 1300), st.floats(100, 900))
def test_pieces_never_cover_more_than_the_sheet_and_direction_does_not_matter(
    width: float, height: float, room_width: float, room_height: float
) -> None:
    count = pieces_on((width, height), (room_width, room_height))
    assert count * width * height <= (room_width + 1) * (room_height + 1)
    assert count == pieces_on((height, width), (room_width, room_height))
    assert (count > 0) == (
        min(width, height) <= min(room_width, room_height) + 0.001
        and max(width, height) <= max(room_width, room_height) + 0.001
    )


def test_a_piece_without_area_is_a_bug() -> None:
    with pytest.raises(ValueError, match="positive"):
        pieces_on((0, 5), (100, 100))
