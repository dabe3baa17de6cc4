"""Currencies as Stripe has them: all it presents, whole units of what has no fractions, fees that can be moved."""

import pytest

from fulfil.simulators.stripe.charges import fee_minor
from fulfil.simulators.stripe.currencies import SUPPORTED, UNITS, minimum_of, rounded, shown
from tests.simulators.stripe_http import StripeHttp

INTENTS = "/v1/payment_intents"


@pytest.mark.parametrize("currency", SUPPORTED)
def test_a_fee_can_be_moved_and_is_never_more_than_the_charge(currency: str) -> None:
    unit = UNITS.get(currency, 1)
    for amount in (unit, 50 * unit, 1_237 * unit):
        fee = fee_minor(amount, currency)
        assert (fee % unit, 0 <= fee <= amount) == (0, True)


@pytest.mark.parametrize(
    ("amount", "currency", "fee"),
    [(10_000, "eur", 175), (10_000, "jpy", 175), (10_490, "kwd", 180), (50_000, "isk", 800), (100, "ugx", 0)],
)
def test_what_a_charge_costs(amount: int, currency: str, fee: int) -> None:
    assert fee_minor(amount, currency) == fee


def test_amounts_are_rounded_half_up() -> None:
    assert [rounded(amount, "kwd") for amount in (4, 5, 14, 15, 20)] == [0, 10, 10, 20, 20]
    assert [rounded(amount, "isk") for amount in (49, 50, 149)] == [0, 100, 100]


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [(1299, "eur", "12.99 EUR"), (1299, "jpy", "1299 JPY"), (1290, "kwd", "1.290 KWD"), (50_000, "isk", "500 ISK")],
)
def test_an_amount_is_told_as_people_say_it(amount: int, currency: str, text: str) -> None:
    assert shown(amount, currency) == text


def test_an_ariary_is_one_unit_at_stripe() -> None:
    assert shown(500, "mga") == "500.00 MGA"


@pytest.mark.parametrize("currency", ["kwd", "ugx", "isk", "vnd", "mga", "xof"])
async def test_a_currency_of_any_number_of_decimals_is_charged(stripe: StripeHttp, currency: str) -> None:
    intent = await stripe.made(INTENTS, amount=10_000, currency=currency)
    assert (intent["amount"], intent["currency"]) == (10_000, currency)


@pytest.mark.parametrize(("currency", "amount"), [("kwd", 10_005), ("isk", 10_050), ("ugx", 10_001)])
async def test_what_no_card_carries_is_refused(stripe: StripeHttp, currency: str, amount: int) -> None:
    answer = await stripe.post(INTENTS, amount=amount, currency=currency)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, "amount", "parameter_invalid_integer")
    assert "evenly divisible" in error["message"]


@pytest.mark.parametrize("currency", ["gbp", "hkd", "mxn", "huf"])
async def test_less_than_the_least_charge_is_refused(stripe: StripeHttp, currency: str) -> None:
    least = minimum_of(currency)
    answer = await stripe.post(INTENTS, amount=least - 1, currency=currency)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "amount_too_small")
    assert (await stripe.made(INTENTS, amount=least, currency=currency))["amount"] == least
