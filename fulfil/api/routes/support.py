"""Support: what is stuck, and every way to move it on; each act leaves actor and reason in the timeline."""

from typing import Annotated

from fastapi import APIRouter, Depends

from fulfil.api.access import STAFF, Principal, Scope
from fulfil.api.cancelling import call_off, call_off_line
from fulfil.api.context import ApiContext
from fulfil.api.dependencies import Context, IdempotencyKey, allowed
from fulfil.api.documentation import API, SUPPORT, problems
from fulfil.api.errors import conflict, not_found
from fulfil.api.intentions import intend
from fulfil.api.processes import ProcessEndedError
from fulfil.api.readers.orders import find_order
from fulfil.api.readers.support import OrderProcess, find_process, find_resolution, list_stuck
from fulfil.api.readers.waiting import list_waiting_money
from fulfil.api.resetting import ambiguous, reset_process
from fulfil.api.schemas.orders import Order
from fulfil.api.schemas.support import (
    Intervention,
    Redispatch,
    Redispatched,
    ResetRequest,
    Resolved,
    StuckOrders,
    WorkflowReset,
)
from fulfil.api.unwritten import find_unwritten, list_unwritten
from fulfil.api.writers.idempotency import claim, find_claim
from fulfil.models.ids import LineId, OrderId
from fulfil.models.messages.jobs import RedispatchJob
from fulfil.models.messages.support import ResolutionAction, ResolveStep

router = APIRouter(prefix=f"{API}/support", tags=[SUPPORT])

Reader = Annotated[Principal, Depends(allowed(Scope.SUPPORT_READ, *STAFF))]
Support = Annotated[Principal, Depends(allowed(Scope.SUPPORT_WRITE, *STAFF))]
ERRORS = problems(401, 403, 404, 409)


@router.get("/stuck", responses=problems(401, 403))
async def list_stuck_orders(context: Context, caller: Reader) -> StuckOrders:
    """Parked steps, missed deadlines, refunds and chargebacks that wait for somebody; the longest waiting first.

    Each with its cause, whose move it is, and the safe next action.
    """
    del caller
    async with context.begin() as session:
        written = [*await list_stuck(session, context.clock()), *await list_waiting_money(session)]
    found = [*written, *await list_unwritten(context.temporal)]
    return StuckOrders(data=sorted(found, key=lambda stuck: stuck.since))


@router.post("/orders/{order_id}/retry", responses=ERRORS)
async def retry_step(
    context: Context, caller: Support, order_id: OrderId, why: Intervention, key: IdempotencyKey = None
) -> Resolved:
    """Run the parked step again, once its cause is removed."""
    return await _resolve(context, caller, order_id, ResolutionAction.RETRY, why, key)


@router.post("/orders/{order_id}/skip", responses=ERRORS)
async def skip_step(
    context: Context, caller: Support, order_id: OrderId, why: Intervention, key: IdempotencyKey = None
) -> Resolved:
    """Go on without the parked step, if it allows that: you have done by hand what it was for."""
    return await _resolve(context, caller, order_id, ResolutionAction.SKIP, why, key)


@router.post("/orders/{order_id}/cancel-step", responses=ERRORS)
async def cancel_step(
    context: Context, caller: Support, order_id: OrderId, why: Intervention, key: IdempotencyKey = None
) -> Resolved:
    """Give up what the parked step was for, if it allows that."""
    return await _resolve(context, caller, order_id, ResolutionAction.CANCEL, why, key)


@router.post("/orders/{order_id}/redispatch", responses=ERRORS)
async def redispatch_order(
    context: Context, caller: Support, order_id: OrderId, why: Redispatch, key: IdempotencyKey = None
) -> Redispatched:
    """Take a job from its provider, if it has one, and offer it anew; `job_id` says which of several."""
    process = await _find(context, order_id)
    job_id = why.job_id or process.job_id
    if job_id is None or (job_id != process.job_id and job_id not in process.open_jobs):
        raise conflict("no_job", "This order has no such job, or none yet.", state=process.state)
    if why.job_id is None and len(process.open_jobs) > 1:
        raise ambiguous(process, list(process.open_jobs))
    intention = intend(caller, key, f"redispatch_order:{order_id}", why)
    async with context.begin() as session:
        claimed = await claim(session, intention, intention.derive_id("upd"), context.clock())
    request = RedispatchJob(actor=caller.actor, reason=why.reason)
    try:
        await context.processes.redispatch_job(job_id, request, update_id=claimed.resource_id)
    except ProcessEndedError:
        if not claimed.repeated:
            raise conflict("job_ended", "The job has ended.", state=process.job_state or process.state) from None
    return Redispatched(order_id=order_id, job_id=job_id)


