"""The bodies of a mesh: which stand alone, which are cavities, which count the same space twice."""

import numpy as np
from numpy.typing import NDArray

from fulfil.quoting.refusals import RefusalCode, file_refusal
from fulfil.quoting.surface import Indices, Points, Surface, connect

# Bodies are compared at this many of their vertices: enough for real overlaps, bounded for hostile files.
PROBES = 64
# Solid angles are summed for at most this many (probe, face) pairs at a time: 100 MB.
CHUNK = 500_000
# A probe this close to another surface, as a share of its distance to the corners, touches it: neither in nor out.
TOUCHING = 1e-6


def refuse_ambiguous_bodies(surface: Surface, neighbours: Indices) -> None:
    """Raise unless every body's volume counts once: outer surfaces beside each other, cavities inside them.

    A surface that points outwards must lie in empty space and one that points inwards in solid; whichever way
    the file as a whole is turned. `neighbours` (k, 2) are the pairs of faces that share an edge.
    Raises `QuotingRefusalError`.
    """
    bodies = split_bodies(len(surface.faces), neighbours)
    if len(bodies) == 1:
        return
    shares = signed_volumes(surface)
    volumes = np.array([shares[body].sum() for body in bodies])
    outwards = 1 if volumes.sum() >= 0 else -1
    triangles = [surface.points[surface.faces[body]] for body in bodies]
    boxes = np.array([[body.min(axis=(0, 1)), body.max(axis=(0, 1))] for body in triangles])
    for number, body in enumerate(bodies):
        probes = _probes(surface, body)
        near = (boxes[:, 0] <= probes.max(axis=0)).all(axis=1) & (boxes[:, 1] >= probes.min(axis=0)).all(axis=1)
        near[number] = False
        depth = np.zeros(len(probes))
        for other in np.flatnonzero(near):
            depth += outwards * _depth(probes, triangles[other], boxes[other])
        levels = set(np.rint(depth[np.isfinite(depth)]).astype(int).tolist())
        wanted = 0 if volumes[number] * outwards >= 0 else 1
        if levels <= {wanted}:
            continue
        if wanted == 1 and levels == {0}:
            raise file_refusal(
                RefusalCode.MESH_INSIDE_OUT,
                f"One of the file's {len(bodies)} bodies is inside out. Turn its normals outwards and export it again.",
            )
        raise file_refusal(
            RefusalCode.MESH_BODIES_OVERLAP,
            f"The file's {len(bodies)} bodies overlap or lie inside one another, so their volume would count twice. "
            "Unite them in your CAD program (for a cavity: turn its normals inwards) and export the part again.",
        )


def split_bodies(faces: int, neighbours: Indices) -> list[Indices]:
    """The numbers of the faces of each body; bodies that only touch, at a corner or an edge, are two."""
    lowest = connect(faces, neighbours[:, 0], neighbours[:, 1])
    order = np.argsort(lowest, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(lowest[order])) + 1)


def signed_volumes(surface: Surface) -> NDArray[np.float64]:
    """The volume of the tetrahedron between each face and the middle of the part, in mm³."""
    points = surface.points - (surface.points.min(axis=0) + surface.points.max(axis=0)) / 2
    first, second, third = (points[surface.faces[:, corner]] for corner in range(3))
    volumes: NDArray[np.float64] = np.einsum("ij,ij->i", first, np.cross(second, third)) / 6
    return volumes


def _probes(surface: Surface, body: Indices) -> Points:
    vertices = np.unique(surface.faces[body])
    chosen = np.linspace(0, len(vertices) - 1, min(PROBES, len(vertices))).astype(int)
    probes: Points = surface.points[vertices[chosen]]
    return probes


def _depth(probes: Points, triangles: NDArray[np.float64], box: NDArray[np.float64]) -> NDArray[np.float64]:
    """How often one body encloses each probe: 1 inside a solid, 0 in the open, NaN on its surface."""
    depth = np.zeros(len(probes))
    within = np.flatnonzero(((probes >= box[0]) & (probes <= box[1])).all(axis=1))
    if len(within):
        depth[within] = winding_numbers(probes[within], triangles)
    return depth


def winding_numbers(probes: Points, triangles: NDArray[np.float64]) -> NDArray[np.float64]:
    """The solid angle the triangles (n, 3, 3) span around each probe, in whole turns (4π); NaN on a triangle."""
    angles = np.zeros(len(probes))
    step = max(1, CHUNK // len(probes))
    for start in range(0, len(triangles), step):
        spokes = triangles[None, start : start + step] - probes[:, None, None, :]
        lengths = np.linalg.norm(spokes, axis=3)
        a, b, c = (spokes[:, :, corner] for corner in range(3))
        triple = np.einsum("pni,pni->pn", a, np.cross(b, c))
        product = lengths.prod(axis=2)
        rest = product.copy()
        for left, right, opposite in ((a, b, 2), (b, c, 0), (c, a, 1)):
            rest += np.einsum("pni,pni->pn", left, right) * lengths[:, :, opposite]
        touching = (np.abs(triple) <= TOUCHING * product) & (rest <= TOUCHING * product)
        angles[touching.any(axis=1)] = np.nan
        angles += 2 * np.arctan2(triple, rest).sum(axis=1)
    angles /= 4 * np.pi
    return angles
