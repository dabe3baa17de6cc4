"""First release, tables: jobs, offers, productions and reports."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from fulfil.models.migrations.forward_only import DowngradeRefusedError

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_jobs()
    create_productions()


def downgrade() -> None:
    raise DowngradeRefusedError(revision)


def create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("line_id", sa.String(64), nullable=False),
        sa.Column("state", sa.String(30), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("provider_id", sa.String(64)),
        sa.Column("offer_id", sa.String(64)),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True)),
        sa.Column("approved_at", sa.DateTime(timezone=True)),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.Column("close_reason", sa.String(500)),
        sa.Column("commission_minor", sa.BigInteger()),
        sa.Column("payout_minor", sa.BigInteger()),
        sa.Column("payout_account_id", sa.String(255)),
        sa.ForeignKeyConstraint(["line_id"], ["order_lines.id"], name="fk_jobs_line_id_order_lines"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_jobs_order_id_orders"),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.UniqueConstraint("order_id", "line_id", name="uq_jobs_order_id_line_id"),
    )
    op.create_index("ix_jobs_open_of_provider", "jobs", ["provider_id"], postgresql_where=sa.text("closed_at IS NULL"))
    op.create_index("ix_jobs_order_id", "jobs", ["order_id"])
    op.create_index("ix_jobs_provider_id", "jobs", ["provider_id"])
    op.create_index("ix_jobs_state", "jobs", ["state"])
    op.create_table(
        "offers",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("provider_id", sa.String(64), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(20), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("reasons", JSONB(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("close_reason", sa.String(500)),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True)),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_offers_job_id_jobs"),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name="fk_offers_provider_id_providers"),
        sa.PrimaryKeyConstraint("id", name="pk_offers"),
        sa.UniqueConstraint("job_id", "round", "provider_id", name="uq_offers_job_id_round_provider_id"),
    )
    op.create_index("ix_offers_job_id", "offers", ["job_id"])
    op.create_index("ix_offers_provider_state", "offers", ["provider_id", "state"])
    op.create_index(
        "uq_offers_one_winner", "offers", ["job_id"], unique=True, postgresql_where=sa.text("state = 'accepted'")
    )


def create_productions() -> None:
    op.create_table(
        "productions",
        sa.Column("offer_id", sa.String(64), nullable=False),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("provider_id", sa.String(64), nullable=False),
        sa.Column("state", sa.String(30), nullable=False),
        sa.Column("percent", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("start_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("quality_passed_at", sa.DateTime(timezone=True)),
        sa.Column("shipped_at", sa.DateTime(timezone=True)),
        sa.Column("carrier", sa.String(80)),
        sa.Column("tracking_number", sa.String(80)),
        sa.Column("delivered_at", sa.DateTime(timezone=True)),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("percent BETWEEN 0 AND 100", name="percent"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_productions_job_id_jobs"),
        sa.ForeignKeyConstraint(["offer_id"], ["offers.id"], name="fk_productions_offer_id_offers"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_productions_order_id_orders"),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name="fk_productions_provider_id_providers"),
        sa.PrimaryKeyConstraint("offer_id", name="pk_productions"),
    )
    op.create_index("ix_productions_job_id", "productions", ["job_id"])
    op.create_index("ix_productions_provider_id", "productions", ["provider_id"])
    op.create_index(
        "uq_productions_one_open", "productions", ["job_id"], unique=True, postgresql_where=sa.text("closed_at IS NULL")
    )
    op.create_table(
        "job_reports",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("offer_id", sa.String(64), nullable=False),
        sa.Column("business_key", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("data", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signal_due", sa.Boolean(), nullable=False),
        sa.Column("signalled_at", sa.DateTime(timezone=True)),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True)),
        sa.Column("last_error", sa.String()),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_job_reports_job_id_jobs"),
        sa.ForeignKeyConstraint(["offer_id"], ["productions.offer_id"], name="fk_job_reports_offer_id_productions"),
        sa.PrimaryKeyConstraint("id", name="pk_job_reports"),
        sa.UniqueConstraint("business_key", name="uq_job_reports_business_key"),
    )
    op.create_index("ix_job_reports_job_id", "job_reports", ["job_id"])
    op.create_index(
        "ix_job_reports_waiting",
        "job_reports",
        ["created_at"],
        postgresql_where=sa.text("signal_due AND signalled_at IS NULL"),
    )
