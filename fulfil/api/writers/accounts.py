"""Accounts and API keys: rows the API owns."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.security import NewSecret
from fulfil.models.ids import new_id
from fulfil.models.messages.parties import Role
from fulfil.models.tables.accounts import AccountRow, ApiKeyRow


class EmailTakenError(Exception):
    """Another account has this e-mail address, or this foreign identity."""


@dataclass(frozen=True)
class AccountOpening:
    """A new account; a customer gets a customer id of its own, a provider's account names its provider.

    `guest_party_id` is the customer id she had as a guest: hers from now on, unless another account took it.
    """

    email: str
    name: str
    role: Role
    password_hash: str | None = None
    provider_id: str | None = None
    oidc_subject: str | None = None
    guest_party_id: str | None = None


async def open_account(
    session: AsyncSession, opening: AccountOpening, at: datetime, account_id: str | None = None
) -> AccountRow:
    """Write the account; raises `EmailTakenError`. E-mails are compared in lower case: pass them so."""
    party_id = await _customer_id(session, opening) if opening.role is Role.CUSTOMER else opening.provider_id
    created: AccountRow | None = await session.scalar(
        insert(AccountRow)
        .values(
            id=account_id or new_id("acc"),
            email=opening.email,
            name=opening.name,
            role=opening.role,
            party_id=party_id,
            password_hash=opening.password_hash,
            oidc_subject=opening.oidc_subject,
            created_at=at,
        )
        .on_conflict_do_nothing()
        .returning(AccountRow)
    )
    if created is None:
        raise EmailTakenError(opening.email)
    return created


async def _customer_id(session: AsyncSession, opening: AccountOpening) -> str:
    guest = opening.guest_party_id
    if guest is None:
        return new_id("cus")
    # Two registrations with one guest's token at the same time: the second one waits, and sees the first.
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(guest, 0))))
    taken = await session.scalar(select(AccountRow.id).where(AccountRow.party_id == guest).limit(1))
    return guest if taken is None else new_id("cus")


async def create_api_key(
    session: AsyncSession,
    *,
    key_id: str,
    account_id: str,
    name: str,
    scopes: list[str],
    secret: NewSecret,
    at: datetime,
) -> ApiKeyRow:
    """Store a key by its hash."""
    row = ApiKeyRow(
        id=key_id,
        account_id=account_id,
        name=name,
        prefix=secret.prefix,
        secret_sha256=secret.sha256,
        scopes=scopes,
        created_at=at,
        revoked_at=None,
    )
    session.add(row)
    await session.flush()
    return row


async def revoke_api_key(session: AsyncSession, *, key_id: str, account_id: str, at: datetime) -> bool:
    """From the commit on the key opens nothing; False when the account has no such key in use."""
    revoked = await session.scalar(
        update(ApiKeyRow)
        .where(ApiKeyRow.id == key_id, ApiKeyRow.account_id == account_id, ApiKeyRow.revoked_at.is_(None))
        .values(revoked_at=at)
        .returning(ApiKeyRow.id)
    )
    return revoked is not None
