"""Securing a claim: the transaction before the capture, and the two after it (captured, or lost)."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.bookkeeping import book_charge, book_lost_payment
from fulfil.activities.counter_offers import (
    close_counters,
    drop_counter,
    hold_counter,
    refusal_of_counter,
    tell_taken,
)
from fulfil.activities.dispatching import close_open_offers
from fulfil.activities.locking import HeldJob, hold_job, hold_offer, hold_order, hold_payment
from fulfil.activities.ranking import refusal_of_provider
from fulfil.activities.reserving import reserve_material, said_need
from fulfil.activities.taking_back import drop_unsecured_claim, release_claim
from fulfil.gateways.stripe.facts import PaymentIntentFacts
from fulfil.models.messages.dispatch import CounterState
from fulfil.models.messages.documents import PlatformIdentity
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.jobs import (
    AcceptanceOutcome,
    AcceptanceSecured,
    JobState,
    OfferState,
    SecureAcceptance,
    Stage,
)
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.parties import WaitingOn
from fulfil.models.tables.jobs import OfferRow, ProductionRow
from fulfil.models.tables.payments import PaymentRow
from fulfil.models.tables.timeline import append_event
from fulfil.ranking.facts import Refusal

PAYMENT_LOST = "payment_lost"
# What is the matter with a provider is told to her, not to the customer who takes her counter-offer.
UNAVAILABLE = Refusal("provider_unavailable", "This provider can't take the job any more; others are still asked.")
OFFERABLE = (JobState.PENDING, JobState.OFFERED, JobState.ACCEPTED)


async def claim_job(session: AsyncSession, request: SecureAcceptance, at: datetime) -> AcceptanceSecured | PaymentRow:
    """Give the job and its material to the claimant; the payment to capture, or the answer if there is one already."""
    held = await hold_job(session, request.job_id)
    job = held.job
    if job.state not in OFFERABLE:
        return withdrawn(request)
    if held.production is not None:
        if held.production.offer_id == request.offer_id:
            return secured(request, held.production)
        return refused(request, "offer_lost", "Another provider accepted this job first.")
    if job.offer_id != request.offer_id:
        await drop_unsecured_claim(session, held, at)
        refusal = await _claim(session, held, request, at)
        if refusal is not None:
            return refusal
    else:
        # The answer may have been lost, and the job given back since: that is told as well.
        given_back = await session.get(ProductionRow, request.offer_id)
        if given_back is not None:
            return secured(request, given_back)
    return await hold_payment(session, request.order_id)


async def confirm_acceptance(
    session: AsyncSession,
    request: SecureAcceptance,
    charge: PaymentIntentFacts | None,
    at: datetime,
    platform: PlatformIdentity,
) -> AcceptanceSecured:
    """The money is taken: write it, and the production, unless the order took the job back meanwhile.

    `charge` is None when an earlier round has taken and written it.
    """
    held = await hold_job(session, request.job_id)
    is_hers = held.job.state == JobState.ACCEPTED and held.job.offer_id == request.offer_id
    counter = None if request.counter_id is None else await hold_counter(session, request.counter_id)
    if is_hers:
        await close_counters(session, request.job_id, at)
    payment = await hold_payment(session, request.order_id)
    order = await hold_order(session, request.order_id)
    if charge is not None:
        await book_charge(session, payment, charge, at, platform)
    if not is_hers:
        return withdrawn(request)
    if held.production is not None:
        return secured(request, held.production)
    lead_time_days = held.line.lead_time_days if counter is None else counter.lead_time_days
    due_at = at + timedelta(days=lead_time_days)
    production = ProductionRow(
        offer_id=request.offer_id,
        job_id=request.job_id,
        order_id=request.order_id,
        provider_id=request.provider_id,
        state=JobState.ACCEPTED,
        start_due_at=min(at + timedelta(seconds=request.policies.start_due_s), due_at),
        due_at=due_at,
    )
    session.add(production)
    order.state = OrderState.IN_FULFILMENT
    if counter is not None:
        await tell_taken(session, request, counter, at)
    await _tell_accepted(session, request, held, production, at)
    return secured(request, production)


async def _tell_accepted(
    session: AsyncSession, request: SecureAcceptance, held: HeldJob, production: ProductionRow, at: datetime
) -> None:
    await append_event(
        session,
        order_id=request.order_id,
        business_key=f"{request.job_id}:accepted:{held.job.round}",
        kind=EventType.JOB_ACCEPTED,
        at=at,
        actor=request.actor,
        subject=request.job_id,
        data={
            "offer_id": request.offer_id,
            "provider_id": request.provider_id,
            "round": held.job.round,
            "due_at": production.due_at.isoformat() if production.due_at else None,
        },
        next_step=NextStep(who=WaitingOn.PROVIDER, what="start production", by=production.start_due_at),
    )


async def lose_payment(
    session: AsyncSession, request: SecureAcceptance, facts: PaymentIntentFacts, at: datetime
) -> AcceptanceSecured:
    """The authorised money can't be taken (any more): undo the claim."""
    held = await hold_job(session, request.job_id)
    if held.job.state != JobState.ACCEPTED or held.job.offer_id != request.offer_id:
        return withdrawn(request)
    await drop_counter(session, request.offer_id, at)
    await release_claim(session, held, PAYMENT_LOST, at)
    held.job.state = JobState.OFFERED
    payment = await hold_payment(session, request.order_id)
    await book_lost_payment(session, payment, facts, at)
    return payment_lost(request)


