"""Prices follow from the numbers they show, sum exactly, and never punish ordering more."""

import re
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulfil.models.messages.prices import LeadTime, PricedItem, PriceLine
from fulfil.models.money import exponent, step_minor
from fulfil.quoting.prices.charges import TIMES
from fulfil.quoting.prices.pricing import price_item, price_quote
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode
from tests.quoting.prices.samples import SOLID_MM, TARIFF, estimate, price, terms

OFFERS = [
    *(("fdm", material) for material in ("PLA", "ABS", "PETG", "TPU")),
    ("resin", "RESIN"),
    *(("laser", material) for material in ("WOOD-3", "ACRYLIC-1.5", "METAL-1", "LEATHER-2")),
]
offers = st.sampled_from(OFFERS)
currencies = st.sampled_from(sorted(TARIFF.currencies))
tiers = st.sampled_from(sorted(TARIFF.tiers))
quantities = st.integers(1, 300)
masses = st.floats(0.001, 500)
times = st.floats(0.01, 9_000)
supports = st.floats(0, 50)
BREAK_LINES = 5  # every line of an item is rounded on its own


def priced(
    offer: tuple[str, str], quantity: int, currency: str = "eur", tier: str = "standard", *numbers: float
) -> PricedItem:
    return price(terms(*offer, quantity, currency=currency, tier=tier), *numbers)


def whole(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_HALF_UP))


def money(text: str, currency: str) -> int:
    """The last amount of money a text shows, in minor units."""
    found = re.findall(rf"(-?[\d.]+) {currency.upper()}", text)
    return int(Decimal(found[-1]).scaleb(exponent(currency)))


def number(pattern: str, text: str) -> Decimal:
    found = re.search(pattern, text)
    assert found, f"{pattern} in {text}"
    return Decimal(found[1])


def by_hand(line: PriceLine, item: PricedItem) -> int:
    """What a customer comes to with nothing but the line's explanation."""
    text, count = line.explanation, item.quantity
    rate = money(text, item.currency)
    if line.code == "setup":
        amount = Decimal(rate)
    elif line.code == "material" and "cm²" in text:
        area = number(r"(?:so|sheet:) ([\d.]+) cm²", text)
        assert area * count == number(r"= ([\d.]+) cm² at", text)
        amount = area * count * rate / 10_000
    elif line.code == "material":
        grams = number(r"^([\d.]+) g", text)
        assert grams * count == number(r"= ([\d.]+) g at", text)
        amount = grams * count * rate / 1_000
    elif line.code == "machine_time":
        first = number(r"^([\d.]+) s", text)
        further = number(r"and ([\d.]+) s for each", text) if "for each" in text else first
        assert first + further * (count - 1) == number(r"= ([\d.]+) s \(", text)
        amount = (first + further * (count - 1)) * rate / 3_600
    elif line.code in {"support_removal", "finishing"}:
        grams = number(r"^([\d.]+) g", text) if "min/g" in text else Decimal(1)
        minutes = grams * number(r"([\d.]+) min", text) * count
        assert minutes == number(r"= ([\d.]+) min at", text)
        amount = minutes * rate / 60
    else:
        assert line.code == "quantity_discount"
        amount = discount_by_hand(line, item, rate)
    return whole(amount)


def discount_by_hand(line: PriceLine, item: PricedItem, shown: int) -> Decimal:
    before = sum(other.amount_minor for other in item.lines[:-1])
    if "never cost more" in line.explanation:
        return Decimal(shown - before)
    assert shown == before - item.lines[0].amount_minor
    return -shown * number(r"([\d.]+) % off", line.explanation) / 100


@given(offers, quantities, currencies, tiers, masses, times, supports)
def test_every_line_can_be_recomputed_by_hand_and_lines_sum_exactly(
    offer: tuple[str, str],
    quantity: int,
    currency: str,
    tier: str,
    mass: float,
    time: float,
    support: float,
) -> None:
    item = priced(offer, quantity, currency, tier, mass, time, support)
    assert sum(line.amount_minor for line in item.lines) == item.total_minor
    for line in item.lines:
        assert line.amount_minor == by_hand(line, item), line
    assert all((tier in line.explanation) == (tier != "standard") for line in item.lines[:3])


@given(offers, quantities, currencies, tiers, masses, times)
def test_one_piece_more_never_lowers_the_total(
    offer: tuple[str, str], quantity: int, currency: str, tier: str, mass: float, time: float
) -> None:
    fewer = priced(offer, quantity, currency, tier, mass, time)
    more = priced(offer, quantity + 1, currency, tier, mass, time)
    assert more.total_minor >= fewer.total_minor
    assert more.material_g >= fewer.material_g
    assert more.production_days >= fewer.production_days
    # Each line of both totals is rounded by at most half a minor unit.
    slack = BREAK_LINES * (2 * quantity + 1)
    assert 2 * more.total_minor * quantity <= 2 * fewer.total_minor * (quantity + 1) + slack


@given(offers, currencies, tiers, masses, times)
def test_the_unit_price_never_rises_across_breaks(
    offer: tuple[str, str], currency: str, tier: str, mass: float, time: float
) -> None:
    rows = priced(offer, 7, currency, tier, mass, time).quantity_breaks
    assert {1, 7, 5, 10, 25} <= {row.quantity for row in rows}
    for fewer, more in pairwise(rows):
        assert more.quantity > fewer.quantity
        assert more.total_minor >= fewer.total_minor
        assert more.total_minor * fewer.quantity <= fewer.total_minor * more.quantity
        assert more.unit_minor <= fewer.unit_minor


