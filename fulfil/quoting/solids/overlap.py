"""What bodies fill together, counted once: a Boolean union of closed shells."""

from dataclasses import dataclass
from typing import Protocol, cast

import manifold3d
import numpy as np
from numpy.typing import NDArray

from fulfil.quoting.mesh import Corners
from fulfil.quoting.solids.bodies import Nesting, Shells, upright_corners
from fulfil.quoting.solids.graphs import Indices, connect
from fulfil.quoting.solids.welding import weld

# Beyond it a union takes seconds.
MAX_UNION_TRIANGLES = 200_000
MAX_UNION_SHELLS = 5_000
# How well the volume of a shell must agree with the one it was given.
VOLUME_SHARE = 1e-6


@dataclass(frozen=True)
class United:
    """Bodies that share no space any more, hollows taken out: their volume, and their triangles."""

    volume: float
    corners: Corners


class _Mesh(Protocol):
    @property
    def vert_properties(self) -> NDArray[np.float64]: ...
    @property
    def tri_verts(self) -> NDArray[np.uint64]: ...


class _Solid(Protocol):
    def status(self) -> object: ...
    def volume(self) -> float: ...
    def to_mesh64(self) -> _Mesh: ...
    def __sub__(self, other: "_Solid") -> "_Solid": ...


class _SolidFactory(Protocol):
    def __call__(self, mesh: object) -> _Solid: ...


class _BatchBoolean(Protocol):
    def __call__(self, solids: list[_Solid], operation: object) -> _Solid: ...


class _MeshFactory(Protocol):
    def __call__(self, *, vert_properties: NDArray[np.float64], tri_verts: NDArray[np.uint64]) -> object: ...


_make_solid = cast("_SolidFactory", manifold3d.Manifold)
_make_mesh = cast("_MeshFactory", manifold3d.Mesh64)
_combine = cast("_BatchBoolean", manifold3d.Manifold.batch_boolean)


def unite(shells: Shells, nesting: Nesting) -> United | None:
    """All bodies together; None when it can't be had.

    Only shells whose boxes meet another's are united; the others are added. Too many triangles or shells, or one that
    touches or crosses itself, prevent a union.
    """
    involved = np.unique(nesting.meeting)
    sizes = np.diff(shells.starts, append=len(shells.faces))
    if int(sizes[involved].sum()) > MAX_UNION_TRIANGLES or len(involved) > MAX_UNION_SHELLS:
        return None
    alone = np.ones(len(shells), np.bool_)
    alone[involved] = False
    volume = float(np.abs(shells.volumes[alone]).sum())
    corners = [upright_corners(shells, nesting, np.flatnonzero(alone))]
    labels, _ = connect(len(shells), nesting.meeting[:, 0], nesting.meeting[:, 1])
    for group in np.unique(labels[involved]).tolist():
        united = _unite_group(shells, nesting, np.flatnonzero(labels == group))
        if united is None:
            return None
        volume += united.volume
        corners.append(united.corners)
    return United(volume, np.concatenate(corners))


def _unite_group(shells: Shells, nesting: Nesting, group: Indices) -> United | None:
    origin = shells.low[group].min(axis=0)
    solids: list[_Solid] = []
    hollows = _hollows_by_body(nesting)
    for body in group[nesting.material[group]].tolist():
        solid = _solid(shells, body, origin)
        for hollow in hollows.get(body, ()):
            room = _solid(shells, hollow, origin)
            if solid is None or room is None:
                return None
            solid = solid - room
        if solid is None:
            return None
        solids.append(solid)
    if not solids:
        return United(0.0, np.zeros((0, 3, 3), np.float32))
    whole = _combine(solids, manifold3d.OpType.Add)
    mesh = whole.to_mesh64()
    points = (mesh.vert_properties[:, :3] + origin).astype(np.float32)
    return United(whole.volume(), points[mesh.tri_verts.astype(np.int64)])


def _hollows_by_body(nesting: Nesting) -> dict[int, list[int]]:
    """The hollows of each body: a hollow belongs to the innermost body around it."""
    owners: dict[int, int] = {}
    for inner, outer in nesting.inside.tolist():
        if nesting.material[inner] or not nesting.material[outer]:
            continue
        if inner not in owners or nesting.depth[outer] > nesting.depth[owners[inner]]:
            owners[inner] = outer
    bodies: dict[int, list[int]] = {}
    for hollow, body in owners.items():
        bodies.setdefault(body, []).append(hollow)
    return bodies


def _solid(shells: Shells, shell: int, origin: NDArray[np.float64]) -> _Solid | None:
    triangles = shells.triangles(shell)
    points, faces = weld(triangles if shells.volumes[shell] >= 0 else triangles[:, ::-1])
    mesh = _make_mesh(vert_properties=points.astype(np.float64) - origin, tri_verts=faces.astype(np.uint64))
    solid = _make_solid(mesh)
    if solid.status() != manifold3d.Error.NoError:
        return None
    # A shell that touches itself can be misread: its volume says so.
    right = abs(solid.volume() - abs(float(shells.volumes[shell]))) <= VOLUME_SHARE * abs(float(shells.volumes[shell]))
    return solid if right else None
