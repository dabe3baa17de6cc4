"""The payment of an order, its refunds and transfers, and Stripe's events as they came in."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from fulfil.models.tables.base import Base, CurrencyCode, Id, Key, Minor


class PaymentRow(Base):
    """One payment intent per order; written by the payment activities.

    `refunding_minor` is reserved by refunds that are not over yet; `frozen_at` is set while a chargeback is open.
    """

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint(
            "refunded_minor >= 0 AND refunding_minor >= 0 AND refunded_minor + refunding_minor <= amount_minor",
            name="refunded",
        ),
        Index("ix_payments_authorized", "capture_before", postgresql_where=text("state = 'authorized'")),
    )

    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    payment_intent_id: Mapped[str] = mapped_column(String(255), unique=True)
    client_secret: Mapped[str] = mapped_column(String(255))
    state: Mapped[str] = mapped_column(String(30))
    amount_minor: Mapped[Minor]
    currency: Mapped[CurrencyCode]
    charge_id: Mapped[str | None] = mapped_column(String(255), unique=True)
    decline_code: Mapped[str | None] = mapped_column(String(100))
    refunded_minor: Mapped[Minor] = mapped_column(server_default=text("0"))
    refunding_minor: Mapped[Minor] = mapped_column(server_default=text("0"))
    capture_before: Mapped[datetime | None]
    frozen_at: Mapped[datetime | None]
    authorized_at: Mapped[datetime | None]
    captured_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]


class RefundRow(Base):
    """Money asked back by or for a customer; it counts as refunded when `state` is `succeeded`.

    `plan` is the RefundPlan it was opened with, `returned_at` when money that had left came back.
    """

    __tablename__ = "refunds"
    __table_args__ = (CheckConstraint("amount_minor > 0", name="amount"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), index=True)
    amount_minor: Mapped[Minor]
    currency: Mapped[CurrencyCode]
    state: Mapped[str] = mapped_column(String(30), index=True)
    reason: Mapped[str] = mapped_column(String(40))
    note: Mapped[str] = mapped_column(String(500))
    plan: Mapped[dict[str, Any]]
    route: Mapped[str] = mapped_column(String(20), server_default=text("'card'"))
    reference: Mapped[str | None] = mapped_column(String(200))
    requested_by: Mapped[dict[str, Any]]
    decided_by: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    stripe_refund_id: Mapped[str | None] = mapped_column(String(255), unique=True)
    failure: Mapped[str | None] = mapped_column(String(500))
    requested_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
    returned_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]


class TransferRow(Base):
    """Money paid to a provider for a job; `amount_minor` is what was left after `netted_minor`.

    What was taken back of her and is given back to her is paid by a transfer of its own.
    """

    __tablename__ = "transfers"
    __table_args__ = (CheckConstraint("reversed_minor BETWEEN 0 AND amount_minor", name="reversed"),)

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), index=True)
    job_id: Mapped[Id] = mapped_column(index=True)
    provider_id: Mapped[Id] = mapped_column(index=True)
    business_key: Mapped[Key] = mapped_column(unique=True)
    amount_minor: Mapped[Minor]
    commission_minor: Mapped[Minor]
    netted_minor: Mapped[Minor] = mapped_column(server_default=text("0"))
    reversed_minor: Mapped[Minor] = mapped_column(server_default=text("0"))
    currency: Mapped[CurrencyCode]
    created_at: Mapped[datetime]


class TransferReversalRow(Base):
    """Money taken back from a provider's account; `cause_id` is the refund or chargeback it was for."""

    __tablename__ = "transfer_reversals"

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    transfer_id: Mapped[str] = mapped_column(ForeignKey("transfers.id"), index=True)
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), index=True)
    business_key: Mapped[Key] = mapped_column(unique=True)
    cause_id: Mapped[Id]
    amount_minor: Mapped[Minor]
    currency: Mapped[CurrencyCode]
    created_at: Mapped[datetime]


class ChargebackRow(Base):
    """The card network took the money back, or inquires.

    `evidence` is what was collected for the `evidence_number`th time, by its Stripe field; the provider has it since
    `staged_at`. `loss` is the ChargebackLoss of a lost one, fixed before money is asked back from providers.
    """

    __tablename__ = "chargebacks"

    id: Mapped[Id] = mapped_column(primary_key=True)
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), index=True)
    stripe_dispute_id: Mapped[str] = mapped_column(String(255), unique=True)
    state: Mapped[str] = mapped_column(String(30), index=True)
    stripe_status: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(60))
    amount_minor: Mapped[Minor]
    fee_minor: Mapped[Minor] = mapped_column(server_default=text("0"))
    currency: Mapped[CurrencyCode]
    is_inquiry: Mapped[bool]
    evidence_due_at: Mapped[datetime | None]
    evidence: Mapped[dict[str, Any]]
    evidence_number: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    staged_at: Mapped[datetime | None]
    loss: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    submitted_at: Mapped[datetime | None]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]


class ChargebackStatementRow(Base):
    """What support adds to the evidence of a chargeback; owned by the API, append-only."""

    __tablename__ = "chargeback_statements"

    id: Mapped[Id] = mapped_column(primary_key=True)
    chargeback_id: Mapped[Id] = mapped_column(ForeignKey("chargebacks.id"), index=True)
    text: Mapped[str]
    written_by: Mapped[Id]
    created_at: Mapped[datetime]


class StripeCustomerRow(Base):
    """Who a customer is at the payment provider, for saved cards; owned by the API."""

    __tablename__ = "stripe_customers"

    customer_id: Mapped[Id] = mapped_column(primary_key=True)
    stripe_customer_id: Mapped[str] = mapped_column(String(255), unique=True)
    created_at: Mapped[datetime]


class StripeEventRow(Base):
    """A signed webhook event, stored once before anything else happens; marked by the relay.

    Inserted by the API, or by the reconciliation (`backfilled`) when its webhook never came.
    """

    __tablename__ = "stripe_events"
    __table_args__ = (Index("ix_stripe_events_waiting", "received_at", postgresql_where=text("processed_at IS NULL")),)

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    type: Mapped[str] = mapped_column(String(100))
    object_id: Mapped[str] = mapped_column(String(255))
    object_state: Mapped[str | None] = mapped_column(String(60))
    backfilled: Mapped[bool] = mapped_column(server_default=text("false"))
    payload: Mapped[dict[str, Any]]
    received_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    not_before: Mapped[datetime | None]
    last_error: Mapped[str | None]
    processed_at: Mapped[datetime | None]
