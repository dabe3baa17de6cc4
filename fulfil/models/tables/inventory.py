"""Stock of providers, its movements and its reservations; all in grams."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from fulfil.models.tables.base import Base, Id, Key


class StockRow(Base):
    """What a provider has of a material: free and reserved grams, never below zero."""

    __tablename__ = "stock"
    __table_args__ = (
        CheckConstraint("available_g >= 0", name="available"),
        CheckConstraint("reserved_g >= 0", name="reserved"),
    )

    provider_id: Mapped[Id] = mapped_column(ForeignKey("providers.id"), primary_key=True)
    material: Mapped[str] = mapped_column(String(40), primary_key=True)
    available_g: Mapped[int] = mapped_column(BigInteger)
    reserved_g: Mapped[int] = mapped_column(BigInteger)


class StockMovementRow(Base):
    """One change of stock, append-only: received, reserved, released, consumed; balances follow from these."""

    __tablename__ = "stock_movements"

    business_key: Mapped[Key] = mapped_column(primary_key=True)
    provider_id: Mapped[Id] = mapped_column(ForeignKey("providers.id"), index=True)
    material: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(20))
    available_delta_g: Mapped[int] = mapped_column(BigInteger)
    reserved_delta_g: Mapped[int] = mapped_column(BigInteger)
    job_id: Mapped[Id | None]
    created_at: Mapped[datetime]
