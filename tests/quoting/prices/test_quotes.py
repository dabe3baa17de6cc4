"""A quote charges once what is charged once: small order, lead time, rounding."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulfil.models.messages.prices import LeadTime
from fulfil.quoting.prices.pricing import price_quote
from fulfil.quoting.refusals import QuotingRefusalError
from tests.quoting.prices.samples import TARIFF, price, terms

LONGEST_ITEMS = 4


@given(
    st.lists(st.tuples(st.sampled_from(["PLA", "TPU"]), st.integers(1, 40)), min_size=1, max_size=LONGEST_ITEMS),
    st.sampled_from(sorted(TARIFF.currencies)),
    st.sampled_from(LeadTime),
    st.floats(0.1, 300),
)
def test_items_and_lines_sum_to_the_total(
    chosen: list[tuple[str, int]], currency: str, lead_time: LeadTime, mass: float
) -> None:
    items = [price(terms("fdm", material, count, currency=currency), mass_g=mass) for material, count in chosen]
    quote = price_quote(items, TARIFF, currency, lead_time)
    rules = TARIFF.currencies[currency]
    assert quote.items_minor == sum(item.total_minor for item in items)
    assert quote.items_minor + sum(line.amount_minor for line in quote.lines) == quote.total_minor
    assert quote.total_minor % rules.rounding_step_minor == 0
    option = next(option for option in quote.lead_time_options if option.lead_time is lead_time)
    assert (option.total_minor, option.lead_time_days) == (quote.total_minor, quote.lead_time_days)
    before = max(quote.items_minor, rules.minimum_order_minor)
    exact = before * (1 + TARIFF.lead_times[lead_time].percent / 100)
    assert abs(quote.total_minor - exact) <= Decimal(rules.rounding_step_minor + 1) / 2
    assert quote == price_quote(items, TARIFF, currency, lead_time)


def test_sooner_costs_more_and_takes_fewer_days() -> None:
    quote = price_quote([price(terms(quantity=40))], TARIFF, "eur", LeadTime.STANDARD)
    totals = [option.total_minor for option in quote.lead_time_options]
    days = [option.lead_time_days for option in quote.lead_time_options]
    assert totals == sorted(totals)
    assert days == sorted(days, reverse=True)
    assert len(set(days)) == len(LeadTime)
    assert quote.lines == ()


def test_a_small_order_is_topped_up_once_and_then_hurried() -> None:
    item = price(terms(), mass_g=1, time_s=60)
    quote = price_quote([item], TARIFF, "eur", LeadTime.EXPRESS)
    small, hurry = quote.lines
    assert (small.code, small.amount_minor) == ("small_order", 12_00 - item.total_minor)
    assert (hurry.code, hurry.amount_minor, hurry.explanation) == ("lead_time", 3_00, "Express: +25 % of 12.00 EUR")
    assert quote.total_minor == 15_00


def test_economy_takes_something_off() -> None:
    item = price(terms(quantity=10))
    quote = price_quote([item], TARIFF, "eur", LeadTime.ECONOMY)
    off = int((Decimal(item.total_minor) * 8 / 100).to_integral_value(ROUND_HALF_UP))
    assert [line.amount_minor for line in quote.lines] == [-off]


def test_rounding_is_a_line_of_its_own() -> None:
    items = [price(terms(currency="jpy", quantity=count)) for count in range(2, 12)]
    quotes = [price_quote([item], TARIFF, "jpy", LeadTime.STANDARD) for item in items]
    rounding = [line for quote in quotes for line in quote.lines if line.code == "rounding"]
    assert rounding
    assert all(line.amount_minor and -5 < line.amount_minor <= 5 for line in rounding)
    assert all("to the nearest 10 JPY" in line.explanation for line in rounding)


def test_processes_work_side_by_side_and_one_process_does_its_items_in_turn() -> None:
    def days(*items: str) -> int:
        made = [price(terms("laser" if name == "WOOD" else "fdm", name, 10), time_s=28_800) for name in items]
        return price_quote(made, TARIFF, "eur", LeadTime.STANDARD).lead_time_days

    assert days("PLA") == 2 + 4
    assert days("WOOD") == 2 + 5
    assert days("PLA", "WOOD") == 2 + 5
    assert days("PLA", "ABS") == 2 + 8


def test_items_of_another_currency_or_none_at_all_are_bugs() -> None:
    with pytest.raises(ValueError, match="items"):
        price_quote([], TARIFF, "eur", LeadTime.STANDARD)
    with pytest.raises(ValueError, match="currency"):
        price_quote([price(terms(currency="usd"))], TARIFF, "eur", LeadTime.STANDARD)


def test_items_that_are_too_much_together_are_refused() -> None:
    item = price(terms(quantity=500), time_s=3_600)
    with pytest.raises(QuotingRefusalError, match="longest lead time"):
        price_quote([item, item, item], TARIFF, "eur", LeadTime.STANDARD)
    hurried = price_quote([item, item], TARIFF, "eur", LeadTime.EXPRESS)
    assert [option.lead_time for option in hurried.lead_time_options] == list(LeadTime)


def test_a_lead_time_that_can_not_be_kept_is_no_option() -> None:
    item = price(terms(quantity=560), time_s=3_600)
    quote = price_quote([item, item], TARIFF, "eur", LeadTime.EXPRESS)
    assert [option.lead_time for option in quote.lead_time_options] == [LeadTime.STANDARD, LeadTime.EXPRESS]
