"""Document numbers: a series, a year and a count without gaps, such as `INV-2026-000123`."""

import re
from typing import Final

from fulfil.models.messages.documents import DocumentKind

SERIES: Final = {
    DocumentKind.INVOICE: "INV",
    DocumentKind.RECEIPT: "RCT",
    DocumentKind.CREDIT_NOTE: "CRN",
    DocumentKind.SELF_BILLING: "SBN",
}
_SERIES = re.compile(r"[A-Z0-9]+(-[A-Z0-9]+)*")
_YEARS = range(2000, 10_000)
MAX_SERIES = 20


def format_document_number(series: str, year: int, n: int) -> str:
    """`INV-2026-000123` for ("INV", 2026, 123); counts past 999999 just grow longer.

    Raises `ValueError` for a series other than capitals, digits and inner hyphens, a year out of four digits, n < 1.
    """
    if len(series) > MAX_SERIES or not _SERIES.fullmatch(series):
        raise ValueError(f"not a document series: {series!r}")
    if year not in _YEARS or n < 1:
        raise ValueError(f"not a place in a document series: {year}, {n}")
    return f"{series}-{year}-{n:06d}"
