"""Orders and their lines; written by the order workflow's activities alone."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from fulfil.models.tables.base import Base, CurrencyCode, Id, Minor


class OrderRow(Base):
    """The projection of an order workflow; whose move it is stands in `timelines`."""

    __tablename__ = "orders"
    __table_args__ = (CheckConstraint("total_minor > 0", name="total"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    customer_id: Mapped[Id] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(String(30), index=True)
    total_minor: Mapped[Minor]
    currency: Mapped[CurrencyCode]
    shipping_minor: Mapped[Minor] = mapped_column(server_default=text("0"))
    delivery_method: Mapped[str] = mapped_column(String(20), server_default=text("'shipping'"))
    policies: Mapped[dict[str, Any]]
    cancel_reason: Mapped[str | None] = mapped_column(String(500))
    placed_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class OrderLineRow(Base):
    """One thing at one price, with what making it takes copied from the quote, or the plan from the service.

    A quote's line names the `positions` of the items it makes. `material_g` is the mass, `material_sheets` the sheets
    it is cut from, for stock that is counted so; `box_mm` the largest part, `[width, depth, height]`, or two sides.
    A service has no process and material (empty), its plan is a list of PlannedMilestone; plan, revisions and checklist
    are what they were when it was ordered.
    """

    __tablename__ = "order_lines"
    __table_args__ = (CheckConstraint("(quote_id IS NULL) <> (service_id IS NULL)", name="source"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), index=True)
    position: Mapped[int] = mapped_column(server_default=text("1"))
    kind: Mapped[str] = mapped_column(String(20), server_default=text("'made_to_order'"))
    quote_id: Mapped[Id | None] = mapped_column(ForeignKey("quotes.id"))
    positions: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))
    service_id: Mapped[Id | None] = mapped_column(ForeignKey("services.id"))
    provider_id: Mapped[Id | None]
    plan: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))
    revisions_included: Mapped[int | None]
    checklist: Mapped[list[str] | None] = mapped_column(JSONB(none_as_null=True))
    title: Mapped[str] = mapped_column(String(300))
    process: Mapped[str] = mapped_column(String(40))
    material: Mapped[str] = mapped_column(String(40))
    material_g: Mapped[int]
    material_sheets: Mapped[int | None]
    colour: Mapped[str | None] = mapped_column(String(40))
    box_mm: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))
    quantity: Mapped[int]
    lead_time_days: Mapped[int]
    amount_minor: Mapped[Minor]
    tax_bp: Mapped[int] = mapped_column(server_default=text("0"))
    currency: Mapped[CurrencyCode]


class OrderAddressRow(Base):
    """Where goods go, personal data: owned by the API, read for labels and distances, never in a history."""

    __tablename__ = "order_addresses"

    order_id: Mapped[Id] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    address_lines: Mapped[list[str]]
    postal_code: Mapped[str] = mapped_column(String(20))
    city: Mapped[str] = mapped_column(String(120))
    country: Mapped[str] = mapped_column(String(2))
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    created_at: Mapped[datetime]
