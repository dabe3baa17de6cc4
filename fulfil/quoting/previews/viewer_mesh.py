"""A solid for a browser's viewer: few triangles, in a compact binary that typed arrays read in place.

The layout, little-endian throughout, `V` vertices and `T` triangles:

| offset         | type           | what                                                                              |
|----------------|----------------|-----------------------------------------------------------------------------------|
| 0              | 4 bytes        | `FVM1`                                                                            |
| 4              | uint32         | version, 1                                                                        |
| 8              | uint32         | V                                                                                 |
| 12             | uint32         | T                                                                                 |
| 16             | uint32         | flags: bit 0 = indices are uint32, else uint16                                    |
| 20             | uint32         | triangles of the file, before any were taken out                                  |
| 24             | 3 x float32    | origin in mm: the middle of the part's box                                        |
| 36             | float32        | scale in mm: a position is origin + scale * its whole numbers                     |
| 40             | 3V x int16     | positions x, y, z, from -32767 to 32767                                           |
| N = 40 + 6V    | 3V x int8      | normals x, y, z times 127; vertices are split where the surface has an edge       |
| N + 3V, padded | 3T x uint16/32 | corners of the triangles, counter-clockwise from outside; from a multiple of 4 on |

In a browser: `new Int16Array(buffer, 40, 3 * V)`, `new Int8Array(buffer, 40 + 6 * V, 3 * V)` (normalized),
`new Uint16Array(buffer, (40 + 9 * V + 3) & ~3, 3 * T)`, or `Uint32Array`.
"""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fulfil.quoting.mesh import Corners
from fulfil.quoting.previews.clusters import cluster
from fulfil.quoting.previews.fans import corner_normals, face_normals, smooth_fans, weld

MAGIC, VERSION = b"FVM1", 1
HEADER = struct.Struct("<4sIIIII3ff")
WIDE_INDICES = 1
FINEST = 32767
LAST_UINT16 = 65535


@dataclass(frozen=True)
class ViewerMesh:
    """What the binary holds: `positions` (V, 3) in mm, `normals` (V, 3) of about unit length, `triangles` (T, 3)."""

    positions: NDArray[np.float32]
    normals: NDArray[np.float32]
    triangles: NDArray[np.uint32]
    source_triangles: int


def decimate_for_viewer(corners: Corners, *, max_triangles: int = 60_000) -> bytes:
    """Triangles in mm as the binary described above, simplified until at most `max_triangles` are left.

    A mesh within the budget keeps its shape to 1/65534 of its longest side. Of a larger one, vertices close to each
    other become one, at the place that fits the planes around them best (Garland and Heckbert's quadrics on Rossignac
    and Borrel's grid). Triangles without area are left out. The same triangles give the same bytes.
    """
    low, high = (np.array([bound(corners[..., axis]) for axis in range(3)], np.float64) for bound in (np.min, np.max))
    origin = ((low + high) / 2).astype(np.float32)
    scale = np.float32(max(float((high - low).max()) / 2, 1e-6) / FINEST)
    if len(corners) > max_triangles:
        points, triangles = cluster(corners, low, high, max_triangles)
    else:
        points, triangles = corners.reshape(-1, 3), np.arange(3 * len(corners)).reshape(-1, 3)
    steps = np.clip(np.rint((points - origin) / scale), -FINEST, FINEST).astype(np.float32)
    return _packed(steps, triangles, origin, scale, len(corners))


def _packed(
    steps: NDArray[np.float32],
    triangles: NDArray[np.int64],
    origin: NDArray[np.float32],
    scale: np.float32,
    source: int,
) -> bytes:
    points, number = weld(steps)
    triangles = number[triangles]
    a, b, c = triangles.T
    triangles = triangles[(a != b) & (b != c) & (c != a)]
    corners = points[triangles]
    normal = face_normals(corners)
    fans = smooth_fans(corners, normal)
    normals = corner_normals(corners, normal, fans)
    _, first, indices = np.unique(fans.reshape(-1), return_index=True, return_inverse=True)
    positions = corners.reshape(-1, 3)[first].astype("<i2")
    around = np.rint(normals.transpose(1, 0, 2).reshape(-1, 3)[first] * 127).astype(np.int8)
    wide = len(positions) > LAST_UINT16
    header = HEADER.pack(
        MAGIC, VERSION, len(positions), len(triangles), WIDE_INDICES * wide, source, *map(float, origin), float(scale)
    )
    padding = b"\0" * (-(len(header) + positions.nbytes + around.nbytes) % 4)
    return b"".join(
        (header, positions.tobytes(), around.tobytes(), padding, indices.astype("<u4" if wide else "<u2").tobytes())
    )


def decode_viewer_mesh(content: bytes) -> ViewerMesh:
    """What a viewer reads. Raises `ValueError` for anything else than `decimate_for_viewer` writes."""
    if len(content) < HEADER.size or content[:4] != MAGIC:
        raise ValueError("These bytes are not a viewer mesh.")
    _, version, vertices, count, flags, source, *origin, scale = HEADER.unpack_from(content)
    index = np.dtype("<u4" if flags & WIDE_INDICES else "<u2")
    start = HEADER.size + 9 * vertices
    start += -start % 4
    if version != VERSION or len(content) != start + 3 * count * index.itemsize:
        raise ValueError("The viewer mesh has another version, or was cut short.")
    steps = np.frombuffer(content, "<i2", 3 * vertices, HEADER.size).reshape(-1, 3)
    normals = np.frombuffer(content, np.int8, 3 * vertices, HEADER.size + 6 * vertices).reshape(-1, 3)
    triangles = np.frombuffer(content, index, 3 * count, start).reshape(-1, 3)
    return ViewerMesh(
        (np.array(origin, np.float32) + steps * np.float32(scale)).astype(np.float32),
        normals.astype(np.float32) / np.float32(127),
        triangles.astype(np.uint32),
        source,
    )
