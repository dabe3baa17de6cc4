"""Invoices, receipts, credit notes and statements: numbered without gaps, kept as the snapshot they are drawn from."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from fulfil.models.tables.base import Base, CurrencyCode, Id, Key, Minor


class DocumentRow(Base):
    """One issued document, append-only; `party_id` is the customer or provider it is addressed to."""

    __tablename__ = "documents"
    __table_args__ = (UniqueConstraint("series", "year", "sequence"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    number: Mapped[str] = mapped_column(String(40), unique=True)
    series: Mapped[str] = mapped_column(String(10))
    year: Mapped[int] = mapped_column(Integer)
    sequence: Mapped[int] = mapped_column(Integer)
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), index=True)
    party_id: Mapped[Id] = mapped_column(index=True)
    business_key: Mapped[Key] = mapped_column(unique=True)
    refers_to: Mapped[str | None] = mapped_column(String(40))
    total_minor: Mapped[Minor]
    currency: Mapped[CurrencyCode]
    snapshot: Mapped[dict[str, Any]]
    snapshot_sha256: Mapped[str] = mapped_column(String(64))
    issued_at: Mapped[datetime]


class DocumentSeriesRow(Base):
    """The last number of a series; its row lock, the last one taken, leaves no gap."""

    __tablename__ = "document_series"

    series: Mapped[str] = mapped_column(String(10), primary_key=True)
    year: Mapped[int] = mapped_column(Integer, primary_key=True)
    last_sequence: Mapped[int] = mapped_column(Integer)
