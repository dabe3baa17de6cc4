"""Applications, documents and what administration decides about them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.errors import ProblemError, conflict, invalid, not_found
from fulfil.api.purposes import DOCUMENTS
from fulfil.api.readers.files import find_own_files
from fulfil.api.readers.provider_standing import read_standing
from fulfil.api.schemas.provider_onboarding import (
    CertificateDecision,
    NewCertificate,
    ProviderApplication,
    VerificationDecision,
)
from fulfil.api.writers.accounts import AccountOpening, open_account
from fulfil.api.writers.providers import address_columns, hold_provider
from fulfil.models.ids import new_id
from fulfil.models.messages.parties import Role
from fulfil.models.messages.providers import (
    REQUIRED_CERTIFICATES,
    BusinessType,
    CertificateState,
    Verification,
)
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.providers import CertificateRow

DEFAULT_COMMISSION_BP = 1500


async def write_application(
    session: AsyncSession, application: ProviderApplication, account_id: str, password_hash: str, at: datetime
) -> None:
    """An applicant, offline and on the usual terms, and her sign-in; raises `EmailTakenError`."""
    provider_id = new_id("prv")
    session.add(
        ProviderRow(
            id=provider_id,
            name=application.business_name,
            capabilities=application.capabilities,
            commission_bp=DEFAULT_COMMISSION_BP,
            business_type=application.business_type,
            verification=Verification.APPLIED,
            online=False,
            time_zone=application.time_zone,
            created_at=at,
            **address_columns(application.address),
        )
    )
    await session.flush()
    opening = AccountOpening(
        email=application.email,
        name=application.contact_name,
        role=Role.PROVIDER,
        password_hash=password_hash,
        provider_id=provider_id,
    )
    await open_account(session, opening, at, account_id)


async def write_certificate(
    session: AsyncSession, certificate_id: str, provider: Principal, new: NewCertificate, at: datetime
) -> None:
    """A document that waits to be checked; required when the policy or administration asks for its kind.

    Raises 422 for a file that is not hers or no document, and for dates that can't be.
    """
    await _check_document(session, provider, new)
    _check_dates(new, at)
    row = await hold_provider(session, provider.owner_id)
    asked_for = select(CertificateRow.id).where(
        CertificateRow.provider_id == row.id, CertificateRow.kind == new.kind, CertificateRow.required
    )
    is_policy = new.kind in REQUIRED_CERTIFICATES[BusinessType(row.business_type)]
    session.add(
        CertificateRow(
            id=certificate_id,
            provider_id=row.id,
            kind=new.kind,
            title=new.title,
            file_id=new.file_id,
            required=is_policy or await session.scalar(asked_for.limit(1)) is not None,
            issued_at=new.issued_at,
            expires_at=new.expires_at,
            state=CertificateState.PENDING,
            created_at=at,
        )
    )
    await session.flush()


async def decide_certificate(
    session: AsyncSession,
    provider_id: str,
    certificate_id: str,
    decision: CertificateDecision,
    *,
    decided_by: str,
    at: datetime,
) -> None:
    """Write what administration said; 404 for a document that is not this provider's, 409 for an expired one."""
    await hold_provider(session, provider_id)
    row = await session.get(CertificateRow, certificate_id, populate_existing=True)
    if row is None or row.provider_id != provider_id:
        raise not_found("certificate")
    if decision.state is CertificateState.VERIFIED and row.expires_at is not None and row.expires_at <= at:
        raise conflict(
            "certificate_expired",
            "This document has expired: reject it, and ask for one that is in force.",
            state=row.state,
            allowed_actions=["reject"],
        )
    row.state = decision.state
    row.note = decision.note
    row.decided_by = decided_by
    row.decided_at = at
    if decision.required is not None:
        await session.flush()
        await session.execute(
            update(CertificateRow)
            .where(CertificateRow.provider_id == provider_id, CertificateRow.kind == row.kind)
            .values(required=decision.required)
        )


async def check_verifiable(
    session: AsyncSession, provider_id: str, decision: VerificationDecision, at: datetime
) -> None:
    """Raise 409 when this decision can't be taken now: a document is not verified, or it was taken already."""
    row = await hold_provider(session, provider_id)
    state = Verification(row.verification)
    if decision.verification is Verification.VERIFIED:
        missing = (await read_standing(session, row)).unproven(at) if state is not Verification.VERIFIED else ()
        if missing:
            raise _not_proven(missing, state)
    elif state is Verification.VERIFIED:
        raise conflict(
            "provider_verified",
            "She was verified already: suspend her instead.",
            state=state,
            allowed_actions=["suspend"],
        )


async def write_verification(
    session: AsyncSession,
    provider_id: str,
    decision: VerificationDecision,
    stripe_account_id: str | None,
    at: datetime,
) -> None:
    """Write the decision, and the account she is paid to from now on; checks again what may have changed meanwhile."""
    await check_verifiable(session, provider_id, decision, at)
    row = await hold_provider(session, provider_id)
    if decision.verification is Verification.VERIFIED:
        row.verified_at = row.verified_at or at
        row.stripe_account_id = row.stripe_account_id or stripe_account_id
    row.verification = decision.verification
    row.verification_note = decision.note or None


async def _check_document(session: AsyncSession, provider: Principal, new: NewCertificate) -> None:
    own = await find_own_files(session, provider, [new.file_id])
    if new.file_id not in own or own[new.file_id].format not in DOCUMENTS:
        raise invalid(
            "file_not_usable",
            f"{new.file_id} is not a document you uploaded: send a PDF or an image to POST /files first.",
            "file_id",
        )


def _check_dates(new: NewCertificate, at: datetime) -> None:
    if new.issued_at is not None and new.issued_at > at:
        raise invalid("not_issued_yet", "issued_at lies in the future: check the date.", "issued_at")
    if new.expires_at is not None and new.expires_at <= at:
        raise invalid("certificate_expired", "This document has expired: hand in one that is in force.", "expires_at")


def _not_proven(missing: Sequence[str], state: Verification) -> ProblemError:
    return conflict(
        "certificates_missing",
        f"Not verified yet: {', '.join(missing)}. Verify her documents of these kinds first.",
        state=state,
        allowed_actions=["decide_certificates", "reject"],
    )
