"""Why whom was asked: the decisions of the ranking as they were taken, and the counter-offers of providers."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from fulfil.models.tables.base import Base, CurrencyCode, Id, Minor


class DispatchDecisionRow(Base):
    """One ranking of candidates for one wave, append-only: the facts it saw, whom it ranked how, whom it left out.

    `work` and each candidate's `facts` are what the ranking function takes, so that another one can be played on them.
    """

    __tablename__ = "dispatch_decisions"
    __table_args__ = (UniqueConstraint("job_id", "round", "wave"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    job_id: Mapped[Id] = mapped_column(ForeignKey("jobs.id"))
    round: Mapped[int] = mapped_column(Integer)
    wave: Mapped[int] = mapped_column(Integer)
    stage: Mapped[str] = mapped_column(String(20))
    ranking: Mapped[str] = mapped_column(String(40))
    work: Mapped[dict[str, Any]]
    candidates: Mapped[list[Any]]
    excluded: Mapped[list[Any]]
    excluded_count: Mapped[int] = mapped_column(Integer)
    asked: Mapped[int] = mapped_column(Integer)
    decided_at: Mapped[datetime]


class CounterOfferRow(Base):
    """What a provider would do instead: another date, a lower price; the customer may take it until it expires.

    Written by the API (`open`, `withdrawn`, `declined`), taken and closed by the job's activities.
    """

    __tablename__ = "counter_offers"
    __table_args__ = (
        Index("uq_counter_offers_one_open", "offer_id", unique=True, postgresql_where=text("state = 'open'")),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    job_id: Mapped[Id] = mapped_column(ForeignKey("jobs.id"), index=True)
    offer_id: Mapped[Id] = mapped_column(ForeignKey("offers.id"))
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"))
    provider_id: Mapped[Id]
    amount_minor: Mapped[Minor]
    currency: Mapped[CurrencyCode]
    lead_time_days: Mapped[int] = mapped_column(Integer)
    note: Mapped[str] = mapped_column(String(500))
    state: Mapped[str] = mapped_column(String(20))
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
