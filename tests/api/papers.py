"""Documents as the workers write them, for tests that read them."""

from datetime import datetime
from typing import Any

from fulfil.documents.numbering import SERIES, format_document_number
from fulfil.documents.taxes import tax_lines
from fulfil.kit.clock import utc_now
from fulfil.models.ids import new_id
from fulfil.models.messages.documents import (
    DocumentKind,
    DocumentLine,
    DocumentParty,
    DocumentPayment,
    DocumentSnapshot,
    PlatformIdentity,
    snapshot_sha256,
)
from fulfil.models.tables.documents import DocumentRow
from tests.api.world import World

YEAR = 2026


async def add_document(
    world: World,
    order_id: str,
    party_id: str,
    *,
    kind: DocumentKind = DocumentKind.INVOICE,
    sequence: int = 1,
    at: datetime | None = None,
    **content: Any,
) -> str:
    """An issued document of 12.99 EUR unless told; its id."""
    at = at or utc_now()
    document_id = new_id("doc")
    defaults: dict[str, Any] = {
        "seller": PlatformIdentity(),
        "buyer": DocumentParty(name="Ada Lovelace", email="ada@example.com"),
        "currency": "eur",
        "payment": DocumentPayment(method="Card", paid_at=at),
    }
    line = DocumentLine(
        description="bracket.stl: filament printing in PLA",
        quantity=2,
        unit="pcs",
        unit_price_minor=None,
        amount_minor=content.pop("amount_minor", 1299),
        tax_bp=1900,
    )
    snapshot = DocumentSnapshot(
        document_id=document_id,
        kind=kind,
        number=format_document_number(SERIES[kind], YEAR, sequence),
        issued_at=at,
        order_id=order_id,
        lines=(line,),
        taxes=tuple(tax_lines([line])),
        total_minor=line.amount_minor,
        **(defaults | content),
    )
    stored = snapshot.model_dump(mode="json")
    await world.add(
        DocumentRow(
            id=document_id,
            kind=kind,
            number=snapshot.number,
            series=SERIES[kind],
            year=YEAR,
            sequence=sequence,
            order_id=order_id,
            party_id=party_id,
            business_key=document_id,
            refers_to=snapshot.refers_to,
            total_minor=snapshot.total_minor,
            currency=snapshot.currency,
            snapshot=stored,
            snapshot_sha256=snapshot_sha256(stored),
            issued_at=at,
        )
    )
    return document_id
