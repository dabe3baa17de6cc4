"""Providers in full: verification, machines, certificates, closures, place, calendar, score."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from fulfil.models.migrations.forward_only import DowngradeRefusedError

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
DEGREES: sa.Double[float] = sa.Double()
GRANTS = (
    "GRANT SELECT ON provider_machines, provider_certificates, provider_closures TO fulfil_api, fulfil_worker",
    "GRANT SELECT ON provider_scores TO fulfil_api, fulfil_worker",
    "GRANT INSERT, UPDATE, DELETE ON provider_machines, provider_closures TO fulfil_api",
    "GRANT INSERT, UPDATE ON provider_certificates TO fulfil_api",
    "GRANT INSERT, UPDATE ON provider_scores TO fulfil_worker",
    "GRANT UPDATE (score) ON providers TO fulfil_worker",
)


def upgrade() -> None:
    create_provider_certificates()
    create_provider_closures()
    create_provider_machines()
    create_provider_scores()
    change_providers()
    for statement in GRANTS:
        op.execute(statement)


def downgrade() -> None:
    raise DowngradeRefusedError(revision)


def create_provider_certificates() -> None:
    op.create_table(
        "provider_certificates",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("provider_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("file_id", sa.String(64), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("issued_at", TIME),
        sa.Column("expires_at", TIME),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("decided_by", sa.String(64)),
        sa.Column("decided_at", TIME),
        sa.Column("note", sa.String(500), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_provider_certificates_file_id_files"),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.id"], name="fk_provider_certificates_provider_id_providers"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_provider_certificates"),
    )
    op.create_index("ix_provider_certificates_provider_id", "provider_certificates", ["provider_id"])


def create_provider_closures() -> None:
    op.create_table(
        "provider_closures",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("provider_id", sa.String(64), nullable=False),
        sa.Column("starts_at", TIME, nullable=False),
        sa.Column("ends_at", TIME, nullable=False),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("ends_at > starts_at", name="span"),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name="fk_provider_closures_provider_id_providers"),
        sa.PrimaryKeyConstraint("id", name="pk_provider_closures"),
    )
    op.create_index("ix_provider_closures_provider_id", "provider_closures", ["provider_id"])


def create_provider_machines() -> None:
    op.create_table(
        "provider_machines",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("provider_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("process", sa.String(40), nullable=False),
        sa.Column("materials", JSONB(), nullable=False),
        sa.Column("volume_mm", JSONB(), nullable=False),
        sa.Column("online", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name="fk_provider_machines_provider_id_providers"),
        sa.PrimaryKeyConstraint("id", name="pk_provider_machines"),
    )
    op.create_index("ix_provider_machines_provider_id", "provider_machines", ["provider_id"])


def create_provider_scores() -> None:
    op.create_table(
        "provider_scores",
        sa.Column("provider_id", sa.String(64), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(20), nullable=False),
        sa.Column("inputs", JSONB(), nullable=False),
        sa.Column("computed_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name="fk_provider_scores_provider_id_providers"),
        sa.PrimaryKeyConstraint("provider_id", name="pk_provider_scores"),
    )


def change_providers() -> None:
    op.add_column(
        "providers", sa.Column("business_type", sa.String(20), server_default=sa.text("'company'"), nullable=False)
    )
    op.add_column(
        "providers", sa.Column("verification", sa.String(20), server_default=sa.text("'verified'"), nullable=False)
    )
    op.add_column("providers", sa.Column("verification_note", sa.String(500)))
    op.add_column("providers", sa.Column("verified_at", TIME))
    op.add_column("providers", sa.Column("suspended_at", TIME))
    op.add_column("providers", sa.Column("suspension_reason", sa.String(500)))
    op.add_column("providers", sa.Column("tier", sa.String(40), server_default=sa.text("'standard'"), nullable=False))
    op.add_column("providers", sa.Column("time_zone", sa.String(60), server_default=sa.text("'UTC'"), nullable=False))
    op.add_column("providers", sa.Column("working_hours", JSONB()))
    op.add_column("providers", sa.Column("country", sa.String(2)))
    op.add_column("providers", sa.Column("postal_code", sa.String(20)))
    op.add_column("providers", sa.Column("city", sa.String(120)))
    op.add_column("providers", sa.Column("address_lines", JSONB()))
    op.add_column("providers", sa.Column("latitude", DEGREES))
    op.add_column("providers", sa.Column("longitude", DEGREES))
    op.add_column("providers", sa.Column("online_at", TIME))
