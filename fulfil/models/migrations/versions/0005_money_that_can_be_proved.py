"""Money that can be proved: chained ledger, guarded balances, the provider's entries, refunds, chargebacks."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from fulfil.models.migrations.forward_only import DowngradeRefusedError
from fulfil.models.migrations.older_ledger import chain_old_transactions, open_balances

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
ZERO = sa.text("0")

# The trigger's function belongs to the migrating user and writes with her rights: no role of ours may write balances.
# Temporary tables come last on its path: else anybody's own `ledger_balances` would be kept in place of ours.
KEEP_BALANCE = """
CREATE FUNCTION keep_ledger_balance() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
BEGIN
    IF NEW.account LIKE 'liability:held:%' OR NEW.account LIKE 'liability:payable:%'
       OR NEW.account LIKE 'liability:refund_due:%' OR NEW.account LIKE 'liability:credit:%'
       OR NEW.account LIKE 'memo:authorized:%' OR NEW.account LIKE 'asset:refunds_in_transit:%'
       OR NEW.account LIKE 'asset:chargeback:%' OR NEW.account LIKE 'asset:receivable:%' THEN
        INSERT INTO ledger_balances (account, currency, balance_minor)
        VALUES (NEW.account, NEW.currency, 0) ON CONFLICT DO NOTHING;
        UPDATE ledger_balances SET balance_minor = balance_minor + NEW.amount_minor
        WHERE account = NEW.account AND currency = NEW.currency;
    END IF;
    RETURN NULL;
END $$
"""
OLD_BALANCES = """
INSERT INTO ledger_balances (account, currency, balance_minor)
SELECT account, currency, sum(amount_minor) FROM ledger_postings
WHERE account LIKE ANY (ARRAY['liability:held:%', 'liability:payable:%', 'liability:refund_due:%', 'memo:authorized:%'])
GROUP BY account, currency
"""
# Held until the end of an anchor's transaction: nobody is about to commit a smaller number than the one it returns.
CUT_LEDGER = """
CREATE FUNCTION cut_ledger() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
BEGIN
    LOCK TABLE ledger_transactions IN SHARE MODE;
    RETURN (SELECT coalesce(max(id), 0) FROM ledger_transactions);
