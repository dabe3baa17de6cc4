"""Applications, and a provider's documents with what administration said of them."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.readers.accounts import find_account
from fulfil.api.readers.providers import show_provider
from fulfil.api.schemas.provider_onboarding import Certificate, ProviderApplied
from fulfil.models.messages.providers import CertificateKind, CertificateState
from fulfil.models.tables.providers import CertificateRow


async def find_application(session: AsyncSession, account_id: str, at: datetime) -> ProviderApplied | None:
    """The applicant's account and the provider it acts for."""
    account = await find_account(session, account_id)
    provider = None if account is None else await show_provider(session, account.party_id or "", at)
    return None if account is None or provider is None else ProviderApplied(provider=provider, account=account)


async def find_certificate(
    session: AsyncSession, provider_id: str, certificate_id: str, at: datetime
) -> Certificate | None:
    """A document of this provider."""
    row = await session.get(CertificateRow, certificate_id, populate_existing=True)
    return represent_certificate(row, at) if row is not None and row.provider_id == provider_id else None


async def list_certificates(session: AsyncSession, provider_id: str, at: datetime) -> list[Certificate]:
    """All of hers, newest first."""
    rows = await session.scalars(
        select(CertificateRow)
        .where(CertificateRow.provider_id == provider_id)
        .order_by(CertificateRow.created_at.desc(), CertificateRow.id.desc())
    )
    return [represent_certificate(row, at) for row in rows]


def represent_certificate(row: CertificateRow, at: datetime) -> Certificate:
    """The row as the API shows it."""
    return Certificate(
        id=row.id,
        provider_id=row.provider_id,
        kind=CertificateKind(row.kind),
        title=row.title,
        file_id=row.file_id,
        required=row.required,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        state=CertificateState(row.state),
        expired=row.expires_at is not None and row.expires_at <= at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        note=row.note,
        created_at=row.created_at,
    )
