"""Documents: invoices, receipts, credit notes and statements, and what their parties want on them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from fulfil.models.migrations.forward_only import DowngradeRefusedError

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
APPEND_ONLY = ("documents",)
GRANTS = (
    "GRANT SELECT ON documents, document_series, billing_details TO fulfil_api, fulfil_worker",
    "GRANT INSERT ON documents TO fulfil_worker",
    "GRANT INSERT, UPDATE ON document_series TO fulfil_worker",
    "GRANT INSERT, UPDATE ON billing_details TO fulfil_api",
)


def upgrade() -> None:
    create_documents()
    for statement in GRANTS:
        op.execute(statement)


def downgrade() -> None:
    raise DowngradeRefusedError(revision)


def create_documents() -> None:
    op.create_table(
        "billing_details",
        sa.Column("party_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("address_lines", JSONB(), nullable=False),
        sa.Column("country", sa.String(2), nullable=False),
        sa.Column("vat_id", sa.String(40)),
        sa.Column("updated_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("party_id", name="pk_billing_details"),
    )
    op.create_table(
        "documents",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("series", sa.String(10), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("party_id", sa.String(64), nullable=False),
        sa.Column("business_key", sa.String(255), nullable=False),
        sa.Column("refers_to", sa.String(40)),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("snapshot", JSONB(), nullable=False),
        sa.Column("snapshot_sha256", sa.String(64), nullable=False),
        sa.Column("issued_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_documents_order_id_orders"),
        sa.PrimaryKeyConstraint("id", name="pk_documents"),
        sa.UniqueConstraint("business_key", name="uq_documents_business_key"),
        sa.UniqueConstraint("number", name="uq_documents_number"),
        sa.UniqueConstraint("series", "year", "sequence", name="uq_documents_series_year_sequence"),
    )
    op.create_index("ix_accounts_party_id", "accounts", ["party_id"])
    op.create_index("ix_documents_order_id", "documents", ["order_id"])
    op.create_index("ix_documents_party_id", "documents", ["party_id"])
    op.create_table(
        "document_series",
        sa.Column("series", sa.String(10), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last_sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("series", "year", name="pk_document_series"),
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
