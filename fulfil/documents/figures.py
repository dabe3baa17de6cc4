"""Amounts, rates and dates as a page shows them; integer arithmetic only."""

from datetime import UTC, date, datetime

from fulfil.models.money import exponent

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def amount(minor: int, currency: str) -> str:
    """`-1,234.56` for (-123456, "eur"), `1,234` for (1234, "jpy"); the currency stands elsewhere."""
    places = exponent(currency)
    whole, rest = divmod(abs(minor), 10**places)
    fraction = f".{rest:0{places}d}" if places else ""
    return f"{'-' if minor < 0 else ''}{whole:,}{fraction}"


def amount_with_currency(minor: int, currency: str) -> str:
    """`1,234.56 EUR`, with a space that no line breaks at."""
    return f"{amount(minor, currency)}\u00a0{currency.upper()}"


def rate(tax_bp: int) -> str:
    """`19%` for 1900, `7.5%` for 750, `8.25%` for 825."""
    whole, rest = divmod(tax_bp, 100)
    fraction = f".{rest:02d}".rstrip("0") if rest else ""
    return f"{whole}{fraction}%"


def day(at: datetime | date) -> str:
    """`21 November 2026`; a moment is told by its day in UTC."""
    on = at.astimezone(UTC).date() if isinstance(at, datetime) else at
    return f"{on.day} {MONTHS[on.month - 1]} {on.year}"
