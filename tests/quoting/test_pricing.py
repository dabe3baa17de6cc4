"""Prices are integers that follow from the numbers they show, for every part, material, quantity and currency."""

import re
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulfil.models.messages.quotes import Geometry
from fulfil.quoting.geometry import measure_stl
from fulfil.quoting.pricing import PartRequest, PricedPart, agree_terms, price_part
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode
from fulfil.quoting.tariffs import CURRENT_TARIFF

FDM = CURRENT_TARIFF.processes["fdm"]
EXAMPLE = Path(__file__).parents[2] / "docs/examples/bracket.stl"

materials = st.sampled_from(sorted(FDM.materials))
currencies = st.sampled_from(CURRENT_TARIFF.currencies)
quantities = st.integers(1, 20)
volumes = st.floats(0.001, 200_000)


def solid(volume_mm3: float, size_mm: tuple[float, float, float] = (60, 60, 60)) -> Geometry:
    return Geometry(volume_mm3=volume_mm3, area_mm2=100, size_mm=size_mm, triangles=12, watertight=True)


def price(
    volume_mm3: float, *, process: str = "fdm", material: str = "PLA", quantity: int = 1, currency: str = "eur"
) -> PricedPart:
    terms = agree_terms(PartRequest(process=process, material=material, quantity=quantity, currency=currency))
    return price_part(solid(volume_mm3), terms)


@given(volumes, materials, quantities, currencies)
def test_the_lines_sum_to_the_total_in_whole_minor_units(
    volume: float, material: str, quantity: int, currency: str
) -> None:
    priced = price(volume, material=material, quantity=quantity, currency=currency)
    assert sum(line.amount_minor for line in priced.lines) == priced.total_minor
    assert all(type(line.amount_minor) is int and line.amount_minor > 0 for line in priced.lines)
    assert priced.total_minor >= FDM.minimum_order_minor[currency]
    assert [line.code for line in priced.lines[:3]] == ["setup", "material", "machine_time"]


@given(volumes, materials, st.integers(1, 19), currencies)
def test_one_piece_more_never_costs_less(volume: float, material: str, quantity: int, currency: str) -> None:
    fewer = price(volume, material=material, quantity=quantity, currency=currency)
    more = price(volume, material=material, quantity=quantity + 1, currency=currency)
    assert more.total_minor >= fewer.total_minor
    assert more.material_g >= fewer.material_g
    assert more.lead_time_days >= fewer.lead_time_days
    assert more.total_minor * quantity <= fewer.total_minor * (quantity + 1) + quantity * (quantity + 1), "per piece"


@given(volumes, volumes, materials, currencies)
def test_a_larger_part_never_costs_less(first: float, second: float, material: str, currency: str) -> None:
    small, large = sorted((first, second))
    dearer = price(large, material=material, currency=currency)
    assert price(small, material=material, currency=currency).total_minor <= dearer.total_minor


@given(volumes, materials, quantities, currencies)
def test_a_customer_can_check_every_amount_by_the_numbers_shown(
    volume: float, material: str, quantity: int, currency: str
) -> None:
    priced = price(volume, material=material, quantity=quantity, currency=currency)
    by_code = {line.code: line for line in priced.lines}

    def shown(code: str) -> list[Decimal]:
        text = by_code[code].explanation.replace("cm³", "").replace(material, "")
        return [Decimal(number) for number in re.findall(r"\d+(?:\.\d+)?", text)]

    volume_cm3, density, pieces, grams, per_kg = shown("material")
    assert grams == (volume_cm3 * density * pieces).to_integral_value(ROUND_CEILING) == priced.material_g
    assert by_code["material"].amount_minor == (grams * per_kg / 10).to_integral_value(ROUND_HALF_UP)
    same_volume, same_pieces, throughput, hours, per_hour = shown("machine_time")
    assert (same_volume, same_pieces, pieces) == (volume_cm3, pieces, Decimal(quantity))
    wanted = (volume_cm3 * pieces / throughput).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert hours == max(wanted, Decimal("0.01"))
    assert by_code["machine_time"].amount_minor == (hours * per_hour * 100).to_integral_value(ROUND_HALF_UP)
    assert [by_code["setup"].amount_minor] == [int(amount * 100) for amount in shown("setup")]


def test_a_line_explains_itself_in_one_sentence() -> None:
    material = price(41_300, quantity=2).lines[1]
    assert material.title == "Material PLA"
    assert material.explanation == "41.30 cm³ × 1.24 g/cm³ × 2 pieces = 103 g (rounded up) at 24.00 EUR/kg"  # noqa: RUF001
    assert material.amount_minor == 247


