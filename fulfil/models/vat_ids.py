"""VAT ids: whose country's letters they open with, and what may follow them."""

import re
from typing import Final

# What follows the prefix, as the EU's register (VIES) and the United Kingdom write it.
_BRITISH: Final = r"\d{9}(\d{3})?|(GD|HA)\d{3}"
_FORMS: Final = {
    "AT": r"U\d{8}",
    "BE": r"[01]\d{9}",
    "BG": r"\d{9,10}",
    "CY": r"\d{8}[A-Z]",
    "CZ": r"\d{8,10}",
    "DE": r"\d{9}",
    "DK": r"\d{8}",
    "EE": r"\d{9}",
    "EL": r"\d{9}",
    "ES": r"[A-Z]\d{7}[A-Z0-9]|\d{8}[A-Z]",
    "FI": r"\d{8}",
    "FR": r"[A-HJ-NP-Z0-9]{2}\d{9}",
    "GB": _BRITISH,
    "HR": r"\d{11}",
    "HU": r"\d{8}",
    "IE": r"\d[A-Z0-9+*]\d{5}[A-Z]{1,2}",
    "IT": r"\d{11}",
    "LT": r"\d{9}(\d{3})?",
    "LU": r"\d{8}",
    "LV": r"\d{11}",
    "MT": r"\d{8}",
    "NL": r"\d{9}B\d{2}",
    "PL": r"\d{10}",
    "PT": r"\d{9}",
    "RO": r"\d{2,10}",
    "SE": r"\d{12}",
    "SI": r"\d{8}",
    "SK": r"\d{10}",
    "XI": _BRITISH,
}
# Countries whose prefix is not their own code: Greece's own, Northern Ireland's, and those within another's tax.
_PREFIXES: Final = {
    "AX": ("FI",),
    "GB": ("GB", "XI"),
    "GR": ("EL",),
    "IM": ("GB",),
    "MC": ("FR",),
    **dict.fromkeys(("GF", "GP", "MF", "MQ", "RE", "YT"), ("FR",)),
}
# Elsewhere forms are many; all of them have a number in them.
_DIGITS_ELSEWHERE: Final = 3


def flaw_of_vat_id(vat_id: str, country: str) -> str | None:
    """What is wrong with a VAT id of a business in a country (ISO 3166-1), and the remedy; None when it may be one.

    It is written as registers write it: capitals and digits, without punctuation.
    """
    prefixes = _PREFIXES.get(country, (country,))
    prefix, number = vat_id[:2], vat_id[2:]
    if prefix not in prefixes:
        return f"a VAT id of {country} opens with {' or '.join(prefixes)}: correct it or the country, or leave it out"
    form = _FORMS.get(prefix)
    plausible = re.fullmatch(form, number) if form else sum(map(str.isdigit, number)) >= _DIGITS_ELSEWHERE
    return None if plausible else f"this is no VAT id of {prefix}: copy it from your registration, or leave it out"
