"""Whether a surface is closed, told from one number: a sum over its triangles that vanishes when every edge cancels.

Hash each vertex to two 64-bit values f and g, and add `(f1 - f0)(g2 - g0) - (f2 - f0)(g1 - g0)` modulo 2^64 over all
triangles. Multiplied out this is a sum over directed edges whose sign turns with the edge's direction, so each edge
cancels against its opposite: what remains is 0 for a closed surface with consistent winding, which is exactly the
condition for the volume by the divergence theorem, and, but for one chance in about 2^60, only then. The order of
the triangles doesn't matter and nothing has to be kept. The hash is no secret: who forges a collision gets a volume
for a part that nobody can make.
"""

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

MODULUS = 1 << 64
# Odd constants with evenly spread bits, as the mixers of the xxHash and splitmix families use them.
SPREAD = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
FIRST_MIX = np.uint64(0xBF58476D1CE4E5B9)
SECOND_MIX = np.uint64(0x94D049BB133111EB)
FIRST_SHIFT, SECOND_SHIFT = np.uint64(32), np.uint64(29)


def hash_vertices(words: Hashes) -> tuple[Hashes, Hashes]:
    """The two hashes of vertices whose float32 bits are `words` (3, ...), which is overwritten; the results are views.

    The bits of -0.0 must have been folded into those of 0.0.
    """
    words *= SPREAD.reshape(3, *(1,) * (words.ndim - 1))
    sums, first, second = words
    sums += first
    sums += second
    np.right_shift(sums, FIRST_SHIFT, out=first)
    first ^= sums
    first *= FIRST_MIX
    np.right_shift(first, SECOND_SHIFT, out=second)
    second ^= first
    second *= SECOND_MIX
    return first, second


def sketch_triangles(first: Hashes, second: Hashes) -> int:
    """The sum over triangles modulo 2^64; `first` and `second` (3, n) are by corner and are overwritten."""
    first[1:] -= first[0]
    second[1:] -= second[0]
    forth = int(np.einsum("i,i->", first[1], second[2]))
    return (forth - int(np.einsum("i,i->", first[2], second[1]))) % MODULUS
