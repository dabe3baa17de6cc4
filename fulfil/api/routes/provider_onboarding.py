"""Becoming a provider: applying, proving who one is, being taken in."""

from http import HTTPStatus

import structlog
from fastapi import APIRouter

from fulfil.api.access import Principal
from fulfil.api.dependencies import Context, IdempotencyKey
from fulfil.api.documentation import API, PROVIDERS, problems
from fulfil.api.errors import ProblemError
from fulfil.api.intentions import intend
from fulfil.api.provider_access import Administrator, Owner, Reader, existing, known_provider, shown_provider
from fulfil.api.readers.provider_onboarding import find_application, find_certificate
from fulfil.api.readers.provider_onboarding import list_certificates as read_certificates
from fulfil.api.recipient_accounts import open_account as open_recipient_account
from fulfil.api.recipient_accounts import read_payouts_status
from fulfil.api.schemas.provider_onboarding import (
    Certificate,
    CertificateDecision,
    Certificates,
    NewCertificate,
    ProviderApplication,
    ProviderApplied,
    VerificationDecision,
)
from fulfil.api.schemas.providers import Provider
from fulfil.api.writers.accounts import EmailTakenError
from fulfil.api.writers.idempotency import claim
from fulfil.api.writers.provider_onboarding import (
    check_verifiable,
    decide_certificate,
    write_application,
    write_certificate,
    write_verification,
)
from fulfil.api.writers.providers import note_payouts_status
from fulfil.models.ids import CertificateId, ProviderId, derived_id, new_id
from fulfil.models.messages.parties import Role
from fulfil.models.messages.providers import Verification

router = APIRouter(prefix=f"{API}/providers", tags=[PROVIDERS])
log = structlog.stdlib.get_logger(__name__)


@router.post("/applications", status_code=HTTPStatus.CREATED, responses=problems(409))
async def apply_as_provider(
    context: Context, application: ProviderApplication, key: IdempotencyKey = None
) -> ProviderApplied:
    """Apply, without an account so far: it makes one that can sign in and upload the documents that are missing.

    Nothing is offered to her before administration has verified her.
    """
    applicant = Principal(derived_id("ano", application.email), Role.CUSTOMER, None)
    intention = intend(applicant, key, "apply_as_provider", application.model_dump_json(exclude={"password"}))
    hashed = await context.passwords.hash(application.password)
    try:
        async with context.begin() as session:
            claimed = await claim(session, intention, new_id("acc"), context.clock())
            if not claimed.repeated:
                await write_application(session, application, claimed.resource_id, hashed, context.clock())
            return existing(await find_application(session, claimed.resource_id, context.clock()), "application")
    except EmailTakenError:
        raise ProblemError(
            HTTPStatus.CONFLICT,
            "email_taken",
            "An account with this e-mail exists: a provider signs in with one of its own, so use another address.",
            param="email",
        ) from None


@router.post("/{provider_id}/certificates", status_code=HTTPStatus.CREATED, responses=problems(401, 403, 404))
async def add_certificate(
    context: Context, caller: Owner, provider_id: ProviderId, new: NewCertificate, key: IdempotencyKey = None
) -> Certificate:
    """Hand in a document that was uploaded with `POST /files`; administration checks it."""
    intention = intend(caller, key, f"add_certificate:{provider_id}", new)
    async with context.begin() as session:
        await known_provider(session, caller, provider_id)
        claimed = await claim(session, intention, new_id("cer"), context.clock())
        if not claimed.repeated:
            await write_certificate(session, claimed.resource_id, caller, new, context.clock())
        found = await find_certificate(session, provider_id, claimed.resource_id, context.clock())
    return existing(found, "certificate")


@router.get("/{provider_id}/certificates", responses=problems(401, 403, 404))
async def list_certificates(context: Context, caller: Reader, provider_id: ProviderId) -> Certificates:
    """Her documents, newest first, and which are missing."""
    async with context.begin() as session:
        await known_provider(session, caller, provider_id)
        provider = await shown_provider(session, provider_id, context.clock())
        found = await read_certificates(session, provider_id, context.clock())
    return Certificates(data=found, missing=provider.missing_certificates)


@router.put("/{provider_id}/certificates/{certificate_id}", responses=problems(401, 403, 404, 409))
async def set_certificate_state(
    context: Context,
    caller: Administrator,
    provider_id: ProviderId,
    certificate_id: CertificateId,
    decision: CertificateDecision,
) -> Certificate:
    """Say whether a document proves what it should; read it with `GET /files/{file_id}/content`."""
    async with context.begin() as session:
        await known_provider(session, caller, provider_id)
        await decide_certificate(
            session, provider_id, certificate_id, decision, decided_by=caller.account_id, at=context.clock()
        )
        found = await find_certificate(session, provider_id, certificate_id, context.clock())
    return existing(found, "certificate")


@router.put("/{provider_id}/verification", responses=problems(401, 403, 404, 409))
async def set_provider_verification(
    context: Context, caller: Administrator, provider_id: ProviderId, decision: VerificationDecision
) -> Provider:
    """Take an applicant in, or reject her; 409 while a required document is not verified.

    When she is taken in, her account at the payment provider is made; she completes it there, and goes online.
    """
    async with context.begin() as session:
        provider = await known_provider(session, caller, provider_id)
        await check_verifiable(session, provider_id, decision, context.clock())
    account_id, status = provider.stripe_account_id, None
    if decision.verification is Verification.VERIFIED:
        account_id = account_id or await open_recipient_account(context, provider_id, provider.name, provider.country)
        status = await read_payouts_status(context, account_id)
    async with context.begin() as session:
        await write_verification(session, provider_id, decision, account_id, context.clock())
        if status is not None:
            await note_payouts_status(session, provider_id, status)
        shown = await shown_provider(session, provider_id, context.clock())
    log.info("provider decided", provider_id=provider_id, verification=decision.verification, by=caller.account_id)
    return shown
