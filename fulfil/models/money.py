"""Money as integer minor units with a currency; no float ever touches an amount.

Minor units are those of ISO 4217, for every currency that Stripe takes payments in; any other is refused by name, never
counted in hundredths on a guess. Not every minor unit can travel: `step_minor` is the least that can.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

WITHOUT_DECIMALS = "bif clp djf gnf isk jpy kmf krw pyg rwf ugx vnd vuv xaf xof xpf"
WITH_TWO = (
    "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc "
    "cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr jmd kes kgs khr kyd "
    "kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk "
    "php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah usd uyu "
    "uzs wst xcd xcg yer zar zmw"
)
WITH_THREE = "bhd jod kwd omr tnd"
ZERO_DECIMAL, THREE_DECIMAL = frozenset(WITHOUT_DECIMALS.split()), frozenset(WITH_THREE.split())
CURRENCIES = ZERO_DECIMAL | THREE_DECIMAL | frozenset(WITH_TWO.split())

# Cards carry no third decimal. An ariary has hundredths by ISO 4217, and none at Stripe.
STEPS = {**dict.fromkeys(THREE_DECIMAL, 10), "mga": 100}
WHOLE_BP = 10_000
AMOUNT_TEXT = re.compile(r"(\d{1,12})(?:\.(\d{1,6}))?", re.ASCII)


class UnknownCurrencyError(ValueError):
    """Nobody can be paid in this currency here, so nobody knows how many decimals it has."""


class CurrencyMismatchError(ValueError):
    """Two amounts of different currencies were combined."""


class AmountTextError(ValueError):
    """What somebody wrote is no amount of that currency."""


def known_currency(currency: str) -> str:
    """The currency itself; raises `UnknownCurrencyError` naming it when payments can't be taken in it."""
    if currency not in CURRENCIES:
        raise UnknownCurrencyError(f"payments can't be taken in {currency[:20]!r}")
    return currency


Currency = Annotated[str, StringConstraints(pattern=r"^[a-z]{3}$"), AfterValidator(known_currency)]
LARGEST_MINOR = 99_999_999_999
AmountMinor = Annotated[int, Field(ge=0, le=LARGEST_MINOR, strict=True)]
# A price line may take something off.
SignedMinor = Annotated[int, Field(ge=-LARGEST_MINOR, le=LARGEST_MINOR, strict=True)]


class Money(BaseModel):
    """An amount such as `{"amount_minor": 1299, "currency": "eur"}` (12.99 EUR)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount_minor: AmountMinor
    currency: Currency

    def plus(self, other: Self) -> Self:
        """The sum; raises `CurrencyMismatchError` when currencies differ."""
        if other.currency != self.currency:
            raise CurrencyMismatchError(f"{self.currency} and {other.currency} can't be added")
        return self.model_copy(update={"amount_minor": self.amount_minor + other.amount_minor})

    def __str__(self) -> str:
        return format_money(self.amount_minor, self.currency)


def exponent(currency: str) -> int:
    """Decimal places of a currency's minor unit (ISO 4217): eur 2, jpy 0, bhd 3; raises `UnknownCurrencyError`."""
    if known_currency(currency) in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def step_minor(currency: str) -> int:
    """The smallest amount that can be charged, transferred or refunded: 1 eur cent, 10 fils of a kwd, 1 jpy."""
    return STEPS.get(known_currency(currency), 1)


def format_money(amount_minor: int, currency: str) -> str:
    """`12.99 EUR` for (1299, "eur"); integer arithmetic only."""
    places = exponent(currency)
    sign = "-" if amount_minor < 0 else ""
    whole, rest = divmod(abs(amount_minor), 10**places)
    fraction = f".{rest:0{places}d}" if places else ""
    return f"{sign}{whole}{fraction} {currency.upper()}"


def parse_amount(text: str, currency: str) -> int:
    """Minor units of what somebody wrote: 1290 for ("12.9", "eur").

    Raises `AmountTextError` for more decimals than the currency has, a sign, or thousands set apart.
    """
    places = exponent(currency)
    found = AMOUNT_TEXT.fullmatch(text.strip())
    if found is None:
        raise AmountTextError(f"{text[:40]!r} is no amount; write it like {format_money(10 ** (places + 1), currency)}")
    whole, fraction = found[1], found[2] or ""
    if len(fraction) > places:
        raise AmountTextError(f"{text.strip()} has {len(fraction)} decimals, and {currency.upper()} has {places}")
    return int(whole + fraction.ljust(places, "0"))


def share_minor(amount_minor: int, basis_points: int) -> int:
    """The share of an amount, rounded half up: 15 % is 1500 basis points."""
    return (2 * amount_minor * basis_points + WHOLE_BP) // (2 * WHOLE_BP)


def apportion(amount_minor: int, weights: Sequence[int], currency: str) -> list[int]:
    """Split an amount in proportion to positive weights, exactly, whatever their sum.

    Parts are whole steps of the currency, if the amount is; what rounding leaves goes to the largest remainders.
    """
    step = step_minor(currency) if amount_minor % step_minor(currency) == 0 else 1
    wanted, total = amount_minor // step, sum(weights)
    parts = [wanted * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(wanted * weights[i] % total), i))
    for i in by_remainder[: wanted - sum(parts)]:
        parts[i] += 1
    return [part * step for part in parts]


def split_commission(amount_minor: int, basis_points: int, currency: str) -> tuple[int, int]:
    """Payout and commission of an amount, which they sum to.

    The payout is the whole number of steps nearest to its share, so that it can be transferred; the commission, which
    stays, takes what rounding leaves, half a step too.
    """
    step = step_minor(currency)
    whole = step * WHOLE_BP
    nearest = -((whole - 2 * amount_minor * (WHOLE_BP - basis_points)) // (2 * whole)) * step
    payout = nearest if nearest <= amount_minor else amount_minor // step * step
    return payout, amount_minor - payout
