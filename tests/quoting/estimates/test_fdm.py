"""Filament estimates: the error on parts a slicer knows, and what must hold for every part."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fulfil.models.messages.estimates import Estimate
from fulfil.models.messages.profiles import LayerProfile, Support
from fulfil.quoting.estimates.coefficients import FdmCoefficients, fdm_coefficients
from fulfil.quoting.estimates.fdm import estimate_fdm
from fulfil.quoting.estimates.fdm_shell import estimate_fdm_shell
from fulfil.quoting.estimates.truths import error_table
from fulfil.quoting.readers.stl import read_stl
from fulfil.quoting.solids.columns import stand_columns
from fulfil.quoting.solids.layers import slice_layers
from tests.quoting.estimates.slicer_truth import all_truths
from tests.quoting.making_solids import box, moved, together

CUBE = slice_layers(box(20, 20, 20))
BLIND = Path(__file__).parent.parent / "truth_slicer_blind" / "parts"
T_SHAPE = together(box(10, 10, 30), moved(box(50, 10, 10), (-20, 0, 30)))


def estimated(profile: LayerProfile = CUBE, support: Support | None = None, infill: float = 0.2) -> Estimate:
    return estimate_fdm(profile, support, material="PLA", density_g_cm3=1.24, infill=infill)


@pytest.mark.parametrize(
    ("quantity", "median", "p90"),
    [
        ("layers mass", 3, 6),
        ("layers_with_support mass", 4, 9),
        ("layers time", 7, 15),
        ("layers_with_support time", 7, 20),
        ("shell mass", 5, 11),
    ],
)
def test_the_error_on_the_28_sliced_parts_stays_within_the_figures(quantity: str, median: float, p90: float) -> None:
    row = next(row for row in error_table(all_truths(), fdm_coefficients()) if row.quantity == quantity)
    assert row.parts == 28
    assert row.median <= median
    assert row.p90 <= p90


def test_the_published_errors_are_those_measured() -> None:
    known = fdm_coefficients()
    named = "28 parts of the tests, in no fit"
    published = {row.quantity: row for row in known.errors if row.parts_set == named}
    for row in error_table(all_truths(), known, named):
        assert published[row.quantity].p90 == pytest.approx(row.p90, abs=0.2)
        assert published[row.quantity].median == pytest.approx(row.median, abs=0.2)


def test_the_published_bands_hold_the_errors_of_every_set_of_parts() -> None:
    known = fdm_coefficients()
    for way, band in (
        ("layers", known.bands.layers),
        ("layers_with_support", known.bands.layers_with_support),
        ("shell", known.bands.shell),
    ):
        mass = [row.p90 for row in known.errors if row.quantity == f"{way} mass"]
        time = [row.p90 for row in known.errors if row.quantity == f"{way} time"]
        assert len(mass) == len(time) >= 2
        assert band.mass_percent >= max(mass)
        assert band.time_percent >= max(time)


@pytest.mark.parametrize("material", ["PLA", "PETG", "ABS", "TPU", "NYLON"])
def test_the_parts_of_an_estimate_add_up_to_it_digit_by_digit(material: str) -> None:
    estimate = estimate_fdm(
        slice_layers(T_SHAPE), stand_columns(T_SHAPE), material=material, density_g_cm3=1.2345, infill=0.37
    )
    assert sum(Decimal(str(part.mass_g)) for part in estimate.parts) == Decimal(str(estimate.mass_g))
    assert sum(Decimal(str(part.time_s)) for part in estimate.parts) == Decimal(str(estimate.time_s))
    assert {part.code for part in estimate.parts} >= {"walls", "solid", "infill", "support", "travel"}


def test_a_solid_print_weighs_nearly_what_the_body_weighs() -> None:
    assert estimated(infill=1).mass_g == pytest.approx(8 * 1.24, rel=0.06)


def test_support_costs_mass_and_time_and_widens_the_band() -> None:
    profile, support = slice_layers(T_SHAPE), stand_columns(T_SHAPE)
    bare, held = estimated(profile), estimated(profile, support)
    assert held.mass_g > bare.mass_g
    assert held.time_s > bare.time_s
    assert held.mass_band_percent > bare.mass_band_percent
    assert not any(part.code == "support" for part in bare.parts)


def test_a_part_without_overhang_costs_the_same_with_support_allowed() -> None:
    assert estimated(CUBE, stand_columns(box(20, 20, 20))) == estimated(CUBE)


def test_a_material_that_melts_slowly_takes_longer_and_its_time_is_less_certain() -> None:
    soft = estimate_fdm(CUBE, None, material="tpu", density_g_cm3=1.24)
    assert soft.time_s > 1.5 * estimated().time_s
    assert soft.time_band_percent > estimated().time_band_percent
    assert soft.mass_g == pytest.approx(1.15 * estimated().mass_g, rel=1e-3)


def test_an_unknown_material_is_estimated_like_pla_with_a_wider_band() -> None:
    unknown = estimate_fdm(CUBE, None, material="Unobtainium", density_g_cm3=1.24)
    assert unknown.time_s == estimated().time_s
    assert unknown.time_band_percent > estimated().time_band_percent


def test_starting_up_is_a_part_of_its_own() -> None:
    slow_start: FdmCoefficients = fdm_coefficients().model_copy(update={"start_up_s": 300.0})
    started = estimate_fdm(CUBE, None, material="PLA", density_g_cm3=1.24, coefficients=slow_start)
    assert started.time_s == pytest.approx(estimated().time_s + 300)


@settings(max_examples=25, deadline=None)
@given(less=st.floats(0, 1), more=st.floats(0, 1))
def test_more_infill_never_weighs_less_and_takes_no_less_time_unless_it_is_full(less: float, more: float) -> None:
    less, more = sorted((less, more))
    light, heavy = estimated(infill=less), estimated(infill=more)
    assert heavy.mass_g >= light.mass_g
    if more < 1:
        assert heavy.time_s >= light.time_s - 0.2  # its shares are rounded to tenths


def test_full_infill_is_solid_and_its_straight_lines_are_quicker_than_the_densest_curves() -> None:
    full, dense = estimated(infill=1), estimated(infill=0.95)
    assert full.time_s < dense.time_s
    assert not any(part.code == "infill" for part in full.parts)


@pytest.mark.parametrize(("infill", "mass_g", "time_s"), [(0.1, 16.69, 5955), (0.5, 29.07, 11610), (1.0, 46.27, 10699)])
def test_other_infills_hold_against_the_slicer(infill: float, mass_g: float, time_s: float) -> None:
    profile = slice_layers(read_stl((BLIND / "pillow_block.stl").read_bytes()).corners)
    estimate = estimated(profile, infill=infill)
    assert estimate.mass_g == pytest.approx(mass_g, rel=0.03)
    assert estimate.time_s == pytest.approx(time_s, rel=0.1)


@settings(max_examples=20, deadline=None)
@given(side=st.floats(2, 60), height=st.floats(0.3, 40), layer=st.sampled_from([0.1, 0.2, 0.3]))
def test_a_box_never_weighs_more_than_solid_and_never_nothing(side: float, height: float, layer: float) -> None:
    profile = slice_layers(box(side, side, height), layer)
    estimate = estimated(profile)
    sliced_g = profile.layers * layer * side**2 / 1000 * 1.24
    assert 0 < estimate.mass_g <= sliced_g + 0.002
    assert estimate.time_s > 0


@settings(max_examples=20, deadline=None)
@given(infill=st.floats(0, 0.9), volume=st.floats(100, 1e6), area=st.floats(1, 10))
def test_the_first_estimate_stays_between_nothing_and_solid(infill: float, volume: float, area: float) -> None:
    surface = area * volume ** (2 / 3)
    shell = estimate_fdm_shell(volume, surface, 30, material="PLA", density_g_cm3=1, infill=infill)
    denser = estimate_fdm_shell(volume, surface, 30, material="PLA", density_g_cm3=1, infill=infill + 0.1)
    assert 0 < shell.mass_g <= volume / 1000 * 1.001 + 0.002
    assert denser.mass_g >= shell.mass_g
    assert shell.method == "fdm_shell"


@pytest.mark.parametrize(("density", "infill"), [(0, 0.2), (-1, 0.2), (1.24, -0.1), (1.24, 1.1), (float("nan"), 0.2)])
def test_numbers_out_of_range_are_refused(density: float, infill: float) -> None:
    with pytest.raises(ValueError, match="density"):
        estimate_fdm(CUBE, None, material="PLA", density_g_cm3=density, infill=infill)
    with pytest.raises(ValueError, match="density"):
        estimate_fdm_shell(8000, 2400, 20, material="PLA", density_g_cm3=density, infill=infill)
