"""Dispatch and production: decisions, counter-offers, promised dates, quality checks, shipments."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from fulfil.models.migrations.forward_only import DowngradeRefusedError

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
APPEND_ONLY = ("dispatch_decisions", "quality_checks", "shipment_events")
GRANTS = (
    "GRANT SELECT ON dispatch_decisions, counter_offers TO fulfil_api, fulfil_worker",
    "GRANT SELECT ON shipments, shipment_events, quality_checks TO fulfil_api, fulfil_worker",
    "GRANT INSERT ON dispatch_decisions TO fulfil_worker",
    "GRANT INSERT, UPDATE ON counter_offers, shipments TO fulfil_api",
    "GRANT UPDATE ON counter_offers, shipments TO fulfil_worker",
    "GRANT INSERT ON shipment_events, quality_checks TO fulfil_api",
)


def upgrade() -> None:
    create_dispatch_decisions()
    create_counter_offers()
    create_quality_checks()
    create_shipments()
    create_shipment_events()
    change_productions()
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    for statement in GRANTS:
        op.execute(statement)


def downgrade() -> None:
    raise DowngradeRefusedError(revision)


def create_dispatch_decisions() -> None:
    op.create_table(
        "dispatch_decisions",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(20), nullable=False),
        sa.Column("ranking", sa.String(40), nullable=False),
        sa.Column("work", JSONB(), nullable=False),
        sa.Column("candidates", JSONB(), nullable=False),
        sa.Column("excluded", JSONB(), nullable=False),
        sa.Column("excluded_count", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("decided_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_dispatch_decisions_job_id_jobs"),
        sa.PrimaryKeyConstraint("id", name="pk_dispatch_decisions"),
        sa.UniqueConstraint("job_id", "round", "wave", name="uq_dispatch_decisions_job_id_round_wave"),
    )


def create_counter_offers() -> None:
    op.create_table(
        "counter_offers",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("offer_id", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("provider_id", sa.String(64), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("lead_time_days", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("closed_at", TIME),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_counter_offers_job_id_jobs"),
        sa.ForeignKeyConstraint(["offer_id"], ["offers.id"], name="fk_counter_offers_offer_id_offers"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_counter_offers_order_id_orders"),
        sa.PrimaryKeyConstraint("id", name="pk_counter_offers"),
    )
    op.create_index("ix_counter_offers_job_id", "counter_offers", ["job_id"])
    op.create_index(
        "uq_counter_offers_one_open",
        "counter_offers",
        ["offer_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )


def create_quality_checks() -> None:
    op.create_table(
        "quality_checks",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("offer_id", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("criteria", JSONB(), nullable=False),
        sa.Column("correction", sa.String(20)),
        sa.Column("checked_by", sa.String(200), nullable=False),
        sa.Column("checked_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_quality_checks_job_id_jobs"),
        sa.ForeignKeyConstraint(["offer_id"], ["productions.offer_id"], name="fk_quality_checks_offer_id_productions"),
        sa.PrimaryKeyConstraint("id", name="pk_quality_checks"),
        sa.UniqueConstraint("offer_id", "number", name="uq_quality_checks_offer_id_number"),
    )
    op.create_index("ix_quality_checks_job_id", "quality_checks", ["job_id"])


def create_shipments() -> None:
    op.create_table(
        "shipments",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("offer_id", sa.String(64), nullable=False),
        sa.Column("provider_id", sa.String(64), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("carrier", sa.String(80), nullable=False),
        sa.Column("tracking_number", sa.String(80), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("label", JSONB(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("picked_up_at", TIME),
        sa.Column("delivered_at", TIME),
        sa.Column("lost_at", TIME),
        sa.Column("returned_at", TIME),
        sa.CheckConstraint("pieces > 0", name="pieces"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_shipments_job_id_jobs"),
        sa.ForeignKeyConstraint(["offer_id"], ["productions.offer_id"], name="fk_shipments_offer_id_productions"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_shipments_order_id_orders"),
        sa.PrimaryKeyConstraint("id", name="pk_shipments"),
        sa.UniqueConstraint("job_id", "tracking_number", name="uq_shipments_job_id_tracking_number"),
    )
    op.create_index("ix_shipments_job_id", "shipments", ["job_id"])
    op.create_index("ix_shipments_tracking_number", "shipments", ["tracking_number"])
    op.create_index("ix_shipments_order_id", "shipments", ["order_id"])


def create_shipment_events() -> None:
    op.create_table(
        "shipment_events",
        sa.Column("business_key", sa.String(255), nullable=False),
        sa.Column("shipment_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("location", sa.String(200), nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["shipment_id"], ["shipments.id"], name="fk_shipment_events_shipment_id_shipments"),
        sa.PrimaryKeyConstraint("business_key", name="pk_shipment_events"),
    )
    op.create_index("ix_shipment_events_shipment_id", "shipment_events", ["shipment_id"])


def change_productions() -> None:
    op.add_column("productions", sa.Column("due_at", TIME))
    op.add_column("productions", sa.Column("proposed_due_at", TIME))
    op.add_column("productions", sa.Column("trouble", sa.String(30)))
    op.add_column("productions", sa.Column("trouble_answer_due_at", TIME))
    op.add_column("productions", sa.Column("at_risk_at", TIME))
    op.add_column("productions", sa.Column("stage", sa.String(80)))
    op.add_column("productions", sa.Column("remakes", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("productions", sa.Column("reported_at", TIME))
    op.add_column("productions", sa.Column("pickup_ready_at", TIME))
    op.add_column(
        "productions", sa.Column("pickup_failures", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("productions", sa.Column("pickup_failed_at", TIME))
