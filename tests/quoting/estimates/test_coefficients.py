"""Every version of printing coefficients that was ever shipped loads under its name."""

import json
from importlib.resources import files

import pytest

from fulfil.models.messages.profiles import LayerProfile, Support
from fulfil.quoting.estimates.coefficients import (
    FDM_DEFAULT,
    FOLDER,
    PACKAGE,
    RESIN_DEFAULT,
    fdm_coefficients,
    resin_coefficients,
)
from fulfil.quoting.estimates.fdm import estimate_fdm
from fulfil.quoting.solids.columns import stand_columns
from fulfil.quoting.solids.layers import slice_layers
from tests.quoting.making_solids import box, moved, together

NAMES = sorted(
    entry.name.removesuffix(".json")
    for entry in (files(PACKAGE) / FOLDER).iterdir()
    if entry.name.endswith(".json") and not entry.name.startswith("laser-")
)
T_SHAPE = together(box(10, 10, 30), moved(box(50, 10, 10), (-20, 0, 30)))


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_named_by_its_version(name: str) -> None:
    assert json.loads((files(PACKAGE) / FOLDER / f"{name}.json").read_bytes())["version"] == name


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("fdm-")])
def test_filament_coefficients_load_by_name(name: str) -> None:
    assert fdm_coefficients(name).version == name


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("resin-")])
def test_resin_coefficients_load_by_name(name: str) -> None:
    assert resin_coefficients(name).version == name


def test_the_newest_ones_are_used_unless_others_are_named() -> None:
    assert fdm_coefficients().version == FDM_DEFAULT == "fdm-mk3s-0.20-2"
    assert resin_coefficients().version == RESIN_DEFAULT


def test_an_unknown_version_is_not_found() -> None:
    with pytest.raises(FileNotFoundError):
        fdm_coefficients("fdm-never")


def without_cells() -> tuple[LayerProfile, Support]:
    """What an analysis stored before cells were looked at holds."""
    profile, support = slice_layers(T_SHAPE), stand_columns(T_SHAPE)
    older = {"spread_overhang_mm2", "spread_support_mm3", "spread_sides_mm2"}
    return (
        LayerProfile.model_validate(profile.model_dump(exclude={"inside_mm2", "sparse_mm2"})),
        Support.model_validate(support.model_dump(exclude=older)),
    )


def test_old_coefficients_do_not_look_at_cells() -> None:
    old = fdm_coefficients("fdm-mk3s-0.20-1")
    now, then = (
        estimate_fdm(profile, support, material="PLA", density_g_cm3=1.24, coefficients=old)
        for profile, support in ((slice_layers(T_SHAPE), stand_columns(T_SHAPE)), without_cells())
    )
    assert now == then


def test_an_analysis_stored_before_cells_were_looked_at_is_still_estimated() -> None:
    then = estimate_fdm(*without_cells(), material="PLA", density_g_cm3=1.24)
    now = estimate_fdm(slice_layers(T_SHAPE), stand_columns(T_SHAPE), material="PLA", density_g_cm3=1.24)
    assert then.mass_g == pytest.approx(now.mass_g, rel=0.1)
    assert then.time_s == pytest.approx(now.time_s, rel=0.1)
