"""A provider's answer to an offer: what the projection already knows is answered at once, the rest by the workflow."""

from fulfil.api.access import Principal
from fulfil.api.context import ApiContext
from fulfil.api.errors import ProblemError, conflict, not_found, unavailable
from fulfil.api.intentions import Intention
from fulfil.api.processes import ProcessEndedError
from fulfil.api.readers.offers import OfferHead, find_acceptance, find_head
from fulfil.api.schemas.jobs import Acceptance, Decline
from fulfil.api.writers.idempotency import claim
from fulfil.models.messages.jobs import AcceptOffer, DeclineOffer, OfferState

WHY_CLOSED = {
    OfferState.LOST: "Another provider accepted this job first.",
    OfferState.EXPIRED: "The offer has expired; newer offers are on your list.",
    OfferState.DECLINED: "You declined this offer.",
    OfferState.WITHDRAWN: "The offer was withdrawn.",
    OfferState.ACCEPTED: "You accepted this offer.",
}


async def accept(context: ApiContext, caller: Principal, offer_id: str, intention: Intention) -> Acceptance:
    """The job is hers; 409 `offer_lost`, `offer_expired`, … when it is not. Accepting twice changes nothing."""
    offer, update_id = await _look(context, caller, offer_id, intention)
    async with context.turnstile.turn(offer.job_id) as waited:
        if waited:
            async with context.begin() as session:
                offer = await find_head(session, caller, offer_id) or offer
        if offer.state is OfferState.ACCEPTED:
            async with context.begin() as session:
                done = await find_acceptance(session, offer_id)
            if done is not None:
                return done
        elif offer.state is not OfferState.OPEN:
            raise _closed(offer)
        acceptance = AcceptOffer(offer_id=offer.id, provider_id=offer.provider_id, actor=caller.actor)
        try:
            secured = await context.processes.accept_offer(offer.job_id, acceptance, update_id=update_id)
        except ProcessEndedError:
            raise await _ended(context, caller, offer_id) from None
    return Acceptance(
        job_id=secured.job_id, offer_id=secured.offer_id, start_due_at=secured.start_due_at, due_at=secured.due_at
    )


async def decline(context: ApiContext, caller: Principal, offer_id: str, why: Decline, intention: Intention) -> None:
    """She said no; saying it twice changes nothing."""
    offer, update_id = await _look(context, caller, offer_id, intention)
    if offer.state is OfferState.DECLINED:
        return
    if offer.state is not OfferState.OPEN:
        raise _closed(offer)
    answer = DeclineOffer(
        offer_id=offer.id,
        provider_id=offer.provider_id,
        actor=caller.actor,
        reason=why.reason,
        code=why.code.value if why.code else "",
    )
    try:
        await context.processes.decline_offer(offer.job_id, answer, update_id=update_id)
    except ProcessEndedError:
        raise await _ended(context, caller, offer_id) from None


async def _look(context: ApiContext, caller: Principal, offer_id: str, intention: Intention) -> tuple[OfferHead, str]:
    async with context.begin() as session:
        offer = await find_head(session, caller, offer_id)
        if offer is None:
            raise not_found("offer")
        claimed = await claim(session, intention, intention.derive_id("upd"), context.clock())
    return offer, claimed.resource_id


async def _ended(context: ApiContext, caller: Principal, offer_id: str) -> ProblemError:
    """No workflow answers: the offer's row says why.

    Offers are closed before a job's workflow ends, and visible before it starts; so an open one waits for the start.
    """
    async with context.begin() as session:
        offer = await find_head(session, caller, offer_id)
    if offer is None:
        return not_found("offer")
    if offer.state is OfferState.OPEN:
        return unavailable("job_starting", "The job is about to start: try again.", retry_after_s=1)
    return _closed(offer)


def _closed(offer: OfferHead) -> ProblemError:
    detail = WHY_CLOSED.get(offer.state, "This offer is not open.")
    return conflict(f"offer_{offer.state.value}", detail, state=offer.state)
