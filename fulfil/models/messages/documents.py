"""What an invoice, receipt, credit note or self-billing statement says, frozen when it is issued.

The one message with personal data: it is kept as a row in PostgreSQL, where it can be erased when the law lets it go,
and is never a workflow's or an event's payload. `repr` leaves the personal fields out, so no log line shows them.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from fulfil.models.ids import DocumentId, OrderId
from fulfil.models.messages.base import Message
from fulfil.models.money import Currency, SignedMinor

# Raised when a new layout is added; a document keeps the layout it was issued with.
LAYOUT_VERSION = 1

DocumentNumber = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]+(-[A-Z0-9]+)*$", max_length=40)]
TaxBasisPoints = Annotated[int, Field(ge=0, le=10_000, strict=True)]
ShortText = Annotated[str, StringConstraints(max_length=300)]
LongText = Annotated[str, StringConstraints(max_length=10_000)]


class DocumentKind(StrEnum):
    """The kinds of document money leaves behind."""

    INVOICE = "invoice"
    RECEIPT = "receipt"
    CREDIT_NOTE = "credit_note"
    SELF_BILLING = "self_billing"


class LineRole(StrEnum):
    """Whose supply a line is: the seller's, or on a self-billing statement what the platform keeps for its own."""

    SALE = "sale"
    COMMISSION = "commission"


class ZeroRate(StrEnum):
    """Why no tax is charged, as the page must say."""

    REVERSE_CHARGE = "reverse_charge"
    EXEMPT = "exempt"
    EXPORT = "export"
    NOT_REGISTERED = "not_registered"


class DocumentParty(Message):
    """A name and address as they were on the day of issue."""

    name: ShortText = Field(repr=False)
    address_lines: tuple[ShortText, ...] = Field(default=(), repr=False, max_length=10)
    vat_id: ShortText | None = Field(default=None, repr=False)
    email: ShortText | None = Field(default=None, repr=False)


class PlatformIdentity(DocumentParty):
    """The platform as its documents name it; what stands here is an example that nobody should issue under."""

    name: ShortText = Field(default="Example Marketplace (set FULFIL_SELLER_NAME)", repr=False)
    address_lines: tuple[ShortText, ...] = Field(
        default=("1 Example Street", "00000 Example City"), repr=False, max_length=10
    )
    vat_id: ShortText | None = Field(default="DE000000000", repr=False)
    email: ShortText | None = Field(default="billing@fulfil.example", repr=False)


class DocumentLine(Message):
    """One line; `amount_minor` is gross, negative where something is given back or kept."""

    description: LongText = Field(repr=False)
    quantity: int = Field(ge=0, le=999_999_999, strict=True)
    unit: Annotated[str, StringConstraints(max_length=16)]
    unit_price_minor: SignedMinor | None
    amount_minor: SignedMinor
    tax_bp: TaxBasisPoints
    role: LineRole = LineRole.SALE


class TaxLine(Message):
    """What one tax rate comes to: net and tax add up to gross, to the minor unit."""

    tax_bp: TaxBasisPoints
    net_minor: SignedMinor
    tax_minor: SignedMinor
    gross_minor: SignedMinor
    role: LineRole = LineRole.SALE

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.net_minor + self.tax_minor != self.gross_minor:
            raise ValueError("net and tax don't add up to gross")
        return self


class DocumentPayment(Message):
    """How and when the whole amount changed hands: `Visa ending 4242`."""

    method: ShortText = Field(repr=False)
    paid_at: AwareDatetime


class DocumentSnapshot(Message):
    """Everything a page shows; the same snapshot always gives the same bytes.

    Refused (`ValidationError`): lines, tax lines and total that don't add up; a credit note that corrects nothing.
    """

    document_id: DocumentId
    kind: DocumentKind
    number: DocumentNumber
    issued_at: AwareDatetime
    supplied_on: date | None = None  # where it differs from the day of issue
    order_id: OrderId
    seller: DocumentParty
    buyer: DocumentParty
    lines: tuple[DocumentLine, ...] = Field(min_length=1, max_length=2_000)
    taxes: tuple[TaxLine, ...]
    total_minor: SignedMinor
    currency: Currency
    refers_to: DocumentNumber | None = None  # the invoice a credit note corrects
    payment: DocumentPayment | None = None
    zero_rate: ZeroRate | None = None  # why some line bears no tax; told from the VAT ids when left out
    notes: tuple[LongText, ...] = Field(default=(), max_length=20, repr=False)
    language: Literal["en"] = "en"
    layout_version: int = Field(default=LAYOUT_VERSION, ge=1)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if sum(line.amount_minor for line in self.lines) != self.total_minor:
            raise ValueError("the lines don't add up to the total")
        told = [((tax.role, tax.tax_bp), tax.gross_minor) for tax in self.taxes]
        if sorted(told) != sorted(_gross_by_rate(self.lines).items()):
            raise ValueError("the tax lines don't hold what the lines come to at each rate")
        return self

    @model_validator(mode="after")
    def _corrects_something(self) -> Self:
        if (self.kind is DocumentKind.CREDIT_NOTE) != (self.refers_to is not None):
            raise ValueError("a credit note, and nothing else, refers to the invoice it corrects")
        return self


def snapshot_sha256(stored: Mapping[str, object]) -> str:
    """The hash of a snapshot as JSON, whatever the order of its keys: what was stored is what was issued."""
    canonical = json.dumps(stored, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _gross_by_rate(lines: tuple[DocumentLine, ...]) -> dict[tuple[LineRole, int], int]:
    gross: defaultdict[tuple[LineRole, int], int] = defaultdict(int)
    for line in lines:
        gross[line.role, line.tax_bp] += line.amount_minor
    return dict(gross)
