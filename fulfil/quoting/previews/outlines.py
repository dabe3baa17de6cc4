"""The lines of a drawing: silhouettes, edges of the part, and where one surface ends before another."""

import numpy as np
from numpy.typing import NDArray

from fulfil.quoting.previews.camera import Floats
from fulfil.quoting.previews.visibility import Facets, Seen

# Edges are drawn from this angle on, and with full strength from the second.
SOFT_EDGE_COS, HARD_EDGE_COS = np.float32(np.cos(np.radians(33))), np.float32(np.cos(np.radians(55)))
# An edge of 33 degrees, seen from anywhere, changes the slope of the depth by twice this along x or y, in two steps.
LEAST_BEND = np.float32(0.19)
CREASE, SILHOUETTE = np.float32(0.55), np.float32(0.95)


def line_strength(seen: Seen, facets: Facets, reach: float) -> NDArray[np.uint8]:
    """How dark the line through every sample is, 0..255 (rows, columns).

    `reach` is the depth in samples at which one surface is plainly behind another.
    """
    columns = seen.facet.shape[1]
    whole = np.zeros(seen.facet.shape, np.uint8)
    strength = whole[seen.filled].reshape(-1)
    facet, depth = seen.facet[seen.filled].reshape(-1), seen.depth[seen.filled].reshape(-1)
    for step in (1, columns):
        place = _bends(depth, step)
        place = place[facet[place] != facet[place + step]]
        one, other = facet[place], facet[place + step]
        inner = (one >= 0) & (other >= 0)
        dark = np.full(len(place), SILHOUETTE, np.float32)
        dark[inner] = _inner_lines(
            facets.normal,
            (one[inner], other[inner]),
            (depth[place[inner]], depth[place[inner] + step]),
            0 if step == 1 else 1,
            reach,
        )
        levels = (dark * np.float32(255)).astype(np.uint8)
        np.maximum.at(strength, place, levels)
        np.maximum.at(strength, place + step, levels)
    return whole


def _bends(depth: Floats, step: int) -> NDArray[np.int64]:
    """Samples around which the depth changes unevenly: few, and every line lies after one of them."""
    climb = depth[step:] - depth[:-step]
    uneven = np.abs(climb[step:] - climb[:-step]) > LEAST_BEND
    return np.flatnonzero(uneven[step:] | uneven[:-step]) + step


def _inner_lines(
    normals: Floats,
    pair: tuple[NDArray[np.int32], NDArray[np.int32]],
    depths: tuple[Floats, Floats],
    axis: int,
    reach: float,
) -> Floats:
    """The strength of the line between neighbouring samples of two facets."""
    one, other = normals[pair[0]], normals[pair[1]]
    cosine = one[:, 0] * other[:, 0] + one[:, 1] * other[:, 1] + one[:, 2] * other[:, 2]
    crease = np.clip((SOFT_EDGE_COS - cosine) / (SOFT_EDGE_COS - HARD_EDGE_COS), 0, 1) * CREASE
    climb = depths[1] - depths[0]
    jump = np.minimum(
        np.abs(climb + one[:, axis] / np.maximum(one[:, 2], np.float32(0.02))),
        np.abs(climb + other[:, axis] / np.maximum(other[:, 2], np.float32(0.02))),
    )
    behind = np.clip(jump / np.float32(reach) - 1, 0, 1) * SILHOUETTE
    strength: Floats = np.maximum(crease, behind)
    return strength
