"""Orders and their lines; written by the order workflow's activities alone."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String, text
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
    policies: Mapped[dict[str, Any]]
    cancel_reason: Mapped[str | None] = mapped_column(String(500))
    placed_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class OrderLineRow(Base):
    """One thing at one price, with what making it takes copied from the quote."""

    __tablename__ = "order_lines"

    id: Mapped[Id] = mapped_column(primary_key=True)
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), index=True)
    quote_id: Mapped[Id] = mapped_column(ForeignKey("quotes.id"))
    title: Mapped[str] = mapped_column(String(300))
    process: Mapped[str] = mapped_column(String(40))
    material: Mapped[str] = mapped_column(String(40))
    material_g: Mapped[int]
    quantity: Mapped[int]
    lead_time_days: Mapped[int]
    amount_minor: Mapped[Minor]
    tax_bp: Mapped[int] = mapped_column(server_default=text("0"))
    currency: Mapped[CurrencyCode]
