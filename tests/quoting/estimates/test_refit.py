"""Refitting on a shop's own slicer runs."""

import json
from typing import Any, cast

import pytest

from fulfil.quoting.estimates.coefficients import FdmCoefficients, fdm_coefficients
from fulfil.quoting.estimates.refit import FEWEST_PARTS, refit, refit_folder_content
from fulfil.quoting.estimates.truths import Truth, error_table
from fulfil.quoting.refusals import QuotingRefusalError
from tests.quoting.estimates.slicer_truth import all_truths, part_content, truth_json

FEW = ("cube20.stl", "plate_2mm.stl", "tube.stl", "l_bracket.stl", "t_overhang.stl", "bridge.stl", "gear24.stl")
SHOP = (*FEW, "stairs.stl", "two_bodies.stl")


def shop_truths(slower: float = 1, heavier: float = 1) -> list[Truth]:
    """Some of the parts as another printer would print them."""
    changed: list[Truth] = []
    for truth in all_truths():
        if truth.part.file in SHOP:
            ways = {
                way: sliced.model_copy(
                    update={"time_s": sliced.time_s * slower, "filament_mm3": sliced.filament_mm3 * heavier}
                )
                for way in ("no_support", "auto_support")
                if (sliced := getattr(truth.part, way))
            }
            changed.append(Truth(truth.part.model_copy(update=ways), truth.profile, truth.bare, truth.held))
    return changed


def told(names: tuple[str, ...]) -> bytes:
    content = cast("dict[str, Any]", json.loads(truth_json()))
    content["parts"] = [part for part in content["parts"] if part["file"] in names]
    return json.dumps(content).encode()


def median(known: FdmCoefficients, truths: list[Truth], quantity: str) -> float:
    return next(row.median for row in error_table(truths, known) if row.quantity == quantity)


def test_a_slower_printer_is_learnt_from_a_few_parts() -> None:
    truths = shop_truths(slower=1.3)
    start = fdm_coefficients()
    fitted = refit(truths, start)
    assert median(start, truths, "layers time") > 15
    assert median(fitted, truths, "layers time") < 8
    assert median(fitted, truths, "layers mass") <= median(start, truths, "layers mass") + 0.5
    assert {row.quantity for row in fitted.errors} >= {"layers mass", "layers time", "layers_with_support mass"}


def test_the_order_of_the_parts_does_not_matter() -> None:
    truths = shop_truths(heavier=1.05)[:FEWEST_PARTS]
    assert refit(truths) == refit(truths[::-1])


def test_too_few_parts_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        refit(all_truths()[: FEWEST_PARTS - 1])


def test_a_folder_becomes_coefficients_with_an_error_table_that_load_again() -> None:
    parts = {name: part_content(name) for name in SHOP}
    content = refit_folder_content(parts, told(SHOP), fitted_on="2030-01-31")
    fitted = FdmCoefficients.model_validate_json(content)
    assert fitted.fitted_on == "2030-01-31"
    assert fitted.version != fdm_coefficients().version
    assert fitted.errors[0].parts == len(SHOP)
    assert fitted.bands.layers.mass_percent >= fitted.errors[0].p90


def test_a_part_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match=r"tube\.stl"):
        refit_folder_content(
            {name: part_content(name) for name in SHOP if name != "tube.stl"}, told(SHOP), fitted_on=""
        )


def test_a_truth_file_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="truth file"):
        refit_folder_content({}, b'{"parts": 3}', fitted_on="")


def test_a_damaged_part_is_refused() -> None:
    parts = {name: part_content(name) for name in SHOP} | {"tube.stl": part_content("tube.stl")[:-10]}
    with pytest.raises(QuotingRefusalError):
        refit_folder_content(parts, told(SHOP), fitted_on="")
