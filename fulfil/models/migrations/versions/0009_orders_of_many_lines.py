"""Orders of many lines: services beside quotes, delivery method and address, jobs that name their part."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from fulfil.models.migrations.forward_only import DowngradeRefusedError

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
DEGREES: sa.Double[float] = sa.Double()
GRANTS = (
    "GRANT SELECT ON services, order_addresses TO fulfil_api, fulfil_worker",
    "GRANT INSERT, UPDATE ON services, order_addresses TO fulfil_api",
)


def upgrade() -> None:
    create_services()
    create_order_addresses()
    change_orders()
    change_order_lines()
    change_jobs()
    for statement in GRANTS:
        op.execute(statement)


def downgrade() -> None:
    raise DowngradeRefusedError(revision)


def create_services() -> None:
    op.create_table(
        "services",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("provider_id", sa.String(64), nullable=False),
        sa.Column("title", sa.String(300), nullable=False),
        sa.Column("description", sa.String(4000), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("milestones", JSONB(), nullable=False),
        sa.Column("revisions_included", sa.Integer(), nullable=False),
        sa.Column("checklist", JSONB(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("price_minor > 0", name="price"),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name="fk_services_provider_id_providers"),
        sa.PrimaryKeyConstraint("id", name="pk_services"),
    )
    op.create_index("ix_services_provider_id", "services", ["provider_id"])


def create_order_addresses() -> None:
    op.create_table(
        "order_addresses",
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("address_lines", JSONB(), nullable=False),
        sa.Column("postal_code", sa.String(20), nullable=False),
        sa.Column("city", sa.String(120), nullable=False),
        sa.Column("country", sa.String(2), nullable=False),
        sa.Column("latitude", DEGREES),
        sa.Column("longitude", DEGREES),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("order_id", name="pk_order_addresses"),
    )


def change_orders() -> None:
    op.add_column(
        "orders", sa.Column("delivery_method", sa.String(20), server_default=sa.text("'shipping'"), nullable=False)
    )


def change_order_lines() -> None:
    op.add_column("order_lines", sa.Column("position", sa.Integer(), server_default=sa.text("1"), nullable=False))
    op.add_column(
        "order_lines", sa.Column("kind", sa.String(20), server_default=sa.text("'made_to_order'"), nullable=False)
    )
    op.add_column("order_lines", sa.Column("positions", JSONB()))
    op.add_column("order_lines", sa.Column("service_id", sa.String(64)))
    op.add_column("order_lines", sa.Column("provider_id", sa.String(64)))
    op.add_column("order_lines", sa.Column("plan", JSONB()))
    op.add_column("order_lines", sa.Column("revisions_included", sa.Integer()))
    op.add_column("order_lines", sa.Column("checklist", JSONB()))
    op.add_column("order_lines", sa.Column("material_sheets", sa.Integer()))
    op.add_column("order_lines", sa.Column("colour", sa.String(40)))
    op.add_column("order_lines", sa.Column("box_mm", JSONB()))
    op.alter_column("order_lines", "quote_id", existing_type=sa.VARCHAR(length=64), nullable=True)
    op.create_foreign_key("fk_order_lines_service_id_services", "order_lines", "services", ["service_id"], ["id"])
    op.create_check_constraint("source", "order_lines", "(quote_id IS NULL) <> (service_id IS NULL)")


def change_jobs() -> None:
    op.add_column("jobs", sa.Column("milestone_id", sa.String(64)))
    op.add_column("jobs", sa.Column("amount_minor", sa.BigInteger()))
    op.execute("UPDATE jobs SET amount_minor = l.amount_minor FROM order_lines l WHERE l.id = jobs.line_id")
    op.alter_column("jobs", "amount_minor", nullable=False)
    op.drop_constraint("uq_jobs_order_id_line_id", "jobs", type_="unique")
    op.create_index("ix_jobs_line_id", "jobs", ["line_id"])
    op.create_unique_constraint(
        "uq_jobs_order_id_line_id_milestone_id",
        "jobs",
        ["order_id", "line_id", "milestone_id"],
        postgresql_nulls_not_distinct=True,
    )
