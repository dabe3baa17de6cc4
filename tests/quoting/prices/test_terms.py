"""Wishes are looked up before any file is opened, and refused by the name of the field."""

import pytest

from fulfil.models.messages.prices import ItemWish
from fulfil.quoting.prices.terms import PrintTerms, SheetTerms, agree, laser_settings
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode
from tests.quoting.prices.samples import TARIFF, terms


def wish(process: str = "fdm", material: str = "PLA", quantity: int = 1, **more: float) -> ItemWish:
    return ItemWish.model_validate({"process": process, "material": material, "quantity": quantity, **more})


def sheet(given: ItemWish) -> SheetTerms:
    agreed = agree(given, "eur", TARIFF)
    assert isinstance(agreed, SheetTerms)
    return agreed


def test_names_are_read_in_any_letter_case() -> None:
    agreed = agree(wish(" FDM ", " petg "), "EUR", TARIFF, "Premium")
    assert (agreed.process_name, agreed.label, agreed.currency, agreed.tier) == ("fdm", "PETG", "eur", "premium")


def test_a_tier_scales_every_rate() -> None:
    standard, premium = terms(), terms(tier="premium")
    assert standard.rates.machine_hour_minor == 4_50
    assert premium.rates.machine_hour_minor == 6_08, "4.50 x 1.35 = 6.075"
    assert premium.rates.material_minor == 27_60, "24.00 x 1.15"
    assert terms(tier="economy").rates.labour_hour_minor == 30_60, "36.00 x 0.85"


def test_infill_defaults_where_there_is_any() -> None:
    fdm, chosen, resin = terms(), agree(wish(infill_percent=50), "eur", TARIFF), terms("resin", "RESIN")
    assert isinstance(fdm, PrintTerms)
    assert isinstance(chosen, PrintTerms)
    assert isinstance(resin, PrintTerms)
    assert (fdm.infill_percent, chosen.infill_percent, resin.infill_percent) == (20, 50, None)


@pytest.mark.parametrize(
    ("given", "label"),
    [
        (wish("laser", "wood"), "WOOD-3"),
        (wish("laser", "WOOD-6"), "WOOD-6"),
        (wish("laser", "acrylic-1.50"), "ACRYLIC-1.5"),
        (wish("laser", "ACRYLIC", thickness_mm=1.5), "ACRYLIC-1.5"),
        (wish("laser", "ACRYLIC-5", thickness_mm=5.0), "ACRYLIC-5"),
        (wish("laser", "METAL", thickness_mm=1), "METAL-1"),
    ],
)
def test_a_thickness_is_part_of_a_sheets_name(given: ItemWish, label: str) -> None:
    agreed = sheet(given)
    assert agreed.label == label
    assert agreed.thickness_mm == float(label.partition("-")[2])


def test_the_laser_is_set_by_material_and_thickness() -> None:
    settings = laser_settings(sheet(wish("laser", "WOOD-9")))
    assert (settings.material, settings.thickness_mm, settings.passes) == ("WOOD-9", 9.0, 2)
    assert laser_settings(sheet(wish("laser", "METAL-1"))).engrave_speed_mm_s is None


@pytest.mark.parametrize(
    ("given", "code", "param", "choice"),
    [
        (wish("cnc"), RefusalCode.PROCESS_UNKNOWN, "process", "fdm, resin or laser"),
        (wish(material="PEEK"), RefusalCode.MATERIAL_UNKNOWN, "material", "PLA, ABS, PETG or TPU"),
        (wish("laser", "PLA"), RefusalCode.MATERIAL_UNKNOWN, "material", "WOOD"),
        (wish("laser", "WOOD-5"), RefusalCode.THICKNESS_UNKNOWN, "material", "3 mm, 4 mm, 6 mm or 9 mm"),
        (wish("laser", "WOOD-nan"), RefusalCode.THICKNESS_UNKNOWN, "material", "3 mm"),
        (wish("laser", "WOOD-x"), RefusalCode.THICKNESS_UNKNOWN, "material", "3 mm"),
        (wish("laser", "WOOD", thickness_mm=5), RefusalCode.THICKNESS_UNKNOWN, "thickness_mm", "9 mm"),
        (wish("laser", "WOOD", thickness_mm=float("nan")), RefusalCode.THICKNESS_UNKNOWN, "thickness_mm", "9 mm"),
        (wish("laser", "WOOD-3", thickness_mm=4), RefusalCode.THICKNESS_UNKNOWN, "thickness_mm", "3 mm"),
        (wish(thickness_mm=3), RefusalCode.THICKNESS_UNKNOWN, "thickness_mm", "leave"),
        (wish(infill_percent=101), RefusalCode.INFILL_OUT_OF_RANGE, "infill_percent", "5 to 100"),
        (wish("resin", "RESIN", infill_percent=20), RefusalCode.INFILL_OUT_OF_RANGE, "infill_percent", "leave"),
        (wish("laser", "WOOD", infill_percent=20), RefusalCode.INFILL_OUT_OF_RANGE, "infill_percent", "leave"),
        (wish(quantity=0), RefusalCode.QUANTITY_OUT_OF_RANGE, "quantity", "1 to 1000"),
        (wish(quantity=1001), RefusalCode.QUANTITY_OUT_OF_RANGE, "quantity", "1 to 1000"),
    ],
)
def test_a_wish_that_is_not_offered_is_refused(given: ItemWish, code: RefusalCode, param: str, choice: str) -> None:
    with pytest.raises(QuotingRefusalError) as caught:
        agree(given, "eur", TARIFF)
    assert (caught.value.code, caught.value.param) == (code, param)
    assert choice in caught.value.detail


def test_an_unknown_currency_or_tier_is_refused() -> None:
    with pytest.raises(QuotingRefusalError, match="eur, usd, gbp, jpy or kwd"):
        agree(wish(), "chf", TARIFF)
    with pytest.raises(QuotingRefusalError, match="economy, standard or premium"):
        agree(wish(), "eur", TARIFF, "gold")
