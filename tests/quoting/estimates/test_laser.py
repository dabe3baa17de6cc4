"""A laser-cut part takes what its strokes, pierces, jumps and rows take, worked out by hand."""

from dataclasses import replace
from math import hypot

import numpy as np
import pytest

from fulfil.models.messages.estimates import Estimate
from fulfil.models.messages.geometry import DrawingGeometry, LengthUnit, Operation, RasterImage, UnitBasis, UnitDecision
from fulfil.quoting.estimates.laser import LaserSettings, estimate_laser, load_laser
from fulfil.quoting.estimates.planner import Dynamics, Polyline, drive_time_s
from fulfil.quoting.motion import Motion, Stroke

MACHINE = load_laser()
VECTOR = Dynamics(MACHINE.acceleration_mm_s2, MACHINE.junction_deviation_mm)
WOOD = LaserSettings(
    process="laser",
    material="WOOD-3",
    thickness_mm=3,
    density_g_cm3=0.68,
    margin_mm=2,
    cut_speed_mm_s=20,
    passes=1,
    pierce_s=0.3,
    score_speed_mm_s=150,
    engrave_speed_mm_s=300,
    engrave_interval_mm=0.1,
)
OUTLINE = np.array([(0, 0), (80, 0), (80, 50), (0, 50), (0, 0)], dtype=np.float64)
HOLE = np.array([(30, 20), (40, 20), (40, 30), (30, 30), (30, 20)], dtype=np.float64)
UNIT = UnitDecision(unit=LengthUnit.MM, mm_per_unit=1, basis=UnitBasis.STATED, reason="The file states it.")


def drawing(pierces: int = 2, size_mm: tuple[float, float] = (80, 50)) -> DrawingGeometry:
    return DrawingGeometry(
        unit=UNIT,
        size_mm=size_mm,
        groups=(),
        segments=8,
        cut_length_mm=300,
        score_length_mm=0,
        engrave_outline_mm=0,
        engraved_area_mm2=0,
        travel_mm=0,
        pierces=pierces,
        part_area_mm2=3_900,
        parts=1,
        open_paths=0,
    )


def motion(
    *strokes: tuple[Operation, Polyline], fills: tuple[Polyline, ...] = (), images: tuple[RasterImage, ...] = ()
) -> Motion:
    return Motion(tuple(Stroke(operation, points) for operation, points in strokes), fills, images)


CUTS = motion((Operation.CUT, HOLE), (Operation.CUT, OUTLINE))


def part_s(estimate: Estimate, code: str) -> float:
    return sum(part.time_s for part in estimate.parts if part.code == code)


def test_a_plate_with_a_hole_takes_cuts_pierces_and_jumps() -> None:
    made = estimate_laser(CUTS, drawing(), WOOD)
    assert part_s(made, "cutting") == pytest.approx(drive_time_s([HOLE, OUTLINE], 20, VECTOR))
    assert part_s(made, "cutting") == pytest.approx(300 / 20, rel=0.04), "slow cutting is length by speed"
    assert part_s(made, "piercing") == pytest.approx(0.6)
    assert hypot(30, 20) < 300**2 / 1000, "each of the two jumps is too short for full speed"
    assert part_s(made, "travel") == pytest.approx(2 * 2 * (hypot(30, 20) / 1000) ** 0.5)
    assert made.time_s == pytest.approx(sum(part.time_s for part in made.parts))


def test_the_blank_with_its_margin_is_the_material() -> None:
    made = estimate_laser(CUTS, drawing(), WOOD)
    assert made.sheet_mm == (84, 54)
    assert made.mass_g == pytest.approx(84 * 54 * 3 * 0.68 / 1000)
    assert made.mass_g == pytest.approx(sum(part.mass_g for part in made.parts))


def test_the_estimate_names_what_it_rests_on() -> None:
    made = estimate_laser(CUTS, drawing(), WOOD)
    assert (made.process, made.material, made.method) == ("laser", "WOOD-3", "laser_motion")
    assert made.coefficients_version == MACHINE.version
    assert "not calibrated" in MACHINE.basis
    assert MACHINE.fitted_on is None
    assert {part.code for part in made.parts} == {"blank", "cutting", "piercing", "travel"}
    assert all(part.explanation for part in made.parts)


