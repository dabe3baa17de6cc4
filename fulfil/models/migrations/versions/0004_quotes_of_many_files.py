"""Quotes of many files: analyses kept by content, items with findings, estimates and prices, all immutable."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from fulfil.models.migrations.forward_only import DowngradeRefusedError

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# What a quote said of its one file becomes its first item; its geometry was never more than a price's footnote.
MOVE_ITEMS = """
INSERT INTO quote_items (quote_id, position, file_id, file_sha256, status, process, material, quantity, material_g,
                         wish, options, accepted, findings, priced, amount_minor, analyser_version,
                         calculation_time_ms)
SELECT id, 0, file_id, file_sha256, status, process, material, quantity, material_g,
       jsonb_build_object('process', process, 'material', material, 'quantity', quantity),
       '{}'::jsonb, '[]'::jsonb, '[]'::jsonb,
       jsonb_build_object(
           'process', process, 'material', material, 'quantity', quantity, 'currency', currency,
           'lines', lines, 'total_minor', total_minor, 'quantity_breaks', '[]'::jsonb, 'machines', '[]'::jsonb,
           'material_g', material_g, 'machine_hours', '0', 'production_days', lead_time_days),
       total_minor, analyser_version, calculation_time_ms
FROM quotes
"""
FILL_QUOTES = """
UPDATE quotes SET tier = 'standard', lead_time = 'standard', lead_time_options = '[]'::jsonb, lines = '[]'::jsonb,
                  items_minor = total_minor, rules_version = 'none'
"""
MOVED = (
    *("file_id", "file_sha256", "process", "material", "quantity", "geometry"),
    *("material_g", "analyser_version"),
)
ADDED = (
    sa.Column("tier", sa.String(40)),
    sa.Column("lead_time", sa.String(20)),
    sa.Column("lead_time_options", JSONB()),
    sa.Column("items_minor", sa.BigInteger()),
    sa.Column("rules_version", sa.String(40)),
)
IMMUTABLE = ("file_analyses", "quotes", "quote_items", "estimate_confirmations")


def upgrade() -> None:
    create_analyses()
    create_items()
    op.create_table(
        "estimate_confirmations",
        sa.Column("quote_id", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("confirmation", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("quote_id", "position", name="pk_estimate_confirmations"),
    )
    op.create_table(
        "quote_requests",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("customer_id", sa.String(64), nullable=False),
        sa.Column("request", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quote_requests"),
    )
    move_quotes()
    op.execute("GRANT INSERT ON file_analyses, quote_items, estimate_confirmations TO fulfil_worker")
    op.execute("GRANT INSERT ON quote_requests TO fulfil_api")
    for table in (*IMMUTABLE, "quote_requests"):
        op.execute(f"GRANT SELECT ON {table} TO fulfil_api, fulfil_worker")
    for table in IMMUTABLE:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    raise DowngradeRefusedError(revision)


def create_analyses() -> None:
    op.create_table(
        "file_analyses",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("file_sha256", sa.String(64), nullable=False),
        sa.Column("analyser_version", sa.String(40), nullable=False),
        sa.Column("options", JSONB(), nullable=False),
        sa.Column("analysis", JSONB(), nullable=False),
        sa.Column("artefacts", JSONB(), nullable=False),
        sa.Column("calculation_time_ms", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_file_analyses"),
    )
    op.create_index("ix_file_analyses_file_sha256", "file_analyses", ["file_sha256"])


def create_items() -> None:
    op.create_table(
        "quote_items",
        sa.Column("quote_id", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.String(64), nullable=False),
        sa.Column("file_sha256", sa.String(64), nullable=False),
        sa.Column("analysis_id", sa.String(64)),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("process", sa.String(40), nullable=False),
        sa.Column("material", sa.String(40), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("material_g", sa.BigInteger(), nullable=False),
        sa.Column("wish", JSONB(), nullable=False),
        sa.Column("options", JSONB(), nullable=False),
        sa.Column("accepted", JSONB(), nullable=False),
        sa.Column("findings", JSONB(), nullable=False),
        sa.Column("estimate", JSONB()),
        sa.Column("priced", JSONB()),
        sa.Column("refusal", JSONB()),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("analyser_version", sa.String(40)),
        sa.Column("coefficients_version", sa.String(80)),
        sa.Column("calculation_time_ms", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity > 0", name="quantity"),
        sa.ForeignKeyConstraint(["quote_id"], ["quotes.id"], name="fk_quote_items_quote_id_quotes"),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_quote_items_file_id_files"),
        sa.ForeignKeyConstraint(["analysis_id"], ["file_analyses.id"], name="fk_quote_items_analysis_id_file_analyses"),
        sa.PrimaryKeyConstraint("quote_id", "position", name="pk_quote_items"),
    )


def move_quotes() -> None:
    op.execute(MOVE_ITEMS)
    for column in ADDED:
        op.add_column("quotes", column)
    op.execute(FILL_QUOTES)
    for column in ADDED:
        op.alter_column("quotes", column.name, nullable=False)
    op.alter_column("quotes", "calculation_time_ms", new_column_name="total_calculation_time_ms")
    for name in MOVED:
        op.drop_column("quotes", name)
