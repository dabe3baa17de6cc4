"""What Stripe knows of currencies: the least charge, the units that can be moved, and how an amount is told."""

from fulfil.models.money import CURRENCIES, THREE_DECIMAL, format_money

SUPPORTED = tuple(sorted(CURRENCIES))
# Of accounts that settle in the currency; where none is published, what the euro's is in hundredths.
MINIMUM = {
    "aed": 200,
    "bgn": 100,
    "czk": 1500,
    "dkk": 250,
    "gbp": 30,
    "hkd": 400,
    "huf": 17500,
    "mxn": 1000,
    "myr": 200,
    "nok": 300,
    "pln": 200,
    "ron": 200,
    "sek": 300,
    "thb": 1000,
}
USUAL_MINIMUM = 50
# Counted in hundredths though they have none any more, and thousandths of which cards carry two digits.
UNITS = {"isk": 100, "ugx": 100, **dict.fromkeys(THREE_DECIMAL, 10)}
WHOLE_COUNTED, HUNDREDTHS_NOT_COUNTED = ("isk", "ugx"), ("mga",)


def minimum_of(currency: str) -> int:
    """The least amount of a charge, in Stripe's units."""
    return MINIMUM.get(currency, USUAL_MINIMUM)


def rounded(amount: int, currency: str) -> int:
    """To the nearest amount that can be moved, half up."""
    unit = UNITS.get(currency, 1)
    return (2 * amount + unit) // (2 * unit) * unit


def shown(amount: int, currency: str) -> str:
    """`500 ISK` for (50000, "isk"), `12.99 EUR` for (1299, "eur")."""
    if currency in WHOLE_COUNTED:
        amount //= UNITS[currency]
    elif currency in HUNDREDTHS_NOT_COUNTED:
        amount *= 100
    return format_money(amount, currency)
