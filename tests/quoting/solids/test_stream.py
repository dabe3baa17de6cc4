"""One pass over a file gives exact facts in little memory, and its sketch misses no open edge."""

import io
import itertools
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode
from fulfil.quoting.solids import stream
from fulfil.quoting.solids.stream import StreamedFacts, measure_binary_stl, measure_corners
from tests.quoting.making_solids import (
    Triangles,
    binary_stl,
    box,
    cylinder,
    hollow_box,
    inverted,
    moved,
    open_tray,
    sphere,
    together,
    torus,
    torus_of,
    tube,
)

CUBE = box(10, 10, 10)
PEAK = """
import resource, sys
from fulfil.quoting.solids.stream import measure_binary_stl
with open(sys.argv[1], "rb", buffering=0) as file:
    assert measure_binary_stl(file).closed
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def polygon_area(radius: float, steps: int) -> float:
    return steps / 2 * radius**2 * math.sin(2 * math.pi / steps)


def streamed(content: bytes) -> StreamedFacts:
    return measure_binary_stl(io.BytesIO(content))


@pytest.mark.parametrize(
    ("solid", "volume", "area"),
    [
        (box(10, 20, 30), 6000, 2200),
        (box(1000, 1000, 0.1), 1e5, 2_000_400),
        (open_tray(10, 1), 1000 - 8 * 8 * 9, 600 + 4 * 8 * 9),
        (hollow_box(10, 2.5), 875, 750),
        (cylinder(5, 10, 64), polygon_area(5, 64) * 10, 2 * polygon_area(5, 64) + 64 * 100 * math.sin(math.pi / 64)),
        (tube(5, 3, 10, 64), (polygon_area(5, 64) - polygon_area(3, 64)) * 10, None),
    ],
)
def test_volume_and_area_of_a_polyhedron_are_exact(solid: Triangles, volume: float, area: float | None) -> None:
    facts = measure_corners(solid)
    assert facts.closed
    assert facts.volume == pytest.approx(volume, rel=1e-6)
    assert area is None or facts.area == pytest.approx(area, rel=1e-6)


@pytest.mark.parametrize(
    ("solid", "volume", "area"),
    [
        (sphere(20, 150), 4 / 3 * math.pi * 20**3, 4 * math.pi * 20**2),
        (torus(30, 10, 150), 2 * math.pi**2 * 30 * 10**2, 4 * math.pi**2 * 30 * 10),
    ],
)
def test_fine_round_solids_come_near_the_formula(solid: Triangles, volume: float, area: float) -> None:
    facts = measure_corners(solid)
    assert facts.closed
    assert facts.volume == pytest.approx(volume, rel=1e-3)
    assert facts.area == pytest.approx(area, rel=1e-3)


def test_a_small_part_far_away_keeps_its_volume() -> None:
    assert measure_corners(box(1, 1, 1, at=(65536, -65536, 32768))).volume == pytest.approx(1, rel=1e-9)


def test_a_file_and_its_corners_in_memory_measure_the_same() -> None:
    solid = torus_of(50_000)
    facts = streamed(binary_stl(solid))
    assert facts == measure_corners(solid)
    assert (facts.triangles, facts.closed) == (len(solid), True)


def test_the_box_is_that_of_all_blocks() -> None:
    solid = together(torus_of(30_000), box(1, 2, 3, at=(200, -300, 400)))
    facts = measure_corners(solid)
    assert facts.low == pytest.approx((-52, -300, -12), abs=0.01)
    assert facts.high == pytest.approx((201, 52, 403), abs=0.01)
    assert facts.size == pytest.approx((253, 352, 415), abs=0.02)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_triangles_that_are_not_finite_are_counted(value: float) -> None:
    solid = torus_of(20_000)
    solid[[5, 5, 12_345, len(solid) - 1], [0, 1, 2, 0], [0, 1, 2, 0]] = value
    facts = measure_corners(solid)
    assert facts.not_finite == 3
    assert not facts.closed


def test_minus_zero_is_zero() -> None:
    part = box(10, 10, 10)
    part[::2][part[::2] == 0] = -0.0
    assert measure_corners(part) == measure_corners(CUBE)


def test_the_sketch_sees_one_triangle_dropped_or_turned_among_many() -> None:
    solid = torus_of(100_000)
    assert measure_corners(solid).closed
    rng = np.random.default_rng(7)
    for number in rng.integers(0, len(solid), 5).tolist():
        assert not measure_corners(np.delete(solid, number, axis=0)).closed
        turned = solid.copy()
        turned[number] = turned[number, ::-1]
        assert not measure_corners(turned).closed
        nudged = solid.copy()
        nudged[number, 1, 2] = np.nextafter(nudged[number, 1, 2], np.float32(99))
        assert not measure_corners(nudged).closed


@pytest.mark.parametrize("cube", [box(1, 1, 1), CUBE, moved(box(2, 2, 2), (-1, -1, -1)), box(0.3, 0.7, 11)])
def test_of_all_ways_to_drop_or_turn_faces_of_a_box_the_sketch_lets_pass_those_that_are_closed(cube: Triangles) -> None:
    parts = np.array([measure_corners(cube[number : number + 1]).sketch for number in range(12)], np.uint64)
    corners = cube.reshape(-1, 3).round(6)
    vertices = np.unique(corners, axis=0, return_inverse=True)[1].reshape(12, 3)
    edges = np.zeros((12, 64), np.int64)
    for face, loop in enumerate(vertices.tolist()):
        for start, end in itertools.pairwise([*loop, loop[0]]):
            edges[face, 8 * start + end] += 1
            edges[face, 8 * end + start] -= 1
    choices = np.array(list(itertools.product((-1, 0, 1), repeat=12)), np.int64)
    closed = ~(choices.astype(np.float32) @ edges.astype(np.float32)).any(axis=1)
    assert closed.sum() == 3, "all, none, and all turned"
    assert np.array_equal((choices.astype(np.uint64) * parts).sum(axis=1, dtype=np.uint64) == 0, closed)


@settings(max_examples=25, deadline=None)
@given(
    at=st.tuples(*[st.floats(-1000, 1000, width=32)] * 3),
    seed=st.integers(0, 2**32 - 1),
    sides=st.tuples(*[st.floats(1, 500, width=32)] * 3),
)
def test_neither_place_nor_order_nor_first_corner_changes_the_facts(
    at: tuple[float, float, float], seed: int, sides: tuple[float, float, float]
) -> None:
    solid = together(box(*sides, at=at), inverted(box(0.25, 0.25, 0.25, at=(at[0] + 0.25, at[1] + 0.25, at[2] + 0.25))))
    numbers = np.random.default_rng(seed).permutation(len(solid)).tolist()
    mixed = np.stack([np.roll(solid[number], number % 3, axis=0) for number in numbers])
    plain, shuffled = measure_corners(solid), measure_corners(mixed)
    assert plain.sketch == shuffled.sketch == 0
    assert shuffled.volume == pytest.approx(plain.volume, rel=1e-9)
    assert plain.volume == pytest.approx(math.prod(sides) - 1 / 64, rel=2e-3)
    assert (plain.low, plain.high) == (shuffled.low, shuffled.high)


def test_the_volume_of_an_open_surface_does_not_depend_on_its_place() -> None:
    here, there = measure_corners(CUBE[1:]), measure_corners(moved(CUBE[1:], (512, -256, 1024)))
    assert not here.closed
    assert here.volume == pytest.approx(there.volume, rel=1e-9)


def test_a_surface_turned_inside_out_has_a_negative_volume() -> None:
    assert measure_corners(inverted(CUBE)).volume == pytest.approx(-1000)
    assert measure_corners(inverted(CUBE)).closed


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", RefusalCode.FILE_TRUNCATED),
        (binary_stl(CUBE)[:-1], RefusalCode.FILE_TRUNCATED),
        (binary_stl(CUBE, count=11), RefusalCode.FILE_COUNT_MISMATCH),
        (binary_stl(CUBE, count=13), RefusalCode.FILE_TRUNCATED),
        (binary_stl(CUBE[:0]), RefusalCode.MESH_NO_TRIANGLES),
    ],
)
def test_a_file_that_contradicts_its_header_is_refused(content: bytes, code: RefusalCode) -> None:
    with pytest.raises(QuotingRefusalError) as refused:
        streamed(content)
    assert refused.value.code is code


def test_a_file_that_ends_before_the_count_its_caller_vouched_for_is_refused() -> None:
    with pytest.raises(QuotingRefusalError, match="cut short"):
        measure_binary_stl(io.BytesIO(binary_stl(CUBE)), triangles=13)


def test_a_file_that_hands_out_few_bytes_at_a_time_measures_the_same() -> None:
    class Slow(io.BytesIO):
        def readinto(self, buffer: object, /) -> int:
            return super().readinto(memoryview(buffer)[:7])  # type: ignore[arg-type]

    assert measure_binary_stl(Slow(binary_stl(CUBE))) == measure_corners(CUBE)


def test_trailing_bytes_are_counted() -> None:
    assert streamed(binary_stl(sphere(5, 10)) + b"\r\n").trailing_bytes == 2


@pytest.mark.parametrize("triangles", [20_000, 600_000])
def test_measuring_a_file_takes_45_mb_whatever_its_size(tmp_path: Path, triangles: int) -> None:
    path = tmp_path / "part.stl"
    path.write_bytes(binary_stl(torus_of(triangles)))
    # ru_maxrss survives fork and exec, so the measuring process is started by a small one.
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {PEAK!r}, sys.argv[1]], check=True)"
    ran = subprocess.run([sys.executable, "-S", "-c", program, str(path)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) < 45 * 1024


def test_blocks_never_exceed_what_one_core_multiplies_alone() -> None:
    assert stream.BLOCK < 10_000, "OpenBLAS starts threads for longer products, and waits for them"
