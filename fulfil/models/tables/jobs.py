"""Jobs, offers, productions and reports.

Two owners meet here and never write the same table: `jobs` and `offers` belong to the job workflow's
activities; `productions` and `job_reports` are what the provider says about the work in her hands, written
by the API in one transaction per report. A production row is born (and closed) by the workflow's activities;
its row lock decides every race between "started" and "taken back".
"""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from fulfil.models.tables.base import Base, Id, Key, Minor


class JobRow(Base):
    """What one provider is paid for: the making of an order line, or one milestone of a service line.

    `state` follows JobState up to `accepted` and again from `approved`; a milestone's job is born `accepted` and has
    no workflow of its own, its deliverable settles it. `amount_minor` is its part of the line.

    Approval releases what is held of the line (`released_minor` = payout + commission, its tax included) and fixes
    the shares and the account they are paid to, so that a retry asks Stripe for the same.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("order_id", "line_id", "milestone_id", postgresql_nulls_not_distinct=True),
        Index("ix_jobs_open_of_provider", "provider_id", postgresql_where=text("closed_at IS NULL")),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), index=True)
    line_id: Mapped[Id] = mapped_column(ForeignKey("order_lines.id"), index=True)
    milestone_id: Mapped[Id | None]
    amount_minor: Mapped[Minor]
    state: Mapped[str] = mapped_column(String(30), index=True)
    round: Mapped[int] = mapped_column(Integer)
    provider_id: Mapped[Id | None] = mapped_column(index=True)
    offer_id: Mapped[Id | None]
    opened_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    approved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    close_reason: Mapped[str | None] = mapped_column(String(500))
    released_minor: Mapped[Minor | None]
    commission_minor: Mapped[Minor | None]
    commission_tax_minor: Mapped[Minor | None]
    payout_minor: Mapped[Minor | None]
    netted_minor: Mapped[Minor | None]
    payout_account_id: Mapped[str | None] = mapped_column(String(255))


class OfferRow(Base):
    """One provider's chance at one job in one round; who once had the job (`accepted_at`) is not asked again."""

    __tablename__ = "offers"
    __table_args__ = (
        UniqueConstraint("job_id", "round", "provider_id"),
        Index("uq_offers_one_winner", "job_id", unique=True, postgresql_where=text("state = 'accepted'")),
        Index("ix_offers_provider_state", "provider_id", "state"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    job_id: Mapped[Id] = mapped_column(ForeignKey("jobs.id"), index=True)
    provider_id: Mapped[Id] = mapped_column(ForeignKey("providers.id"))
    round: Mapped[int] = mapped_column(Integer)
    stage: Mapped[str] = mapped_column(String(20))
    wave: Mapped[int] = mapped_column(Integer)
    rank: Mapped[int] = mapped_column(Integer)
    reasons: Mapped[list[Any]]
    state: Mapped[str] = mapped_column(String(20))
    close_reason: Mapped[str | None] = mapped_column(String(500))
    offered_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class ProductionRow(Base):
    """The work of one provider on one job, from acceptance to delivery.

    `due_at` is when it is promised to be on its way (or to be picked up); while the customer has a choice, `trouble`
    says why and `proposed_due_at` which date the provider now names. `pickup_failures` counts wrong pickup codes.
    """

    __tablename__ = "productions"
    __table_args__ = (
        CheckConstraint("percent BETWEEN 0 AND 100", name="percent"),
        Index("uq_productions_one_open", "job_id", unique=True, postgresql_where=text("closed_at IS NULL")),
    )

    offer_id: Mapped[Id] = mapped_column(ForeignKey("offers.id"), primary_key=True)
    job_id: Mapped[Id] = mapped_column(ForeignKey("jobs.id"), index=True)
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"))
    provider_id: Mapped[Id] = mapped_column(ForeignKey("providers.id"), index=True)
    state: Mapped[str] = mapped_column(String(30))
    percent: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    start_due_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    proposed_due_at: Mapped[datetime | None]
    trouble: Mapped[str | None] = mapped_column(String(30))
    trouble_answer_due_at: Mapped[datetime | None]
    at_risk_at: Mapped[datetime | None]
    stage: Mapped[str | None] = mapped_column(String(80))
    remakes: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    reported_at: Mapped[datetime | None]
    pickup_ready_at: Mapped[datetime | None]
    pickup_failures: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    pickup_failed_at: Mapped[datetime | None]
    quality_passed_at: Mapped[datetime | None]
    shipped_at: Mapped[datetime | None]
    carrier: Mapped[str | None] = mapped_column(String(80))
    tracking_number: Mapped[str | None] = mapped_column(String(80))
    delivered_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class JobReportRow(Base):
    """One report, append-only; those that move a clock wait here until the relay has signalled the job."""

    __tablename__ = "job_reports"
    __table_args__ = (
        Index("ix_job_reports_waiting", "created_at", postgresql_where=text("signal_due AND signalled_at IS NULL")),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    job_id: Mapped[Id] = mapped_column(ForeignKey("jobs.id"), index=True)
    offer_id: Mapped[Id] = mapped_column(ForeignKey("productions.offer_id"))
    business_key: Mapped[Key] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    data: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    signal_due: Mapped[bool]
    signalled_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    not_before: Mapped[datetime | None]
    last_error: Mapped[str | None]
