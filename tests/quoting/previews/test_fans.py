"""What is one smooth surface."""

import numpy as np
import pytest

from fulfil.quoting.previews.fans import corner_normals, face_normals, smooth_fans, weld
from tests.quoting.making_solids import box, cylinder, sphere


def test_equal_points_are_one_and_minus_zero_is_zero() -> None:
    points, number = weld(np.array([[0.0, 1, 2], [-0.0, 1, 2], [3, 1, 2]], np.float32))
    assert len(points) == 2
    assert number[0] == number[1] != number[2]


def test_every_edge_of_a_box_parts_its_sides() -> None:
    corners = box(10, 20, 30)
    assert len(np.unique(smooth_fans(corners, face_normals(corners)))) == 24


def test_a_sphere_is_one_surface() -> None:
    corners = sphere(10, 24)
    fans = smooth_fans(corners, face_normals(corners))
    assert len(np.unique(fans)) == len(np.unique(corners.reshape(-1, 3), axis=0))


def test_the_side_of_a_cylinder_is_smooth_and_its_rim_is_an_edge() -> None:
    corners = cylinder(10, 30, 48)
    normals = face_normals(corners)
    fans = smooth_fans(corners, normals)
    assert len(np.unique(fans)) == 2 * 48 + 2 * 48 + 2
    smooth = corner_normals(corners, normals, fans).transpose(1, 0, 2)
    side = np.abs(normals[2]) < 0.5
    outward = corners[side] * np.array([0.1, 0.1, 0], np.float32)
    assert (smooth[side] * outward).sum(axis=2).min() > 0.999
    assert np.abs(smooth[~side][..., 2]) == pytest.approx(1, abs=1e-5)


def test_no_triangles_have_no_fans() -> None:
    nothing = np.zeros((0, 3, 3), np.float32)
    assert smooth_fans(nothing, face_normals(nothing)).shape == (0, 3)
