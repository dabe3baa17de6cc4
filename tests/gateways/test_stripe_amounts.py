"""Money at the border: whatever Stripe can carry comes back unchanged, and nothing else is sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulfil.gateways.stripe.amounts import from_stripe, to_stripe, to_stripe_payout
from fulfil.gateways.stripe.errors import StripeMisconfiguredError, StripeRefusedError
from fulfil.models.money import CURRENCIES, THREE_DECIMAL, ZERO_DECIMAL, step_minor

COUNTED_IN_HUNDREDTHS = {"isk", "ugx"}
TWO_DECIMAL = CURRENCIES - ZERO_DECIMAL - THREE_DECIMAL - {"mga"}
AMOUNTS = st.integers(min_value=-99_999_999_999, max_value=99_999_999_999)
currencies = st.sampled_from(sorted(CURRENCIES))


@given(AMOUNTS, currencies)
def test_an_amount_is_refused_or_comes_back_as_it_was(amount_minor: int, currency: str) -> None:
    try:
        sent = to_stripe(amount_minor, currency)
    except StripeRefusedError:
        assert amount_minor % step_minor(currency)
        return
    assert from_stripe(sent, currency) == amount_minor


@given(AMOUNTS, currencies)
def test_whole_steps_are_never_refused(steps: int, currency: str) -> None:
    amount_minor = steps * step_minor(currency)
    assert from_stripe(to_stripe(amount_minor, currency), currency) == amount_minor


@given(AMOUNTS, AMOUNTS, currencies)
def test_a_sum_is_the_sum_of_its_parts_on_either_side(first: int, second: int, currency: str) -> None:
    first, second = (amount * step_minor(currency) for amount in (first, second))
    assert to_stripe(first, currency) + to_stripe(second, currency) == to_stripe(first + second, currency)


@given(AMOUNTS, st.sampled_from(sorted(TWO_DECIMAL)))
def test_two_decimals_are_stripes_own(amount_minor: int, currency: str) -> None:
    assert to_stripe(amount_minor, currency) == amount_minor


@given(AMOUNTS, st.sampled_from(sorted(ZERO_DECIMAL - COUNTED_IN_HUNDREDTHS)))
def test_currencies_without_decimals_are_sent_as_they_are(amount_minor: int, currency: str) -> None:
    assert to_stripe(amount_minor, currency) == amount_minor


@given(AMOUNTS, st.sampled_from(sorted(THREE_DECIMAL)))
def test_three_decimals_are_sent_in_tens_or_not_at_all(amount_minor: int, currency: str) -> None:
    if amount_minor % 10 == 0:
        assert to_stripe(amount_minor, currency) == amount_minor
        return
    with pytest.raises(StripeRefusedError, match="amount_not_representable"):
        to_stripe(amount_minor, currency)


@given(AMOUNTS, st.sampled_from(sorted(COUNTED_IN_HUNDREDTHS)))
def test_whole_units_are_counted_in_hundredths(units: int, currency: str) -> None:
    assert to_stripe(units, currency) == units * 100
    assert from_stripe(units * 100, currency) == units


@pytest.mark.parametrize(("currency", "ours", "stripes"), [("ugx", 500, 50_000), ("isk", 5, 500), ("mga", 50_000, 500)])
def test_an_amount_that_stripe_counts_otherwise(currency: str, ours: int, stripes: int) -> None:
    assert (to_stripe(ours, currency), from_stripe(stripes, currency)) == (stripes, ours)


@pytest.mark.parametrize("fraction", [1, 50, 99, 101])
@pytest.mark.parametrize("currency", sorted(COUNTED_IN_HUNDREDTHS))
def test_a_fraction_of_a_shilling_or_crown_is_for_a_person(fraction: int, currency: str) -> None:
    with pytest.raises(StripeMisconfiguredError):
        from_stripe(fraction, currency)


def test_a_fraction_of_an_ariary_is_refused() -> None:
    with pytest.raises(StripeRefusedError, match="amount_not_representable"):
        to_stripe(50_050, "mga")


def test_a_currency_nobody_knows_is_named_on_either_side() -> None:
    with pytest.raises(StripeRefusedError, match="currency_unknown: Payments can't be taken in 'xyz'"):
        to_stripe(100, "xyz")
    with pytest.raises(StripeMisconfiguredError, match="xyz"):
        from_stripe(100, "xyz")


@pytest.mark.parametrize("currency", ["huf", "twd"])
def test_a_payout_in_whole_units_only_is_refused_with_a_fraction(currency: str) -> None:
    assert to_stripe_payout(1200, currency) == 1200
    assert to_stripe(1250, currency) == 1250
    with pytest.raises(StripeRefusedError, match="amount_not_representable"):
        to_stripe_payout(1250, currency)
