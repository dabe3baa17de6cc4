"""Quotes: files, how each is to be made, and the prices that explain themselves."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from fulfil.api.schemas.base import Body, Difference, Instant, Representation, ShortName, printable
from fulfil.api.schemas.files import Previews
from fulfil.models.ids import FileId
from fulfil.models.messages.estimates import Estimate
from fulfil.models.messages.findings import Finding, FindingCode
from fulfil.models.messages.geometry import DrawingGeometry, LengthUnit, Operation, SolidGeometry
from fulfil.models.messages.prices import ItemWish, LeadTime, LeadTimeOption, PricedItem, PriceLine
from fulfil.models.messages.quotes import (
    AnalysisProgress,
    EstimateConfirmed,
    QuoteStatus,
    ReadingOptions,
    Refusal,
)
from fulfil.models.money import Currency, Money

MOST_ITEMS = 20
MOST_GROUPS = 200
FILE = "fil_01a1fd64aa6677a18c33bf20b84fe1e2"

GroupKey = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(printable)]
TariffName = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_-]+$")]


class NewQuoteItem(Body):
    """One file and how to make it; what is left out takes the tariff's default."""

    file_id: FileId = Field(examples=[FILE])
    process: ShortName = Field("fdm", examples=["fdm"])
    material: ShortName = Field(examples=["PLA"])
    quantity: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] = Field(1, examples=[2])
    thickness_mm: Annotated[float, Field(gt=0, le=1000, strict=True, allow_inf_nan=False)] | None = Field(
        None, description="Of the sheet; for sheets only.", examples=[3]
    )
    infill_percent: Annotated[int, Field(ge=0, le=100, strict=True)] | None = Field(
        None, description="For filament only.", examples=[20]
    )
    unit: LengthUnit | None = Field(None, description="Confirms what one unit of the file means.", examples=["mm"])
    operations: dict[GroupKey, Operation] = Field(
        default_factory=dict[str, Operation],
        max_length=MOST_GROUPS,
        description="What a drawing's colours or layers mean, where the quote shows another meaning.",
        examples=[{"#ff0000": "cut"}],
    )
    accept: list[FindingCode] = Field(
        default_factory=list[FindingCode],
        max_length=len(FindingCode),
        description="Risks you take; they become part of the quote.",
        examples=[["thin_wall"]],
    )

    def wish(self) -> ItemWish:
        """How it is to be made."""
        return ItemWish(
            process=self.process,
            material=self.material,
            quantity=self.quantity,
            thickness_mm=self.thickness_mm,
            infill_percent=self.infill_percent,
        )

    def options(self) -> ReadingOptions:
        """How its file is to be read."""
        return ReadingOptions(unit=self.unit, operations=self.operations)


class NewQuote(Body):
    """What to price; prices are ours, so no amount can be sent."""

    items: list[NewQuoteItem] = Field(min_length=1, max_length=MOST_ITEMS)
    currency: Currency = Field("eur", examples=["eur"])
    lead_time: LeadTime = Field(LeadTime.STANDARD, examples=["standard"])
    tier: TariffName = Field("standard", examples=["standard"])


class QuotedFile(Representation):
    """The file an item was made of."""

    id: str = Field(examples=[FILE])
    name: str = Field(examples=["bracket.stl"])
    format: str = Field(examples=["stl"])


class EstimateConfirmation(EstimateConfirmed):
    """Our estimate beside a real slicer's, and when it sliced."""

    confirmed_at: Instant


class QuoteItem(Representation):
    """One file: what was asked, measured, found, estimated and priced; or why there is no price.

    `solid` or `drawing` is the geometry. `price` explains itself line by line, with quantity breaks and machines.
    """

    position: int
    status: QuoteStatus
    file: QuotedFile
    wish: ItemWish
    options: ReadingOptions
    accepted: list[FindingCode]
    solid: SolidGeometry | None
    drawing: DrawingGeometry | None
    findings: list[Finding]
    estimate: Estimate | None = Field(description="One piece, with the band of its error in percent.")
    price: PricedItem | None
    amount: Money | None = Field(
        description="Its part of the total; null while a person must look, whatever `price` says."
    )
    refusal: Refusal | None
    previews: Previews | None
    confirmation: EstimateConfirmation | None
    calculation_time_ms: int = Field(description="Of the analysis, when it was made.")
    analyser_version: str | None
    coefficients_version: str | None


class ItemToFirm(Representation):
    """What one item lacks: risks to `accept`, and units that would settle a guess; or what only a person can clear."""

    position: int
    accept: list[FindingCode]
    confirm_unit: list[LengthUnit]
    blocked_by: list[FindingCode]
    remedies: list[str]


class QuoteNext(Representation):
    """What makes the price binding: ask again with these in the items' `accept` and `unit`."""

    what: str = Field(examples=["Accept thin_wall for bracket.stl: ask again with it in accept."])
    items: list[ItemToFirm]


class QuoteVersions(Representation):
    """What the price rests on; items name their analyser and coefficients."""

    tariff: str
    rules: str


class Quote(Representation):
    """An immutable price: the items' amounts and the `lines` charged once sum exactly to the total."""

    id: str
    status: QuoteStatus
    items: list[QuoteItem]
    lines: list[PriceLine] = Field(description="Charged once for the whole quote.")
    items_total: Money
    total: Money
    lead_time: LeadTime
    lead_time_days: int
    lead_time_options: list[LeadTimeOption]
    tier: str
    versions: QuoteVersions
    next: QuoteNext | None = Field(description="Null when the price is binding.")
    calculation_time_ms: int = Field(description="Of all analyses together, when they were made.")
    total_calculation_time_ms: int = Field(description="Of this request, from its start to the stored quote.")
    created_at: Instant
    expires_at: Instant


class PendingQuote(Representation):
    """The files are still being measured: ask for the quote again, with `wait`."""

    id: str
    status: Literal["analysing"] = "analysing"
    progress: AnalysisProgress
    created_at: Instant


class RepricedItem(Representation):
    """One item by another price list."""

    position: int
    before: Money
    after: Money | None = Field(description="Null when it can't be priced any more: see `refusal`.")
    difference: Difference | None
    refusal: Refusal | None


class Repriced(Representation):
    """A quote by another price list; nothing was changed."""

    quote_id: str
    tariff_version: str
    before: Money
    after: Money | None
    difference: Difference | None
    items: list[RepricedItem]


class QuoteProof(Repriced):
    """The quote measured and priced again by the price list it was made with."""

    same: bool = Field(description="Every line is the same to the letter.")
    differences: list[str]


class OrderRecalculation(Repriced):
    """The order by today's price list; its own price stays."""

    order_id: str


class QuoteReplay(Body):
    """A price list to try on the newest stored quotes."""

    tariff: dict[str, object] = Field(description="The whole price list, as in `quoting/prices/data`.")
    limit: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 1000


class ReplayedSum(Representation):
    """All replayed quotes of one currency."""

    before: Money
    after: Money
    difference: Difference


class QuotesReplayed(Representation):
    """What another price list would do to stored quotes."""

    tariff_version: str
    quotes: int
    unpriceable: int
    sums: list[ReplayedSum]
    changed_most: list[Repriced]


class EstimateToConfirm(Body):
    """Which item to slice."""

    position: Annotated[int, Field(ge=0, lt=MOST_ITEMS, strict=True)] = Field(0, examples=[0])
