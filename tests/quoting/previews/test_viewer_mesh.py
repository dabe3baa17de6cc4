"""The binary a browser's viewer reads."""

import struct
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from fulfil.quoting.previews.viewer_mesh import ViewerMesh, decimate_for_viewer, decode_viewer_mesh
from fulfil.quoting.readers.stl import read_stl
from tests.quoting.making_solids import Triangles, box, moved, sphere, torus, torus_of

PARTS = sorted((Path(__file__).parents[1] / "truth_slicer").rglob("*.stl"))


def volume(corners: NDArray[np.float32]) -> float:
    a, b, c = corners.astype(np.float64).transpose(1, 0, 2)
    return float((a * np.cross(b, c)).sum() / 6)


def shown(corners: Triangles, max_triangles: int = 60_000) -> ViewerMesh:
    return decode_viewer_mesh(decimate_for_viewer(corners, max_triangles=max_triangles))


def soup(mesh: ViewerMesh) -> NDArray[np.float32]:
    return mesh.positions[mesh.triangles]


def scattered(corners: NDArray[np.float32], number: int) -> NDArray[np.float64]:
    """Points spread over a surface, always the same."""
    random = np.random.default_rng(7)
    a, b, c = corners.astype(np.float64).transpose(1, 0, 2)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    which = random.choice(len(corners), number, p=area / area.sum())
    shares = random.random((2, number, 1))
    shares = np.where(shares.sum(axis=0) > 1, 1 - shares, shares)
    return np.asarray(a[which] + shares[0] * (b - a)[which] + shares[1] * (c - a)[which], np.float64)


def farthest(corners: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """How far points of one surface are from the other, at most: Hausdorff's distance both ways, by samples."""
    return max(
        float(cast("NDArray[np.float64]", cKDTree(scattered(there, 60_000)).query(scattered(here, 4_000))[0]).max())
        for here, there in ((corners, other), (other, corners))
    )


def test_all_the_parts_of_the_slicers_truth_are_there() -> None:
    assert len(PARTS) == 28


@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.stem)
def test_a_part_keeps_its_volume_and_its_box(path: Path) -> None:
    corners = read_stl(path.read_bytes()).corners
    mesh = shown(corners)
    size = np.ptp(corners.reshape(-1, 3), axis=0)
    assert volume(soup(mesh)) == pytest.approx(volume(corners), rel=0.001)
    assert np.ptp(mesh.positions, axis=0) == pytest.approx(size, abs=float(size.max()) / 30_000)
    assert len(mesh.triangles) <= mesh.source_triangles == len(corners)


def test_a_large_mesh_is_simplified_to_the_budget_and_keeps_its_shape() -> None:
    part = torus_of(200_000)
    mesh = shown(part, 20_000)
    assert 10_000 < len(mesh.triangles) <= 20_000
    assert volume(soup(mesh)) == pytest.approx(volume(part), rel=0.005)
    assert farthest(part, soup(mesh)) < 0.012 * 104  # the spacing of the samples included


def test_a_simplified_box_of_many_triangles_keeps_its_corners_sharp() -> None:
    steps = np.linspace(-20, 20, 60)
    u, v = np.meshgrid(steps, steps, indexing="ij")
    points = np.stack([u, v, np.full_like(u, 20)], axis=-1)
    a, b, c, d = points[:-1, :-1], points[1:, :-1], points[1:, 1:], points[:-1, 1:]
    side = np.concatenate([np.stack(half, axis=2).reshape(-1, 3, 3) for half in ((a, b, c), (a, c, d))])
    turns = ((0, 1, 2), (1, 2, 0), (2, 0, 1))
    sides = [side[..., turn] * sign for turn in turns for sign in (1, -1)]
    part = np.concatenate([one if number % 2 == 0 else one[:, ::-1] for number, one in enumerate(sides)])
    mesh = shown(part.astype(np.float32), 6_000)
    for corner in np.array([[x, y, z] for x in (-20, 20) for y in (-20, 20) for z in (-20, 20)]):
        assert np.linalg.norm(mesh.positions - corner, axis=1).min() < 0.02
    assert volume(soup(mesh)) == pytest.approx(64_000, rel=0.001)