async def _claim(
    session: AsyncSession, held: HeldJob, request: SecureAcceptance, at: datetime
) -> AcceptanceSecured | None:
    job = held.job
    offer = await hold_offer(session, request.offer_id)
    if offer.provider_id != request.provider_id or offer.job_id != job.id:
        return refused(request, "offer_not_open", "This offer is not yours.")
    if offer.close_reason == PAYMENT_LOST:
        return payment_lost(request)
    if request.counter_id is None and offer.state != OfferState.OPEN:
        return refused(request, *_why_closed(offer))
    counter = None if request.counter_id is None else await hold_counter(session, request.counter_id)
    closed = None if counter is None else refusal_of_counter(counter, offer, job, at)
    if closed is not None:
        return refused(request, closed.code, closed.detail)
    refusal = await refusal_of_provider(session, offer, job, held.line, request.policies, at)
    if refusal is None and not await reserve_material(
        session,
        offer_id=offer.id,
        job_id=job.id,
        provider_id=request.provider_id,
        line=held.line,
        policies=request.policies,
        at=at,
    ):
        refusal = Refusal("stock_gone", f"No lot of yours has {said_need(held.line)}: record new stock.")
    if refusal is not None:
        await _close_refused(session, held, offer, request, refusal, at)
        told = refusal if counter is None else UNAVAILABLE
        return refused(request, told.code, told.detail)
    if counter is not None:
        counter.state, counter.closed_at = CounterState.ACCEPTED, at
    offer.state = OfferState.ACCEPTED
    offer.close_reason = None
    offer.accepted_at = offer.closed_at = at
    job.state = JobState.ACCEPTED
    job.provider_id, job.offer_id, job.accepted_at = request.provider_id, offer.id, at
    await session.flush()
    await close_open_offers(session, job.id, OfferState.LOST, "another provider was faster", at)
    return None


async def _close_refused(
    session: AsyncSession,
    held: HeldJob,
    offer: OfferRow,
    request: SecureAcceptance,
    refusal: Refusal,
    at: datetime,
) -> None:
    offer.state = OfferState.WITHDRAWN
    offer.close_reason = refusal.code
    offer.closed_at = at
    turn = f"support:{offer.wave}" if offer.stage == Stage.OPERATOR else str(offer.wave)
    await append_event(
        session,
        order_id=request.order_id,
        business_key=f"{offer.id}:refused:{turn}",
        kind=EventType.JOB_ACCEPTANCE_REFUSED,
        at=at,
        actor=request.actor,
        subject=held.job.id,
        data={
            "offer_id": offer.id,
            "provider_id": offer.provider_id,
            "code": refusal.code,
            "detail": refusal.detail,
        },
    )


def _why_closed(offer: OfferRow) -> tuple[str, str]:
    codes = {
        "stock_gone": "Your stock of the material was not enough.",
        "provider_applied": "Your application was not decided yet.",
        "provider_rejected": "Your application was rejected.",
        "provider_suspended": "You were suspended.",
        "certificate_missing": "A required certificate of yours was not verified.",
        "certificate_expired": "A required certificate of yours had expired.",
        "provider_full": "You had no room for one more job.",
        "newcomer_limit": "The job was beyond a newcomer's limits.",
        "payouts_restricted": "You could not be paid: complete your payout account.",
        "provider_unknown": "This provider does not exist (any more).",
    }
    if offer.close_reason in codes:
        return offer.close_reason, codes[offer.close_reason]
    return f"offer_{offer.state}", offer.close_reason or f"The offer is {offer.state}."


def secured(request: SecureAcceptance, production: ProductionRow) -> AcceptanceSecured:
    """The job is hers, from now until it is due."""
    return AcceptanceSecured(
        job_id=request.job_id,
        offer_id=request.offer_id,
        provider_id=request.provider_id,
        outcome=AcceptanceOutcome.SECURED,
        start_due_at=production.start_due_at,
        due_at=production.due_at,
    )


def refused(request: SecureAcceptance, code: str, detail: str) -> AcceptanceSecured:
    """Not hers; the job stays open to others."""
    return _answer(request, AcceptanceOutcome.REFUSED, code, detail)


def payment_lost(request: SecureAcceptance) -> AcceptanceSecured:
    """Nobody can have the job: the customer's bank does not pay."""
    return _answer(
        request, AcceptanceOutcome.PAYMENT_LOST, PAYMENT_LOST, "The customer's payment could not be collected."
    )


def withdrawn(request: SecureAcceptance) -> AcceptanceSecured:
    """Too late: the order took the job back."""
    return _answer(request, AcceptanceOutcome.WITHDRAWN, "offer_withdrawn", "The job was taken back.")


def _answer(request: SecureAcceptance, outcome: AcceptanceOutcome, code: str, detail: str) -> AcceptanceSecured:
    return AcceptanceSecured(
        job_id=request.job_id,
        offer_id=request.offer_id,
        provider_id=request.provider_id,
        outcome=outcome,
        code=code,
        detail=detail,
    )
