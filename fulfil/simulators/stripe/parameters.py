"""Typed reading of an operation's parameters, with Stripe's refusals for wrong ones."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from fulfil.simulators.stripe.errors import StripeApiError, invalid_parameter, missing_parameter
from fulfil.simulators.stripe.forms import Form, FormValue

MAX_AMOUNT = 99_999_999
MAX_METADATA, MAX_METADATA_KEY, MAX_METADATA_VALUE = 50, 40, 500
MINIMUM = {"gbp": 30, "dkk": 250, "nok": 300, "sek": 300, "czk": 1500, "pln": 200, "huf": 17500}
CURRENCY_CODES = (
    "aed ars aud bgn brl cad chf clp cny cop czk dkk egp eur gbp gel hkd huf idr ils inr isk jpy kes krw kzt "
    "mad mxn myr ngn nok nzd pen php pln qar ron rsd sar sek sgd thb try twd uah usd uyu vnd zar"
)
CURRENCIES = frozenset(CURRENCY_CODES.split())
UNSAFE_SCHEMES = frozenset(["javascript", "data", "vbscript"])


class Parameters:
    """The parameters of one request; every reader raises a 400 that names the parameter."""

    def __init__(self, values: Form) -> None:
        self.values = values

    def text(self, name: str) -> str | None:
        """A string; None when absent or empty."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise invalid_parameter(name, f"Invalid string: {name} must not be a hash or an array")
        return value

    def required_text(self, name: str) -> str:
        """A string that must be there."""
        value = self.text(name)
        if value is None:
            raise missing_parameter(name)
        return value

    def integer(self, name: str) -> int | None:
        """A whole number; None when absent."""
        value = self.text(name)
        if value is None:
            return None
        if not re.fullmatch(r"-?[0-9]{1,18}", value):
            raise invalid_parameter(name, f"Invalid integer: {value}", "parameter_invalid_integer")
        return int(value)

    def amount(self, name: str) -> int | None:
        """An amount in minor units, at least 1 and at most eight digits; None when absent."""
        value = self.integer(name)
        if value is None:
            return None
        if value < 1:
            message = "This value must be greater than or equal to 1."
            raise invalid_parameter(name, message, "parameter_invalid_integer")
        if value > MAX_AMOUNT:
            raise invalid_parameter(name, f"Amount must be no more than {MAX_AMOUNT}", "amount_too_large")
        return value

    def required_amount(self, name: str) -> int:
        """An amount that must be there."""
        value = self.amount(name)
        if value is None:
            raise missing_parameter(name)
        return value

    def currency(self) -> str:
        """A supported currency in lower case."""
        value = self.required_text("currency").lower()
        if value not in CURRENCIES:
            raise invalid_parameter("currency", f"Invalid currency: {value}.")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """`true` or `false`."""
        value = self.choice(name, ("true", "false"))
        return default if value is None else value == "true"

    def choice(self, name: str, options: Sequence[str]) -> str | None:
        """One of the options; None when absent."""
        value = self.text(name)
        if value is not None and value not in options:
            raise invalid_parameter(name, f"Invalid {name}: must be one of {', '.join(options)}")
        return value

    def texts(self, name: str) -> list[str] | None:
        """An array of strings; None when absent."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        items = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
        if not isinstance(value, list) or len(items) != len(value):
            raise invalid_parameter(name, "Invalid array")
        return items

    def hash(self, name: str) -> "Parameters":
        """A nested hash; empty when absent."""
        value = self.values.get(name)
        if value is None or value == "":
            return Parameters({})
        if isinstance(value, list):
            value = {str(index): item for index, item in enumerate(value)}
        if not isinstance(value, dict):
            raise invalid_parameter(name, "Invalid object")
        return Parameters(value)

    def metadata(self) -> dict[str, str]:
        """At most 50 keys of 40 characters with values of 500."""
        entries = self.hash("metadata").values
        if len(entries) > MAX_METADATA:
            raise invalid_parameter("metadata", f"Metadata can have at most {MAX_METADATA} keys")
        return {key: _metadata_value(key, value) for key, value in entries.items() if value != ""}

    def url(self, name: str) -> str | None:
        """An absolute URL (or an app's own scheme); None when absent."""
        value = self.text(name)
        if value is not None:
            scheme = urlsplit(value).scheme.lower()
            if not scheme or scheme in UNSAFE_SCHEMES or any(character.isspace() for character in value):
                raise invalid_parameter(name, "Not a valid URL", "url_invalid")
        return value


def _metadata_value(key: str, value: FormValue) -> str:
    param = f"metadata[{key}]"
    if len(key) > MAX_METADATA_KEY:
        raise StripeApiError(400, f"Metadata keys can be up to {MAX_METADATA_KEY} characters long", param=param)
    if not isinstance(value, str) or len(value) > MAX_METADATA_VALUE:
        message = f"Metadata values must be strings of up to {MAX_METADATA_VALUE} characters"
        raise StripeApiError(400, message, param=param)
    return value


def check_minimum(amount: int, currency: str) -> None:
    """Refuse a charge below the currency's minimum."""
    minimum = MINIMUM.get(currency, 50)
    if amount < minimum:
        message = f"Amount must be at least {minimum} {currency}"
        raise invalid_parameter("amount", message, "amount_too_small")
