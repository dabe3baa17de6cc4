"""Documents as the platform would issue them."""

from datetime import UTC, date, datetime
from typing import Any

from fulfil.documents.taxes import tax_lines
from fulfil.models.messages.documents import (
    DocumentKind,
    DocumentLine,
    DocumentParty,
    DocumentPayment,
    DocumentSnapshot,
    LineRole,
)

PLATFORM = DocumentParty(
    name="Werkbank Marketplace GmbH",
    address_lines=("Torstraße 140", "10119 Berlin", "Germany"),
    vat_id="DE318276451",
    email="billing@werkbank.example",
)
CUSTOMER = DocumentParty(
    name="Ελένη Παπαδοπούλου",
    address_lines=("Żółta Robotics sp. z o.o.", "ul. Świętokrzyska 20", "00-002 Warszawa", "Poland"),
    email="eleni@zolta.example",
)
PROVIDER = DocumentParty(
    name="Kovács Precíziós Műhely Kft.",
    address_lines=("Váci út 22", "1132 Budapest", "Hungary"),
    vat_id="HU24687135",
    email="penzugy@kovacs.example",
)
ISSUED = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
PAYMENT = DocumentPayment(method="Visa ending 4242", paid_at=datetime(2026, 11, 20, 17, 5, tzinfo=UTC))


def line(description: str, amount_minor: int, *, tax_bp: int = 1900, **more: Any) -> DocumentLine:
    defaults: dict[str, Any] = {"quantity": 1, "unit": "pcs", "unit_price_minor": amount_minor}
    return DocumentLine(description=description, amount_minor=amount_minor, tax_bp=tax_bp, **(defaults | more))


def of(quantity: int, unit_price_minor: int) -> dict[str, Any]:
    return {"quantity": quantity, "unit_price_minor": unit_price_minor}


def goods() -> list[DocumentLine]:
    return [
        line(
            "Mounting bracket, rev. C: SLS nylon PA12, black, 142 \u00d7 88 \u00d7 31 mm (bracket_left_rev-C.step)",
            118_440,
            quantity=24,
            unit_price_minor=4_935,
        ),
        line("Cover plate: laser-cut stainless steel 1.4301, 2 mm", 42_000, quantity=60, unit_price_minor=700),
        line("Assembly guide, printed book", 2_140, tax_bp=700, quantity=4, unit_price_minor=535),
        line("Express production, 3 working days", 9_900, unit="", unit_price_minor=None),
        line("Shipping, Budapest to Warszawa", 1_890, unit="", unit_price_minor=None),
    ]


def document(kind: DocumentKind = DocumentKind.INVOICE, **more: Any) -> DocumentSnapshot:
    lines: list[DocumentLine] = list(more.pop("lines", None) or goods())
    defaults: dict[str, Any] = {
        "document_id": "doc_01a1fd64aa6677a18c33bf20b84fe1e2",
        "kind": kind,
        "number": "INV-2026-000123",
        "issued_at": ISSUED,
        "order_id": "ord_01a1fd64aa6677a18c33bf20b84fe1e2",
        "seller": PLATFORM,
        "buyer": CUSTOMER,
        "lines": tuple(lines),
        "taxes": tuple(tax_lines(lines)),
        "total_minor": sum(each.amount_minor for each in lines),
        "currency": "eur",
    }
    return DocumentSnapshot(**(defaults | more))


def invoice() -> DocumentSnapshot:
    return document(supplied_on=date(2026, 11, 20), payment=PAYMENT, notes=("Thank you for your order.",))


def unpaid_invoice() -> DocumentSnapshot:
    return document(notes=("Payable within 14 days by bank transfer. Please quote the invoice number.",))


def receipt() -> DocumentSnapshot:
    return document(DocumentKind.RECEIPT, number="RCT-2026-000087", payment=PAYMENT)


def credit_note() -> DocumentSnapshot:
    lines = [
        line(
            "Cover plate: laser-cut stainless steel 1.4301, 2 mm: 12 of 60 refused",
            -8_400,
            quantity=12,
            unit_price_minor=-700,
        ),
        line("Assembly guide, printed book", -535, tax_bp=700),
    ]
    return document(
        DocumentKind.CREDIT_NOTE, number="CRN-2026-000011", lines=lines, refers_to="INV-2026-000123", payment=PAYMENT
    )


def self_billing() -> DocumentSnapshot:
    lines = [
        line(
            "Mounting bracket, rev. C: SLS nylon PA12, dyed black",
            118_440,
            tax_bp=2700,
            quantity=24,
            unit_price_minor=4_935,
        ),
        line(
            "Cover plate: laser-cut stainless steel 1.4301, 2 mm",
            42_000,
            tax_bp=2700,
            quantity=60,
            unit_price_minor=700,
        ),
        line("Commission, 15% of sales", -24_066, unit="", unit_price_minor=None, role=LineRole.COMMISSION),
    ]
    return document(
        DocumentKind.SELF_BILLING,
        number="SBN-2026-000045",
        lines=lines,
        seller=PROVIDER,
        buyer=PLATFORM,
        payment=DocumentPayment(method="Transfer to bank account ending 3000", paid_at=ISSUED),
    )


def long_invoice() -> DocumentSnapshot:
    return document(lines=[line(f"Part {n}: milled aluminium EN AW-6082", 1_000 + n) for n in range(1, 121)])


def hostile() -> DocumentSnapshot:
    party = DocumentParty(
        name='#panic("x") *bold* _it_ <label> @ref $x^2$ \\ \x00\x07\x1b[31m' + "W" * 200,
        address_lines=(
            "\u202e9999 EUR\u202c",
            "שלום עולם 12, تل أبيب",
            "日本語 🙂 \ue000",
            "Z" + "\u0301" * 80,
            "א" * 90,
        ),
        vat_id="'\"; DROP TABLE documents; --",
        email="a" * 120 + "@example.com",
    )
    return document(
        buyer=party,
        lines=[
            line("#" * 10_000, 1_00),
            line("مرحبا بالعالم قطعة معدنية " * 300, 2_00),
            line("W" * 500 + " [#set text(size: 90pt)]", 3_00, tax_bp=0),
        ],
        notes=("a\nb\r\n\n= Heading\n#pagebreak()", "x" * 4_000),
    )
