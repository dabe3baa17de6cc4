"""First release, roles and guards: who may write what, an append-only past, a ledger that always balances."""

from alembic import op

from fulfil.models.migrations.forward_only import DowngradeRefusedError

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Roles belong to the whole cluster: another database may have made them, perhaps at this very moment.
# Needs CREATEROLE, or an administrator who made the roles and granted them to the migrating user.
CREATE_ROLES = """
DO $$
DECLARE wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['fulfil_api', 'fulfil_worker'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                RAISE NOTICE 'role % was made at the same time', wanted;
            END;
        END IF;
        IF NOT pg_has_role(current_user, wanted, 'SET') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
        END IF;
    END LOOP;
END $$
"""

BOTH = ("GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO fulfil_api, fulfil_worker",)

# SELECT … FOR UPDATE needs the right to update at least one column of the table.
API = (
    "GRANT INSERT, UPDATE ON accounts, api_keys, providers, stock, files, idempotency_keys TO fulfil_api",
    "GRANT INSERT, UPDATE ON workflow_resets, timelines TO fulfil_api",
    "GRANT INSERT ON stock_movements, job_reports, stripe_events, events TO fulfil_api",
    "GRANT UPDATE ON productions TO fulfil_api",
)
WORKER = (
    "GRANT INSERT, UPDATE ON orders, payments, refunds, jobs, offers, productions, stock, timelines TO fulfil_worker",
    "GRANT INSERT ON quotes, order_lines, transfers, stock_movements, events TO fulfil_worker",
    "GRANT INSERT ON ledger_transactions, ledger_postings TO fulfil_worker",
    "GRANT UPDATE (completed_jobs) ON providers TO fulfil_worker",
    "GRANT UPDATE (attempts, not_before, last_error, processed_at) ON stripe_events TO fulfil_worker",
    "GRANT UPDATE (attempts, not_before, last_error, signalled_at) ON job_reports TO fulfil_worker",
)

APPEND_ONLY = ("events", "ledger_transactions", "ledger_postings", "stock_movements")
REFUSE_CHANGE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Record a new, opposite fact instead.';
END $$
"""

CHECK_LEDGER = """
CREATE FUNCTION check_ledger_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    checked bigint := (to_jsonb(NEW) ->> TG_ARGV[0])::bigint;
    legs bigint;
    unbalanced text;
BEGIN
    SELECT count(*) INTO legs FROM ledger_postings WHERE transaction_id = checked;
    IF legs < 2 THEN
        RAISE EXCEPTION 'ledger transaction % has % posting(s), double entry needs two', checked, legs
            USING ERRCODE = 'check_violation';
    END IF;
    SELECT string_agg(currency || ' ' || off_by, ', ') INTO unbalanced
    FROM (SELECT currency, sum(amount_minor) AS off_by FROM ledger_postings
          WHERE transaction_id = checked GROUP BY currency HAVING sum(amount_minor) <> 0) AS sums;
    IF unbalanced IS NOT NULL THEN
        RAISE EXCEPTION 'ledger transaction % does not sum to zero: off by %', checked, unbalanced
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.execute(CREATE_ROLES)
    grant()
    guard_the_past()
    guard_the_ledger()


def downgrade() -> None:
    raise DowngradeRefusedError(revision)


def grant() -> None:
    schema = op.get_bind().exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
    op.execute(f"GRANT USAGE ON SCHEMA {schema} TO fulfil_api, fulfil_worker")
    for statement in (*BOTH, *API, *WORKER):
        op.execute(statement.format(schema=schema))


def guard_the_past() -> None:
    op.execute(REFUSE_CHANGE)
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def guard_the_ledger() -> None:
    op.execute(CHECK_LEDGER)
    for table, key in (("ledger_transactions", "id"), ("ledger_postings", "transaction_id")):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED "
            f"FOR EACH ROW EXECUTE FUNCTION check_ledger_transaction('{key}')"
        )
