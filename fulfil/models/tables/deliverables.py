"""Services, and their delivery by milestones: plans, submissions, revisions, checks, feedback.

`deliverables` is locked by whoever acts on one: the API for what customer and provider do, the activities for what
time does; so that "approved by silence" and "please revise" never both happen.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from fulfil.models.tables.base import Base, CurrencyCode, Id, Key, Minor


class ServiceRow(Base):
    """A service a provider offers at a price, with its plan (PlannedMilestone); owned by the API."""

    __tablename__ = "services"
    __table_args__ = (CheckConstraint("price_minor > 0", name="price"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    provider_id: Mapped[Id] = mapped_column(ForeignKey("providers.id"), index=True)
    title: Mapped[str] = mapped_column(String(300))
    description: Mapped[str] = mapped_column(String(4000))
    price_minor: Mapped[Minor]
    currency: Mapped[CurrencyCode]
    milestones: Mapped[list[Any]]
    revisions_included: Mapped[int] = mapped_column(Integer)
    checklist: Mapped[list[str]]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime]


class DeliverableRow(Base):
    """The delivery of one service line."""

    __tablename__ = "deliverables"

    id: Mapped[Id] = mapped_column(primary_key=True)
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), index=True)
    line_id: Mapped[Id] = mapped_column(ForeignKey("order_lines.id"), unique=True)
    provider_id: Mapped[Id] = mapped_column(ForeignKey("providers.id"), index=True)
    customer_id: Mapped[Id] = mapped_column(index=True)
    title: Mapped[str] = mapped_column(String(300))
    state: Mapped[str] = mapped_column(String(30), index=True)
    revisions_included: Mapped[int] = mapped_column(Integer)
    revisions_used: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    checklist: Mapped[list[str]]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    close_reason: Mapped[str | None] = mapped_column(String(500))


class MilestoneRow(Base):
    """One part of a deliverable, paid on its own by its job; amounts of a deliverable sum to its line's."""

    __tablename__ = "milestones"
    __table_args__ = (
        CheckConstraint("percent BETWEEN 0 AND 100", name="percent"),
        CheckConstraint("amount_minor >= 0", name="amount"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    deliverable_id: Mapped[Id] = mapped_column(ForeignKey("deliverables.id"), index=True)
    job_id: Mapped[Id] = mapped_column(ForeignKey("jobs.id"), unique=True)
    position: Mapped[int] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(String(300))
    share_bp: Mapped[int] = mapped_column(Integer)
    amount_minor: Mapped[Minor]
    currency: Mapped[CurrencyCode]
    state: Mapped[str] = mapped_column(String(20))
    percent: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    due_at: Mapped[datetime]
    delayed_at: Mapped[datetime | None]
    submitted_at: Mapped[datetime | None]
    review_due_at: Mapped[datetime | None]
    rejected_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    check_state: Mapped[str] = mapped_column(String(20), server_default=text("'pending'"))
    check_result: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


class SubmissionRow(Base):
    """Work shown to the customer: a draft, the final work, or a revision of it; files stay as they were."""

    __tablename__ = "submissions"
    __table_args__ = (UniqueConstraint("milestone_id", "number"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    deliverable_id: Mapped[Id] = mapped_column(ForeignKey("deliverables.id"), index=True)
    milestone_id: Mapped[Id] = mapped_column(ForeignKey("milestones.id"))
    number: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(30))
    note: Mapped[str] = mapped_column(String(2000))
    file_ids: Mapped[list[str]]
    reason: Mapped[str | None] = mapped_column(String(1000))
    created_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]


class RevisionRequestRow(Base):
    """What the customer wants changed, by when; numbered against the deliverable's limit."""

    __tablename__ = "revision_requests"
    __table_args__ = (UniqueConstraint("deliverable_id", "number"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    deliverable_id: Mapped[Id] = mapped_column(ForeignKey("deliverables.id"))
    milestone_id: Mapped[Id] = mapped_column(ForeignKey("milestones.id"), index=True)
    submission_id: Mapped[Id] = mapped_column(ForeignKey("submissions.id"))
    number: Mapped[int] = mapped_column(Integer)
    text: Mapped[str] = mapped_column(String(2000))
    state: Mapped[str] = mapped_column(String(20))
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]


class PlanProposalRow(Base):
    """The open milestones (ReplannedMilestone) as one side would have them; in force once the other accepts."""

    __tablename__ = "plan_proposals"
    __table_args__ = (
        Index("uq_plan_proposals_one_open", "deliverable_id", unique=True, postgresql_where=text("state = 'open'")),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    deliverable_id: Mapped[Id] = mapped_column(ForeignKey("deliverables.id"), index=True)
    proposed_by: Mapped[str] = mapped_column(String(20))
    milestones: Mapped[list[Any]]
    note: Mapped[str] = mapped_column(String(1000))
    state: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class FeedbackRow(Base):
    """What the customer thought of it, from 1 to 5; once per deliverable."""

    __tablename__ = "deliverable_feedback"
    __table_args__ = (
        CheckConstraint(
            "quality BETWEEN 1 AND 5 AND communication BETWEEN 1 AND 5 AND timeliness BETWEEN 1 AND 5", name="stars"
        ),
    )

    deliverable_id: Mapped[Id] = mapped_column(ForeignKey("deliverables.id"), primary_key=True)
    provider_id: Mapped[Id] = mapped_column(index=True)
    quality: Mapped[int] = mapped_column(Integer)
    communication: Mapped[int] = mapped_column(Integer)
    timeliness: Mapped[int] = mapped_column(Integer)
    comment: Mapped[str] = mapped_column(String(2000))
    created_at: Mapped[datetime]


class DeliverableReportRow(Base):
    """What moves a deliverable's clocks, append-only; waits here until the relay has signalled the workflow."""

    __tablename__ = "deliverable_reports"
    __table_args__ = (
        Index(
            "ix_deliverable_reports_waiting",
            "created_at",
            postgresql_where=text("signalled_at IS NULL"),
        ),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    deliverable_id: Mapped[Id] = mapped_column(ForeignKey("deliverables.id"), index=True)
    business_key: Mapped[Key] = mapped_column(unique=True)
    message: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    signalled_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    not_before: Mapped[datetime | None]
    last_error: Mapped[str | None]
