"""Makes of a triangle soup the closed surface it was meant to be, and keeps account of what that took."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fulfil.models.messages.geometry import Point
from fulfil.quoting.mesh import Corners
from fulfil.quoting.solids.edges import PAIR, Edges, examine_edges, examine_open_edges, no_edges, turned_faces
from fulfil.quoting.solids.graphs import Indices, connect
from fulfil.quoting.solids.sketch import FIRST_MIX, Hashes
from fulfil.quoting.solids.welding import SEAM_SHARE, sew, vertex_keys

MAX_PLACES = 10
# A surface above this is measured as one body, and a finding says so: splitting it takes 900 ns and 250 bytes per
# triangle.
MAX_SPLIT_TRIANGLES = 2_000_000
# A soup whose every triangle is open can't be capped to anything.
MAX_CAPPED_EDGES = 500_000
# Sewing a million triangles that all gape takes 6 s; more open half-edges than that have is no part but a soup.
MAX_SEWN_EDGES = 3_000_000
# A key that shares its first bits with none of those looked for need not be looked up.
FILTER_BITS = 20
BLOCK = 1 << 16
FOLD = np.uint64(31)


@dataclass(frozen=True)
class Repairs:
    """What was found and done; `open_edges` remain open in the file and are capped for the volume alone."""

    degenerate_faces: int = 0
    duplicate_faces: int = 0  # left out
    duplicates_kept: int = 0  # leaving them out would have torn the surface
    seams_closed: int = 0  # open edges that closed when their ends were moved by a rounding error
    turned_faces: int = 0  # against their neighbours
    one_sided: bool = False
    open_edges: int = 0
    holes: int = 0
    open_places: tuple[Point, ...] = ()
    non_manifold_edges: int = 0
    capped: bool = True


@dataclass(frozen=True)
class Surface:
    """The repaired triangles and their edges. From `caps_from` on they are caps over holes, not part of the area.

    Above `MAX_SPLIT_TRIANGLES` the edges are those that may be open, without the caps.
    """

    corners: Corners
    keys: Hashes
    edges: Edges
    caps_from: int


def repair(corners: Corners, diagonal: float) -> tuple[Surface | None, Repairs]:
    """Leave out degenerate and duplicate faces, close seams, turn conflicting faces, cap holes flat.

    `corners` are finite. The surface is None when every triangle is degenerate. Above `MAX_SPLIT_TRIANGLES` seams are
    closed and holes capped, but faces neither compared nor turned.
    """
    if len(corners) > MAX_SPLIT_TRIANGLES:
        return _repair_large(corners, diagonal)
    surface, repairs = _without_degenerate(corners)
    if surface is None:
        return None, repairs
    if surface.edges.crowded:
        surface, repairs = _without_duplicates(surface, repairs)
    if not surface.edges.closed:
        surface, repairs = _sewn(surface, repairs, diagonal)
        if repairs.seams_closed and surface.edges.crowded:  # doubles that differed by a rounding error
            surface, repairs = _without_duplicates(surface, repairs)
    if len(surface.edges.conflicts()):
        surface, repairs = _turned(surface, repairs)
    edges = surface.edges
    shared = (edges.uses > PAIR) & (edges.balance == 0)
    repairs = replace(repairs, non_manifold_edges=int(np.count_nonzero(shared)))
    if edges.closed:
        return surface, repairs
    return _capped(surface, repairs)


def _repair_large(corners: Corners, diagonal: float) -> tuple[Surface | None, Repairs]:
    """Seams and holes only, by the edges that may be open, within 8 s and 1.2 GB for five million triangles."""
    corners, keys, repairs = _proper_faces(corners)
    if not len(corners):
        return None, repairs
    edges, count = examine_open_edges(keys, MAX_SEWN_EDGES)
    if edges is None:
        return Surface(corners, keys, no_edges(), len(corners)), replace(repairs, open_edges=count, capped=False)
    surface = Surface(corners, keys, edges, len(corners))
    if edges.closed:
        return surface, repairs
    surface, repairs = _sewn(surface, repairs, diagonal)
    return (surface, repairs) if surface.edges.closed else _capped(surface, repairs)


def _surface(corners: Corners, keys: Hashes) -> Surface:
    return Surface(corners, keys, examine_edges(keys), len(corners))


def _proper(keys: Hashes) -> NDArray[np.bool_]:
    proper: NDArray[np.bool_] = (keys != keys[:, [1, 2, 0]]).all(axis=1)
    return proper


def _without_degenerate(corners: Corners) -> tuple[Surface | None, Repairs]:
    corners, keys, repairs = _proper_faces(corners)
    return (_surface(corners, keys) if len(corners) else None), repairs


def _proper_faces(corners: Corners) -> tuple[Corners, Hashes, Repairs]:
    """Faces that use a vertex twice are left out; needles, whose corners are in line, may hold a surface together."""
    keys = vertex_keys(corners)
    proper = _proper(keys)
    needles = 0
    for start in range(0, len(corners), BLOCK):
        block = corners[start : start + BLOCK].astype(np.float64)
        normals = np.cross(block[:, 1] - block[:, 0], block[:, 2] - block[:, 0])
        needles += int(np.count_nonzero(~normals.any(axis=1)))
    repairs = Repairs(degenerate_faces=needles)
    if not proper.all():
        corners, keys = corners[proper], keys[proper]
    return corners, keys, repairs


def _without_duplicates(surface: Surface, repairs: Repairs) -> tuple[Surface, Repairs]:
    """Of faces that stand more than once, keep one in the direction most of them have; pairs back to back cancel."""
    keys = surface.keys
    mixed = (keys ^ (keys >> FOLD)) * FIRST_MIX
    sums = mixed.sum(axis=1, dtype=np.uint64)
    _, firsts, groups = np.unique(sums, return_index=True, return_inverse=True)
    groups = groups.reshape(-1)
    lowest = keys.argmin(axis=1)
    rows = np.arange(len(keys))
    forward = keys[rows, (lowest + 1) % 3] < keys[rows, (lowest + 2) % 3]
    copies = np.bincount(groups)
    net = np.bincount(groups, np.where(forward, 1.0, -1.0))
    many = (copies > 1) & (net != 0)
    if not many[groups].any():
        return surface, repairs
    wanted = many[groups] & (forward == (net[groups] > 0))
    first_wanted = np.full(len(firsts), len(keys))
    np.minimum.at(first_wanted, groups[wanted], rows[wanted])
    kept = ~many[groups] | (first_wanted[groups] == rows)
    extra = len(keys) - int(np.count_nonzero(kept))
    single = _surface(surface.corners[kept], keys[kept])
    if single.edges.open_edges > surface.edges.open_edges:
        return surface, replace(repairs, duplicates_kept=repairs.duplicates_kept + extra)
    return single, replace(repairs, duplicate_faces=repairs.duplicate_faces + extra)


def _sewn(surface: Surface, repairs: Repairs, diagonal: float) -> tuple[Surface, Repairs]:
    excess = surface.edges.excess()
    if len(excess) > MAX_SEWN_EDGES:
        return surface, repairs
    loose = _among(surface.keys, _ends(surface.keys, excess))
    farthest = max(-float(surface.corners.min()), float(surface.corners.max()))
    tolerance = max(SEAM_SHARE * diagonal, 1.5 * float(np.spacing(np.float32(farthest))))
    corners = sew(surface.corners, loose, tolerance)
    if corners is None:
        return surface, repairs
    keys = vertex_keys(corners)
    proper = _proper(keys)
    if not proper.any():
        return surface, repairs
    if not proper.all():
        corners, keys = corners[proper], keys[proper]
    large = len(surface.corners) > MAX_SPLIT_TRIANGLES
    edges = examine_open_edges(keys, MAX_SEWN_EDGES)[0] if large else examine_edges(keys)
    if edges is None:
        return surface, repairs
    sewn = Surface(corners, keys, edges, len(corners))
    closed = surface.edges.open_edges - sewn.edges.open_edges
    return (sewn, replace(repairs, seams_closed=closed)) if closed > 0 else (surface, repairs)


def _among(keys: Hashes, some: Hashes) -> NDArray[np.bool_]:
    """Which keys are some of these; block by block, because sorting them all would take gigabytes."""
    known = np.sort(some)
    known = known[np.concatenate([[True], known[1:] != known[:-1]])]
    rows = keys.reshape(-1)
    among = np.empty(len(rows), np.bool_)
    bits = np.zeros(1 << FILTER_BITS, np.bool_)
    bits[known >> np.uint64(64 - FILTER_BITS)] = True
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        part = bits[block >> np.uint64(64 - FILTER_BITS)]
        maybe = np.flatnonzero(part)
        maybe = maybe[np.argsort(block[maybe])]  # looked up in order, neighbours lie in the cache
        places = np.minimum(np.searchsorted(known, block[maybe]), len(known) - 1)
        part[maybe] = known[places] == block[maybe]
        among[start : start + BLOCK] = part
    return among.reshape(keys.shape)


def _turned(surface: Surface, repairs: Repairs) -> tuple[Surface, Repairs]:
    flip = turned_faces(len(surface.corners), surface.edges)
    if flip is None:
        return surface, replace(repairs, one_sided=True)
    corners, keys = surface.corners.copy(), surface.keys.copy()
    corners[flip], keys[flip] = corners[flip][:, ::-1], keys[flip][:, ::-1]
    return _surface(corners, keys), replace(repairs, turned_faces=int(np.count_nonzero(flip)))


def _capped(surface: Surface, repairs: Repairs) -> tuple[Surface, Repairs]:
    """Span every hole by triangles from its rim to its middle: exact for flat holes, near for others."""
    excess = surface.edges.excess()
    if len(excess) > MAX_SEWN_EDGES:
        return surface, replace(repairs, open_edges=surface.edges.open_edges, capped=False)
    starts, ends = _half_edges(surface.corners, excess)
    holes, count = _holes(surface.keys, excess)
    sizes = np.bincount(holes)
    sums = [np.bincount(holes, starts[:, axis].astype(np.float64)) for axis in range(3)]
    middles = np.stack(sums, axis=1).astype(np.float64) / sizes[:, None]
    largest = np.argsort(-sizes, kind="stable")[:MAX_PLACES]
    places = tuple((x, y, z) for x, y, z in middles[largest].round(4).tolist())
    repairs = replace(repairs, open_edges=surface.edges.open_edges, holes=count, open_places=places)
    if len(excess) > MAX_CAPPED_EDGES:
        return surface, replace(repairs, capped=False)
    caps = np.stack([ends, starts, middles.astype(np.float32)[holes]], axis=1)
    cap_keys = vertex_keys(caps)
    caps, cap_keys = caps[_proper(cap_keys)], cap_keys[_proper(cap_keys)]
    corners, keys = np.concatenate([surface.corners, caps]), np.concatenate([surface.keys, cap_keys])
    if len(corners) > MAX_SPLIT_TRIANGLES:
        return replace(surface, corners=corners, keys=keys), repairs
    capped = Surface(corners, keys, examine_edges(keys), len(surface.corners))
    return capped, replace(repairs, capped=capped.edges.closed)


def _holes(keys: Hashes, half_edges: Indices) -> tuple[Indices, int]:
    """Number the rims: for each half-edge the hole it borders, and how many there are."""
    ends = _ends(keys, half_edges)
    vertices, numbers = np.unique(ends, return_inverse=True)
    first, second = numbers.reshape(2, -1)
    labels, count = connect(len(vertices), first, second)
    return labels[first], count


def _ends(keys: Hashes, half_edges: Indices) -> Hashes:
    faces, corner = np.divmod(half_edges, 3)
    return np.concatenate([keys[faces, corner], keys[faces, (corner + 1) % 3]])


def _half_edges(corners: Corners, half_edges: Indices) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    faces, corner = np.divmod(half_edges, 3)
    return corners[faces, corner], corners[faces, (corner + 1) % 3]
