"""How a part is looked at."""

import numpy as np
import pytest

from fulfil.quoting.previews.camera import camera_axes, look_at
from tests.quoting.making_solids import box, moved

CUBE, PLATE, TOWER = np.array([20.0, 20, 20]), np.array([100.0, 80, 3]), np.array([5.0, 5, 60])


def test_the_axes_are_a_right_handed_frame_with_z_upright_in_the_picture() -> None:
    for size in (CUBE, PLATE, TOWER):
        axes = camera_axes(size)
        assert axes @ axes.T == pytest.approx(np.eye(3), abs=1e-12)
        assert np.linalg.det(axes) == pytest.approx(1)
        assert axes[0, 2] == pytest.approx(0)
        assert axes[1, 2] > 0


def test_a_plate_is_seen_more_from_above_than_a_cube() -> None:
    assert camera_axes(PLATE)[2, 2] > camera_axes(CUBE)[2, 2] > 0.4


def test_the_longer_side_runs_across_the_picture() -> None:
    across = camera_axes(np.array([100.0, 20, 20]))[0]
    along = camera_axes(np.array([20.0, 100, 20]))[0]
    assert abs(across[0]) > abs(across[1])
    assert abs(along[1]) > abs(along[0])


def test_the_part_is_centred_and_touches_the_tighter_margins() -> None:
    view = look_at(moved(box(10, 20, 30), (500, -200, 90)), 800, 600, (60, 50))
    assert (view.y.min(), view.y.max()) == pytest.approx((50, 550), abs=0.05)
    assert view.x.min() + view.x.max() == pytest.approx(800, abs=0.05)
    assert view.x.min() >= 60
    assert view.z.min() == pytest.approx(-view.z.max(), abs=0.05)


def test_lengths_in_the_picture_are_those_of_the_part_to_scale() -> None:
    corners = box(10, 20, 30)
    view = look_at(corners, 800, 600, (60, 60))
    seen = np.stack([view.x, view.y, view.z], axis=-1).transpose(1, 0, 2)
    edges = np.linalg.norm(seen[:, 1] - seen[:, 0], axis=1) / view.scale
    assert edges == pytest.approx(np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1), rel=1e-4)
