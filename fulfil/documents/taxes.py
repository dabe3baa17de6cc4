"""The tax inside gross prices, summed and rounded once for each rate."""

from collections import defaultdict
from collections.abc import Iterable

from fulfil.models.messages.documents import DocumentLine, LineRole, TaxLine

WHOLE_BP = 10_000


def tax_lines(lines: Iterable[DocumentLine]) -> list[TaxLine]:
    """One line per role and rate, sales first, highest rate first; `net + tax == gross` always.

    Tax is rounded half up on the absolute amount, so a credit note mirrors its invoice to the minor unit.
    """
    gross: defaultdict[tuple[LineRole, int], int] = defaultdict(int)
    for line in lines:
        gross[line.role, line.tax_bp] += line.amount_minor
    order = sorted(gross, key=lambda key: (list(LineRole).index(key[0]), -key[1]))
    return [_tax_line(role, tax_bp, gross[role, tax_bp]) for role, tax_bp in order]


def tax_within(gross_minor: int, tax_bp: int) -> int:
    """The tax that a gross amount contains, in minor units, with the amount's sign: 958 of 6000 at 1900."""
    divisor = WHOLE_BP + tax_bp
    tax = (2 * abs(gross_minor) * tax_bp + divisor) // (2 * divisor)
    return -tax if gross_minor < 0 else tax


def _tax_line(role: LineRole, tax_bp: int, gross_minor: int) -> TaxLine:
    tax_minor = tax_within(gross_minor, tax_bp)
    return TaxLine(
        role=role, tax_bp=tax_bp, net_minor=gross_minor - tax_minor, tax_minor=tax_minor, gross_minor=gross_minor
    )