@pytest.mark.parametrize("material", sorted(FDM.materials))
@pytest.mark.parametrize("currency", CURRENT_TARIFF.currencies)
def test_a_fist_sized_part_costs_what_the_market_takes(material: str, currency: str) -> None:
    assert 15_00 <= price(40_000, material=material, currency=currency).total_minor <= 40_00


def test_the_example_part_gets_a_plausible_price() -> None:
    terms = agree_terms(PartRequest("fdm", "PLA", 1, "eur"))
    priced = price_part(measure_stl(EXAMPLE.read_bytes()), terms)
    assert (priced.total_minor, priced.material_g, priced.lead_time_days) == (18_75, 45, 3)
    assert priced.tariff_version == CURRENT_TARIFF.version


def test_a_tiny_part_is_raised_to_the_smallest_order() -> None:
    priced = price(0.001)
    assert priced.lines[-1].code == "minimum_order"
    assert priced.total_minor == 12_00
    assert priced.material_g == 1


def test_names_are_taken_in_any_letter_case() -> None:
    priced = price(40_000, process="FDM", material=" petg ")
    assert (priced.process, priced.material) == ("fdm", "PETG")


@pytest.mark.parametrize(
    ("changed", "code", "param", "remedy"),
    [
        ({"process": "laser"}, RefusalCode.PROCESS_UNKNOWN, "process", "choose fdm"),
        ({"process": ""}, RefusalCode.PROCESS_UNKNOWN, "process", "choose fdm"),
        ({"material": "Oak"}, RefusalCode.MATERIAL_UNKNOWN, "material", "choose PLA, ABS, PETG or TPU"),
        ({"material": "PLA; DROP TABLE"}, RefusalCode.MATERIAL_UNKNOWN, "material", "choose PLA"),
        ({"currency": "jpy"}, RefusalCode.CURRENCY_UNKNOWN, "currency", "choose eur, usd or gbp"),
        ({"currency": "EUR"}, RefusalCode.CURRENCY_UNKNOWN, "currency", "choose eur"),
        ({"quantity": 0}, RefusalCode.QUANTITY_OUT_OF_RANGE, "quantity", "from 1 to 1000"),
        ({"quantity": -3}, RefusalCode.QUANTITY_OUT_OF_RANGE, "quantity", "from 1 to 1000"),
        ({"quantity": 1001}, RefusalCode.QUANTITY_OUT_OF_RANGE, "quantity", "from 1 to 1000"),
    ],
)
def test_what_the_tariff_does_not_offer_is_refused_naming_field_and_remedy(
    changed: dict[str, str | int], code: RefusalCode, param: str, remedy: str
) -> None:
    request = {"process": "fdm", "material": "PLA", "currency": "eur"} | changed
    with pytest.raises(QuotingRefusalError, match=remedy) as refused:
        agree_terms(
            PartRequest(
                process=str(request["process"]),
                material=str(request["material"]),
                quantity=int(changed.get("quantity", 1)),
                currency=str(request["currency"]),
            )
        )
    assert (refused.value.code, refused.value.param) == (code, param)


def test_a_part_that_fits_the_machine_only_when_turned_is_priced() -> None:
    terms = agree_terms(PartRequest("fdm", "PLA", 1, "eur"))
    assert price_part(solid(40_000, (20, 20, 249.9)), terms).total_minor > 0


def test_a_part_larger_than_the_machine_is_refused() -> None:
    terms = agree_terms(PartRequest("fdm", "PLA", 1, "eur"))
    with pytest.raises(QuotingRefusalError, match=r"220\.0 × 220\.0 × 10\.0 mm.*split") as refused:  # noqa: RUF001
        price_part(solid(40_000, (10, 220, 220)), terms)
    assert (refused.value.code, refused.value.param) == (RefusalCode.PART_TOO_BIG, "file_id")


def test_more_than_can_be_made_in_time_is_refused_naming_the_quantity() -> None:
    with pytest.raises(QuotingRefusalError, match="fewer than 1000") as refused:
        price(1_000_000, quantity=1000)
    assert (refused.value.code, refused.value.param) == (RefusalCode.ORDER_TOO_LARGE, "quantity")


def test_an_open_mesh_is_never_priced() -> None:
    terms = agree_terms(PartRequest("fdm", "PLA", 1, "eur"))
    with pytest.raises(ValueError, match="closed solid"):
        price_part(solid(40_000).model_copy(update={"watertight": False}), terms)
