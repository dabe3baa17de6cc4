"""People and machines that may sign in, and the parties they act for."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Integer, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from fulfil.models.tables.base import Base, Id, Key


class AccountRow(Base):
    """A sign-in; owned by the API. Personal data lives here and nowhere in workflow histories."""

    __tablename__ = "accounts"

    id: Mapped[Id] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(20))
    party_id: Mapped[Id | None] = mapped_column(index=True)
    password_hash: Mapped[str | None]
    oidc_subject: Mapped[str | None] = mapped_column(String(512), unique=True)
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class ApiKeyRow(Base):
    """A key of an account, stored as SHA-256; owned by the API."""

    __tablename__ = "api_keys"

    id: Mapped[Id] = mapped_column(primary_key=True)
    account_id: Mapped[Id] = mapped_column(ForeignKey("accounts.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    prefix: Mapped[str] = mapped_column(String(32))
    secret_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class ProviderRow(Base):
    """A business that makes things; `capabilities` is `{process: [materials]}`; owned by administration.

    `verification` is applied, verified or rejected; only who is verified and not suspended is offered work.
    `working_hours` maps weekdays (`mon` … `sun`) to `["09:00", "17:00"]` in her time zone; None: she works every day.
    """

    __tablename__ = "providers"

    id: Mapped[Id] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    capabilities: Mapped[dict[str, Any]]
    commission_bp: Mapped[int] = mapped_column(Integer)
    score: Mapped[int] = mapped_column(Integer, server_default=text("50"))
    online: Mapped[bool] = mapped_column(server_default=text("true"))
    capacity_jobs: Mapped[int] = mapped_column(Integer, server_default=text("10"))
    completed_jobs: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    stripe_account_id: Mapped[str | None] = mapped_column(String(255))
    commission_tax_bp: Mapped[int] = mapped_column(Integer, server_default=text("1900"))
    payouts_status: Mapped[str | None] = mapped_column(String(40))
    business_type: Mapped[str] = mapped_column(String(20), server_default=text("'company'"))
    verification: Mapped[str] = mapped_column(String(20), server_default=text("'verified'"))
    verification_note: Mapped[str | None] = mapped_column(String(500))
    verified_at: Mapped[datetime | None]
    suspended_at: Mapped[datetime | None]
    suspension_reason: Mapped[str | None] = mapped_column(String(500))
    tier: Mapped[str] = mapped_column(String(40), server_default=text("'standard'"))
    time_zone: Mapped[str] = mapped_column(String(60), server_default=text("'UTC'"))
    working_hours: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    country: Mapped[str | None] = mapped_column(String(2))
    postal_code: Mapped[str | None] = mapped_column(String(20))
    city: Mapped[str | None] = mapped_column(String(120))
    address_lines: Mapped[list[str] | None] = mapped_column(JSONB(none_as_null=True))
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    online_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class BillingDetailsRow(Base):
    """What a customer or provider wants on her documents; owned by the API, personal data."""

    __tablename__ = "billing_details"

    party_id: Mapped[Id] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    address_lines: Mapped[list[str]]
    country: Mapped[str] = mapped_column(String(2))
    vat_id: Mapped[str | None] = mapped_column(String(40))
    updated_at: Mapped[datetime]


class IdempotencyKeyRow(Base):
    """What a caller's Idempotency-Key stands for; owned by the API."""

    __tablename__ = "idempotency_keys"

    subject_id: Mapped[Id] = mapped_column(primary_key=True)
    key: Mapped[Key] = mapped_column(primary_key=True)
    operation: Mapped[str] = mapped_column(String(200))
    request_sha256: Mapped[str] = mapped_column(String(64))
    resource_id: Mapped[Id]
    created_at: Mapped[datetime]
