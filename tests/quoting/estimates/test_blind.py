"""The error on CAD parts that no coefficient was fitted on, measured as an upload is measured."""

from functools import cache
from pathlib import Path

import pytest

from fulfil.models.messages.geometry import LengthUnit, UnitBasis, UnitDecision
from fulfil.quoting.estimates.coefficients import fdm_coefficients
from fulfil.quoting.estimates.truths import Truth, error_table, read_truth_file
from fulfil.quoting.readers.stl import read_stl
from fulfil.quoting.solids.facts import measure_solid

FOLDER = Path(__file__).parent.parent / "truth_slicer_blind"
MILLIMETRES = UnitDecision(unit=LengthUnit.MM, mm_per_unit=1, basis=UnitBasis.STATED, reason="they were made so")


@cache
def blind_truths() -> tuple[Truth, ...]:
    """Every part, its bodies united as the analysis does."""
    known = fdm_coefficients()
    return tuple(
        Truth.of(
            part,
            measure_solid(read_stl((FOLDER / "parts" / part.file).read_bytes()).corners, MILLIMETRES).corners,
            known.layer_height_mm,
        )
        for part in read_truth_file((FOLDER / "truth.json").read_bytes()).parts
    )


@pytest.mark.parametrize(
    ("quantity", "median", "p90"),
    [
        ("layers mass", 3, 6),
        ("layers_with_support mass", 4, 9),
        ("layers time", 7, 15),
        ("layers_with_support time", 7, 20),
    ],
)
def test_the_error_on_parts_never_fitted_on_stays_within_the_goals(quantity: str, median: float, p90: float) -> None:
    row = next(row for row in error_table(blind_truths(), fdm_coefficients()) if row.quantity == quantity)
    assert row.parts == 8
    assert row.median <= median
    assert row.p90 <= p90


def test_a_thread_of_overlapping_bodies_weighs_what_is_printed() -> None:
    nut = next(truth for truth in blind_truths() if truth.part.file == "hex_nut_m12_threaded.stl")
    row = next(row for row in error_table([nut], fdm_coefficients()) if row.quantity == "layers mass")
    assert row.largest <= 6


def test_the_first_coefficients_are_worse_on_them() -> None:
    first, latest = (
        {row.quantity: row for row in error_table(blind_truths(), fdm_coefficients(name))}
        for name in ("fdm-mk3s-0.20-1", "fdm-mk3s-0.20-2")
    )
    assert latest["layers mass"].p90 < first["layers mass"].p90
    assert latest["layers_with_support mass"].p90 < first["layers_with_support mass"].p90
