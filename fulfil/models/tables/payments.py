"""The payment of an order, its refunds and transfers, and Stripe's events as they came in."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from fulfil.models.tables.base import Base, CurrencyCode, Id, Key, Minor


class PaymentRow(Base):
    """One payment intent per order; written by the payment activities."""

    __tablename__ = "payments"
    __table_args__ = (CheckConstraint("refunded_minor >= 0 AND refunded_minor <= amount_minor", name="refunded"),)

    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    payment_intent_id: Mapped[str] = mapped_column(String(255), unique=True)
    client_secret: Mapped[str] = mapped_column(String(255))
    state: Mapped[str] = mapped_column(String(30))
    amount_minor: Mapped[Minor]
    currency: Mapped[CurrencyCode]
    charge_id: Mapped[str | None] = mapped_column(String(255), unique=True)
    decline_code: Mapped[str | None] = mapped_column(String(100))
    refunded_minor: Mapped[Minor] = mapped_column(server_default=text("0"))
    authorized_at: Mapped[datetime | None]
    captured_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]


class RefundRow(Base):
    """Money on its way back to a customer; it counts as refunded when `state` is `succeeded`."""

    __tablename__ = "refunds"

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), index=True)
    business_key: Mapped[Key] = mapped_column(unique=True)
    amount_minor: Mapped[Minor]
    currency: Mapped[CurrencyCode]
    state: Mapped[str] = mapped_column(String(30))
    created_at: Mapped[datetime]


class TransferRow(Base):
    """Money paid to a provider for a job."""

    __tablename__ = "transfers"

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), index=True)
    job_id: Mapped[Id] = mapped_column(unique=True)
    provider_id: Mapped[Id]
    business_key: Mapped[Key] = mapped_column(unique=True)
    amount_minor: Mapped[Minor]
    commission_minor: Mapped[Minor]
    currency: Mapped[CurrencyCode]
    created_at: Mapped[datetime]


class StripeEventRow(Base):
    """A signed webhook event, stored once before anything else happens; inserted by the API, marked by the relay."""

    __tablename__ = "stripe_events"
    __table_args__ = (Index("ix_stripe_events_waiting", "received_at", postgresql_where=text("processed_at IS NULL")),)

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    type: Mapped[str] = mapped_column(String(100))
    object_id: Mapped[str] = mapped_column(String(255))
    payload: Mapped[dict[str, Any]]
    received_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    not_before: Mapped[datetime | None]
    last_error: Mapped[str | None]
    processed_at: Mapped[datetime | None]
