"""Support asks a provider of her choice."""

from fulfil.api.access import Principal
from fulfil.api.actions import job_actions
from fulfil.api.context import ApiContext
from fulfil.api.errors import conflict, not_found
from fulfil.api.intentions import Intention
from fulfil.api.processes import ProcessEndedError
from fulfil.api.readers.dispatch import find_state
from fulfil.api.schemas.dispatch import OfferByChoice, ProviderChoice
from fulfil.api.writers.idempotency import claim
from fulfil.models.messages.jobs import JobState, OfferTo


async def offer_by_choice(
    context: ApiContext, caller: Principal, job_id: str, choice: ProviderChoice, intention: Intention
) -> OfferByChoice:
    """She is asked; 409 with the reason when she can't be, or when somebody has the job."""
    state = await _look(context, job_id)
    async with context.begin() as session:
        claimed = await claim(session, intention, intention.derive_id("upd"), context.clock())
    request = OfferTo(provider_id=choice.provider_id, actor=caller.actor, reason=choice.reason)
    try:
        offered = await context.processes.offer_to_provider(job_id, request, update_id=claimed.resource_id)
    except ProcessEndedError:
        state = await _look(context, job_id)
        raise conflict("job_ended", f"The job is {state.value}.", state=state) from None
    if offered.offer is None or offered.expires_at is None:
        raise conflict(
            offered.code or "provider_refused",
            offered.detail or "She can't be asked.",
            state=state,
            allowed_actions=job_actions(caller.role, state),
        )
    return OfferByChoice(
        job_id=job_id,
        offer_id=offered.offer.offer_id,
        provider_id=offered.offer.provider_id,
        expires_at=offered.expires_at,
    )


async def _look(context: ApiContext, job_id: str) -> JobState:
    async with context.begin() as session:
        state = await find_state(session, job_id)
    if state is None:
        raise not_found("job")
    return state