def test_a_simplified_plate_keeps_its_thickness() -> None:
    plate = torus_of(150_000) * np.array([3, 3, 0.04], np.float32)
    mesh = shown(plate, 30_000)
    assert np.ptp(mesh.positions, axis=0) == pytest.approx(np.ptp(plate.reshape(-1, 3), axis=0), rel=0.05)
    assert volume(soup(mesh)) == pytest.approx(volume(plate), rel=0.04)


def test_any_budget_is_kept() -> None:
    part = sphere(10, 40)
    assert all(len(shown(part, budget).triangles) <= budget for budget in (1, 12, 50, 333, 2_000))


def test_a_surface_stays_closed_when_it_is_simplified() -> None:
    triangles = shown(torus(30, 12, 120), 5_000)
    _, corner = np.unique(triangles.positions, axis=0, return_inverse=True)
    edges = corner.reshape(-1)[triangles.triangles.astype(np.int64)][:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    there = {tuple(edge) for edge in edges.tolist()}
    assert there == {(b, a) for a, b in there}


def test_the_bytes_lie_where_typed_arrays_of_a_browser_can_read_them() -> None:
    for part, budget in ((box(10, 20, 30), 60_000), (torus(30, 12, 16), 60_000), (torus_of(80_000), 79_000)):
        content = decimate_for_viewer(part, max_triangles=budget)
        magic, version, vertices, triangles, flags, source = struct.unpack_from("<4sIIIII", content)
        start = (40 + 9 * vertices + 3) & ~3
        index = np.dtype(np.uint32 if flags & 1 else np.uint16)
        assert (magic, version, source) == (b"FVM1", 1, len(part))
        assert start % 4 == 0
        assert len(content) == start + 3 * triangles * index.itemsize
        assert (flags & 1 == 1) == (vertices > 65535)
        assert np.frombuffer(content, index, 3 * triangles, start).max() == vertices - 1


def test_normals_are_crisp_on_a_box_and_smooth_on_a_sphere() -> None:
    cube = shown(box(10, 10, 10))
    assert len(cube.positions) == 24
    assert np.sort(np.abs(cube.normals), axis=1) == pytest.approx(np.tile([0, 0, 1], (24, 1)))
    ball = shown(sphere(20, 30))
    outward = ball.positions / np.linalg.norm(ball.positions, axis=1, keepdims=True)
    assert (ball.normals * outward).sum(axis=1).min() > 0.98
    assert len(ball.positions) < len(ball.triangles)


def test_triangles_without_area_are_left_out() -> None:
    flat = np.array([[[0, 0, 0], [10, 0, 0], [0, 0, 0]]], np.float32)
    assert len(shown(np.concatenate([box(10, 10, 10), flat])).triangles) == 12
    assert len(shown(flat).triangles) == 0


def test_a_part_far_from_the_origin_keeps_its_place() -> None:
    mesh = shown(moved(box(10, 20, 30), (4_000, -3_000, 500)))
    assert mesh.positions.min(axis=0) == pytest.approx([4_000, -3_000, 500], abs=0.001)
    assert mesh.positions.max(axis=0) == pytest.approx([4_010, -2_980, 530], abs=0.001)


def test_the_same_triangles_give_the_same_bytes() -> None:
    part = torus_of(30_000)
    assert decimate_for_viewer(part, max_triangles=9_000) == decimate_for_viewer(part.copy(), max_triangles=9_000)


def test_bytes_that_are_no_viewer_mesh_are_not_decoded() -> None:
    content = decimate_for_viewer(box(1, 1, 1))
    for wrong in (b"", b"solid", content[:-1], content[:4] + b"\2" + content[5:]):
        with pytest.raises(ValueError, match="viewer mesh"):
            decode_viewer_mesh(wrong)
