"""Rows of quotes and analyses as the geometry worker writes them."""

from datetime import datetime, timedelta
from typing import Any

from fulfil.kit.clock import utc_now
from fulfil.models.messages.estimates import Estimate
from fulfil.models.messages.findings import Finding, FindingCode, Severity
from fulfil.models.messages.geometry import Closedness, LengthUnit, SolidGeometry, UnitBasis, UnitDecision
from fulfil.models.messages.prices import LeadTime, LeadTimeOption, MachineFit, PricedItem, PriceLine, QuantityBreak
from fulfil.models.messages.quotes import QuoteStatus, ReadingOptions
from fulfil.models.tables.quotes import FileAnalysisRow, QuoteItemRow, QuoteRow
from fulfil.quoting.analysis import ANALYSER_VERSION, Analysis, analysis_id

SOLID = SolidGeometry(
    unit=UnitDecision(
        unit=LengthUnit.MM,
        mm_per_unit=1,
        basis=UnitBasis.GUESSED,
        reason="as millimetres it is as large as a hand",
        alternatives=(LengthUnit.INCH,),
    ),
    volume_mm3=1000,
    area_mm2=600,
    size_mm=(10, 10, 10),
    triangles=12,
    closedness=Closedness.CLOSED,
)
GUESSED = Finding(
    code=FindingCode.UNIT_GUESSED,
    severity=Severity.RISK,
    message="The file states no unit; we took millimetres.",
    remedy="Confirm the unit.",
)
THIN = Finding(
    code=FindingCode.THIN_WALL,
    severity=Severity.RISK,
    message="A wall is 0.3 mm thin.",
    remedy="Make it 0.8 mm or accept the risk.",
    where_mm=(1, 2, 3),
    number=0.3,
    limit=0.8,
    measure="mm",
)
ESTIMATE = Estimate(
    process="fdm",
    material="PLA",
    method="fdm_layers",
    coefficients_version="2026-1",
    mass_g=1.2,
    time_s=600,
    mass_band_percent=6,
    time_band_percent=18,
    parts=(),
)


def priced(material: str = "PLA", amount_minor: int = 1299, quantity: int = 2) -> PricedItem:
    """An item with a price of one line."""
    return PricedItem(
        process="fdm",
        material=material,
        quantity=quantity,
        currency="eur",
        lines=(PriceLine(code="setup", title="Set-up", explanation="Once.", amount_minor=amount_minor),),
        total_minor=amount_minor,
        quantity_breaks=(QuantityBreak(quantity=10, unit_minor=500, total_minor=5000),),
        machines=(MachineFit(machine="Printer", suitable=True, reason="It fits."),),
        material_g=3,
        machine_hours="0.34",
        production_days=1,
    )


def analysis_row(sha256: str, options: ReadingOptions | None = None, **analysis: Any) -> FileAnalysisRow:
    """What the worker stores of a content; a cube unless told."""
    options = options or ReadingOptions()
    found = Analysis(**(analysis or {"solid": SOLID, "findings": (GUESSED,)}))
    return FileAnalysisRow(
        id=analysis_id(sha256, options),
        file_sha256=sha256,
        analyser_version=ANALYSER_VERSION,
        options=options.model_dump(mode="json"),
        analysis=found.model_dump(mode="json"),
        artefacts={"preview_png": "a" * 64, "viewer_mesh": "b" * 64} if found.solid else {},
        calculation_time_ms=12,
        created_at=utc_now(),
    )


def quote_row(
    quote_id: str,
    customer_id: str,
    *,
    status: str = QuoteStatus.FIRM,
    total_minor: int = 1299,
    expires_at: datetime | None = None,
) -> QuoteRow:
    """A quote without extra lines."""
    return QuoteRow(
        id=quote_id,
        customer_id=customer_id,
        status=status,
        currency="eur",
        tier="standard",
        lead_time="standard",
        lead_time_days=2,
        lead_time_options=[
            LeadTimeOption(lead_time=LeadTime.EXPRESS, lead_time_days=1, total_minor=1624).model_dump(mode="json")
        ],
        lines=[],
        items_minor=total_minor,
        total_minor=total_minor,
        tariff_version="2026-2",
        rules_version="2026-1",
        total_calculation_time_ms=15,
        created_at=utc_now(),
        expires_at=expires_at or utc_now() + timedelta(days=7),
    )


def item_row(quote_id: str, file_id: str, sha256: str = "0" * 64, position: int = 0, **more: Any) -> QuoteItemRow:
    """An item of 12.99 EUR; `more` replaces columns."""
    quantity = more.pop("quantity", 2)
    item = more.pop("priced", priced(quantity=quantity))
    columns: dict[str, Any] = {
        "quote_id": quote_id,
        "position": position,
        "file_id": file_id,
        "file_sha256": sha256,
        "analysis_id": None,
        "status": QuoteStatus.FIRM,
        "process": "fdm",
        "material": item.material if item else "PLA",
        "quantity": quantity,
        "material_g": item.material_g if item else 0,
        "wish": {"process": "fdm", "material": "pla", "quantity": quantity},
        "options": ReadingOptions().model_dump(mode="json"),
        "accepted": [],
        "findings": [],
        "estimate": ESTIMATE.model_dump(mode="json") if item else None,
        "priced": item.model_dump(mode="json") if item else None,
        "refusal": None,
        "amount_minor": item.total_minor if item else 0,
        "analyser_version": ANALYSER_VERSION,
        "coefficients_version": "2026-1",
        "calculation_time_ms": 12,
    }
    return QuoteItemRow(**(columns | more))


def refused_item_row(quote_id: str, file_id: str, position: int = 0, param: str = "file_id") -> QuoteItemRow:
    """An item without a price."""
    refusal = {"code": "file_truncated", "detail": "The file ends too early. Export it again.", "param": param}
    return item_row(
        quote_id, file_id, position=position, status=QuoteStatus.REFUSED, priced=None, refusal=refusal, findings=[]
    )
