"""Resin estimates: simple, and honest about it."""

from decimal import Decimal

import pytest

from fulfil.quoting.estimates.coefficients import Basis, resin_coefficients
from fulfil.quoting.estimates.resin import estimate_resin


def test_mass_is_the_body_with_its_supports() -> None:
    estimate = estimate_resin(10_000, 20, material="RESIN", density_g_cm3=1.1)
    assert estimate.mass_g == pytest.approx(11 * (1 + resin_coefficients().support_share), abs=0.002)


def test_time_depends_on_the_height_alone() -> None:
    low, wide = (estimate_resin(volume, 20, material="RESIN", density_g_cm3=1.1) for volume in (1_000, 90_000))
    tall = estimate_resin(1_000, 40, material="RESIN", density_g_cm3=1.1)
    assert low.time_s == wide.time_s
    assert tall.time_s == pytest.approx(low.time_s + 400 * (2.5 + 6.5))


def test_the_parts_add_up_digit_by_digit() -> None:
    estimate = estimate_resin(1_234.567, 12.34, material="RESIN", density_g_cm3=1.117)
    assert sum(Decimal(str(part.mass_g)) for part in estimate.parts) == Decimal(str(estimate.mass_g))
    assert sum(Decimal(str(part.time_s)) for part in estimate.parts) == Decimal(str(estimate.time_s))


def test_the_coefficients_say_that_they_are_assumed_and_the_band_is_wide() -> None:
    assert resin_coefficients().basis is Basis.ASSUMED
    estimate = estimate_resin(1_000, 10, material="RESIN", density_g_cm3=1.1)
    assert estimate.mass_band_percent >= 20
    assert estimate.time_band_percent >= 30


def test_a_part_thinner_than_a_layer_takes_one_layer() -> None:
    known = resin_coefficients()
    estimate = estimate_resin(1, 0.01, material="RESIN", density_g_cm3=1.1)
    assert estimate.time_s == pytest.approx(known.bottom_exposure_s + known.lift_s)


@pytest.mark.parametrize("numbers", [(0, 10, 1.1), (1, 0, 1.1), (1, 10, 0), (1, 10, float("nan"))])
def test_numbers_out_of_range_are_refused(numbers: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        estimate_resin(numbers[0], numbers[1], material="RESIN", density_g_cm3=numbers[2])
