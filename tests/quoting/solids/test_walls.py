"""Walls and gaps measure what they were drawn, and neither edges nor corners pass for thin walls."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from fulfil.models.messages.geometry import Thickness
from fulfil.quoting.solids import walls
from fulfil.quoting.solids.walls import measure_walls
from tests.quoting.making_solids import Triangles, box, hollow_box, inverted, moved, open_tray, sphere, together, tube


def prism(outline: list[tuple[float, float]], height: float) -> Triangles:
    """An upright prism over a convex outline, counter-clockwise."""
    low, high = ([(x, y, z) for x, y in outline] for z in (0.0, height))
    faces = [(low[0], low[k + 1], low[k]) for k in range(1, len(low) - 1)]
    faces += [(high[0], high[k], high[k + 1]) for k in range(1, len(low) - 1)]
    for k in range(len(low)):
        after = (k + 1) % len(low)
        faces += [(low[k], low[after], high[after]), (low[k], high[after], high[k])]
    return np.array(faces, np.float32)


def wall_of(solid: Triangles) -> Thickness:
    thickness, _ = measure_walls(solid)
    assert thickness is not None
    return thickness


def gap_of(solid: Triangles) -> Thickness:
    _, gap = measure_walls(solid)
    assert gap is not None
    return gap


@pytest.mark.parametrize("wall", [0.8, 2.0])
@pytest.mark.parametrize("make", [open_tray, hollow_box])
def test_a_wall_measures_what_it_was_drawn(make: Callable[[float, float], Triangles], wall: float) -> None:
    thickness = wall_of(make(40, wall))
    assert [thickness.p1_mm, thickness.p5_mm, thickness.smallest_mm] == pytest.approx([wall] * 3, abs=1e-4)
    assert thickness.rays == 2000


def test_neither_place_nor_winding_changes_a_wall() -> None:
    tray = open_tray(40, 0.8)
    assert wall_of(moved(tray, (512, -256, 128))).p1_mm == pytest.approx(0.8, abs=1e-3)
    assert measure_walls(inverted(tray)) == measure_walls(tray)


def test_the_same_solid_gets_the_same_answer() -> None:
    assert measure_walls(sphere(20, 20)) == measure_walls(sphere(20, 20))


def test_the_thinnest_place_is_where_the_thin_wall_stands() -> None:
    plate, fin = box(40, 40, 10), box(0.5, 40, 30, at=(60, 0, 0))
    thickness = wall_of(together(plate, fin))
    assert thickness.smallest_mm == pytest.approx(0.5, abs=1e-4)
    assert 60 <= thickness.smallest_at_mm[0] <= 60.5


def test_a_pipe_is_as_thick_as_its_wall_and_its_bore_is_a_gap() -> None:
    pipe = tube(10, 9.2, 30, 512)
    assert wall_of(pipe).p5_mm == pytest.approx(0.8, abs=2e-3)
    assert gap_of(pipe).p5_mm == pytest.approx(18.4, abs=2e-3)


def test_a_slot_between_bodies_is_a_gap() -> None:
    gap = gap_of(together(box(10, 10, 10), box(10, 10, 10, at=(10.4, 0, 0))))
    assert gap.smallest_mm == pytest.approx(0.4, abs=1e-4)
    assert 0 < gap.rays < 1000


def test_a_convex_solid_has_no_gap() -> None:
    assert measure_walls(box(10, 20, 30))[1] is None


@pytest.mark.parametrize("degrees", [35, 45, 55])
def test_a_sharp_edge_is_no_thin_wall(degrees: float) -> None:
    height = 40 * math.tan(math.radians(degrees))
    wedge = prism([(0, 0), (40, 0), (40, height)], 30)
    assert wall_of(wedge).smallest_mm == pytest.approx(30, abs=1e-3), "only its two ends face each other"


def test_a_blade_is_a_thin_wall() -> None:
    blade = prism([(0, 0), (40, -2), (40, 2)], 30)
    assert wall_of(blade).p1_mm < 0.3


def test_needles_and_flat_things_have_no_walls() -> None:
    assert measure_walls(box(10, 10, 10)[:, [0, 1, 1]]) == (None, None)


def test_large_meshes_are_left_unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walls, "MAX_TRIANGLES", 11)
    assert measure_walls(box(10, 10, 10)) == (None, None)


@pytest.mark.parametrize("degrees", [15, 20, 25])
def test_the_tip_of_a_wedge_is_no_thin_wall(degrees: float) -> None:
    wedge = prism([(0, 0), (40, 0), (40, 40 * math.tan(math.radians(degrees)))], 30)
    assert wall_of(wedge).p1_mm > 0.5


def test_where_a_ball_rests_on_a_plate_is_no_narrow_gap() -> None:
    resting = together(box(40, 40, 5, at=(-20, -20, -5)), moved(sphere(10, 64), (0, 0, 10.01)))
    assert gap_of(resting).smallest_mm > 0.3


def test_thin_pins_of_few_sides_are_thin_walls() -> None:
    around = [(0.2 * math.cos(math.tau * k / 7), 0.2 * math.sin(math.tau * k / 7)) for k in range(7)]
    assert wall_of(prism(around, 20)).p1_mm == pytest.approx(0.38, abs=0.04)