def test_every_pass_cuts_again_and_open_lines_need_a_way_back() -> None:
    slit = np.array([(0, 0), (40, 0)], dtype=np.float64)
    once = estimate_laser(motion((Operation.CUT, slit)), drawing(1), WOOD)
    thrice = estimate_laser(motion((Operation.CUT, slit)), drawing(1), replace(WOOD, passes=3))
    assert part_s(thrice, "cutting") == pytest.approx(3 * part_s(once, "cutting"))
    assert part_s(thrice, "piercing") == pytest.approx(part_s(once, "piercing")), "the material is pierced once"
    assert part_s(thrice, "travel") - part_s(once, "travel") == pytest.approx(2 * 2 * (40 / 1000) ** 0.5)
    closed = [estimate_laser(CUTS, drawing(), replace(WOOD, passes=passes)) for passes in (1, 2)]
    assert part_s(closed[0], "travel") == pytest.approx(part_s(closed[1], "travel"))


def test_scoring_is_bound_by_acceleration_rather_than_by_speed() -> None:
    zigzag = np.array([(x, x % 2) for x in range(200)], dtype=np.float64)
    made = estimate_laser(motion((Operation.SCORE, zigzag)), drawing(0), WOOD)
    length = 199 * 2**0.5
    assert part_s(made, "scoring") > 3 * length / 150
    assert part_s(made, "cutting") == 0


def test_fills_and_pictures_are_engraved_by_rows() -> None:
    image = RasterImage(x_mm=0, y_mm=0, width_mm=30, height_mm=10)
    made = estimate_laser(motion(fills=(HOLE,), images=(image,)), drawing(0), WOOD)
    overscan = 2 * 300 / MACHINE.raster_acceleration_mm_s2
    assert part_s(made, "engraving") == pytest.approx(100 * (10 / 300 + overscan))
    assert part_s(made, "images") == pytest.approx(100 * (30 / 300 + overscan))


def test_an_outline_to_engrave_is_driven_along() -> None:
    made = estimate_laser(motion((Operation.ENGRAVE, OUTLINE)), drawing(0), WOOD)
    assert part_s(made, "engraving") == pytest.approx(drive_time_s([OUTLINE], 300, VECTOR))


def test_what_the_material_can_not_take_takes_no_time() -> None:
    metal = replace(WOOD, engrave_speed_mm_s=None, score_speed_mm_s=None)
    image = RasterImage(x_mm=0, y_mm=0, width_mm=30, height_mm=10)
    all_kinds = motion((Operation.SCORE, OUTLINE), (Operation.ENGRAVE, HOLE), fills=(HOLE,), images=(image,))
    made = estimate_laser(all_kinds, drawing(0), metal)
    assert {part.code for part in made.parts if part.time_s} == {"travel"}


def test_ignored_lines_are_not_driven() -> None:
    with_template = motion((Operation.CUT, HOLE), (Operation.IGNORE, OUTLINE * 3), (Operation.CUT, OUTLINE))
    assert estimate_laser(with_template, drawing(), WOOD).time_s == estimate_laser(CUTS, drawing(), WOOD).time_s


def test_the_band_is_that_of_the_shares_weighted_by_time() -> None:
    bands = MACHINE.bands_percent
    engraved = estimate_laser(motion(fills=(HOLE,)), drawing(0), WOOD)
    assert engraved.time_band_percent == bands.engraving
    mixed = estimate_laser(CUTS, drawing(), WOOD)
    assert bands.cutting < mixed.time_band_percent < bands.piercing
    assert mixed.mass_band_percent == bands.mass


def test_an_empty_drawing_takes_no_time() -> None:
    made = estimate_laser(motion(), drawing(0), WOOD)
    assert made.time_s == 0
    assert made.time_band_percent > 0


def test_the_same_drawing_gives_the_same_bytes() -> None:
    assert (
        estimate_laser(CUTS, drawing(), WOOD).model_dump_json()
        == estimate_laser(CUTS, drawing(), WOOD).model_dump_json()
    )
