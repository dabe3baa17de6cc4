"""Support asks a provider of her choice: written once, beside the offers that are open, with a time of its own."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.locking import HeldJob
from fulfil.activities.ranking import refusal_by_support
from fulfil.models.ids import derived_id
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.jobs import JobState, OfferedTo, OfferState, OfferToProvider, ProviderOffered, Stage
from fulfil.models.messages.parties import WaitingOn
from fulfil.models.tables.jobs import OfferRow
from fulfil.models.tables.timeline import EventRow, append_event

OFFERABLE = (JobState.PENDING, JobState.OFFERED)


async def offer_by_choice(
    session: AsyncSession, held: HeldJob, request: OfferToProvider, at: datetime
) -> ProviderOffered:
    """Offer her the job, or say why she can't be asked; a retry finds what was answered first.

    She may be busy, a newcomer, or have been asked before: support has talked to her. The caller holds the job.
    """
    stored = await session.scalar(select(EventRow.data).where(EventRow.business_key == _key(request)))
    if stored is not None:
        return _offered(stored["offer_id"], stored["provider_id"], datetime.fromisoformat(stored["expires_at"]))
    if held.production is not None or held.job.state not in OFFERABLE or held.job.round != request.round:
        return ProviderOffered(code="job_taken", detail="A provider has the job, or it has ended: look at it again.")
    provider_id = request.choice.provider_id
    refusal = await refusal_by_support(session, provider_id, held.job, held.line, request.policies, at)
    if refusal is not None:
        return ProviderOffered(code=refusal.code, detail=refusal.detail)
    expires_at = at + timedelta(seconds=request.policies.operator_decides_s)
    offer_id = await _write_offer(session, request, at, expires_at)
    held.job.state = JobState.OFFERED
    await append_event(
        session,
        order_id=request.order_id,
        business_key=_key(request),
        kind=EventType.JOB_OFFERED_BY_SUPPORT,
        at=at,
        actor=request.choice.actor,
        subject=request.job_id,
        data={
            "offer_id": offer_id,
            "provider_id": provider_id,
            "round": request.round,
            "expires_at": expires_at.isoformat(),
            "reason": request.choice.reason,
        },
        next_step=NextStep(who=WaitingOn.PROVIDER, what="accept the job", by=expires_at),
    )
    return _offered(offer_id, provider_id, expires_at)


async def _write_offer(session: AsyncSession, request: OfferToProvider, at: datetime, expires_at: datetime) -> str:
    """Her offer of this round; one she had already is open again."""
    provider_id = request.choice.provider_id
    offer = {
        "stage": Stage.OPERATOR,
        "wave": request.number,
        "rank": 1,
        "reasons": ["Chosen by support."],
        "state": OfferState.OPEN,
        "offered_at": at,
        "expires_at": expires_at,
    }
    offer_id = derived_id("off", request.job_id, str(request.round), provider_id)
    await session.execute(
        insert(OfferRow)
        .values(id=offer_id, job_id=request.job_id, provider_id=provider_id, round=request.round, **offer)
        .on_conflict_do_update(
            index_elements=["job_id", "round", "provider_id"],
            set_={**offer, "close_reason": None, "closed_at": None},
        )
    )
    return offer_id


def _key(request: OfferToProvider) -> str:
    return f"{request.job_id}:offered_by_support:{request.round}:{request.number}"


def _offered(offer_id: str, provider_id: str, expires_at: datetime) -> ProviderOffered:
    return ProviderOffered(offer=OfferedTo(offer_id=offer_id, provider_id=provider_id), expires_at=expires_at)
