"""Price lists are whole when they load, and change only together with their version."""

import hashlib
import json
from importlib import resources
from typing import Any, cast

import pytest

from fulfil.quoting.prices.tariffs import (
    CURRENT_TARIFF_VERSION,
    LARGEST_DOCUMENT_BYTES,
    PrintProcess,
    SheetProcess,
    TariffError,
    load_tariff,
    parse_tariff,
)

FINGERPRINTS = {"2026-2": "ac021dfb30142ed8", "2026-3": "4a7788d8c08e87d0"}


def published(version: str = CURRENT_TARIFF_VERSION) -> bytes:
    return resources.files("fulfil.quoting.prices").joinpath(f"data/tariff-{version}.json").read_bytes()


def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(published())
    return loaded


def refusal(content: object) -> TariffError:
    with pytest.raises(TariffError) as caught:
        parse_tariff(json.dumps(content).encode())
    return caught.value


@pytest.mark.parametrize("version", sorted(FINGERPRINTS))
def test_a_changed_number_takes_a_new_version(version: str) -> None:
    # Of the content, not of the file's layout.
    canonical = json.dumps(json.loads(published(version)), sort_keys=True).encode()
    assert hashlib.sha256(canonical).hexdigest()[:16] == FINGERPRINTS[version], "add a version; never edit an old one"


def test_the_current_list_has_a_fingerprint() -> None:
    assert CURRENT_TARIFF_VERSION in FINGERPRINTS
    assert load_tariff().version == CURRENT_TARIFF_VERSION


def test_the_current_list_offers_what_the_platform_promises() -> None:
    tariff = load_tariff()
    assert {"eur", "usd", "gbp", "jpy", "kwd"} == set(tariff.currencies)
    fdm, resin, laser = (tariff.processes[name] for name in ("fdm", "resin", "laser"))
    assert isinstance(fdm, PrintProcess)
    assert isinstance(resin, PrintProcess)
    assert isinstance(laser, SheetProcess)
    assert {name: material.density_g_cm3 for name, material in fdm.materials.items()} == {
        "PLA": 1.24,
        "ABS": 1.04,
        "PETG": 1.27,
        "TPU": 1.21,
    }
    assert set(resin.materials) == {"RESIN"}
    assert set(laser.materials) == {"WOOD", "ACRYLIC", "METAL", "LEATHER"}
    assert all(len(process.machines) >= 2 for process in tariff.processes.values())
    assert "assumptions" in tariff.basis


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("processes", "fdm", "surprise"), 1, "processes.fdm.surprise"),
        (("processes", "fdm", "setup_minor", "eur"), "7.50", "processes.fdm.setup_minor.eur"),
        (("processes", "fdm", "setup_minor", "eur"), 7.5, "processes.fdm.setup_minor.eur"),
        (("processes", "fdm", "setup_minor", "eur"), -1, "processes.fdm.setup_minor.eur"),
        (("processes", "fdm", "setup_minor", "chf"), 700, "processes.fdm.setup_minor"),
        (("processes", "fdm", "kind"), "forge", "processes.fdm"),
        (("processes", "fdm", "machines"), [], "processes.fdm.machines"),
        (("processes", "fdm", "materials", "pla"), "?", "processes.fdm.materials.pla"),
        (("processes", "fdm", "materials", "PLA", "density_g_cm3"), 0, "processes.fdm.materials.PLA.density_g_cm3"),
        (("processes", "laser", "materials", "WOOD", "default_thickness"), "7", "processes.laser.materials.WOOD"),
        (("processes", "laser", "materials", "WOOD", "thicknesses", "3"), {}, "processes.laser.materials.WOOD.thick"),
        (("tiers", "standard", "machine_factor"), 1.25, "tiers.standard.machine_factor"),
        (("tiers", "standard", "machine_factor"), "1e3", "tiers.standard.machine_factor"),
        (("tiers", "standard", "machine_factor"), "0", "tiers.standard.machine_factor"),
        (("default_tier",), "gold", "default_tier"),
        (("lead_times",), {}, "lead_times"),
        (("lead_times", "express", "percent"), "-100", "lead_times.express.percent"),
        (("currencies", "jpy", "rounding_step_minor"), 7, "currencies.jpy"),
        (("currencies", "kwd", "rounding_step_minor"), 5, "currencies.kwd.rounding_step_minor"),
        (("currencies", "xyz"), {}, "currencies.xyz"),
        (("largest_quantity",), 0, "largest_quantity"),
        (("version",), "../../etc", "version"),
    ],
)
def test_a_wrong_field_is_named(path: tuple[str, ...], value: object, field: str) -> None:
    content = document()
    place = content
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert refusal(content).field.startswith(field)


@pytest.mark.parametrize(("old", "new"), [("2026-2", "2026-3")])
def test_a_new_currency_changes_no_price_of_the_others(old: str, new: str) -> None:
    before, after = json.loads(published(old)), json.loads(published(new))
    del after["currencies"]["kwd"]
    for content in (before, after):
        del content["version"], content["basis"]
    assert without(after["processes"], "kwd") == before["processes"]
    assert {**after, "processes": None} == {**before, "processes": None}


def without(content: Any, currency: str) -> Any:
    """The same without anything of that name."""
    if isinstance(content, dict):
        found = cast("dict[str, Any]", content)
        return {name: without(value, currency) for name, value in found.items() if name != currency}
    return content


def test_a_missing_currency_is_named_with_its_table() -> None:
    content = document()
    del content["processes"]["laser"]["materials"]["WOOD"]["thicknesses"]["3"]["price_per_m2_minor"]["jpy"]
    error = refusal(content)
    assert error.field == "processes.laser.materials.WOOD.thicknesses.3.price_per_m2_minor"
    assert "jpy" in error.detail


def test_breaks_must_rise() -> None:
    content = document()
    content["quantity_breaks"] = [{"from_quantity": 10, "percent_off": "9"}, {"from_quantity": 20, "percent_off": "5"}]
    assert refusal(content).field == "quantity_breaks"


def test_a_material_that_no_machine_takes_is_refused() -> None:
    content = document()
    content["processes"]["resin"]["machines"] = [dict(content["processes"]["resin"]["machines"][0], materials=[])]
    assert refusal(content).field == "processes.resin.materials.RESIN"


def test_a_machine_that_takes_an_unknown_material_is_refused() -> None:
    content = document()
    content["processes"]["fdm"]["machines"][0]["materials"].append("PEEK")
    assert "PEEK" in refusal(content).detail


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe\x00",
        b'{"version": NaN}',
        b'{"version": "1", "version": "2"}',
        b"[" * 200_000,
        b" " * (LARGEST_DOCUMENT_BYTES + 1),
    ],
)
def test_what_is_no_price_list_is_refused(hostile: bytes) -> None:
    with pytest.raises(TariffError) as caught:
        parse_tariff(hostile)
    assert caught.value.field
    assert caught.value.detail


@pytest.mark.parametrize("version", ["2019-1", "../2026-2", "", "2026-2.json"])
def test_an_unknown_version_is_refused(version: str) -> None:
    with pytest.raises(TariffError, match="no price list"):
        load_tariff(version)
