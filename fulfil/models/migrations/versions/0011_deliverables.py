"""Deliverables: milestones, submissions, revisions, plans, feedback."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from fulfil.models.migrations.forward_only import DowngradeRefusedError

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
GRANTS = (
    "GRANT SELECT ON deliverables, milestones, submissions, revision_requests TO fulfil_api, fulfil_worker",
    "GRANT SELECT ON plan_proposals, deliverable_feedback, deliverable_reports TO fulfil_api, fulfil_worker",
    "GRANT INSERT, UPDATE ON deliverables, milestones TO fulfil_worker",
    "GRANT UPDATE ON submissions, revision_requests, plan_proposals TO fulfil_worker",
    "GRANT UPDATE (attempts, not_before, last_error, signalled_at) ON deliverable_reports TO fulfil_worker",
    "GRANT UPDATE ON deliverables, milestones TO fulfil_api",
    "GRANT INSERT, UPDATE ON submissions, revision_requests, plan_proposals TO fulfil_api",
    "GRANT INSERT ON deliverable_feedback, deliverable_reports TO fulfil_api",
)


def upgrade() -> None:
    create_deliverables()
    create_milestones()
    create_submissions()
    create_revision_requests()
    create_plan_proposals()
    create_deliverable_feedback()
    create_deliverable_reports()
    for statement in GRANTS:
        op.execute(statement)


def downgrade() -> None:
    raise DowngradeRefusedError(revision)


def create_deliverables() -> None:
    op.create_table(
        "deliverables",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("line_id", sa.String(64), nullable=False),
        sa.Column("provider_id", sa.String(64), nullable=False),
        sa.Column("customer_id", sa.String(64), nullable=False),
        sa.Column("title", sa.String(300), nullable=False),
        sa.Column("state", sa.String(30), nullable=False),
        sa.Column("revisions_included", sa.Integer(), nullable=False),
        sa.Column("revisions_used", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("checklist", JSONB(), nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("closed_at", TIME),
        sa.Column("close_reason", sa.String(500)),
        sa.ForeignKeyConstraint(["line_id"], ["order_lines.id"], name="fk_deliverables_line_id_order_lines"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_deliverables_order_id_orders"),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name="fk_deliverables_provider_id_providers"),
        sa.PrimaryKeyConstraint("id", name="pk_deliverables"),
        sa.UniqueConstraint("line_id", name="uq_deliverables_line_id"),
    )
    op.create_index("ix_deliverables_customer_id", "deliverables", ["customer_id"])
    op.create_index("ix_deliverables_order_id", "deliverables", ["order_id"])
    op.create_index("ix_deliverables_provider_id", "deliverables", ["provider_id"])
    op.create_index("ix_deliverables_state", "deliverables", ["state"])


def create_milestones() -> None:
    op.create_table(
        "milestones",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("deliverable_id", sa.String(64), nullable=False),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(300), nullable=False),
        sa.Column("share_bp", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("percent", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("delayed_at", TIME),
        sa.Column("submitted_at", TIME),
        sa.Column("review_due_at", TIME),
        sa.Column("rejected_at", TIME),
        sa.Column("completed_at", TIME),
        sa.Column("check_state", sa.String(20), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("check_result", JSONB()),
        sa.CheckConstraint("amount_minor >= 0", name="amount"),
        sa.CheckConstraint("percent BETWEEN 0 AND 100", name="percent"),
        sa.ForeignKeyConstraint(
            ["deliverable_id"], ["deliverables.id"], name="fk_milestones_deliverable_id_deliverables"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_milestones_job_id_jobs"),
        sa.PrimaryKeyConstraint("id", name="pk_milestones"),
        sa.UniqueConstraint("job_id", name="uq_milestones_job_id"),
    )
    op.create_index("ix_milestones_deliverable_id", "milestones", ["deliverable_id"])


def create_submissions() -> None:
    op.create_table(
        "submissions",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("deliverable_id", sa.String(64), nullable=False),
        sa.Column("milestone_id", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("state", sa.String(30), nullable=False),
        sa.Column("note", sa.String(2000), nullable=False),
        sa.Column("file_ids", JSONB(), nullable=False),
        sa.Column("reason", sa.String(1000)),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("answered_at", TIME),
        sa.ForeignKeyConstraint(
            ["deliverable_id"], ["deliverables.id"], name="fk_submissions_deliverable_id_deliverables"
        ),
        sa.ForeignKeyConstraint(["milestone_id"], ["milestones.id"], name="fk_submissions_milestone_id_milestones"),
        sa.PrimaryKeyConstraint("id", name="pk_submissions"),
        sa.UniqueConstraint("milestone_id", "number", name="uq_submissions_milestone_id_number"),
    )
    op.create_index("ix_submissions_deliverable_id", "submissions", ["deliverable_id"])


def create_revision_requests() -> None:
    op.create_table(
        "revision_requests",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("deliverable_id", sa.String(64), nullable=False),
        sa.Column("milestone_id", sa.String(64), nullable=False),
        sa.Column("submission_id", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(2000), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("completed_at", TIME),
        sa.ForeignKeyConstraint(
            ["deliverable_id"], ["deliverables.id"], name="fk_revision_requests_deliverable_id_deliverables"
        ),
        sa.ForeignKeyConstraint(
            ["milestone_id"], ["milestones.id"], name="fk_revision_requests_milestone_id_milestones"
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name="fk_revision_requests_submission_id_submissions"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_revision_requests"),
        sa.UniqueConstraint("deliverable_id", "number", name="uq_revision_requests_deliverable_id_number"),
    )
    op.create_index("ix_revision_requests_milestone_id", "revision_requests", ["milestone_id"])


def create_plan_proposals() -> None:
    op.create_table(
        "plan_proposals",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("deliverable_id", sa.String(64), nullable=False),
        sa.Column("proposed_by", sa.String(20), nullable=False),
        sa.Column("milestones", JSONB(), nullable=False),
        sa.Column("note", sa.String(1000), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("closed_at", TIME),
        sa.ForeignKeyConstraint(
            ["deliverable_id"], ["deliverables.id"], name="fk_plan_proposals_deliverable_id_deliverables"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_plan_proposals"),
    )
    op.create_index("ix_plan_proposals_deliverable_id", "plan_proposals", ["deliverable_id"])
    op.create_index(
        "uq_plan_proposals_one_open",
        "plan_proposals",
        ["deliverable_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )


def create_deliverable_feedback() -> None:
    op.create_table(
        "deliverable_feedback",
        sa.Column("deliverable_id", sa.String(64), nullable=False),
        sa.Column("provider_id", sa.String(64), nullable=False),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.Column("communication", sa.Integer(), nullable=False),
        sa.Column("timeliness", sa.Integer(), nullable=False),
        sa.Column("comment", sa.String(2000), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint(
            "quality BETWEEN 1 AND 5 AND communication BETWEEN 1 AND 5 AND timeliness BETWEEN 1 AND 5",
            name="stars",
        ),
        sa.ForeignKeyConstraint(
            ["deliverable_id"], ["deliverables.id"], name="fk_deliverable_feedback_deliverable_id_deliverables"
        ),
        sa.PrimaryKeyConstraint("deliverable_id", name="pk_deliverable_feedback"),
    )
    op.create_index("ix_deliverable_feedback_provider_id", "deliverable_feedback", ["provider_id"])


def create_deliverable_reports() -> None:
    op.create_table(
        "deliverable_reports",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("deliverable_id", sa.String(64), nullable=False),
        sa.Column("business_key", sa.String(255), nullable=False),
        sa.Column("message", JSONB(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("signalled_at", TIME),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("not_before", TIME),
        sa.Column("last_error", sa.String()),
        sa.ForeignKeyConstraint(
            ["deliverable_id"], ["deliverables.id"], name="fk_deliverable_reports_deliverable_id_deliverables"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_deliverable_reports"),
        sa.UniqueConstraint("business_key", name="uq_deliverable_reports_business_key"),
    )
    op.create_index("ix_deliverable_reports_deliverable_id", "deliverable_reports", ["deliverable_id"])
    op.create_index(
        "ix_deliverable_reports_waiting",
        "deliverable_reports",
        ["created_at"],
        postgresql_where=sa.text("signalled_at IS NULL"),
    )
