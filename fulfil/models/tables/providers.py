"""What a provider proves, owns and plans: certificates, machines, closures; and how well she has done."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from fulfil.models.tables.base import Base, Id


class MachineRow(Base):
    """A machine; a part that fits none of those online for its process is not offered to her.

    `volume_mm` is `[width, depth, height]` of a printer, `[width, depth]` of a bed. A provider without machines on
    record for a process is not asked about her machines.
    """

    __tablename__ = "provider_machines"

    id: Mapped[Id] = mapped_column(primary_key=True)
    provider_id: Mapped[Id] = mapped_column(ForeignKey("providers.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    process: Mapped[str] = mapped_column(String(40))
    materials: Mapped[list[str]]
    volume_mm: Mapped[list[Any]]
    online: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime]


class CertificateRow(Base):
    """A document that proves something; while a required one is missing or expired nothing is offered to her."""

    __tablename__ = "provider_certificates"

    id: Mapped[Id] = mapped_column(primary_key=True)
    provider_id: Mapped[Id] = mapped_column(ForeignKey("providers.id"), index=True)
    kind: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(200))
    file_id: Mapped[Id] = mapped_column(ForeignKey("files.id"))
    required: Mapped[bool]
    issued_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(String(20))
    decided_by: Mapped[Id | None]
    decided_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(String(500), server_default=text("''"))
    created_at: Mapped[datetime]


class ClosureRow(Base):
    """Days on which she does not work: holidays, a move, a repair."""

    __tablename__ = "provider_closures"
    __table_args__ = (CheckConstraint("ends_at > starts_at", name="span"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    provider_id: Mapped[Id] = mapped_column(ForeignKey("providers.id"), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[datetime]


class ProviderScoreRow(Base):
    """The score of the last 30 days with the counts it was made from; kept up by the hour."""

    __tablename__ = "provider_scores"

    provider_id: Mapped[Id] = mapped_column(ForeignKey("providers.id"), primary_key=True)
    score: Mapped[int] = mapped_column(Integer)
    version: Mapped[str] = mapped_column(String(20))
    inputs: Mapped[dict[str, Any]]
    computed_at: Mapped[datetime]
