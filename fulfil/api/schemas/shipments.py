"""Parcels: what is in them, where they are, what carriers say of them, and what stands on their label."""

from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from fulfil.api.schemas.base import Body, Instant, Line, Note, Representation
from fulfil.api.schemas.production import TrackingNumber
from fulfil.models.messages.shipments import ShipmentState

EventId = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[\x21-\x7e]+$"),
    Field(description="The carrier's id of the event: repeated, it changes nothing.", examples=["evt-4711"]),
]


class ShipmentEvent(Body):
    """What happened to a parcel."""

    event_id: EventId
    kind: ShipmentState = Field(examples=["in_transit"])
    at: AwareDatetime = Field(examples=["2026-12-24T12:00:00Z"])
    location: Line | None = Field(default=None, examples=["Leipzig"])
    note: Note = ""


class CarrierEvent(ShipmentEvent):
    """The same, by what the carrier knows of it."""

    carrier: Line = Field(max_length=80, examples=["DHL"])
    tracking_number: TrackingNumber = Field(examples=["00340434161094042557"])


class ShipmentMove(Representation):
    """What was said of a parcel."""

    kind: ShipmentState
    at: Instant
    location: str
    note: str


class Shipment(Representation):
    """One parcel with some of a job's pieces."""

    id: str
    order_id: str
    job_id: str
    pieces: int
    carrier: str
    tracking_number: str
    state: ShipmentState
    created_at: Instant
    picked_up_at: Instant | None
    delivered_at: Instant | None
    lost_at: Instant | None
    returned_at: Instant | None
    moves: list[ShipmentMove]


class Shipments(Representation):
    """The parcels of an order or job, oldest first."""

    data: list[Shipment]


class ShipmentsTold(Representation):
    """The parcels with this tracking number, as they are now."""

    shipments: list[str]
    states: list[ShipmentState]


class LabelAddress(Representation):
    """One end of a label."""

    name: str
    address_lines: list[str]
    postal_code: str | None
    city: str | None
    country: str | None


class Label(Representation):
    """What a carrier prints; `recipient` is null when the order has no address."""

    shipment_id: str
    reference: str
    carrier: str
    tracking_number: str
    pieces: int
    mass_g: int
    size_mm: list[int] | None
    sender: LabelAddress
    recipient: LabelAddress | None
