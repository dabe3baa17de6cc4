"""Stock of providers by material, colour and lot, its movements and its reservations."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from fulfil.models.tables.base import Base, Id, Key


class StockItemRow(Base):
    """What a provider has of one lot of a material: free and reserved, never below zero, in its own `unit`.

    `unit` follows StockUnit (`g`, `sheet`, `piece`); colour and lot are empty where nobody distinguishes them.
    `low_since` is set while what is free is at or below `low_at_quantity`.
    """

    __tablename__ = "stock_items"
    __table_args__ = (
        CheckConstraint("available_quantity >= 0", name="available"),
        CheckConstraint("reserved_quantity >= 0", name="reserved"),
        UniqueConstraint("provider_id", "material", "colour", "lot"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    provider_id: Mapped[Id] = mapped_column(ForeignKey("providers.id"))
    material: Mapped[str] = mapped_column(String(40))
    colour: Mapped[str] = mapped_column(String(40), server_default=text("''"))
    lot: Mapped[str] = mapped_column(String(80), server_default=text("''"))
    unit: Mapped[str] = mapped_column(String(10))
    available_quantity: Mapped[int] = mapped_column(BigInteger)
    reserved_quantity: Mapped[int] = mapped_column(BigInteger)
    low_at_quantity: Mapped[int | None] = mapped_column(BigInteger)
    low_since: Mapped[datetime | None]
    reorder_url: Mapped[str | None] = mapped_column(String(2000))
    created_at: Mapped[datetime]


class StockMovementRow(Base):
    """One change of stock, append-only; balances are the sums of these.

    `kind`: received, adjusted, reserved, released, expired, consumed (planned), corrected (what was really used).
    """

    __tablename__ = "stock_movements"

    business_key: Mapped[Key] = mapped_column(primary_key=True)
    id: Mapped[Id] = mapped_column(unique=True)
    item_id: Mapped[Id] = mapped_column(ForeignKey("stock_items.id"), index=True)
    provider_id: Mapped[Id] = mapped_column(ForeignKey("providers.id"), index=True)
    material: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(20))
    available_delta: Mapped[int] = mapped_column(BigInteger)
    reserved_delta: Mapped[int] = mapped_column(BigInteger)
    job_id: Mapped[Id | None]
    reason: Mapped[str] = mapped_column(String(500), server_default=text("''"))
    actor: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    created_at: Mapped[datetime]


class StockReservationRow(Base):
    """A lease on stock for an accepted offer: it ends by being released or consumed, or by itself.

    `turn` counts how often the offer leased this lot (more for a remake, again after it expired);
    `consumed_quantity` is what of it went into the product so far.
    """

    __tablename__ = "stock_reservations"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        Index("ix_stock_reservations_open", "item_id", "expires_at", postgresql_where=text("ended_at IS NULL")),
    )

    offer_id: Mapped[Id] = mapped_column(primary_key=True)
    item_id: Mapped[Id] = mapped_column(ForeignKey("stock_items.id"), primary_key=True)
    job_id: Mapped[Id]
    turn: Mapped[int] = mapped_column(server_default=text("1"))
    quantity: Mapped[int] = mapped_column(BigInteger)
    consumed_quantity: Mapped[int | None] = mapped_column(BigInteger)
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ending: Mapped[str | None] = mapped_column(String(20))
    created_at: Mapped[datetime]
