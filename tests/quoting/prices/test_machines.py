"""Machines say why they can make a part, or by how much they can't."""

import pytest

from fulfil.quoting.prices.machines import TIMES, suitable_machines
from tests.quoting.prices.samples import terms


def verdicts(size: tuple[float, ...], process: str = "fdm", material: str = "PLA") -> dict[str, tuple[bool, str]]:
    return {
        fit.machine: (fit.suitable, fit.reason.replace(TIMES, "x"))
        for fit in suitable_machines(size, terms(process, material))
    }


def test_a_part_that_fits_is_shown_in_its_room() -> None:
    assert verdicts((80, 50, 20))["Printer 250"] == (
        True,
        "fits: 80 x 50 x 20 in 250 x 210 x 210 mm",
    )


def test_a_part_that_is_too_long_is_told_by_how_much() -> None:
    found = verdicts((262, 50, 20))
    assert found["Printer 250"] == (
        False,
        "too long by 12 mm: 262 x 50 x 20 in 250 x 210 x 210 mm",
    )
    assert found["Printer 360"][0]


def test_every_side_that_is_too_long_is_named() -> None:
    suitable, reason = verdicts((400, 370, 361.5))["Printer 360"]
    assert not suitable
    assert reason.startswith("too long by 40 mm and too wide by 10 mm and too high by 1.5 mm")


def test_a_side_longer_by_less_than_a_tenth_is_not_too_long_by_nothing() -> None:
    assert verdicts((360.02, 10, 10))["Printer 360"][1].startswith("too long by 0.1 mm")


def test_a_tall_part_fits_when_turned_and_says_so() -> None:
    suitable, reason = verdicts((50, 50, 240))["Printer 250"]
    assert suitable
    assert "turned onto another side" in reason


def test_floating_point_does_not_decide() -> None:
    assert verdicts((250.0000001, 210, 210))["Printer 250"][0]


def test_a_machine_that_does_not_take_the_material_says_what_it_takes() -> None:
    assert verdicts((80, 50, 20), material="TPU")["Printer 360"] == (False, "does not take TPU, only PLA, PETG, ABS")
    assert verdicts((80, 50), "laser", "METAL")["Laser 600 (CO2, 60 W)"][1].startswith("does not take METAL")


def test_a_drawing_is_held_against_the_usable_part_of_the_sheet() -> None:
    found = verdicts((595, 300), "laser", "WOOD")
    assert found["Laser 600 (CO2, 60 W)"] == (
        False,
        "too long by 5 mm: 595 x 300 in the usable 590 x 390 mm of a sheet",
    )
    assert found["Laser 1300 (CO2, 100 W)"][0]


def test_sides_must_be_as_many_as_the_process_has() -> None:
    with pytest.raises(ValueError, match="three sides"):
        suitable_machines((80, 50), terms())
    with pytest.raises(ValueError, match="two sides"):
        suitable_machines((80, 50, 20), terms("laser", "WOOD"))
