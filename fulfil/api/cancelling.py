"""Calling an order, or a line of it, off: for its customer or by support."""

from fulfil.api.access import Principal
from fulfil.api.actions import ENDED
from fulfil.api.context import ApiContext
from fulfil.api.errors import ProblemError, conflict, not_found
from fulfil.api.intentions import Intention
from fulfil.api.processes import ProcessEndedError
from fulfil.api.readers.order_lines import find_line
from fulfil.api.readers.orders import may_see_order
from fulfil.api.streaming import wait_until_ended
from fulfil.api.writers.idempotency import claim
from fulfil.models.messages.deliverables import DeliverableState
from fulfil.models.messages.jobs import JobState
from fulfil.models.messages.orders import CancelLine, CancelOrder, OrderState


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


async def call_off_line(
    context: ApiContext, caller: Principal, order_id: str, line_id: str, reason: str, intention: Intention
) -> None:
    """Ask the order's workflow to take one line back; returns when it is taken back, its money to follow.

    A line is called off once: whoever asks again joins. Raises 404 for another's order or line, 409 when too late.
    """
    async with context.begin() as session:
        parts = await find_line(session, caller, order_id, line_id)
        state = await may_see_order(session, caller, order_id)
        if parts is None or state is None:
            raise not_found("line", "line_id")
        claimed = await claim(session, intention, intention.derive_id("upd"), context.clock())
        is_done = parts.job_state is JobState.CANCELLED or parts.deliverable_state is DeliverableState.CANCELLED
        if is_done or (claimed.repeated and state in ENDED):
            return
    if state in ENDED:
        raise _too_late(state)
    request = CancelLine(line_id=line_id, actor=caller.actor, reason=reason)
    try:
        await context.processes.cancel_line(order_id, request, update_id=claimed.resource_id)
    except ProcessEndedError:
        async with context.begin() as session:
            state = await may_see_order(session, caller, order_id)
        if state is not OrderState.CANCELLED:
            raise _too_late(state or OrderState.CLOSED) from None


def _too_late(state: OrderState) -> ProblemError:
    return conflict("order_ended", f"The order is {state.value}: there is nothing to cancel.", state=state)
