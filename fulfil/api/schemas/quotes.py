"""Quotes: a file, a material, a quantity, and the price that explains itself."""

from typing import Annotated

from pydantic import Field

from fulfil.api.schemas.base import Body, Instant, Representation, ShortName
from fulfil.models.ids import FileId
from fulfil.models.messages.quotes import Geometry, QuoteLine, QuoteStatus
from fulfil.models.money import Currency, Money


class NewQuote(Body):
    """What to price; prices are ours, so no amount can be sent."""

    file_id: FileId = Field(examples=["fil_01a1fd64aa6677a18c33bf20b84fe1e2"])
    process: ShortName = Field("fdm", examples=["fdm"])
    material: ShortName = Field(examples=["PLA"])
    quantity: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] = Field(1, examples=[2])
    currency: Currency = Field("eur", examples=["eur"])


class Quote(Representation):
    """An immutable price; its lines sum exactly to the total."""

    id: str
    status: QuoteStatus
    file_id: str
    process: str
    material: str
    quantity: int
    geometry: Geometry
    lines: list[QuoteLine]
    total: Money
    lead_time_days: int
    material_g: int
    total_calculation_time_ms: int = Field(description="Analysis and pricing together.")
    created_at: Instant
    expires_at: Instant
