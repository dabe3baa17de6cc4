"""Who is calling: accounts by id, e-mail, API key or foreign identity."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.schemas.accounts import Account, ApiKey
from fulfil.models.messages.parties import Role
from fulfil.models.tables.accounts import AccountRow, ApiKeyRow


@dataclass(frozen=True)
class SignIn:
    """What deciding about a caller takes."""

    account_id: str
    role: Role
    party_id: str | None
    disabled: bool
    password_hash: str | None = None
    scopes: frozenset[str] | None = None


async def find_account(session: AsyncSession, account_id: str) -> Account | None:
    """The account as its owner sees it."""
    row = await session.get(AccountRow, account_id)
    return None if row is None else represent_account(row)


async def find_sign_in(session: AsyncSession, account_id: str) -> SignIn | None:
    """By id, for the bearer of one of our tokens."""
    row = await session.get(AccountRow, account_id)
    return None if row is None else _sign_in(row)


async def find_sign_in_by_email(session: AsyncSession, email: str) -> SignIn | None:
    """By e-mail (lower case), with the password's hash."""
    row = await session.scalar(select(AccountRow).where(AccountRow.email == email))
    return None if row is None else _sign_in(row)


async def find_sign_in_by_oidc_subject(session: AsyncSession, subject: str) -> SignIn | None:
    """By foreign identity (`issuer|sub`)."""
    row = await session.scalar(select(AccountRow).where(AccountRow.oidc_subject == subject))
    return None if row is None else _sign_in(row)


async def find_sign_in_by_api_key(session: AsyncSession, secret_sha256: str) -> SignIn | None:
    """By API key; a revoked one finds nothing."""
    query = (
        select(AccountRow, ApiKeyRow.scopes)
        .join(ApiKeyRow, ApiKeyRow.account_id == AccountRow.id)
        .where(ApiKeyRow.secret_sha256 == secret_sha256, ApiKeyRow.revoked_at.is_(None))
    )
    found = (await session.execute(query)).one_or_none()
    if found is None:
        return None
    row, scopes = found
    return _sign_in(row, frozenset(scopes))


async def list_api_keys(session: AsyncSession, account_id: str) -> list[ApiKey]:
    """The account's keys that are not revoked, newest first."""
    rows = await session.scalars(
        select(ApiKeyRow)
        .where(ApiKeyRow.account_id == account_id, ApiKeyRow.revoked_at.is_(None))
        .order_by(ApiKeyRow.id.desc())
    )
    return [represent_api_key(row) for row in rows]


def represent_account(row: AccountRow) -> Account:
    """The row as the API shows it."""
    return Account(
        id=row.id,
        email=row.email,
        name=row.name,
        role=Role(row.role),
        party_id=row.party_id,
        created_at=row.created_at,
    )


def represent_api_key(row: ApiKeyRow) -> ApiKey:
    """The row as the API shows it, without its secret."""
    return ApiKey(id=row.id, name=row.name, prefix=row.prefix, scopes=row.scopes, created_at=row.created_at)


def _sign_in(row: AccountRow, scopes: frozenset[str] | None = None) -> SignIn:
    return SignIn(
        account_id=row.id,
        role=Role(row.role),
        party_id=row.party_id,
        disabled=row.disabled_at is not None,
        password_hash=row.password_hash,
        scopes=scopes,
    )
