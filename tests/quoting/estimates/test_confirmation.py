"""Our numbers beside a slicer's."""

import pytest

from fulfil.models.messages.confirmations import SlicedEstimate
from fulfil.models.messages.estimates import Estimate
from fulfil.models.messages.findings import FindingCode, Severity
from fulfil.quoting.estimates.confirmation import compare

ESTIMATE = Estimate(
    process="fdm",
    material="PLA",
    method="fdm_layers",
    coefficients_version="1",
    mass_g=10,
    time_s=3600,
    mass_band_percent=5,
    time_band_percent=13,
    parts=(),
)


def sliced(mass_g: float, time_s: float) -> SlicedEstimate:
    return SlicedEstimate(mass_g=mass_g, filament_mm3=mass_g / 1.24e-3, time_s=time_s, layers=1, version="Slicer 1.0")


def test_both_numbers_are_shown_with_their_drift() -> None:
    confirmation, finding = compare(ESTIMATE, sliced(9.5, 3700))
    assert finding is None
    assert (confirmation.mass_g, confirmation.sliced_mass_g) == (10, 9.5)
    assert confirmation.mass_drift_percent == 5.3
    assert confirmation.time_drift_percent == -2.7


@pytest.mark.parametrize(
    ("mass_g", "time_s", "words", "number"),
    [(8, 3600, "mass is 25 % above", 25.0), (10, 4800, "time is 25 % below", -25.0), (20, 3200, "mass is 50 %", -50.0)],
)
def test_more_than_ten_percent_is_a_warning(mass_g: float, time_s: float, words: str, number: float) -> None:
    _, finding = compare(ESTIMATE, sliced(mass_g, time_s))
    assert finding is not None
    assert finding.code is FindingCode.ESTIMATE_DRIFT
    assert finding.severity is Severity.WARNING
    assert words in finding.message
    assert finding.number == number
    assert finding.remedy


@pytest.mark.parametrize("numbers", [(0, 100), (10, 0), (float("nan"), 10)])
def test_a_slicer_that_printed_nothing_confirms_nothing(numbers: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        compare(ESTIMATE, sliced(*numbers))
