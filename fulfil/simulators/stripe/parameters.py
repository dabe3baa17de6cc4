"""Typed reading of an operation's parameters, with Stripe's refusals for wrong ones."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from fulfil.simulators.stripe.currencies import SUPPORTED, UNITS, minimum_of
from fulfil.simulators.stripe.errors import StripeApiError, invalid_parameter, missing_parameter, unknown_parameter
from fulfil.simulators.stripe.forms import Form, FormValue

MAX_AMOUNT = 99_999_999
MAX_TEXT, MAX_EMAIL = 5000, 512
MAX_METADATA, MAX_METADATA_KEY, MAX_METADATA_VALUE = 50, 40, 500
UNSAFE_SCHEMES = frozenset(["javascript", "data", "vbscript"])


class Parameters:
    """The parameters of one request, or of a hash in it; every reader raises a 400 that names the parameter."""

    def __init__(self, values: Form, path: str = "") -> None:
        self.values = values
        self._path = path

    def name(self, name: str) -> str:
        """The parameter as an error names it: `card[exp_month]`."""
        return f"{self._path}[{name}]" if self._path else name

    def given(self, name: str) -> bool:
        """Whether it was sent, be it empty: an empty value unsets what can be unset."""
        return name in self.values

    def only(self, names: str) -> "Parameters":
        """Itself, when it has no parameters but these."""
        for name in self.values:
            if name not in names.split():
                raise unknown_parameter(self.name(name))
        return self

    def text(self, name: str, longest: int = MAX_TEXT) -> str | None:
        """A string; None when absent or empty."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            message = f"Invalid string: {name} must be a string, not a hash or an array"
            raise invalid_parameter(self.name(name), message)
        if len(value) > longest:
            message = f"Invalid string: {value[:20]}…; must be at most {longest} characters"
            raise invalid_parameter(self.name(name), message)
        return value

    def required_text(self, name: str) -> str:
        """A string that must be there."""
        value = self.text(name)
        if value is None:
            raise missing_parameter(self.name(name))
        return value

    def integer(self, name: str) -> int | None:
        """A whole number; None when absent."""
        value = self.text(name)
        if value is None:
            return None
        if not re.fullmatch(r"-?[0-9]{1,18}", value):
            raise invalid_parameter(self.name(name), f"Invalid integer: {value}", "parameter_invalid_integer")
        return int(value)

    def amount(self, name: str) -> int | None:
        """An amount in minor units, at least 1 and at most eight digits; None when absent."""
        value = self.integer(name)
        if value is None:
            return None
        if value < 1:
            message = "This value must be greater than or equal to 1."
            raise invalid_parameter(self.name(name), message, "parameter_invalid_integer")
        if value > MAX_AMOUNT:
            raise invalid_parameter(self.name(name), f"Amount must be no more than {MAX_AMOUNT}", "amount_too_large")
        return value

    def required_amount(self, name: str) -> int:
        """An amount that must be there."""
        value = self.amount(name)
        if value is None:
            raise missing_parameter(self.name(name))
        return value

    def currency(self) -> str:
        """A supported currency in lower case."""
        value = self.required_text("currency").lower()
        if value not in SUPPORTED:
            message = f"Invalid currency: {value}. Stripe currently supports these currencies: {', '.join(SUPPORTED)}"
            raise invalid_parameter(self.name("currency"), message)
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """`true` or `false`."""
        value = self.text(name)
        if value is not None and value not in ("true", "false"):
            raise invalid_parameter(self.name(name), f"Invalid boolean: {value}")
        return default if value is None else value == "true"

    def choice(self, name: str, options: Sequence[str]) -> str | None:
        """One of the options; None when absent."""
        value = self.text(name)
        if value is not None and value not in options:
            message = f"Invalid {self.name(name)}: must be one of {', '.join(options)}"
            raise invalid_parameter(self.name(name), message)
        return value

    def texts(self, name: str) -> list[str] | None:
        """An array of strings; None when absent."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        items = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
        if not isinstance(value, list) or len(items) != len(value):
            raise invalid_parameter(self.name(name), "Invalid array")
        return items

    def hash(self, name: str) -> "Parameters":
        """A nested hash; empty when absent."""
        value = self.values.get(name)
        if value is None or value == "":
            return Parameters({}, self.name(name))
        if isinstance(value, list):
            value = {str(index): item for index, item in enumerate(value)}
        if not isinstance(value, dict):
            raise invalid_parameter(self.name(name), "Invalid object")
        return Parameters(value, self.name(name))

    def metadata(self) -> dict[str, str]:
        """At most 50 keys of 40 characters with values of 500."""
        return self.merged_metadata({})

    def merged_metadata(self, present: Mapping[str, str]) -> dict[str, str]:
        """What an update makes of the present metadata: an empty value unsets its key, an empty hash all of them."""
        if self.values.get("metadata") == "":
            return {}
        entries = self.hash("metadata").values
        changed = {key: _metadata_value(self.name("metadata"), key, value) for key, value in entries.items()}
        merged = {key: value for key, value in {**present, **changed}.items() if value != ""}
        if len(merged) > MAX_METADATA:
            raise invalid_parameter(self.name("metadata"), f"Metadata can have at most {MAX_METADATA} keys")
        return merged

    def url(self, name: str) -> str | None:
        """An absolute URL (or an app's own scheme); None when absent."""
        value = self.text(name)
        if value is not None:
            scheme = urlsplit(value).scheme.lower()
            if not scheme or scheme in UNSAFE_SCHEMES or any(character.isspace() for character in value):
                raise invalid_parameter(self.name(name), "Not a valid URL", "url_invalid")
        return value

    def email(self, name: str) -> str | None:
        """An address that could exist; None when absent."""
        value = self.text(name)
        if value is not None and (len(value) > MAX_EMAIL or not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value)):
            raise invalid_parameter(self.name(name), f"Invalid email address: {value}", "email_invalid")
        return value


def _metadata_value(name: str, key: str, value: FormValue) -> str:
    param = f"{name}[{key}]"
    if len(key) > MAX_METADATA_KEY:
        raise StripeApiError(400, f"Metadata keys can be up to {MAX_METADATA_KEY} characters long", param=param)
    if not isinstance(value, str) or len(value) > MAX_METADATA_VALUE:
        message = f"Metadata values must be strings of up to {MAX_METADATA_VALUE} characters"
        raise StripeApiError(400, message, param=param)
    return value


def check_minimum(amount: int, currency: str) -> None:
    """Refuse a charge below the currency's minimum, and one that cards don't carry."""
    unit, minimum = UNITS.get(currency, 1), minimum_of(currency)
    if amount % unit:
        message = f"Invalid amount: amounts in {currency} must be evenly divisible by {unit}"
        raise invalid_parameter("amount", message, "parameter_invalid_integer")
    if amount < minimum:
        message = f"Amount must be at least {minimum} {currency}"
        raise invalid_parameter("amount", message, "amount_too_small")
