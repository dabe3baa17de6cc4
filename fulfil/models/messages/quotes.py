"""What is said about files, geometry and prices."""

from datetime import datetime
from enum import StrEnum

from fulfil.models.ids import FileId, QuoteId
from fulfil.models.messages.base import Message
from fulfil.models.money import AmountMinor, Currency


class QuoteStatus(StrEnum):
    """`firm` binds the price; `refused` carries the reason the file can't be made."""

    FIRM = "firm"
    REFUSED = "refused"


class PrepareQuote(Message):
    """Analyse a stored file and price it; runs on the geometry queue, keyed by the quote id."""

    quote_id: QuoteId
    customer_id: str
    file_id: FileId
    file_sha256: str
    process: str
    material: str
    quantity: int
    currency: Currency


class Geometry(Message):
    """Measured facts of a solid, in millimetres as the file's units are taken to be."""

    volume_mm3: float
    area_mm2: float
    size_mm: tuple[float, float, float]
    triangles: int
    watertight: bool


class QuoteLine(Message):
    """One price line that explains itself; the lines of a quote sum exactly to its total."""

    code: str
    title: str
    explanation: str
    amount_minor: AmountMinor


class PreparedQuote(Message):
    """The stored quote, or why there is none (`refusal_code`, naming `param` and the remedy in `refusal_detail`)."""

    quote_id: QuoteId
    status: QuoteStatus
    total_minor: AmountMinor = 0
    currency: Currency = "eur"
    expires_at: datetime | None = None
    refusal_code: str | None = None
    refusal_detail: str | None = None
    param: str | None = None
