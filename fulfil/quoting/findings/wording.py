"""Findings put together alike: severity from the table, numbers rounded, lengths and counts written out."""

from fulfil.models.messages.findings import Finding, FindingCode, Severity
from fulfil.quoting.findings.table import Rules

Measured = tuple[float, float, str]  # the number found, its limit, their unit


def finding(
    rules: Rules,
    code: FindingCode,
    message: str,
    remedy: str,
    measured: Measured | None = None,
    *,
    where_mm: tuple[float, ...] | None = None,
    severity: Severity | None = None,
) -> Finding:
    """A finding as grave as the table says, unless the limits decide its `severity`."""
    number, limit, measure = measured or (None, None, None)
    return Finding(
        code=code,
        severity=rules.severities[code] if severity is None else severity,
        message=message,
        remedy=remedy,
        where_mm=where_mm,
        number=None if number is None else round(number, 3),
        limit=None if limit is None else round(limit, 3),
        measure=measure,
    )


def mm(length: float) -> str:
    """`0.45 mm`."""
    return f"{length:.2f} mm"


def count(number: int, noun: str) -> str:
    """`1 edge`, `2 edges`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