@given(offers, quantities, masses, times, supports)
def test_pricing_twice_gives_the_same_bytes(
    offer: tuple[str, str], quantity: int, mass: float, time: float, support: float
) -> None:
    agreed = terms(*offer, quantity)
    first, second = (price(agreed, mass, time, support).model_dump_json() for _ in range(2))
    assert first == second


def test_just_below_a_break_fewer_never_cost_more() -> None:
    nine, ten = priced(("fdm", "PLA"), 249), priced(("fdm", "PLA"), 250)
    assert nine.total_minor == ten.total_minor
    assert "fewer never cost more" in nine.lines[-1].explanation
    assert "22 % off" in ten.lines[-1].explanation


def test_a_break_row_is_the_price_of_that_quantity() -> None:
    for row in priced(("laser", "WOOD-3"), 3).quantity_breaks:
        assert row.total_minor == priced(("laser", "WOOD-3"), row.quantity).total_minor


def test_yen_have_no_decimals_and_orders_round_to_ten() -> None:
    item = priced(("fdm", "PLA"), 3, "jpy")
    quote = price_quote([item], TARIFF, "jpy", LeadTime.EXPRESS)
    assert not any(re.search(r"\d\.\d+ JPY", line.explanation) for line in (*item.lines, *quote.lines))
    assert quote.total_minor % 10 == 0
    assert abs(quote.total_minor - round(item.total_minor * 1.25)) <= 5


def test_dinars_have_thousandths_and_an_order_comes_to_what_cards_carry() -> None:
    item = priced(("fdm", "PLA"), 3, "kwd")
    quote = price_quote([item], TARIFF, "kwd", LeadTime.EXPRESS)
    amounts = [found for line in item.lines for found in re.findall(r"\S+ KWD", line.explanation)]
    assert amounts
    assert all(re.fullmatch(r"-?\d+\.\d{3} KWD", found) for found in amounts)
    assert quote.total_minor % 10 == 0
    assert abs(quote.total_minor - round(item.total_minor * 1.25)) <= 5
    assert item.total_minor + sum(line.amount_minor for line in quote.lines) == quote.total_minor


@given(offers, st.sampled_from(["economy", "standard", "express"]), currencies, quantities)
def test_every_total_can_be_charged(offer: tuple[str, str], lead_time: str, currency: str, quantity: int) -> None:
    quote = price_quote([priced(offer, quantity, currency)], TARIFF, currency, LeadTime(lead_time))
    assert not any(option.total_minor % step_minor(currency) for option in quote.lead_time_options)
    assert quote.total_minor % step_minor(currency) == 0


def test_a_sheet_is_shared_by_the_pieces_that_go_on_it() -> None:
    line = priced(("laser", "WOOD-3"), 12).lines[1]
    assert f"84 {TIMES} 54 mm (with margin), 51 to a sheet of 600 {TIMES} 400 mm = 2400 cm²" in line.explanation
    assert line.amount_minor == whole(Decimal("47.06") * 12 * 22_00 / 10_000)


def test_a_drawing_larger_than_every_sheet_is_priced_for_a_person_to_see() -> None:
    agreed = terms("laser", "WOOD")
    item = price_item(agreed, estimate(agreed), (2_000, 100))
    assert "larger than any sheet: 2084.16 cm²" in item.lines[1].explanation
    assert not any(machine.suitable for machine in item.machines)


def test_resin_pieces_share_a_plate_and_never_pay_less_than_the_plates_take() -> None:
    for quantity in (1, 2, 3, 4, 9):
        item = priced(("resin", "RESIN"), quantity, "eur", "standard", 10, 7_200)
        plates = -(-quantity // 3)
        assert Decimal(item.machine_hours) >= plates * 2
        assert Decimal(item.machine_hours) <= plates * 2 + 2
    assert "3 share a plate" in item.lines[2].explanation


def test_an_estimate_of_something_else_is_a_bug() -> None:
    with pytest.raises(ValueError, match="the terms are not"):
        price_item(terms("fdm", "ABS"), estimate(terms("fdm", "PLA")), SOLID_MM)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -1.0])
def test_an_estimate_that_is_no_amount_is_a_bug(number: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        price(terms(), mass_g=number)
    with pytest.raises(ValueError, match="finite"):
        price(terms(), time_s=number)


def test_more_than_one_order_may_be_is_refused() -> None:
    with pytest.raises(QuotingRefusalError, match="longest lead time") as caught:
        price(terms(quantity=1000), time_s=40_000)
    assert caught.value.code is RefusalCode.ORDER_TOO_LARGE
    assert "fewer than 1000" in caught.value.detail
    with pytest.raises(QuotingRefusalError, match=re.escape("above the 999999.99 EUR")):
        price(terms(quantity=1000), mass_g=1e9, time_s=1)


def test_one_piece_that_is_too_much_is_not_to_be_ordered_in_fewer_pieces() -> None:
    with pytest.raises(QuotingRefusalError, match="split the part"):
        price(terms(), time_s=1e8)


def test_breaks_beyond_the_largest_order_are_left_out() -> None:
    item = price(terms(), mass_g=5_000_000, time_s=1)
    assert max(row.quantity for row in item.quantity_breaks) < 25
