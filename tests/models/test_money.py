"""Amounts are exact in every currency: their decimals, what of them can travel, and how a share is split."""

import re
from functools import partial

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from fulfil.models.money import (
    CURRENCIES,
    AmountTextError,
    Currency,
    CurrencyMismatchError,
    Money,
    UnknownCurrencyError,
    exponent,
    format_money,
    parse_amount,
    share_minor,
    split_commission,
    step_minor,
)

AMOUNTS = st.integers(0, 99_999_999_999)
BASIS_POINTS = st.integers(0, 10_000)
currencies = st.sampled_from(sorted(CURRENCIES))


@pytest.mark.parametrize(
    ("currency", "places", "step"),
    [
        *(("eur", 2, 1), ("usd", 2, 1), ("gbp", 2, 1), ("huf", 2, 1), ("twd", 2, 1), ("cop", 2, 1), ("idr", 2, 1)),
        *(("jpy", 0, 1), ("krw", 0, 1), ("clp", 0, 1), ("vnd", 0, 1), ("xof", 0, 1), ("isk", 0, 1), ("ugx", 0, 1)),
        *(("bhd", 3, 10), ("jod", 3, 10), ("kwd", 3, 10), ("omr", 3, 10), ("tnd", 3, 10)),
        ("mga", 2, 100),
    ],
)
def test_decimals_are_those_of_iso_4217_and_the_step_what_stripe_moves(currency: str, places: int, step: int) -> None:
    assert (exponent(currency), step_minor(currency)) == (places, step)


def test_every_currency_of_stripes_is_known() -> None:
    assert len(CURRENCIES) > 135
    assert all(re.fullmatch("[a-z]{3}", currency) for currency in CURRENCIES)


@pytest.mark.parametrize("unknown", ["xyz", "EUR", "", "euro", "btc"])
def test_an_unknown_currency_is_named_and_never_counted_in_hundredths(unknown: str) -> None:
    for ask in (exponent, step_minor, partial(format_money, 100), partial(parse_amount, "1")):
        with pytest.raises(UnknownCurrencyError, match=re.escape(repr(unknown))):
            ask(unknown)
    with pytest.raises(ValidationError):
        TypeAdapter(Currency).validate_python(unknown)


def test_an_unknown_currency_of_a_message_is_named() -> None:
    with pytest.raises(ValidationError, match="can't be taken in 'xyz'"):
        Money(amount_minor=1, currency="xyz")


def test_amounts_of_two_currencies_are_never_added() -> None:
    euro, yen = Money(amount_minor=100, currency="eur"), Money(amount_minor=100, currency="jpy")
    assert euro.plus(euro) == Money(amount_minor=200, currency="eur")
    with pytest.raises(CurrencyMismatchError, match="eur and jpy"):
        euro.plus(yen)


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        *((1299, "eur", "12.99 EUR"), (-5, "usd", "-0.05 USD"), (0, "gbp", "0.00 GBP")),
        *((1299, "jpy", "1299 JPY"), (-5, "isk", "-5 ISK"), (0, "krw", "0 KRW")),
        *((1290, "kwd", "1.290 KWD"), (-5, "bhd", "-0.005 BHD"), (12_345_678, "omr", "12345.678 OMR")),
    ],
)
def test_an_amount_is_shown_with_the_decimals_of_its_currency(amount: int, currency: str, shown: str) -> None:
    assert format_money(amount, currency) == shown


@given(AMOUNTS, currencies)
def test_what_is_shown_is_read_back(amount: int, currency: str) -> None:
    assert parse_amount(format_money(amount, currency).split()[0], currency) == amount


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [("12.9", "eur", 1290), (" 12 ", "eur", 1200), ("500", "jpy", 500), ("1.2", "kwd", 1200), ("0.005", "kwd", 5)],
)
def test_what_people_write_is_read(text: str, currency: str, amount: int) -> None:
    assert parse_amount(text, currency) == amount


@pytest.mark.parametrize(
    ("text", "currency", "why"),
    [
        ("12.345", "eur", "3 decimals, and EUR has 2"),
        ("1.0", "jpy", "1 decimals, and JPY has 0"),
        ("1.2345", "kwd", "4 decimals, and KWD has 3"),
        *((wrong, "eur", "is no amount; write it like 10.00 EUR") for wrong in ("", "-1", "1,5", "1.000,00", "1e3")),
        *((wrong, "jpy", "is no amount; write it like 10 JPY") for wrong in (".5", "5.", "١٢", "NaN", "1 000")),
    ],
)
def test_what_is_no_amount_of_the_currency_is_refused(text: str, currency: str, why: str) -> None:
    with pytest.raises(AmountTextError, match=re.escape(why)):
        parse_amount(text, currency)


@given(AMOUNTS, BASIS_POINTS, currencies)
@example(amount=416, basis_points=121, currency="tnd")
def test_payout_and_commission_sum_to_what_is_split_and_the_payout_can_travel(
    amount: int, basis_points: int, currency: str
) -> None:
    payout, commission = split_commission(amount, basis_points, currency)
    step = step_minor(currency)
    assert payout + commission == amount
    assert min(payout, commission) >= 0
    assert payout % step == 0
    assert abs(commission * 10_000 - amount * basis_points) < step * 10_000


@given(AMOUNTS, BASIS_POINTS)
def test_where_every_unit_can_travel_the_commission_is_the_share_rounded_half_up(
    amount: int, basis_points: int
) -> None:
    _, commission = split_commission(amount, basis_points, "eur")
    assert commission == share_minor(amount, basis_points) == (amount * basis_points + 5_000) // 10_000


@pytest.mark.parametrize(
    ("amount", "currency", "payout", "commission"),
    [
        (9_999, "usd", 8_499, 1_500),
        (9_999, "jpy", 8_499, 1_500),
        (12_350, "kwd", 10_500, 1_850),
        (12_340, "kwd", 10_490, 1_850),
        (12_345, "kwd", 10_490, 1_855),
        (10, "kwd", 10, 0),
        (9, "kwd", 0, 9),
    ],
)
def test_fifteen_percent_of_an_amount(amount: int, currency: str, payout: int, commission: int) -> None:
    assert split_commission(amount, 1_500, currency) == (payout, commission)
