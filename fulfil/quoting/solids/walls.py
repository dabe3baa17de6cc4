"""Thickness of walls and width of gaps, by rays from surface to surface.

From points spread evenly over the surface one ray goes straight inwards to the opposite side (a wall) and one
straight outwards (a gap; most escape). A ray counts only when it meets a face that looks back at it, within 30°:
beside a sharp edge or in a corner the next face comes arbitrarily near at a slant, and that is an edge, not a wall.
Between faces that run together at less than that, a blade, a groove, a ball on a plate, the width goes down to nothing
in every sound part; there the width a little way off the tip is what counts, so that only a long thin wedge is a thin
wall. Distances are computed again from the plane that was hit, in double precision: a wall drawn 0.8 mm thick measures
0.8 mm.
"""

from dataclasses import dataclass
from typing import Protocol, TypedDict, cast

import embreex.mesh_construction
import embreex.rtcore_scene
import numpy as np
from numpy.typing import NDArray

from fulfil.models.messages.geometry import Thickness
from fulfil.quoting.mesh import Corners
from fulfil.quoting.solids.stream import measure_corners
from fulfil.quoting.solids.welding import weld

MAX_TRIANGLES = 1_500_000
FACING = float(np.cos(np.radians(30)))
# Rays start this share of the diagonal off the surface, or they would hit the face they leave.
START_SHARE = 1e-5
# Steps of the R2 sequence: points that fill a square evenly, however many there are.
R2_STEPS = np.array([0.7548776662466927, 0.5698402909980532])
PLACE_DECIMALS = 4
# Faces at a greater angle than this run together in a tip, and so far off it the width is taken: a printer blunts tips
# by about that much. No limit of any process lies above the widths that are looked at.
PARALLEL = float(np.tan(np.radians(3)))
TIP_MM = 2.0
WIDEST_TIP_MM = 2.0

Vectors = NDArray[np.float64]


# The face each ray meets, -1 for none, and how far it gets.
class _Hits(TypedDict):
    primID: NDArray[np.int32]
    tfar: NDArray[np.float32]


class _Scene(Protocol):
    def run(self, origins: NDArray[np.float32], directions: NDArray[np.float32], *, output: bool) -> _Hits: ...


class _SceneFactory(Protocol):
    def __call__(self) -> _Scene: ...


class _MeshFactory(Protocol):
    def __call__(self, scene: _Scene, points: NDArray[np.float32], faces: NDArray[np.int32]) -> object: ...


_make_scene = cast("_SceneFactory", embreex.rtcore_scene.EmbreeScene)
_add_mesh = cast("_MeshFactory", embreex.mesh_construction.TriangleMesh)


@dataclass(frozen=True)
class _Samples:
    """Points on the surface (n, 3) and the outward unit normals there."""

    points: Vectors
    normals: Vectors


def measure_walls(corners: Corners, *, rays: int = 2000) -> tuple[Thickness | None, Thickness | None]:
    """The thickness of walls and the width of gaps of a solid (n, 3, 3) in mm, from `rays` points each.

    None where no ray meets an opposite face, and for both above `MAX_TRIANGLES`. The points lie evenly by area, so
    a feature below about `1 / rays` of the surface may be missed. Equal solids get equal rays.
    """
    if len(corners) > MAX_TRIANGLES:
        return None, None
    facts = measure_corners(corners)
    middle = ((np.array(facts.low) + np.array(facts.high)) / 2).astype(np.float32).astype(np.float64)
    if facts.volume < 0:
        corners = corners[:, ::-1]
    samples = _sample(corners, middle, rays)
    if not len(samples.points):
        return None, None
    points, faces = weld(corners)
    points -= middle.astype(np.float32)
    scene = _make_scene()
    mesh = _add_mesh(scene, points, faces)
    start = START_SHARE * facts.diagonal
    walls = _distances(scene, points, faces, samples, -samples.normals, start)
    gaps = _distances(scene, points, faces, samples, samples.normals, start)
    del mesh  # the scene uses it until here
    return _summary(walls, samples.points + middle), _summary(gaps, samples.points + middle)