END $$
"""
APPEND_ONLY = ("transfer_reversals", "ledger_anchors", "chargeback_statements")
WORKER = (
    "GRANT INSERT, UPDATE ON refunds, balance_transactions, chargebacks TO fulfil_worker",
    "GRANT INSERT ON reconciliations, ledger_anchors, transfer_reversals, stripe_events TO fulfil_worker",
    "GRANT UPDATE (reversed_minor) ON transfers TO fulfil_worker",
    "GRANT UPDATE (payouts_status) ON providers TO fulfil_worker",
    "REVOKE EXECUTE ON FUNCTION cut_ledger() FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION cut_ledger() TO fulfil_worker",
)
API = (
    "GRANT INSERT, UPDATE ON stripe_customers TO fulfil_api",
    "GRANT INSERT ON chargeback_statements TO fulfil_api",
)


def upgrade() -> None:
    chain_the_ledger()
    keep_balances()
    create_provider_books()
    widen_payments()
    open_balances(op.get_bind())
    guard_the_past()
    grant()


def downgrade() -> None:
    raise DowngradeRefusedError(revision)


def chain_the_ledger() -> None:
    op.alter_column("ledger_transactions", "order_id", nullable=True)
    op.add_column("ledger_transactions", sa.Column("balance_transaction_id", sa.String(255)))
    op.add_column("ledger_transactions", sa.Column("reverses", sa.BigInteger()))
    op.add_column("ledger_transactions", sa.Column("note", sa.String(500)))
    op.add_column("ledger_transactions", sa.Column("chain", sa.String(64)))
    op.add_column("ledger_transactions", sa.Column("chain_sequence", sa.Integer()))
    op.add_column("ledger_transactions", sa.Column("hash", sa.String(64)))
    op.execute("ALTER TABLE ledger_transactions DISABLE TRIGGER append_only")
    chain_old_transactions(op.get_bind())
    op.execute("ALTER TABLE ledger_transactions ENABLE TRIGGER append_only")
    for column in ("chain", "chain_sequence", "hash"):
        op.alter_column("ledger_transactions", column, nullable=False)
    op.create_index("ix_ledger_transactions_balance_transaction_id", "ledger_transactions", ["balance_transaction_id"])
    op.create_unique_constraint(
        "uq_ledger_transactions_chain_chain_sequence", "ledger_transactions", ["chain", "chain_sequence"]
    )
    op.create_unique_constraint("uq_ledger_transactions_reverses", "ledger_transactions", ["reverses"])
    op.create_foreign_key(
        "fk_ledger_transactions_reverses_ledger_transactions",
        "ledger_transactions",
        "ledger_transactions",
        ["reverses"],
        ["id"],
    )


def keep_balances() -> None:
    op.create_table(
        "ledger_balances",
        sa.Column("account", sa.String(160), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "CASE WHEN account LIKE 'liability:%' THEN balance_minor <= 0 ELSE balance_minor >= 0 END", name="sign"
        ),
        sa.PrimaryKeyConstraint("account", "currency", name="pk_ledger_balances"),
    )
    op.execute(OLD_BALANCES)
    schema = current_schema()
    op.execute(CUT_LEDGER.format(schema=schema))
    op.execute(KEEP_BALANCE.format(schema=schema))
    op.execute(
        "CREATE TRIGGER keep_balance AFTER INSERT ON ledger_postings "
        "FOR EACH ROW EXECUTE FUNCTION keep_ledger_balance()"
    )


def create_provider_books() -> None:
    op.create_table(
        "balance_transactions",
        sa.Column("id", sa.String(255), nullable=False),
        sa.Column("type", sa.String(60), nullable=False),
        sa.Column("source_id", sa.String(255)),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("available_on", TIME, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("posted_pending", sa.Boolean()),
        sa.Column("cleared_by", sa.BigInteger()),
        sa.Column("listed_at", TIME),
        sa.ForeignKeyConstraint(
            ["cleared_by"], ["ledger_transactions.id"], name="fk_balance_transactions_cleared_by_ledger_transactions"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_balance_transactions"),
    )
    op.create_index("ix_balance_transactions_source_id", "balance_transactions", ["source_id"])
    op.create_index("ix_balance_transactions_created_at", "balance_transactions", ["created_at"])
    op.create_index(
        "ix_balance_transactions_uncleared",
        "balance_transactions",
        ["available_on"],
        postgresql_where=sa.text("posted_pending AND cleared_by IS NULL"),
    )
    op.create_table(
        "reconciliations",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("began_at", TIME, nullable=False),
        sa.Column("finished_at", TIME, nullable=False),
        sa.Column("steps", JSONB(), nullable=False),
        sa.Column("balances", JSONB(), nullable=False),
        sa.Column("findings", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reconciliations"),
    )
    op.create_index("ix_reconciliations_finished_at", "reconciliations", ["finished_at"])
    op.create_table(
        "ledger_anchors",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("root", sa.String(64), nullable=False),
        sa.Column("chains", sa.Integer(), nullable=False),
        sa.Column("last_transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_anchors"),
    )


def widen_payments() -> None:
    for column in (
        sa.Column("refunding_minor", sa.BigInteger(), server_default=ZERO, nullable=False),
        sa.Column("capture_before", TIME),
        sa.Column("frozen_at", TIME),
    ):
        op.add_column("payments", column)
    op.drop_constraint("ck_payments_refunded", "payments")
    op.create_check_constraint(
        "refunded",
        "payments",
        "refunded_minor >= 0 AND refunding_minor >= 0 AND refunded_minor + refunding_minor <= amount_minor",
    )
    op.create_index(
        "ix_payments_authorized",
        "payments",
        ["capture_before"],
        postgresql_where=sa.text("state = 'authorized'"),
    )
    op.add_column("orders", sa.Column("shipping_minor", sa.BigInteger(), server_default=ZERO, nullable=False))
    op.add_column("order_lines", sa.Column("tax_bp", sa.Integer(), server_default=ZERO, nullable=False))
    for name in ("released_minor", "commission_tax_minor", "netted_minor"):
        op.add_column("jobs", sa.Column(name, sa.BigInteger()))
    op.execute(
        # A job approved but not yet paid has not been released either: both were booked together.
        "UPDATE jobs SET released_minor = commission_minor + payout_minor, commission_tax_minor = 0, netted_minor = 0 "
        "WHERE closed_at IS NOT NULL AND commission_minor IS NOT NULL"
    )
    op.add_column(
        "providers", sa.Column("commission_tax_bp", sa.Integer(), server_default=sa.text("1900"), nullable=False)
    )
    op.add_column("providers", sa.Column("payouts_status", sa.String(40)))
    op.add_column("stripe_events", sa.Column("object_state", sa.String(60)))
    op.add_column(
        "stripe_events", sa.Column("backfilled", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    replace_refunds()
    widen_transfers()
    create_chargebacks()


def replace_refunds() -> None:
    op.rename_table("refunds", "refunds_before")
    op.execute("ALTER TABLE refunds_before RENAME CONSTRAINT pk_refunds TO pk_refunds_before")
    op.execute(
        "ALTER TABLE refunds_before RENAME CONSTRAINT fk_refunds_order_id_orders TO fk_refunds_before_order_id_orders"
    )
    op.drop_index("ix_refunds_order_id", "refunds_before")
    op.create_table(
        "refunds",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("state", sa.String(30), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("plan", JSONB(), nullable=False),
        sa.Column("route", sa.String(20), server_default=sa.text("'card'"), nullable=False),
        sa.Column("reference", sa.String(200)),
        sa.Column("requested_by", JSONB(), nullable=False),
        sa.Column("decided_by", JSONB()),
        sa.Column("stripe_refund_id", sa.String(255)),
        sa.Column("failure", sa.String(500)),
        sa.Column("requested_at", TIME, nullable=False),
        sa.Column("decided_at", TIME),
        sa.Column("sent_at", TIME),
        sa.Column("succeeded_at", TIME),
        sa.Column("returned_at", TIME),
        sa.Column("updated_at", TIME, nullable=False),
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_refunds_order_id_orders"),
        sa.PrimaryKeyConstraint("id", name="pk_refunds"),
        sa.UniqueConstraint("stripe_refund_id", name="uq_refunds_stripe_refund_id"),
    )
    op.create_index("ix_refunds_order_id", "refunds", ["order_id"])
    op.create_index("ix_refunds_state", "refunds", ["state"])
    op.execute("""
        INSERT INTO refunds (id, order_id, amount_minor, currency, state, reason, note, plan, requested_by,
            stripe_refund_id, requested_at, decided_at, sent_at, succeeded_at, updated_at)
        SELECT 'ref_' || md5(id), order_id, amount_minor, currency, state, 'cancellation', '',
            jsonb_build_object('order_id', order_id, 'amount_minor', amount_minor, 'currency', currency),
            '{"kind": "system", "id": "fulfil"}', id, created_at, created_at, created_at,
            CASE WHEN state = 'succeeded' THEN created_at END, created_at
        FROM refunds_before
    """)
    op.execute("""
        UPDATE payments SET refunding_minor = coalesce(
            (SELECT sum(amount_minor) FROM refunds_before r
             WHERE r.order_id = payments.order_id AND r.state <> 'succeeded'), 0)
    """)
    op.drop_table("refunds_before")


def widen_transfers() -> None:
    for name in ("netted_minor", "reversed_minor"):
        op.add_column("transfers", sa.Column(name, sa.BigInteger(), server_default=ZERO, nullable=False))
    op.create_check_constraint("reversed", "transfers", "reversed_minor BETWEEN 0 AND amount_minor")
    op.create_index("ix_transfers_provider_id", "transfers", ["provider_id"])
    # What was taken back and is given back is a second transfer for the same job; its business key is its own.
    op.drop_constraint("uq_transfers_job_id", "transfers")
    op.create_index("ix_transfers_job_id", "transfers", ["job_id"])
    op.create_table(
        "transfer_reversals",
        sa.Column("id", sa.String(255), nullable=False),
        sa.Column("transfer_id", sa.String(255), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("business_key", sa.String(255), nullable=False),
        sa.Column("cause_id", sa.String(64), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_transfer_reversals_order_id_orders"),
        sa.ForeignKeyConstraint(["transfer_id"], ["transfers.id"], name="fk_transfer_reversals_transfer_id_transfers"),
        sa.PrimaryKeyConstraint("id", name="pk_transfer_reversals"),
        sa.UniqueConstraint("business_key", name="uq_transfer_reversals_business_key"),
    )
    op.create_index("ix_transfer_reversals_order_id", "transfer_reversals", ["order_id"])
    op.create_index("ix_transfer_reversals_transfer_id", "transfer_reversals", ["transfer_id"])


def create_chargebacks() -> None:
    op.create_table(
        "chargebacks",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("stripe_dispute_id", sa.String(255), nullable=False),
        sa.Column("state", sa.String(30), nullable=False),
        sa.Column("stripe_status", sa.String(40), nullable=False),
        sa.Column("reason", sa.String(60), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), server_default=ZERO, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("is_inquiry", sa.Boolean(), nullable=False),
        sa.Column("evidence_due_at", TIME),
        sa.Column("evidence", JSONB(), nullable=False),
        sa.Column("evidence_number", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("staged_at", TIME),
        sa.Column("loss", JSONB()),
        sa.Column("submitted_at", TIME),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("closed_at", TIME),
        sa.Column("updated_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_chargebacks_order_id_orders"),
        sa.PrimaryKeyConstraint("id", name="pk_chargebacks"),
        sa.UniqueConstraint("stripe_dispute_id", name="uq_chargebacks_stripe_dispute_id"),
    )
    op.create_index("ix_chargebacks_order_id", "chargebacks", ["order_id"])
    op.create_index("ix_chargebacks_state", "chargebacks", ["state"])
    op.create_table(
        "chargeback_statements",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("chargeback_id", sa.String(64), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("written_by", sa.String(64), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["chargeback_id"], ["chargebacks.id"], name="fk_chargeback_statements_chargeback_id_chargebacks"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_chargeback_statements"),
    )
    op.create_index("ix_chargeback_statements_chargeback_id", "chargeback_statements", ["chargeback_id"])
    op.create_table(
        "stripe_customers",
        sa.Column("customer_id", sa.String(64), nullable=False),
        sa.Column("stripe_customer_id", sa.String(255), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name="pk_stripe_customers"),
        sa.UniqueConstraint("stripe_customer_id", name="uq_stripe_customers_stripe_customer_id"),
    )


def guard_the_past() -> None:
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def current_schema() -> str:
    name: str = op.get_bind().exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
    return name


def grant() -> None:
    schema = current_schema()
    op.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO fulfil_api, fulfil_worker")
    for statement in (*WORKER, *API):
        op.execute(statement)
