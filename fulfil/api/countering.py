"""Counter-offers: made by a provider, taken or declined by the customer, withdrawn while nobody took them."""

from fulfil.api.access import Principal
from fulfil.api.actions import offer_actions
from fulfil.api.context import ApiContext
from fulfil.api.errors import ProblemError, conflict, invalid, not_found
from fulfil.api.intentions import Intention
from fulfil.api.processes import ProcessEndedError
from fulfil.api.readers.counter_offers import Counterable, find_counter, find_counterable
from fulfil.api.schemas.dispatch import CounterOffer, CounterTerms
from fulfil.api.writers.counter_offers import Terms, close_counter, write_counter
from fulfil.api.writers.idempotency import claim
from fulfil.models.messages.dispatch import CounterState
from fulfil.models.messages.jobs import AcceptOffer
from fulfil.models.money import format_money, step_minor

WHY_CLOSED = {
    CounterState.ACCEPTED: "The customer has taken it.",
    CounterState.DECLINED: "The customer declined it.",
    CounterState.WITHDRAWN: "Its provider withdrew it.",
    CounterState.EXPIRED: "Its time is over, or another provider has the job.",
}


async def counter(
    context: ApiContext, caller: Principal, offer_id: str, terms: CounterTerms, intention: Intention
) -> CounterOffer:
    """Make it; 409 when the offer is not open, or another counter-offer to it is. A repeated request finds it."""
    async with context.begin() as session:
        offer = await find_counterable(session, caller, offer_id, context.clock())
        if offer is None:
            raise not_found("offer")
        claimed = await claim(session, intention, intention.derive_id("cou"), context.clock())
        found = await find_counter(session, caller, claimed.resource_id, context.clock()) if claimed.repeated else None
        if found is not None:
            return found
        checked = _checked(offer, terms)
        if not offer.is_open:
            raise conflict("offer_not_open", "The offer is not open any more.", state=offer.state)
        if not await write_counter(session, caller, claimed.resource_id, offer, checked, context.clock()):
            raise conflict(
                "counter_open",
                "You have made a counter-offer already: withdraw it first.",
                state=offer.state,
                allowed_actions=[*offer_actions(caller.role, offer.state), "withdraw"],
            )
    return await look(context, caller, claimed.resource_id)


async def take(context: ApiContext, caller: Principal, counter_id: str, intention: Intention) -> CounterOffer:
    """The provider has the job on these terms; taking it twice changes nothing, too late is a 409 that says why."""
    found = await look(context, caller, counter_id)
    if found.state is CounterState.ACCEPTED:
        return found
    if found.state is not CounterState.OPEN:
        raise _closed(found)
    async with context.begin() as session:
        claimed = await claim(session, intention, intention.derive_id("upd"), context.clock())
    acceptance = AcceptOffer(
        offer_id=found.offer_id, provider_id=found.provider_id, actor=caller.actor, counter_id=counter_id
    )
    try:
        await context.processes.accept_offer(found.job_id, acceptance, update_id=claimed.resource_id)
    except ProcessEndedError:
        raise _closed(await look(context, caller, counter_id)) from None
    taken = await look(context, caller, counter_id)
    if taken.state is not CounterState.ACCEPTED:
        raise _closed(taken)  # its provider accepted the job as ordered at the same moment
    return taken


async def close(
    context: ApiContext, caller: Principal, counter_id: str, state: CounterState, intention: Intention
) -> CounterOffer:
    """Decline or withdraw it; twice changes nothing."""
    found = await look(context, caller, counter_id)
    if found.state not in (CounterState.OPEN, state):
        raise _closed(found)
    async with context.begin() as session:
        await claim(session, intention, counter_id, context.clock())
        closed = await close_counter(session, caller, counter_id, state, context.clock())
    found = await look(context, caller, counter_id)
    if closed is not state:
        raise _closed(found)
    return found


async def look(context: ApiContext, caller: Principal, counter_id: str) -> CounterOffer:
    """The counter-offer as it stands; 404 when it is none of hers."""
    async with context.begin() as session:
        found = await find_counter(session, caller, counter_id, context.clock())
    if found is None:
        raise not_found("counter-offer")
    return found


def _checked(offer: Counterable, terms: CounterTerms) -> Terms:
    """Another date or a lower price, which can be paid back; 422 otherwise."""
    price = offer.price_minor
    if terms.amount is not None:
        if terms.amount.currency != offer.currency:
            raise invalid("currency_mismatch", f"The order is in {offer.currency}: use it.", "amount.currency")
        price = terms.amount.amount_minor
    most = format_money(offer.price_minor, offer.currency)
    if price > offer.price_minor:
        raise invalid(
            "price_above_paid",
            f"The customer has paid {most}, and nobody may ask her for more: offer that or less, or decline.",
            "amount",
        )
    if price <= 0 or (offer.price_minor - price) % step_minor(offer.currency):
        raise invalid(
            "amount_not_representable", f"Offer more than nothing, in steps cards can carry, up to {most}.", "amount"
        )
    days = terms.lead_time_days or offer.lead_time_days
    if price == offer.price_minor and days == offer.lead_time_days:
        raise invalid(
            "counter_is_the_offer",
            "That is the offer itself: accept it, or name another date or price.",
            "lead_time_days",
        )
    return Terms(amount_minor=price, lead_time_days=days, note=terms.note)


def _closed(found: CounterOffer) -> ProblemError:
    state = CounterState.EXPIRED if found.state is CounterState.OPEN else found.state
    return conflict(f"counter_{state.value}", WHY_CLOSED[state], state=state, allowed_actions=found.allowed_actions)
