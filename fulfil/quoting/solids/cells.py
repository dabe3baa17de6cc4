"""A solid as upright cells, one bit per cell and layer: what lies within walls, under skins or below overhangs.

Sixty-four layers of a column share a word, so moving, growing and shrinking the whole solid takes a few passes over
a small array. Shape (words, rows, columns); bit i of word w is layer 64 w + i.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Words = NDArray[np.uint64]

BITS = 64
BYTE = 255
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
# An octagon's side over the distance between opposite sides.
OCTAGON_SIDE = 0.4142


def fill_words(column: Integers, plane: Integers, shape: tuple[int, int], layers: int) -> Words:
    """Bits between pairs of planes: a column's first plane begins material, its second ends it, and so on.

    Both arrays are sorted by column, then by plane; a column is `row * shape[1] + place in the row`.
    """
    words = layers // BITS + 1
    key = column * words + plane // BITS
    bit = np.uint64(1) << (plane % BITS).astype(np.uint64)
    turns = np.zeros(shape[0] * shape[1] * words, np.uint64)
    first = np.flatnonzero(np.diff(key, prepend=-1))
    if len(first):
        turns[key[first]] = np.bitwise_xor.reduceat(bit, first)
    filled = np.ascontiguousarray(turns.reshape(-1, words).T)
    for step in (1, 2, 4, 8, 16, 32):
        filled ^= filled << np.uint64(step)
    for word in range(1, words):
        filled[word] ^= np.where(filled[word - 1] >> np.uint64(BITS - 1), ALL, np.uint64(0))
    return filled.reshape(words, *shape)


def set_bits(column: Integers, plane: Integers, shape: tuple[int, int], layers: int) -> Words:
    """One bit for each column and plane."""
    bits = np.zeros((layers // BITS + 1, shape[0] * shape[1]), np.uint64)
    np.bitwise_or.at(bits, (plane // BITS, column), np.uint64(1) << (plane % BITS).astype(np.uint64))
    return bits.reshape(-1, *shape)


def count_layers(cells: Words, layers: int) -> Floats:
    """How many cells each layer has: only where columns begin and end is looked at."""
    change = np.zeros(len(cells) * BITS, np.int64)
    for word, plane in enumerate(cells.reshape(len(cells), -1)):
        before = cells[word - 1].reshape(-1) >> np.uint64(BITS - 1) if word else np.uint64(0)
        turning = plane ^ (plane << np.uint64(1) | before)
        at = np.flatnonzero(turning)
        turning, here = turning[at], plane[at]
        begun, ended = (_per_bit(turning & side) for side in (here, ~here))
        change[word * BITS : (word + 1) * BITS] = begun - ended
    return np.cumsum(change)[:layers].astype(np.float64)


def count_all(cells: Words) -> float:
    """How many bits are set."""
    return float(np.bitwise_count(cells).sum(dtype=np.int64))


def moved_down(cells: Words, layers: int) -> Words:
    """Every bit so many layers lower, or higher where `layers` is negative; what leaves is lost."""
    words, bits = divmod(abs(layers), BITS)
    moved = np.zeros_like(cells)
    kept = len(cells) - words
    if kept <= 0:
        return moved
    shift, rest = np.uint64(bits), np.uint64(BITS - bits)
    if layers >= 0:
        moved[:kept] = cells[words:] >> shift
        if bits:
            moved[: kept - 1] |= cells[words + 1 :] << rest
    else:
        moved[words:] = cells[:kept] << shift
        if bits:
            moved[words + 1 :] |= cells[: kept - 1] >> rest
    return moved


def all_along(cells: Words, layers: int, down: int) -> Words:
    """Cells that are set in this layer and in the next `layers - 1` above (`down` 1) or below (-1) it."""
    held, done = cells, 1
    while done < layers:
        step = min(done, layers - done)
        held = held & moved_down(held, down * step)
        done += step
    return held


def any_along(cells: Words, layers: int, down: int) -> Words:
    """Cells that are set in this layer or in one of the next `layers - 1` above (`down` 1) or below (-1) it."""
    held, done = cells, 1
    while done < layers:
        step = min(done, layers - done)
        held = held | moved_down(held, down * step)
        done += step
    return held


def shrunk(cells: Words, steps: int) -> Words:
    """Without the cells up to `steps` from an edge: nearly a disc, made of a square and crosses."""
    for step in range(steps):
        smaller = cells.copy()
        smaller[:, 1:] &= cells[:, :-1]
        smaller[:, :-1] &= cells[:, 1:]
        across = smaller if step == 0 else cells
        across = across.copy()
        smaller[:, :, 1:] &= across[:, :, :-1]
        smaller[:, :, :-1] &= across[:, :, 1:]
        smaller[:, 0] = smaller[:, -1] = 0
        smaller[:, :, 0] = smaller[:, :, -1] = 0
        cells = smaller
    return cells


def grown(cells: Words, steps: int) -> Words:
    """With the cells up to `steps` away, likewise."""
    for step in range(steps):
        larger = cells.copy()
        larger[:, 1:] |= cells[:, :-1]
        larger[:, :-1] |= cells[:, 1:]
        across = larger.copy() if step == 0 else cells
        larger[:, :, 1:] |= across[:, :, :-1]
        larger[:, :, :-1] |= across[:, :, 1:]
        cells = larger
    return cells


def grown_far(cells: Words, distance: float) -> Words:
    """With what is less than `distance` cells away: an octagon, in a number of passes that hardly grows with it."""
    straight = round(2 * OCTAGON_SIDE * distance)
    diagonal = round(2 * OCTAGON_SIDE * distance / 2**0.5)
    for right, up, steps in ((1, 0, straight), (0, 1, straight), (1, 1, diagonal), (1, -1, diagonal)):
        cells = _swept(cells, right, up, steps)
    return cells


def without_slivers(cells: Words) -> Words:
    """Only squares of two by two cells and what is made of them."""
    squares = np.zeros_like(cells)
    squares[:, :-1, :-1] = cells[:, :-1, :-1] & cells[:, 1:, :-1] & cells[:, :-1, 1:] & cells[:, 1:, 1:]
    rows = squares.copy()
    rows[:, 1:] |= squares[:, :-1]
    whole = rows.copy()
    whole[:, :, 1:] |= rows[:, :, :-1]
    return whole


def fallen(cells: Words, free: Words, layers: int) -> Words:
    """Cells and all free ones below them without a gap."""
    step = 1
    while step < layers:
        cells = cells | free & moved_down(cells, step)
        free = free & moved_down(free, step)
        step *= 2
    return cells


def _per_bit(words: Words) -> Integers:
    """How many words have each bit set; eight bytes are added at a time, never more than a byte can hold."""
    if not len(words):
        return np.zeros(BITS, np.int64)
    bits = np.unpackbits(words.view(np.uint8), bitorder="little").view(np.uint64).reshape(-1, BITS // 8)
    sums: Words = np.add.reduceat(bits, np.arange(0, len(bits), BYTE), axis=0)
    total: Integers = sums.view(np.uint8).reshape(-1, BITS).sum(axis=0, dtype=np.int64)
    return total


def _swept(cells: Words, right: int, up: int, steps: int) -> Words:
    done = 0
    while done < steps:
        step = min(done + 1, steps - done)
        cells = cells | _moved(cells, right * step, up * step)
        done += step
    return _moved(cells, -right * (steps // 2), -up * (steps // 2)) if steps else cells


def _moved(cells: Words, right: int, up: int) -> Words:
    moved = np.zeros_like(cells)
    _, rows, columns = cells.shape
    if abs(right) < columns and abs(up) < rows:
        moved[:, max(up, 0) : rows + min(up, 0), max(right, 0) : columns + min(right, 0)] = cells[
            :, max(-up, 0) : rows + min(-up, 0), max(-right, 0) : columns + min(-right, 0)
        ]
    return moved
