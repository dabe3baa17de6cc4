"""Operations on packed cells agree with the same on plain arrays, and layers have the inside they should."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fulfil.quoting.solids import cells
from fulfil.quoting.solids.columns import hit_columns, stand_columns
from fulfil.quoting.solids.layers import slice_layers
from tests.quoting.making_solids import box, moved, sphere, together, tube

Plain = NDArray[np.bool_]
LAYERS = 150


def packed(plain: Plain) -> cells.Words:
    padded = np.zeros((192, *plain.shape[1:]), np.bool_)
    padded[: len(plain)] = plain
    bits = padded.reshape(3, 64, *plain.shape[1:]).astype(np.uint64)
    words: cells.Words = (bits << np.arange(64, dtype=np.uint64)[None, :, None, None]).sum(axis=1, dtype=np.uint64)
    return words


def unpacked(words: cells.Words) -> Plain:
    bits = words[:, None] >> np.arange(64, dtype=np.uint64)[None, :, None, None] & np.uint64(1)
    return bits.reshape(-1, *words.shape[1:])[:LAYERS].astype(np.bool_)


def random_cells(seed: int, share: float = 0.7) -> Plain:
    plain = np.random.default_rng(seed).random((LAYERS, 12, 14)) < share
    plain[:, :3] = plain[:, -3:] = False
    plain[:, :, :3] = plain[:, :, -3:] = False
    return plain


@given(seed=st.integers(0, 99), layers=st.integers(-140, 140))
@settings(max_examples=30, deadline=None)
def test_moving_down_moves_every_layer(seed: int, layers: int) -> None:
    plain = random_cells(seed)
    expected = np.zeros_like(plain)
    if layers >= 0:
        expected[: LAYERS - layers] = plain[layers:]
    else:
        expected[-layers:] = plain[:layers]
    assert np.array_equal(unpacked(cells.moved_down(packed(plain), layers)), expected)


@pytest.mark.parametrize("layers", [1, 2, 3, 4, 6, 9, 70])
def test_a_run_of_layers_is_all_or_any_of_them(layers: int) -> None:
    plain = random_cells(layers, 0.9)
    above = [np.concatenate([plain[step:], np.zeros_like(plain[:step])]) for step in range(layers)]
    below = [np.concatenate([np.zeros_like(plain[:step]), plain[: LAYERS - step]]) for step in range(layers)]
    assert np.array_equal(unpacked(cells.all_along(packed(plain), layers, 1)), np.all(above, axis=0))
    assert np.array_equal(unpacked(cells.any_along(packed(plain), layers, 1)), np.any(above, axis=0))
    assert np.array_equal(unpacked(cells.all_along(packed(plain), layers, -1)), np.all(below, axis=0))


def test_layers_are_counted() -> None:
    plain = random_cells(3)
    words = packed(plain)
    assert cells.count_layers(words, LAYERS).tolist() == plain.sum(axis=(1, 2)).tolist()
    assert cells.count_all(words) == plain.sum()


def test_a_large_field_is_counted_beyond_what_a_byte_holds() -> None:
    plain = np.zeros((LAYERS, 60, 60), np.bool_)
    plain[10:90, 2:-2, 2:-2] = True
    assert cells.count_layers(packed(plain), LAYERS).tolist() == plain.sum(axis=(1, 2)).tolist()


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_a_square_shrinks_and_grows_by_steps(steps: int) -> None:
    plain = np.zeros((LAYERS, 24, 24), np.bool_)
    plain[5:9, 6:18, 6:18] = True
    smaller, larger = unpacked(cells.shrunk(packed(plain), steps)), unpacked(cells.grown(packed(plain), steps))
    assert smaller[6].sum() == (12 - 2 * steps) ** 2
    assert larger[6].any(axis=0).sum() == 12 + 2 * steps
    assert not larger[4].any()


def test_far_growth_reaches_as_far_in_every_direction() -> None:
    plain = np.zeros((LAYERS, 61, 61), np.bool_)
    plain[0, 30, 30] = True
    rows, columns = np.nonzero(unpacked(cells.grown_far(packed(plain), 9))[0])
    reach = np.hypot(rows - 30, columns - 30)
    assert 8 <= reach.max() <= 11
    assert len(rows) == pytest.approx(np.pi * 9**2, rel=0.2)


def test_slivers_are_dropped_and_squares_kept() -> None:
    plain = np.zeros((LAYERS, 12, 12), np.bool_)
    plain[0, 2, 2:9] = True
    plain[0, 5:7, 3:8] = True
    assert unpacked(cells.without_slivers(packed(plain)))[0].sum() == 10


def test_what_falls_stops_at_what_is_not_free() -> None:
    free = np.ones((LAYERS, 3, 3), np.bool_)
    free[40, 1, 1] = False
    seed = np.zeros_like(free)
    seed[100, 1, 1] = seed[30, 0, 0] = True
    fallen = unpacked(cells.fallen(packed(seed), packed(free), LAYERS))
    assert fallen[:, 1, 1].nonzero()[0].tolist() == list(range(41, 101))
    assert fallen[:, 0, 0].nonzero()[0].tolist() == list(range(31))


@pytest.mark.parametrize(("width", "depth"), [(20, 30), (41.3, 17.7)])
def test_the_inside_of_a_box_is_what_its_walls_leave(width: float, depth: float) -> None:
    profile = slice_layers(box(width, depth, 10))
    inside = (width - 1.58) * (depth - 1.58)
    assert profile.inside_mm2[25] == pytest.approx(inside, rel=0.02)
    assert profile.sparse_mm2[25] == pytest.approx(profile.inside_mm2[25], rel=1e-4)
    assert set(profile.sparse_mm2[:4] + profile.sparse_mm2[-6:]) == {0.0}
    assert profile.sparse_mm2[4] > 0
    assert profile.sparse_mm2[-7] > 0


def test_thin_walls_have_no_inside_even_beside_a_thick_hub() -> None:
    ribs = together(*(moved(box(1.4, 40, 10), (4 * at, 0, 0)) for at in range(5)))
    assert max(slice_layers(ribs).inside_mm2) == 0
    hub = moved(box(20, 20, 10), (40, 0, 0))
    alone, both = slice_layers(hub), slice_layers(together(ribs, hub))
    assert both.inside_mm2[25] == pytest.approx(alone.inside_mm2[25], rel=0.03)


def test_bodies_inside_each_other_are_seen_once() -> None:
    one, two = slice_layers(box(20, 20, 10)), slice_layers(together(box(20, 20, 10), moved(box(8, 8, 6), (6, 6, 2))))
    assert two.inside_mm2[25] == pytest.approx(one.inside_mm2[25] * 464 / 400, rel=0.03), "scaled to the section"
    assert two.sparse_mm2[25] == pytest.approx(two.inside_mm2[25], rel=1e-4)


def test_a_step_of_a_stair_is_solid_some_way_into_what_stands_on_it() -> None:
    stair = together(box(40, 40, 10), moved(box(20, 40, 10), (0, 0, 10)))
    solid = np.array(slice_layers(stair).inside_mm2) - np.array(slice_layers(stair).sparse_mm2)
    step = 20 * (40 - 1.58)
    assert step < solid[47] < 1.35 * step


def test_columns_found_once_serve_layers_and_support() -> None:
    corners = tube(10, 6, 12, 40)
    hits = hit_columns(corners)
    assert slice_layers(corners, hits=hits) == slice_layers(corners)
    assert stand_columns(corners, hits) == stand_columns(corners)


def test_support_spreads_beside_the_roof_of_a_hole_in_a_thin_wall() -> None:
    frame = together(box(2, 10, 10), moved(box(2, 10, 10), (0, 20, 0)), moved(box(2, 30, 2), (0, 0, 10)))
    support = stand_columns(frame)
    assert support.spread_support_mm3 == pytest.approx((10 * 4 + 2 * 3) * 10, rel=0.5)
    assert support.spread_support_mm3 > 1.5 * support.support_mm3
    assert support.spread_overhang_mm2 > support.overhang_mm2
    assert stand_columns(box(9, 9, 9)).spread_support_mm3 == 0


def test_the_inside_of_a_ball_follows_its_section() -> None:
    profile = slice_layers(sphere(15, 90))
    radius = np.sqrt(np.array(profile.section_mm2) / np.pi)
    expected = np.pi * np.maximum(radius - 0.79, 0) ** 2
    assert np.array(profile.inside_mm2)[20:-20] == pytest.approx(expected[20:-20], rel=0.03)
