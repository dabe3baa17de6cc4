"""Shipments of a job's pieces, what carriers said of them, and quality checks with their criteria."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from fulfil.models.tables.base import Base, Id, Key


class ShipmentRow(Base):
    """One parcel with some of a job's pieces; owned by the API, its state follows ShipmentState.

    `label` holds what a carrier needs besides the addresses: mass in grams, size in mm, reference.
    """

    __tablename__ = "shipments"
    __table_args__ = (
        CheckConstraint("pieces > 0", name="pieces"),
        UniqueConstraint("job_id", "tracking_number"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), index=True)
    job_id: Mapped[Id] = mapped_column(ForeignKey("jobs.id"), index=True)
    offer_id: Mapped[Id] = mapped_column(ForeignKey("productions.offer_id"))
    provider_id: Mapped[Id]
    pieces: Mapped[int] = mapped_column(Integer)
    carrier: Mapped[str] = mapped_column(String(80))
    tracking_number: Mapped[str] = mapped_column(String(80), index=True)
    state: Mapped[str] = mapped_column(String(20))
    label: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    picked_up_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    lost_at: Mapped[datetime | None]
    returned_at: Mapped[datetime | None]


class ShipmentEventRow(Base):
    """What a carrier (or the provider for him) said of a parcel, append-only; a repeated event changes nothing."""

    __tablename__ = "shipment_events"

    business_key: Mapped[Key] = mapped_column(primary_key=True)
    shipment_id: Mapped[Id] = mapped_column(ForeignKey("shipments.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime]
    location: Mapped[str] = mapped_column(String(200))
    note: Mapped[str] = mapped_column(String(500))
    received_at: Mapped[datetime]


class QualityCheckRow(Base):
    """A quality check as it was done, append-only: each criterion passed or failed, with photos, by whom."""

    __tablename__ = "quality_checks"
    __table_args__ = (UniqueConstraint("offer_id", "number"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    job_id: Mapped[Id] = mapped_column(ForeignKey("jobs.id"), index=True)
    offer_id: Mapped[Id] = mapped_column(ForeignKey("productions.offer_id"))
    number: Mapped[int] = mapped_column(Integer)
    passed: Mapped[bool]
    criteria: Mapped[list[Any]]
    correction: Mapped[str | None] = mapped_column(String(20))
    checked_by: Mapped[str] = mapped_column(String(200))
    checked_at: Mapped[datetime]
