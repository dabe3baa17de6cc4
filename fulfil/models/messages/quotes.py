"""What is said about quotes: files to measure, wishes to price, prices to prove."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from fulfil.models.ids import FileId, QuoteId
from fulfil.models.messages.base import Message
from fulfil.models.messages.estimates import Estimate
from fulfil.models.messages.findings import Finding, FindingCode
from fulfil.models.messages.geometry import DrawingGeometry, LengthUnit, Operation, SolidGeometry
from fulfil.models.messages.prices import ItemWish, LeadTime, PricedItem, PricedQuote
from fulfil.models.money import AmountMinor, Currency, SignedMinor


class QuoteStatus(StrEnum):
    """Of an item, and of a quote: the worst of its items that have a price; `refused` when none has one.

    `firm` binds the price; `provisional` waits for the customer to accept a risk; `manual` has no price until a
    person has looked; `refused` names the reason the file can't be made.
    """

    FIRM = "firm"
    PROVISIONAL = "provisional"
    MANUAL = "manual"
    REFUSED = "refused"


class ReadingOptions(Message):
    """How a customer wants a file read: the unit of its lengths, and what each colour or layer means."""

    unit: LengthUnit | None = None
    operations: dict[str, Operation] = Field(default_factory=dict[str, Operation])


class AnalyseFile(Message):
    """Measure a stored file; runs on the geometry queue, keyed by content, analyser version and options."""

    file_sha256: str
    options: ReadingOptions = ReadingOptions()


class Refusal(Message):
    """Why there is no price: a code for machines, the sentence with its remedy, and the field at fault."""

    code: str
    detail: str
    param: str


class FileAnalysed(Message):
    """The analysis is stored under this id; None when reading the file broke its limits, which is not kept."""

    analysis_id: str | None
    refusal: Refusal | None = None


class AnalysisProgress(Message):
    """How far an analysis is; what the activity's heartbeat says, and the customer sees."""

    stage: str  # waiting | reading | measuring | slicing | looking | drawing
    percent: int
    first_price: str | None = None  # from volume and area alone, with its band, until the full estimate is there


class QuoteItemWish(Message):
    """One file of a quote and how it is to be made; `accepted` are the risks the customer takes."""

    file_id: FileId
    file_sha256: str
    wish: ItemWish
    options: ReadingOptions = ReadingOptions()
    accepted: tuple[FindingCode, ...] = ()


class PrepareQuote(Message):
    """Analyse stored files and price them; runs on the geometry queue, keyed by the quote id."""

    quote_id: QuoteId
    customer_id: str
    items: tuple[QuoteItemWish, ...]
    currency: Currency
    lead_time: LeadTime = LeadTime.STANDARD
    tier: str = "standard"


class PreparedQuote(Message):
    """The stored quote; its rows tell the rest."""

    quote_id: QuoteId
    status: QuoteStatus
    total_minor: AmountMinor
    currency: Currency
    expires_at: datetime


class QuotedItem(Message):
    """One file priced, or why not; `priced` is there when the status is firm or provisional."""

    status: QuoteStatus
    solid: SolidGeometry | None = None
    drawing: DrawingGeometry | None = None
    findings: tuple[Finding, ...] = ()
    estimate: Estimate | None = None
    priced: PricedItem | None = None
    refusal: Refusal | None = None


class Pricing(StrEnum):
    """Which price list a quote is priced by again: today's, the one it was made with, or one that was sent along."""

    TODAY = "today"
    ORIGINAL = "original"
    GIVEN = "given"


class RepriceQuote(Message):
    """Price a stored quote again without changing it; `afresh` measures its files anew, whatever is stored."""

    quote_id: QuoteId
    pricing: Pricing
    tariff: str | None = None  # the document, for `given`
    afresh: bool = False


class RepricedItem(Message):
    """What one item costs by the other price list; `difference_minor` is new less old."""

    position: int
    before_minor: AmountMinor
    after_minor: AmountMinor | None  # None: it can't be priced any more, see `refusal`
    refusal: Refusal | None = None


class RepricedQuote(Message):
    """A quote by another price list; `same` when every line of it is the same to the letter."""

    quote_id: QuoteId
    tariff_version: str
    before_minor: AmountMinor
    after_minor: AmountMinor | None
    difference_minor: SignedMinor | None
    currency: Currency
    items: tuple[RepricedItem, ...]
    quote: PricedQuote | None = None
    same: bool = False
    differences: tuple[str, ...] = ()


class ReplayQuotes(Message):
    """Re-price the newest stored quotes under another tariff (the document), and sum up."""

    tariff: str
    limit: int = 1000


class ReplayedQuotes(Message):
    """The whole effect per currency, and the quotes that change most."""

    tariff_version: str
    quotes: int
    unpriceable: int
    before_minor: dict[str, int]
    after_minor: dict[str, int]
    changed_most: tuple[RepricedQuote, ...]


class ConfirmEstimate(Message):
    """Have a real slicer check an item's estimate; runs where a slicer is installed."""

    quote_id: QuoteId
    position: int


class EstimateConfirmed(Message):
    """Both numbers side by side; `finding` warns when they are further apart than 10 %."""

    slicer: str
    estimated_g: float
    sliced_g: float
    estimated_s: float
    sliced_s: float
    finding: Finding | None = None
    refusal: Refusal | None = None
