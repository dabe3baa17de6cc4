"""Calling an order off, for its customer or by support."""

from fulfil.api.access import Principal
from fulfil.api.actions import ENDED
from fulfil.api.context import ApiContext
from fulfil.api.errors import ProblemError, conflict, not_found
from fulfil.api.intentions import Intention
from fulfil.api.processes import ProcessEndedError
from fulfil.api.readers.orders import may_see_order
from fulfil.api.streaming import wait_until_ended
from fulfil.api.writers.idempotency import claim
from fulfil.models.messages.orders import CancelOrder, OrderState


async def call_off(
    context: ApiContext, caller: Principal, order_id: str, reason: str, intention: Intention, *, wait_s: float = 0
) -> None:
    """Ask the order's workflow; returns when it is being cancelled, or (waiting) when it is over.

    A repeated request joins the first; raises 404 for another's order and 409 when it is too late.
    """
    async with context.begin() as session:
        state = await may_see_order(session, caller, order_id)
        if state is None:
            raise not_found("order")
        claimed = await claim(session, intention, intention.derive_id("upd"), context.clock())
        if state in ENDED and not claimed.repeated:
            raise _too_late(state)
    if state not in ENDED:
        request = CancelOrder(actor=caller.actor, reason=reason)
        try:
            await context.processes.cancel_order(order_id, request, update_id=claimed.resource_id)
        except ProcessEndedError:
            async with context.begin() as session:
                state = await may_see_order(session, caller, order_id)
            if state is not OrderState.CANCELLED:
                raise _too_late(state or OrderState.CLOSED) from None
    if wait_s:
        await wait_until_ended(context, caller, order_id, wait_s)


def _too_late(state: OrderState) -> ProblemError:
    return conflict("order_ended", f"The order is {state.value}: there is nothing to cancel.", state=state)
