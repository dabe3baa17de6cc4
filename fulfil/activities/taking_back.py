"""Taking a job from whoever has it: production closed, material released, offers withdrawn; the caller says why."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.counter_offers import close_counters, drop_counter
from fulfil.activities.dispatching import close_open_offers
from fulfil.activities.locking import HeldJob, hold_offer
from fulfil.inventory.leases import release_material
from fulfil.models.messages.jobs import JobState, OfferState
from fulfil.models.tables.jobs import OfferRow


async def take_back(session: AsyncSession, held: HeldJob, reason: str, at: datetime) -> None:
    """Free the job of its provider and of every open offer; the caller sets the job's new state."""
    if held.production is not None:
        held.production.state = JobState.CANCELLED
        held.production.closed_at = at
    await close_open_offers(session, held.job.id, OfferState.WITHDRAWN, reason, at)
    await close_counters(session, held.job.id, at)
    await release_claim(session, held, reason, at)


async def release_claim(session: AsyncSession, held: HeldJob, reason: str, at: datetime) -> None:
    """Withdraw the accepted offer and give its material back."""
    job = held.job
    if job.offer_id is not None:
        offer = await hold_offer(session, job.offer_id)
        offer.state = OfferState.WITHDRAWN
        offer.close_reason = reason[:500]
        offer.closed_at = at
        await release_material(session, offer.id, at)
    job.provider_id = None
    job.offer_id = None
    job.accepted_at = None


async def drop_unsecured_claim(session: AsyncSession, held: HeldJob, at: datetime) -> None:
    """Undo a claim that never became a production, and reopen the offers that lost to it.

    The job's workflow lets one claim be secured at a time; whoever comes later finds only claims that support
    has given up while they were parked.
    """
    if held.job.offer_id is None or held.production is not None:
        return
    await drop_counter(session, held.job.offer_id, at)
    await release_claim(session, held, "the acceptance could not be secured", at)
    held.job.state = JobState.OFFERED
    await session.execute(
        update(OfferRow)
        .where(OfferRow.job_id == held.job.id, OfferRow.round == held.job.round, OfferRow.state == OfferState.LOST)
        .values(state=OfferState.OPEN, close_reason=None, closed_at=None)
    )
