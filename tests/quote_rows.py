"""Rows of a quote as the worker writes them, for tests that need one and don't care how it came about."""

from datetime import datetime, timedelta

from fulfil.models.tables.quotes import QuoteItemRow, QuoteRow

PRICED = {
    "lines": [{"code": "setup", "title": "Set-up", "explanation": "Once.", "amount_minor": 1299}],
    "quantity_breaks": [],
    "machines": [],
    "machine_hours": "0.5",
    "production_days": 1,
}


def quote_row(
    quote_id: str,
    customer_id: str,
    at: datetime,
    *,
    total_minor: int = 1299,
    currency: str = "eur",
    status: str = "firm",
) -> QuoteRow:
    """A quote that is valid for a week."""
    return QuoteRow(
        id=quote_id,
        customer_id=customer_id,
        status=status,
        currency=currency,
        tier="standard",
        lead_time="standard",
        lead_time_days=5,
        lead_time_options=[],
        lines=[],
        items_minor=total_minor,
        total_minor=total_minor,
        tariff_version="2026-2",
        rules_version="2026-1",
        total_calculation_time_ms=12,
        created_at=at,
        expires_at=at + timedelta(days=7),
    )


def item_row(
    quote_id: str,
    file_id: str,
    *,
    position: int = 0,
    amount_minor: int = 1299,
    material: str = "PLA",
    quantity: int = 2,
    material_g: int = 3,
    status: str = "firm",
) -> QuoteItemRow:
    """One file of it, priced."""
    wish = {"process": "fdm", "material": material, "quantity": quantity}
    return QuoteItemRow(
        quote_id=quote_id,
        position=position,
        file_id=file_id,
        file_sha256="0" * 64,
        analysis_id=None,
        status=status,
        process="fdm",
        material=material,
        quantity=quantity,
        material_g=material_g,
        wish=wish,
        options={},
        accepted=[],
        findings=[],
        estimate=None,
        priced={**wish, **PRICED, "currency": "eur", "total_minor": amount_minor, "material_g": material_g},
        refusal=None,
        amount_minor=amount_minor,
        analyser_version="2026-1",
        coefficients_version=None,
        calculation_time_ms=12,
    )
