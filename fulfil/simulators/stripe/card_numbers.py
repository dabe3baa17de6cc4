"""Card details as a browser sends them: checked as Stripe does, then known by their test token only."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from fulfil.simulators.stripe.cards import TOKENS_BY_NUMBER
from fulfil.simulators.stripe.errors import StripeApiError, missing_parameter
from fulfil.simulators.stripe.parameters import Parameters

CENTURY = 2000
TEST_TOKENS = re.compile(r"tok_(\w+)")


@dataclass(frozen=True)
class GivenCard:
    """A card that passed the checks: its test token and what was typed beside the number."""

    token: str
    exp_month: int
    exp_year: int
    cvc_given: bool


def read_card(card: Parameters, now: float) -> GivenCard:
    """The card behind `card[number]` and its fellows; raises the 402 that a wrong entry gets."""
    number = re.sub(r"[\s-]", "", card.required_text("number"))
    month, year = card.integer("exp_month"), card.integer("exp_year")
    if month is None or year is None:
        raise missing_parameter(card.name("exp_month" if month is None else "exp_year"))
    if not re.fullmatch(r"[0-9]{12,19}", number) or not _passes_luhn(number):
        raise _entry_error("incorrect_number", "Your card number is incorrect.", "number")
    year += CENTURY if year < 100 else 0  # noqa: PLR2004 (two digits)
    today = datetime.fromtimestamp(now, UTC)
    if not 1 <= month <= 12:  # noqa: PLR2004 (months)
        raise _entry_error("invalid_expiry_month", "Your card's expiration month is invalid.", "exp_month")
    if not today.year <= year <= today.year + 50:
        raise _entry_error("invalid_expiry_year", "Your card's expiration year is invalid.", "exp_year")
    if (year, month) < (today.year, today.month):
        raise _entry_error("invalid_expiry_month", "Your card's expiration month is invalid.", "exp_month")
    cvc = card.text("cvc")
    if cvc is not None and not re.fullmatch(r"[0-9]{3,4}", cvc):
        raise _entry_error("invalid_cvc", "Your card's security code is invalid.", "cvc")
    token = TOKENS_BY_NUMBER.get(number)
    if token is None:
        message = (
            "Your card was declined. Your request was in test mode, but used a non test (live) card. For a list of "
            "valid test cards, visit: https://stripe.com/docs/testing."
        )
        raise StripeApiError(
            402, message, kind="card_error", code="card_declined", param="number",
            extra={"decline_code": "test_mode_live_card"},
        )  # fmt: skip
    return GivenCard(token, month, year, cvc is not None)


def _passes_luhn(number: str) -> bool:
    total = 0
    for position, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 (the sum of two digits)
    return total % 10 == 0


def _entry_error(code: str, message: str, param: str) -> StripeApiError:
    return StripeApiError(402, message, kind="card_error", code=code, param=param)