def _sample(corners: Corners, middle: Vectors, rays: int) -> _Samples:
    """Every `area / rays` along the faces in the order of the file one point, evenly placed within its face."""
    first, second = (corners[:, 1] - corners[:, 0]).T, (corners[:, 2] - corners[:, 0]).T
    squares = np.zeros(len(corners), np.float32)
    for axis in range(3):
        following, last = (axis + 1) % 3, (axis + 2) % 3
        squares += (first[following] * second[last] - first[last] * second[following]) ** 2
    total = np.cumsum(np.sqrt(squares), dtype=np.float64)
    if not total[-1] > 0:
        return _Samples(np.zeros((0, 3)), np.zeros((0, 3)))
    chosen = np.asarray(np.searchsorted(total, (np.arange(rays) + 0.5) / rays * total[-1]), np.int64)
    faces = corners[chosen].astype(np.float64) - middle
    u, v = ((np.arange(1, rays + 1)[:, None] * R2_STEPS + 0.5) % 1).T
    root = np.sqrt(u)
    weights = np.stack([1 - root, root * (1 - v), root * v], axis=1)
    normals = _unit(np.cross(faces[:, 1] - faces[:, 0], faces[:, 2] - faces[:, 0]))
    return _Samples(np.einsum("ni,nij->nj", weights, faces), normals)


def _distances(
    scene: _Scene,
    points: NDArray[np.float32],
    faces: NDArray[np.int32],
    samples: _Samples,
    directions: Vectors,
    start: float,
) -> Vectors:
    """How far it is from each sample to the face that looks back at it; NaN where none does."""
    origins = samples.points + directions * start
    hit = scene.run(origins.astype(np.float32), directions.astype(np.float32), output=True)["primID"]
    distances = np.full(len(hit), np.nan)
    rays = np.flatnonzero(hit >= 0)
    met = points[faces[hit[rays]]].astype(np.float64)
    normals = _unit(np.cross(met[:, 1] - met[:, 0], met[:, 2] - met[:, 0]))
    facing = -np.einsum("ij,ij->i", normals, samples.normals[rays])
    along = np.einsum("ij,ij->i", normals, directions[rays])
    heights = np.einsum("ij,ij->i", normals, met[:, 0] - samples.points[rays])
    opposite = facing >= FACING
    distances[rays[opposite]] = heights[opposite] / along[opposite]
    sideways = normals - np.einsum("ij,ij->i", normals, directions[rays])[:, None] * directions[rays]
    slopes = np.linalg.norm(sideways, axis=1)
    tips = opposite & (slopes >= PARALLEL * np.abs(along)) & (distances[rays] < WIDEST_TIP_MM)
    if tips.any():
        chosen = rays[tips]
        widening = sideways[tips] * (-np.sign(along[tips]) / slopes[tips])[:, None]
        widening += directions[chosen] * (slopes[tips] / np.abs(along[tips]) / 2)[:, None]
        middles = samples.points[chosen] + directions[chosen] * (distances[chosen] / 2)[:, None]
        off_tip = _widths_off_tip(scene, middles, _unit(widening), directions[chosen])
        distances[chosen] = np.maximum(distances[chosen], off_tip)
    return distances


def _widths_off_tip(scene: _Scene, middles: Vectors, widening: Vectors, across: Vectors) -> Vectors:
    """The widths `TIP_MM` off the tip, or half of the way that is free; NaN where nothing is opposite any more."""
    free = _free_way(scene, middles, widening)
    places = middles + widening * np.minimum(free / 2, TIP_MM)[:, None]
    widths = _free_way(scene, places, across) + _free_way(scene, places, -across)
    widths[~np.isfinite(widths)] = np.nan
    return widths


def _free_way(scene: _Scene, origins: Vectors, directions: Vectors) -> Vectors:
    """How far each ray gets; infinitely far where nothing is in its way."""
    hit = scene.run(origins.astype(np.float32), directions.astype(np.float32), output=True)
    return np.where(hit["primID"] >= 0, hit["tfar"].astype(np.float64), np.inf)


def _unit(normals: Vectors) -> Vectors:
    """Of length 1; a needle's stays 0 and faces nothing."""
    units: Vectors = normals / np.maximum(np.linalg.norm(normals, axis=1), np.finfo(np.float64).tiny)[:, None]
    return units


def _summary(distances: Vectors, points: Vectors) -> Thickness | None:
    met = np.flatnonzero(np.isfinite(distances))
    if not len(met):
        return None
    known = distances[met]
    p1, p5 = np.percentile(known, (1, 5)).tolist()
    worst = int(known.argmin())
    x, y, z = points[met[worst]].round(PLACE_DECIMALS).tolist()
    return Thickness(
        p1_mm=round(p1, PLACE_DECIMALS),
        p5_mm=round(p5, PLACE_DECIMALS),
        smallest_mm=round(float(known[worst]), PLACE_DECIMALS),
        smallest_at_mm=(x, y, z),
        rays=len(met),
    )