@router.post("/orders/{order_id}/cancel", responses=ERRORS)
async def cancel_order_for_customer(
    context: Context, caller: Support, order_id: OrderId, why: Intervention, key: IdempotencyKey = None
) -> Order:
    """Call the order off for the customer, until production starts."""
    intention = intend(caller, key, f"cancel_order_for_customer:{order_id}", why)
    await call_off(context, caller, order_id, why.reason, intention)
    async with context.begin() as session:
        order = await find_order(session, caller, order_id)
    if order is None:
        raise not_found("order")
    return order


@router.post("/orders/{order_id}/lines/{line_id}/cancel", responses=ERRORS)
async def cancel_line_for_customer(
    context: Context,
    caller: Support,
    order_id: OrderId,
    line_id: LineId,
    why: Intervention,
    key: IdempotencyKey = None,
) -> Order:
    """Call one line off for the customer, until it is begun; the others go on."""
    intention = intend(caller, key, f"cancel_line_for_customer:{order_id}:{line_id}", why)
    await call_off_line(context, caller, order_id, line_id, why.reason, intention)
    async with context.begin() as session:
        order = await find_order(session, caller, order_id, ("lines",))
    if order is None:
        raise not_found("order")
    return order


@router.post("/orders/{order_id}/reset", responses=ERRORS)
async def reset_order(
    context: Context, caller: Support, order_id: OrderId, reset: ResetRequest, key: IdempotencyKey = None
) -> WorkflowReset:
    """Run the workflow again from before a step (the parked one, unless named); no effect is repeated."""
    process = await _find(context, order_id)
    intention = intend(caller, key, f"reset_order:{order_id}", reset)
    return await reset_process(context, process, reset, caller.actor, intention)


async def _find(context: ApiContext, order_id: str) -> OrderProcess:
    async with context.begin() as session:
        process = await find_process(session, order_id)
    if process is None:
        raise not_found("order")
    return process


async def _find_parked(context: ApiContext, order_id: str) -> OrderProcess:
    """The order, also when it parked before it was written."""
    async with context.begin() as session:
        process = await find_process(session, order_id)
    process = process or await find_unwritten(context.temporal, order_id)
    if process is None:
        raise not_found("order")
    return process


async def _resolve(
    context: ApiContext,
    caller: Principal,
    order_id: str,
    action: ResolutionAction,
    why: Intervention,
    key: str | None,
) -> Resolved:
    process = await _find_parked(context, order_id)
    intention = intend(caller, key, f"{action.value}_step:{order_id}", why)
    async with context.begin() as session:
        repeated = await find_claim(session, intention) is not None
        done = await find_resolution(session, order_id, caller.owner_id, action) if repeated else None
    if done is not None:
        return done
    if process.stuck_step is None or process.stuck_workflow_id is None:
        raise conflict("nothing_parked", "No step of this order is parked.", state=process.state)
    if action.value not in process.stuck_allowed:
        raise conflict(
            "resolution_not_allowed",
            f"{process.stuck_step} can't be resolved by {action.value}.",
            state="parked",
            allowed_actions=process.stuck_allowed,
        )
    async with context.begin() as session:
        claimed = await claim(session, intention, intention.derive_id("upd"), context.clock())
    resolution = ResolveStep(action=action, actor=caller.actor, reason=why.reason)
    try:
        resolved = await context.processes.resolve_step(
            process.stuck_workflow_id, resolution, update_id=claimed.resource_id
        )
    except ProcessEndedError:
        raise conflict("workflow_ended", "The workflow has ended: nothing is parked in it.", state="ended") from None
    return Resolved(
        order_id=order_id, workflow_id=process.stuck_workflow_id, step=resolved.step, action=resolved.action
    )
