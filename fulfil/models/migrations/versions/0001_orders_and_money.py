"""First release, tables: people, stock, quotes, orders, timeline, payments, ledger."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from fulfil.models.migrations.forward_only import DowngradeRefusedError

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_accounts()
    create_inventory()
    create_quotes()
    create_orders()
    create_timeline()
    create_payments()
    create_ledger()
    create_support()


def downgrade() -> None:
    raise DowngradeRefusedError(revision)


def create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("party_id", sa.String(64)),
        sa.Column("password_hash", sa.String()),
        sa.Column("oidc_subject", sa.String(512)),
        sa.Column("disabled_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("email", name="uq_accounts_email"),
        sa.UniqueConstraint("oidc_subject", name="uq_accounts_oidc_subject"),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("prefix", sa.String(32), nullable=False),
        sa.Column("secret_sha256", sa.String(64), nullable=False),
        sa.Column("scopes", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_api_keys_account_id_accounts"),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("secret_sha256", name="uq_api_keys_secret_sha256"),
    )
    op.create_index("ix_api_keys_account_id", "api_keys", ["account_id"])
    op.create_table(
        "providers",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("capabilities", JSONB(), nullable=False),
        sa.Column("commission_bp", sa.Integer(), nullable=False),
        sa.Column("score", sa.Integer(), server_default=sa.text("50"), nullable=False),
        sa.Column("online", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("capacity_jobs", sa.Integer(), server_default=sa.text("10"), nullable=False),
        sa.Column("completed_jobs", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("stripe_account_id", sa.String(255)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_providers"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("subject_id", sa.String(64), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("operation", sa.String(200), nullable=False),
        sa.Column("request_sha256", sa.String(64), nullable=False),
        sa.Column("resource_id", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject_id", "key", name="pk_idempotency_keys"),
    )


def create_inventory() -> None:
    op.create_table(
        "stock",
        sa.Column("provider_id", sa.String(64), nullable=False),
        sa.Column("material", sa.String(40), nullable=False),
        sa.Column("available_g", sa.BigInteger(), nullable=False),
        sa.Column("reserved_g", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("available_g >= 0", name="available"),
        sa.CheckConstraint("reserved_g >= 0", name="reserved"),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name="fk_stock_provider_id_providers"),
        sa.PrimaryKeyConstraint("provider_id", "material", name="pk_stock"),
    )
    op.create_table(
        "stock_movements",
        sa.Column("business_key", sa.String(255), nullable=False),
        sa.Column("provider_id", sa.String(64), nullable=False),
        sa.Column("material", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("available_delta_g", sa.BigInteger(), nullable=False),
        sa.Column("reserved_delta_g", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.String(64)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name="fk_stock_movements_provider_id_providers"),
        sa.PrimaryKeyConstraint("business_key", name="pk_stock_movements"),
    )
    op.create_index("ix_stock_movements_provider_id", "stock_movements", ["provider_id"])


def create_quotes() -> None:
    op.create_table(
        "files",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("format", sa.String(20), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_files"),
    )
    op.create_index("ix_files_owner_id", "files", ["owner_id"])
    op.create_index("ix_files_sha256", "files", ["sha256"])
    op.create_table(
        "quotes",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("customer_id", sa.String(64), nullable=False),
        sa.Column("file_id", sa.String(64), nullable=False),
        sa.Column("file_sha256", sa.String(64), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("process", sa.String(40), nullable=False),
        sa.Column("material", sa.String(40), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("geometry", JSONB(), nullable=False),
        sa.Column("lines", JSONB(), nullable=False),
        sa.Column("material_g", sa.BigInteger(), nullable=False),
        sa.Column("lead_time_days", sa.Integer(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("analyser_version", sa.String(40), nullable=False),
        sa.Column("tariff_version", sa.String(40), nullable=False),
        sa.Column("calculation_time_ms", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("quantity > 0", name="quantity"),
        sa.CheckConstraint("total_minor >= 0", name="total"),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_quotes_file_id_files"),
        sa.PrimaryKeyConstraint("id", name="pk_quotes"),
    )
    op.create_index("ix_quotes_customer_id", "quotes", ["customer_id"])


def create_orders() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("customer_id", sa.String(64), nullable=False),
        sa.Column("state", sa.String(30), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("policies", JSONB(), nullable=False),
        sa.Column("cancel_reason", sa.String(500)),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("total_minor > 0", name="total"),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
    )
    op.create_index("ix_orders_customer_id", "orders", ["customer_id"])
    op.create_index("ix_orders_state", "orders", ["state"])
    op.create_table(
        "order_lines",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("quote_id", sa.String(64), nullable=False),
        sa.Column("title", sa.String(300), nullable=False),
        sa.Column("process", sa.String(40), nullable=False),
        sa.Column("material", sa.String(40), nullable=False),
        sa.Column("material_g", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("lead_time_days", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_order_lines_order_id_orders"),
        sa.ForeignKeyConstraint(["quote_id"], ["quotes.id"], name="fk_order_lines_quote_id_quotes"),
        sa.PrimaryKeyConstraint("id", name="pk_order_lines"),
    )
    op.create_index("ix_order_lines_order_id", "order_lines", ["order_id"])


def create_timeline() -> None:
    op.create_table(
        "timelines",
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("last_sequence", sa.Integer(), nullable=False),
        sa.Column("next_who", sa.String(20), nullable=False),
        sa.Column("next_what", sa.String(300), nullable=False),
        sa.Column("next_by", sa.DateTime(timezone=True)),
        sa.Column("stuck_step", sa.String(80)),
        sa.Column("stuck_since", sa.DateTime(timezone=True)),
        sa.Column("stuck_cause", sa.String(2000)),
        sa.Column("stuck_workflow_id", sa.String(120)),
        sa.Column("stuck_allowed", JSONB()),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_timelines_order_id_orders"),
        sa.PrimaryKeyConstraint("order_id", name="pk_timelines"),
    )
    op.create_index("ix_timelines_next_by", "timelines", ["next_by"])
    op.create_index("ix_timelines_stuck_step", "timelines", ["stuck_step"])
    op.create_table(
        "events",
        sa.Column("offset", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("business_key", sa.String(255), nullable=False),
        sa.Column("type", sa.String(60), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.String(20), nullable=False),
        sa.Column("actor_id", sa.String(120), nullable=False),
        sa.Column("subject", sa.String(120), nullable=False),
        sa.Column("data", JSONB(), nullable=False),
        sa.Column("next", JSONB()),
        sa.Column(
            "transaction_id",
            sa.BigInteger(),
            server_default=sa.text("(pg_current_xact_id()::text)::bigint"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_events_order_id_orders"),
        sa.PrimaryKeyConstraint("offset", name="pk_events"),
        sa.UniqueConstraint("business_key", name="uq_events_business_key"),
        sa.UniqueConstraint("order_id", "sequence", name="uq_events_order_id_sequence"),
    )


def create_payments() -> None:
    op.create_table(
        "payments",
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("payment_intent_id", sa.String(255), nullable=False),
        sa.Column("client_secret", sa.String(255), nullable=False),
        sa.Column("state", sa.String(30), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("charge_id", sa.String(255)),
        sa.Column("decline_code", sa.String(100)),
        sa.Column("refunded_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("authorized_at", sa.DateTime(timezone=True)),
        sa.Column("captured_at", sa.DateTime(timezone=True)),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("refunded_minor >= 0 AND refunded_minor <= amount_minor", name="refunded"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_payments_order_id_orders"),
        sa.PrimaryKeyConstraint("order_id", name="pk_payments"),
        sa.UniqueConstraint("charge_id", name="uq_payments_charge_id"),
        sa.UniqueConstraint("payment_intent_id", name="uq_payments_payment_intent_id"),
    )
    op.create_table(
        "refunds",
        sa.Column("id", sa.String(255), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("business_key", sa.String(255), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("state", sa.String(30), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_refunds_order_id_orders"),
        sa.PrimaryKeyConstraint("id", name="pk_refunds"),
        sa.UniqueConstraint("business_key", name="uq_refunds_business_key"),
    )
    op.create_index("ix_refunds_order_id", "refunds", ["order_id"])
    op.create_table(
        "transfers",
        sa.Column("id", sa.String(255), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("provider_id", sa.String(64), nullable=False),
        sa.Column("business_key", sa.String(255), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("commission_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_transfers_order_id_orders"),
        sa.PrimaryKeyConstraint("id", name="pk_transfers"),
        sa.UniqueConstraint("business_key", name="uq_transfers_business_key"),
        sa.UniqueConstraint("job_id", name="uq_transfers_job_id"),
    )
    op.create_index("ix_transfers_order_id", "transfers", ["order_id"])
    op.create_table(
        "stripe_events",
        sa.Column("id", sa.String(255), nullable=False),
        sa.Column("type", sa.String(100), nullable=False),
        sa.Column("object_id", sa.String(255), nullable=False),
        sa.Column("payload", JSONB(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True)),
        sa.Column("last_error", sa.String()),
        sa.Column("processed_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_stripe_events"),
    )
    op.create_index(
        "ix_stripe_events_waiting", "stripe_events", ["received_at"], postgresql_where=sa.text("processed_at IS NULL")
    )


def create_ledger() -> None:
    op.create_table(
        "ledger_transactions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("business_key", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("stripe_object_id", sa.String(255)),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_ledger_transactions_order_id_orders"),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_transactions"),
        sa.UniqueConstraint("business_key", name="uq_ledger_transactions_business_key"),
        sa.UniqueConstraint("stripe_object_id", "kind", name="uq_ledger_transactions_stripe_object_id_kind"),
    )
    op.create_index("ix_ledger_transactions_order_id", "ledger_transactions", ["order_id"])
    op.create_table(
        "ledger_postings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.String(160), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.CheckConstraint("amount_minor <> 0", name="amount"),
        sa.ForeignKeyConstraint(
            ["transaction_id"], ["ledger_transactions.id"], name="fk_ledger_postings_transaction_id_ledger_transactions"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_postings"),
    )
    op.create_index("ix_ledger_postings_account", "ledger_postings", ["account"])
    op.create_index("ix_ledger_postings_transaction_id", "ledger_postings", ["transaction_id"])


def create_support() -> None:
    op.create_table(
        "workflow_resets",
        sa.Column("workflow_id", sa.String(120), nullable=False),
        sa.Column("from_run_id", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("step", sa.String(80), nullable=False),
        sa.Column("actor_id", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("to_run_id", sa.String(64)),
        sa.PrimaryKeyConstraint("workflow_id", "from_run_id", name="pk_workflow_resets"),
    )
