"""Uploaded files and the quotes made of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from fulfil.models.tables.base import Base, CurrencyCode, Id, Minor


class FileRow(Base):
    """A file in object storage under its SHA-256; owned by the API."""

    __tablename__ = "files"

    id: Mapped[Id] = mapped_column(primary_key=True)
    owner_id: Mapped[Id] = mapped_column(index=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    name: Mapped[str] = mapped_column(String(255))
    format: Mapped[str] = mapped_column(String(20))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]


class QuoteRow(Base):
    """An immutable price for a file; written by `prepare_quote`."""

    __tablename__ = "quotes"
    __table_args__ = (
        CheckConstraint("total_minor >= 0", name="total"),
        CheckConstraint("quantity > 0", name="quantity"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    customer_id: Mapped[Id] = mapped_column(index=True)
    file_id: Mapped[Id] = mapped_column(ForeignKey("files.id"))
    file_sha256: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(20))
    process: Mapped[str] = mapped_column(String(40))
    material: Mapped[str] = mapped_column(String(40))
    quantity: Mapped[int] = mapped_column(Integer)
    geometry: Mapped[dict[str, Any]]
    lines: Mapped[list[Any]]
    material_g: Mapped[int] = mapped_column(BigInteger)
    lead_time_days: Mapped[int] = mapped_column(Integer)
    total_minor: Mapped[Minor]
    currency: Mapped[CurrencyCode]
    analyser_version: Mapped[str] = mapped_column(String(40))
    tariff_version: Mapped[str] = mapped_column(String(40))
    calculation_time_ms: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
