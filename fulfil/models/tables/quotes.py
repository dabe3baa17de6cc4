"""Uploaded files, what was measured in them, and the quotes made of that."""

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


class FileAnalysisRow(Base):
    """What one analyser found in one content, read with some options; its id is derived from these three.

    `analysis` is a `fulfil.quoting.analysis.Analysis`, `artefacts` maps kinds to hashes in object storage.
    Written by the geometry worker, never changed.
    """

    __tablename__ = "file_analyses"

    id: Mapped[Id] = mapped_column(primary_key=True)
    file_sha256: Mapped[str] = mapped_column(String(64), index=True)
    analyser_version: Mapped[str] = mapped_column(String(40))
    options: Mapped[dict[str, Any]]
    analysis: Mapped[dict[str, Any]]
    artefacts: Mapped[dict[str, Any]]
    calculation_time_ms: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]


class QuoteRequestRow(Base):
    """What a customer asked to be priced; written by the API before the work begins, so that its progress is hers."""

    __tablename__ = "quote_requests"

    id: Mapped[Id] = mapped_column(primary_key=True)
    customer_id: Mapped[Id]
    request: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class QuoteRow(Base):
    """An immutable price; written by `prepare_quote` with its items.

    `lines` are what is charged once, besides the items; `lead_time_options` what other lead times would cost.
    """

    __tablename__ = "quotes"
    __table_args__ = (CheckConstraint("total_minor >= 0", name="total"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    customer_id: Mapped[Id] = mapped_column(index=True)
    status: Mapped[str] = mapped_column(String(20))
    currency: Mapped[CurrencyCode]
    tier: Mapped[str] = mapped_column(String(40))
    lead_time: Mapped[str] = mapped_column(String(20))
    lead_time_days: Mapped[int] = mapped_column(Integer)
    lead_time_options: Mapped[list[Any]]
    lines: Mapped[list[Any]]
    items_minor: Mapped[Minor]
    total_minor: Mapped[Minor]
    tariff_version: Mapped[str] = mapped_column(String(40))
    rules_version: Mapped[str] = mapped_column(String(40))
    total_calculation_time_ms: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class QuoteItemRow(Base):
    """One file of a quote: what was wished, found, estimated and priced (all null when it was refused)."""

    __tablename__ = "quote_items"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity"),)

    quote_id: Mapped[Id] = mapped_column(ForeignKey("quotes.id"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    file_id: Mapped[Id] = mapped_column(ForeignKey("files.id"))
    file_sha256: Mapped[str] = mapped_column(String(64))
    analysis_id: Mapped[str | None] = mapped_column(String(64), ForeignKey("file_analyses.id"))
    status: Mapped[str] = mapped_column(String(20))
    process: Mapped[str] = mapped_column(String(40))
    material: Mapped[str] = mapped_column(String(40))
    quantity: Mapped[int] = mapped_column(Integer)
    material_g: Mapped[int] = mapped_column(BigInteger)
    wish: Mapped[dict[str, Any]]
    options: Mapped[dict[str, Any]]
    accepted: Mapped[list[str]]
    findings: Mapped[list[Any]]
    estimate: Mapped[dict[str, Any] | None]
    priced: Mapped[dict[str, Any] | None]
    refusal: Mapped[dict[str, Any] | None]
    amount_minor: Mapped[Minor]
    analyser_version: Mapped[str | None] = mapped_column(String(40))
    coefficients_version: Mapped[str | None] = mapped_column(String(80))
    calculation_time_ms: Mapped[int] = mapped_column(Integer)


class EstimateConfirmationRow(Base):
    """What a real slicer said of an item; written by `confirm_estimate`, once per quote item."""

    __tablename__ = "estimate_confirmations"

    quote_id: Mapped[Id] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    confirmation: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
