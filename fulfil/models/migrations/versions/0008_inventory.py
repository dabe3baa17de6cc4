"""Inventory: stock by colour and lot in its own unit, reservations as leases."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from fulfil.models.migrations.forward_only import DowngradeRefusedError

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
GRANTS = (
    "GRANT SELECT ON stock_items, stock_reservations TO fulfil_api, fulfil_worker",
    "GRANT INSERT, UPDATE ON stock_items, stock_reservations TO fulfil_api, fulfil_worker",
)

# What was kept by material alone is one lot without name or colour, in grams.
MOVE_STOCK = """
INSERT INTO stock_items (id, provider_id, material, unit, available_quantity, reserved_quantity, created_at)
SELECT 'stk_' || md5(provider_id || '|' || material), provider_id, material, 'g', available_g, reserved_g, now()
FROM stock
"""
NAME_ITEMS = """
UPDATE stock_movements m
SET item_id = 'stk_' || md5(m.provider_id || '|' || m.material), id = 'mov_' || md5(m.business_key)
"""
LEASE_RESERVED = """
INSERT INTO stock_reservations (offer_id, item_id, job_id, quantity, expires_at, created_at)
SELECT split_part(r.business_key, '\\:', 1), r.item_id, r.job_id, r.reserved_delta,
       now() + interval '60 days', r.created_at
FROM stock_movements r
WHERE r.kind = 'reserved' AND r.job_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM stock_movements e
    WHERE e.kind IN ('released', 'consumed') AND e.item_id = r.item_id
      AND split_part(e.business_key, '\\:', 1) = split_part(r.business_key, '\\:', 1)
)
"""


def upgrade() -> None:
    create_items()
    carry_over()
    for statement in GRANTS:
        op.execute(statement)


def downgrade() -> None:
    raise DowngradeRefusedError(revision)


def create_items() -> None:
    op.create_table(
        "stock_items",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("provider_id", sa.String(64), nullable=False),
        sa.Column("material", sa.String(40), nullable=False),
        sa.Column("colour", sa.String(40), server_default=sa.text("''"), nullable=False),
        sa.Column("lot", sa.String(80), server_default=sa.text("''"), nullable=False),
        sa.Column("unit", sa.String(10), nullable=False),
        sa.Column("available_quantity", sa.BigInteger(), nullable=False),
        sa.Column("reserved_quantity", sa.BigInteger(), nullable=False),
        sa.Column("low_at_quantity", sa.BigInteger()),
        sa.Column("low_since", TIME),
        sa.Column("reorder_url", sa.String(2000)),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("available_quantity >= 0", name="available"),
        sa.CheckConstraint("reserved_quantity >= 0", name="reserved"),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name="fk_stock_items_provider_id_providers"),
        sa.PrimaryKeyConstraint("id", name="pk_stock_items"),
        sa.UniqueConstraint(
            "provider_id", "material", "colour", "lot", name="uq_stock_items_provider_id_material_colour_lot"
        ),
    )
    op.create_table(
        "stock_reservations",
        sa.Column("offer_id", sa.String(64), nullable=False),
        sa.Column("item_id", sa.String(64), nullable=False),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("turn", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("consumed_quantity", sa.BigInteger()),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("ended_at", TIME),
        sa.Column("ending", sa.String(20)),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("quantity > 0", name="quantity"),
        sa.ForeignKeyConstraint(["item_id"], ["stock_items.id"], name="fk_stock_reservations_item_id_stock_items"),
        sa.PrimaryKeyConstraint("offer_id", "item_id", name="pk_stock_reservations"),
    )
    op.create_index(
        "ix_stock_reservations_open",
        "stock_reservations",
        ["item_id", "expires_at"],
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def carry_over() -> None:
    op.execute(MOVE_STOCK)
    op.add_column("stock_movements", sa.Column("item_id", sa.String(64)))
    op.add_column("stock_movements", sa.Column("id", sa.String(64)))
    op.add_column("stock_movements", sa.Column("reason", sa.String(500), server_default=sa.text("''"), nullable=False))
    op.add_column("stock_movements", sa.Column("actor", JSONB()))
    op.alter_column("stock_movements", "available_delta_g", new_column_name="available_delta")
    op.alter_column("stock_movements", "reserved_delta_g", new_column_name="reserved_delta")
    op.execute("ALTER TABLE stock_movements DISABLE TRIGGER append_only")
    op.execute(NAME_ITEMS)
    op.execute("ALTER TABLE stock_movements ENABLE TRIGGER append_only")
    op.alter_column("stock_movements", "item_id", nullable=False)
    op.alter_column("stock_movements", "id", nullable=False)
    op.create_unique_constraint("uq_stock_movements_id", "stock_movements", ["id"])
    op.create_index("ix_stock_movements_item_id", "stock_movements", ["item_id"])
    op.create_foreign_key(
        "fk_stock_movements_item_id_stock_items", "stock_movements", "stock_items", ["item_id"], ["id"]
    )
    op.execute(LEASE_RESERVED)
    op.drop_table("stock")
