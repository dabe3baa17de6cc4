"""Stock: what is there, what came in, what moved and what a job has."""

from typing import Annotated, Self

from pydantic import AfterValidator, AnyHttpUrl, Field, StringConstraints, model_validator

from fulfil.api.schemas.base import Body, Instant, Note, Reason, Representation, printable
from fulfil.api.schemas.providers import Material
from fulfil.models.messages.inventory import MovementKind, StockUnit

MOST = 100_000_000

Quantity = Annotated[int, Field(ge=1, le=MOST, strict=True)]
Counted = Annotated[int, Field(ge=0, le=MOST, strict=True)]
Colour = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=40), AfterValidator(printable), AfterValidator(str.lower)
]
Lot = Annotated[str, StringConstraints(strip_whitespace=True, max_length=80), AfterValidator(printable)]
ReorderUrl = Annotated[AnyHttpUrl, Field(max_length=2000)]


class StockReceipt(Body):
    """Material that came in; material, colour and lot together name the lot, which is made when it is new."""

    material: Material = Field(examples=["PLA"])
    quantity: Quantity = Field(examples=[5000])
    unit: StockUnit = Field(StockUnit.GRAM, description="What the quantity counts; a lot keeps the unit it began with.")
    colour: Colour = Field("", examples=["black"], description="Empty where colours are not distinguished.")
    lot: Lot = Field(
        "", examples=["2026-114"], description="The maker's batch; empty where lots are not distinguished."
    )
    low_at_quantity: Counted | None = Field(None, examples=[500], description="At or below this the lot is low.")
    reorder_url: ReorderUrl | None = Field(None, examples=["https://shop.example/pla-black"])
    reason: Note = Field("", description="Delivery note, …; it stands in the movement.")


class StockItemSettings(Body):
    """When a lot is low, and where more of it can be ordered; null forgets it."""

    low_at_quantity: Counted | None = Field(examples=[500])
    reorder_url: ReorderUrl | None = Field(examples=["https://shop.example/pla-black"])


class StockAdjustment(Body):
    """A change of what is there: by how much, or what was counted in all (with what is reserved)."""

    change: Annotated[int, Field(ge=-MOST, le=MOST, strict=True)] | None = Field(None, examples=[-120])
    counted: Counted | None = Field(None, examples=[4880])
    reason: Reason = Field(examples=["Stock-taking: a spool was damp."])

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.change is None) == (self.counted is None):
            raise ValueError("send either change or counted")
        if self.change == 0:
            raise ValueError("change is 0: nothing to adjust")
        return self


class StockItem(Representation):
    """One lot: what is free and what belongs to accepted jobs; `low_since` while it is at or below its threshold."""

    id: str
    provider_id: str
    material: str
    colour: str | None
    lot: str | None
    unit: StockUnit
    available_quantity: int
    reserved_quantity: int
    low_at_quantity: int | None
    low_since: Instant | None
    reorder_url: str | None
    created_at: Instant


class StockActor(Representation):
    """Who changed the stock."""

    kind: str
    id: str


class StockMovement(Representation):
    """One change of a lot, in its unit; `actor` is null when the system did it on its own."""

    id: str
    item_id: str
    kind: MovementKind
    available_delta: int
    reserved_delta: int
    job_id: str | None
    reason: str
    actor: StockActor | None
    created_at: Instant


class StockReservation(Representation):
    """What an accepted job has of a lot: until `expires_at`, or as it ended; `consumed_quantity` went into it."""

    offer_id: str
    job_id: str
    quantity: int
    consumed_quantity: int | None
    created_at: Instant
    expires_at: Instant
    ended_at: Instant | None
    ending: MovementKind | None


class StockFinding(Representation):
    """Something that does not add up."""

    item_id: str
    code: str = Field(examples=["balance_differs"])
    detail: str


class StockProof(Representation):
    """Whether balances follow from movements, and reservations from leases."""

    items: int
    movements: int
    findings: list[StockFinding]
