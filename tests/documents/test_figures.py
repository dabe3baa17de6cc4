"""Amounts, rates and dates as a page shows them."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from fulfil.documents.figures import amount, amount_with_currency, day, rate


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        (123_456, "eur", "1,234.56"),
        (-123_456, "eur", "-1,234.56"),
        (5, "eur", "0.05"),
        (-5, "eur", "-0.05"),
        (0, "eur", "0.00"),
        (1_234_567, "jpy", "1,234,567"),
        (-1, "jpy", "-1"),
        (1_234_567, "bhd", "1,234.567"),
        (1, "kwd", "0.001"),
        (99_999_999_999, "usd", "999,999,999.99"),
    ],
)
def test_amounts_have_the_decimals_of_their_currency(minor: int, currency: str, shown: str) -> None:
    assert amount(minor, currency) == shown


def test_the_currency_stays_on_the_line_of_its_amount() -> None:
    assert amount_with_currency(123_456, "eur") == "1,234.56\u00a0EUR"


@pytest.mark.parametrize(
    ("tax_bp", "shown"), [(0, "0%"), (1900, "19%"), (750, "7.5%"), (825, "8.25%"), (5, "0.05%"), (10_000, "100%")]
)
def test_rates_are_as_short_as_they_can_be(tax_bp: int, shown: str) -> None:
    assert rate(tax_bp) == shown


def test_a_moment_is_told_by_its_day_in_utc() -> None:
    assert day(datetime(2026, 11, 21, 23, 30, tzinfo=timezone(timedelta(hours=-5)))) == "22 November 2026"
    assert day(datetime(2026, 1, 1, tzinfo=UTC)) == "1 January 2026"
    assert day(date(2026, 12, 31)) == "31 December 2026"
