"""The border of the two ways to count money: ours by ISO 4217, Stripe's with its exceptions."""

from fractions import Fraction

from fulfil.gateways.stripe.errors import StripeMisconfiguredError, StripeRefusedError
from fulfil.models.money import UnknownCurrencyError, exponent, format_money, step_minor

# How many decimals Stripe counts where ISO 4217 says otherwise: hundredths of what has none any more, and whole ariary.
STRIPE_EXPONENTS = {"isk": 2, "ugx": 2, "mga": 0}
# Banks pay these out in whole units only, though they have hundredths.
WHOLE_UNIT_PAYOUTS = frozenset(["huf", "twd"])


def to_stripe(amount_minor: int, currency: str) -> int:
    """Our minor units in Stripe's: 500 UGX are 50000; raises `StripeRefusedError` for what Stripe can't carry."""
    _check_step(amount_minor, _step(currency), currency)
    return int(amount_minor * _factor(currency))


def to_stripe_payout(amount_minor: int, currency: str) -> int:
    """As `to_stripe`, for money sent to a bank, where some currencies know whole units only."""
    amount = to_stripe(amount_minor, currency)
    if currency in WHOLE_UNIT_PAYOUTS:
        _check_step(amount_minor, 10 ** exponent(currency), currency)
    return amount


def from_stripe(amount: int, currency: str) -> int:
    """Stripe's minor units in ours.

    Raises `StripeMisconfiguredError` for a fraction that we can't write down, and for a currency we don't know.
    """
    try:
        ours = amount / _factor(currency)
    except UnknownCurrencyError as error:
        raise StripeMisconfiguredError(f"Stripe moved money in {currency}, and {error}") from None
    if ours.denominator != 1:
        raise StripeMisconfiguredError(f"{amount} of Stripe's {currency} is a fraction of our minor unit")
    return int(ours)


def _step(currency: str) -> int:
    try:
        return step_minor(currency)
    except UnknownCurrencyError as error:
        raise StripeRefusedError("currency_unknown", f"{error}".capitalize()) from None


def _factor(currency: str) -> Fraction:
    """How many of Stripe's minor units are one of ours."""
    ours = exponent(currency)
    return Fraction(10) ** (STRIPE_EXPONENTS.get(currency, ours) - ours)


def _check_step(amount_minor: int, step: int, currency: str) -> None:
    if amount_minor % step:
        raise StripeRefusedError(
            "amount_not_representable", f"Stripe can't move {format_money(amount_minor, currency)} exactly."
        )
