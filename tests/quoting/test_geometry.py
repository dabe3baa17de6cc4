"""Volumes, areas and sizes are the analytic ones, however the file is written."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fulfil.models.messages.quotes import Geometry
from fulfil.quoting.geometry import measure_stl
from tests.quoting.solids import Triangles, ascii_stl, binary_stl, box, inverted, sphere, torus

PARTS = Path(__file__).parent / "parts"
EXAMPLE = Path(__file__).parents[2] / "docs/examples/bracket.stl"


def measure(*bodies: Triangles) -> Geometry:
    return measure_stl(binary_stl(np.concatenate(bodies)))


def test_a_box_measures_what_it_is() -> None:
    assert measure(box(10, 20, 30)) == Geometry(
        volume_mm3=6000, area_mm2=2200, size_mm=(10, 20, 30), triangles=12, watertight=True
    )


def test_a_fine_sphere_has_the_volume_of_a_sphere() -> None:
    geometry = measure(sphere(20, 120))
    assert geometry.volume_mm3 == pytest.approx(4 / 3 * math.pi * 20**3, rel=1e-3)
    assert geometry.area_mm2 == pytest.approx(4 * math.pi * 20**2, rel=1e-3)


def test_a_fine_torus_has_the_volume_of_a_torus() -> None:
    geometry = measure(torus(30, 10, 150))
    assert geometry.volume_mm3 == pytest.approx(2 * math.pi**2 * 30 * 10**2, rel=1e-3)
    assert geometry.area_mm2 == pytest.approx(4 * math.pi**2 * 30 * 10, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "volume_mm3", "area_mm2", "size_mm"),
    [
        ("cube20", 8000, 2400, (20, 20, 20)),
        ("plate_1mm", 9600, 19600, (120, 80, 1)),
        ("wedge45", 24000, 5697.0563, (40, 30, 40)),
        ("hollow_cube_closed", 24696, 16536, (40, 40, 40)),
        ("t_overhang", 14000, 5400, (60, 20, 40)),
        ("two_bodies", 8000 + 20 * 10**2 * 3.1365485, 2400 + 2 * 313.65485 + 20 * 62.8, (55, 20, 20)),
    ],
)
def test_a_real_part_measures_what_its_drawing_says(
    name: str, volume_mm3: float, area_mm2: float, size_mm: tuple[float, float, float]
) -> None:
    geometry = measure_stl((PARTS / f"{name}.stl").read_bytes())
    assert geometry.volume_mm3 == pytest.approx(volume_mm3, rel=1e-3)
    assert geometry.area_mm2 == pytest.approx(area_mm2, rel=1e-3)
    assert geometry.size_mm == pytest.approx(size_mm, abs=1e-3)


@pytest.mark.parametrize("path", [*sorted(PARTS.glob("*.stl")), EXAMPLE], ids=lambda path: path.stem)
def test_a_part_measures_the_same_in_ascii(path: Path) -> None:
    content = path.read_bytes()
    facets = np.frombuffer(content, np.dtype("V12,(3,3)<f4,V2"), offset=84)
    assert measure_stl(ascii_stl(facets["f1"])) == measure_stl(content)


def test_a_part_turned_inside_out_as_a_whole_measures_the_same() -> None:
    assert measure(inverted(sphere(20, 30))) == measure(sphere(20, 30))


def test_a_cavity_is_subtracted_whichever_way_the_whole_is_turned() -> None:
    outer, cavity = box(10, 10, 10), inverted(box(4, 5, 6, at=(2, 2, 2)))
    assert measure(outer, cavity).volume_mm3 == 1000 - 120
    assert measure(inverted(outer), inverted(cavity)).volume_mm3 == 1000 - 120


def test_a_body_inside_a_cavity_is_added() -> None:
    shell = box(20, 20, 20), inverted(box(10, 10, 10, at=(5, 5, 5)))
    assert measure(*shell, box(2, 2, 2, at=(9, 9, 9))).volume_mm3 == 8000 - 1000 + 8


def test_bodies_beside_each_other_are_added() -> None:
    rows = [box(2, 3, 4, at=(5 * column, 7 * row, 0)) for column in range(5) for row in range(4)]
    assert measure(*rows).volume_mm3 == 20 * 24


def test_thousands_of_bodies_are_compared_in_seconds() -> None:
    nails = [box(1, 1, 1, at=(2.0 * column, 2.0 * row, 0)) for column in range(60) for row in range(50)]
    assert measure(*nails).volume_mm3 == 3000


def test_bodies_that_touch_are_added() -> None:
    assert measure(box(10, 10, 10), box(10, 10, 10, at=(10, 0, 0))).volume_mm3 == 2000
    assert measure(box(10, 10, 10), box(10, 10, 10, at=(10, 10, 0))).volume_mm3 == 2000, "an edge with four faces"
    assert measure(box(10, 10, 10), box(4, 4, 4, at=(10, 3, 3))).volume_mm3 == 1064, "faces that only touch"


def test_faces_exported_twice_count_once() -> None:
    assert measure(box(10, 10, 10), box(10, 10, 10)).volume_mm3 == 1000


def test_a_seam_that_gapes_by_a_rounding_error_is_closed() -> None:
    part = sphere(20, 20)
    part[::7] = np.nextafter(part[::7], np.float32(np.inf))
    assert measure(part).volume_mm3 == pytest.approx(measure(sphere(20, 20)).volume_mm3, rel=1e-5)


def test_minus_zero_is_zero() -> None:
    part = box(10, 10, 10)
    part[::2][part[::2] == 0] = -0.0
    assert measure(part).volume_mm3 == 1000


def test_a_binary_file_with_a_solid_header_or_a_little_padding_is_read() -> None:
    part = sphere(20, 20)
    plain = measure_stl(binary_stl(part))
    assert measure_stl(binary_stl(part, header=b"solid facet normal")) == plain
    assert measure_stl(binary_stl(part) + b"\r\n") == plain


def test_ascii_in_any_case_and_line_ending_with_several_solids_is_read() -> None:
    first, second = box(10, 10, 10), box(2, 2, 2, at=(20, 0, 0))
    text = ascii_stl(first, name="facet normal vertex 1 2 3") + ascii_stl(second, name="")
    expected = measure(first, second)
    for variant in (text, text.upper(), text.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf\n" + text):
        assert measure_stl(variant) == expected


@settings(max_examples=40)
@given(
    sides=st.tuples(*[st.floats(1, 500, width=32)] * 3),
    at=st.tuples(*[st.floats(-1000, 1000, width=32)] * 3),
    order=st.permutations(range(12)),
)
def test_neither_place_nor_order_of_triangles_changes_a_measure(
    sides: tuple[float, ...], at: tuple[float, float, float], order: list[int]
) -> None:
    geometry = measure(box(*sides, at=at)[order])
    assert geometry.volume_mm3 == pytest.approx(math.prod(sides), rel=2e-3)
    assert geometry.size_mm == pytest.approx(sides, abs=2e-3)
    assert geometry.watertight
