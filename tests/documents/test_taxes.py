"""The tax inside gross prices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulfil.documents.taxes import tax_lines, tax_within
from fulfil.models.messages.documents import DocumentLine, LineRole
from tests.documents.snapshots import line

AMOUNTS = st.integers(min_value=-9_999_999, max_value=9_999_999)
RATES = st.sampled_from([0, 100, 550, 700, 825, 1900, 2000, 2700, 10_000])
LINES = st.lists(
    st.builds(line, st.just("part"), AMOUNTS, tax_bp=RATES, role=st.sampled_from(LineRole)), min_size=1, max_size=30
)


@pytest.mark.parametrize(
    ("gross_minor", "tax_bp", "tax_minor"),
    [
        (11900, 1900, 1900),
        (600, 1900, 96),
        (10700, 700, 700),
        (3, 10_000, 2),
        (-3, 10_000, -2),
        (1, 0, 0),
        (0, 1900, 0),
    ],
)
def test_the_tax_is_what_the_gross_amount_holds_rounded_half_up(gross_minor: int, tax_bp: int, tax_minor: int) -> None:
    assert tax_within(gross_minor, tax_bp) == tax_minor


@given(LINES)
def test_net_and_tax_add_up_to_what_the_lines_come_to(lines: list[DocumentLine]) -> None:
    taxes = tax_lines(lines)

    assert all(tax.net_minor + tax.tax_minor == tax.gross_minor for tax in taxes)
    assert sum(tax.gross_minor for tax in taxes) == sum(each.amount_minor for each in lines)
    assert len({(tax.role, tax.tax_bp) for tax in taxes}) == len(taxes)


@given(LINES)
def test_the_tax_is_never_further_than_half_a_minor_unit_from_exact(lines: list[DocumentLine]) -> None:
    for tax in tax_lines(lines):
        # |tax - gross * bp / (10000 + bp)| <= 1/2, without a fraction
        assert 2 * abs(tax.tax_minor * (10_000 + tax.tax_bp) - tax.gross_minor * tax.tax_bp) <= 10_000 + tax.tax_bp


@given(LINES)
def test_a_credit_note_over_everything_mirrors_its_invoice(lines: list[DocumentLine]) -> None:
    given_back = [each.model_copy(update={"amount_minor": -each.amount_minor}) for each in lines]

    mirrored = [(tax.role, tax.tax_bp, -tax.net_minor, -tax.tax_minor) for tax in tax_lines(given_back)]

    assert mirrored == [(tax.role, tax.tax_bp, tax.net_minor, tax.tax_minor) for tax in tax_lines(lines)]


def test_tax_is_rounded_once_for_a_rate_and_not_for_every_line() -> None:
    # Three times 0.10 hold 0.016 each, which would round to 0.06 together.
    (tax,) = tax_lines([line("part", 10)] * 3)

    assert (tax.net_minor, tax.tax_minor, tax.gross_minor) == (25, 5, 30)


def test_sales_come_first_then_commission_each_from_the_highest_rate() -> None:
    lines = [
        line("commission", -600, role=LineRole.COMMISSION),
        line("book", 1_000, tax_bp=700),
        line("export", 1_000, tax_bp=0),
        line("bracket", 4_000),
    ]

    assert [(tax.role, tax.tax_bp) for tax in tax_lines(lines)] == [
        (LineRole.SALE, 1900),
        (LineRole.SALE, 700),
        (LineRole.SALE, 0),
        (LineRole.COMMISSION, 1900),
    ]
