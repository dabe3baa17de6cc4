"""Money as integer minor units with a currency; no float ever touches an amount."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Currency = Annotated[str, StringConstraints(pattern=r"^[a-z]{3}$")]
AmountMinor = Annotated[int, Field(ge=0, le=99_999_999_999, strict=True)]
# A price line may take something off.
SignedMinor = Annotated[int, Field(ge=-99_999_999_999, le=99_999_999_999, strict=True)]

ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"]
)
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])


class CurrencyMismatchError(ValueError):
    """Two amounts of different currencies were combined."""


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
    """Decimal places of a currency's minor unit (ISO 4217): eur 2, jpy 0, bhd 3."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def format_money(amount_minor: int, currency: str) -> str:
    """`12.99 EUR` for (1299, "eur"); integer arithmetic only."""
    places = exponent(currency)
    sign = "-" if amount_minor < 0 else ""
    whole, rest = divmod(abs(amount_minor), 10**places)
    fraction = f".{rest:0{places}d}" if places else ""
    return f"{sign}{whole}{fraction} {currency.upper()}"


def share_minor(amount_minor: int, basis_points: int) -> int:
    """The share of an amount, rounded half up to a minor unit: 15 % is 1500 basis points."""
    return (amount_minor * basis_points + 5_000) // 10_000
