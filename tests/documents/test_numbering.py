"""Document numbers."""

import pytest

from fulfil.documents.numbering import SERIES, format_document_number
from fulfil.models.messages.documents import DocumentKind


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (DocumentKind.INVOICE, "INV-2026-000123"),
        (DocumentKind.CREDIT_NOTE, "CRN-2026-000123"),
        (DocumentKind.SELF_BILLING, "SBN-2026-000123"),
        (DocumentKind.RECEIPT, "RCT-2026-000123"),
    ],
)
def test_every_kind_counts_in_a_series_of_its_own(kind: DocumentKind, number: str) -> None:
    assert format_document_number(SERIES[kind], 2026, 123) == number


def test_a_provider_may_have_a_series_of_its_own() -> None:
    assert format_document_number("SBN-P0042", 2026, 7) == "SBN-P0042-2026-000007"


def test_the_millionth_document_has_a_number_too() -> None:
    assert format_document_number("INV", 2026, 1_000_000) == "INV-2026-1000000"


@pytest.mark.parametrize("series", ["", "inv", "INV-", "-INV", "IN V", "INV\n", "X" * 21])
def test_a_series_is_capitals_and_digits(series: str) -> None:
    with pytest.raises(ValueError, match="not a document series"):
        format_document_number(series, 2026, 1)


@pytest.mark.parametrize(("year", "n"), [(26, 1), (10_000, 1), (2026, 0), (2026, -1)])
def test_a_number_has_a_year_and_counts_from_one(year: int, n: int) -> None:
    with pytest.raises(ValueError, match="not a place"):
        format_document_number("INV", year, n)
