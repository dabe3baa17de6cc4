"""Orders that parked while being placed: no row tells of them yet, only their workflow does."""

import asyncio

import structlog
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from fulfil.api.errors import ProblemError
from fulfil.api.outages import temporal_outages
from fulfil.api.processes import RPC_WITHIN
from fulfil.api.readers.support import OrderProcess
from fulfil.api.schemas.support import StuckOrder
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.parties import WaitingOn
from fulfil.models.messages.support import ParkedStep
from fulfil.workflows import attributes
from fulfil.workflows.ids import order_workflow_id
from fulfil.workflows.order import OrderWorkflow

PARKED_WHILE_PLACED = "WorkflowType = 'Order' AND ExecutionStatus = 'Running' AND StuckStep = 'place_order'"
MOST = 100

log = structlog.stdlib.get_logger(__name__)


async def list_unwritten(client: Client) -> list[StuckOrder]:
    """What `fulfil stuck` adds to the projection; empty, and logged, while Temporal is away."""
    try:
        with temporal_outages():
            order_ids = [
                execution.id.removeprefix(order_workflow_id(""))
                async for execution in client.list_workflows(PARKED_WHILE_PLACED, limit=MOST, rpc_timeout=RPC_WITHIN)
            ]
            parked = await asyncio.gather(*(_parked(client, order_id) for order_id in order_ids))
    except ProblemError as problem:
        log.warning("can't look for orders that parked while being placed", cause=problem.detail)
        return []
    return [_represent(order_id, step) for order_id, step in zip(order_ids, parked, strict=True) if step is not None]


async def find_unwritten(client: Client, order_id: str) -> OrderProcess | None:
    """The order's process when it has no row yet; None when it runs as it should, or not at all."""
    with temporal_outages():
        try:
            described = await client.get_workflow_handle(order_workflow_id(order_id)).describe(rpc_timeout=RPC_WITHIN)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise
        parked = await _parked(client, order_id)
    if described.status is not WorkflowExecutionStatus.RUNNING or parked is None:
        return None
    return OrderProcess(
        order_id=order_id,
        customer_id=described.typed_search_attributes.get(attributes.CUSTOMER_ID) or "",
        state=OrderState.AWAITING_PAYMENT,
        job_id=None,
        job_state=None,
        deliverable_id=None,
        stuck_step=parked.step,
        stuck_workflow_id=order_workflow_id(order_id),
        stuck_allowed=tuple(parked.allowed),
    )


async def _parked(client: Client, order_id: str) -> ParkedStep | None:
    handle = client.get_workflow_handle(order_workflow_id(order_id))
    return await handle.query(OrderWorkflow.parked, rpc_timeout=RPC_WITHIN)


def _represent(order_id: str, parked: ParkedStep) -> StuckOrder:
    return StuckOrder(
        order_id=order_id,
        order_state=OrderState.AWAITING_PAYMENT,
        kind="parked",
        step=parked.step,
        cause=parked.cause,
        owner=WaitingOn.SUPPORT,
        since=parked.since,
        workflow_id=order_workflow_id(order_id),
        allowed_actions=["retry", "cancel-step"],
        next_action="Remove the cause, then retry the step; nothing has been charged.",
        command=f"fulfil support retry {order_id} --reason '…'",
    )
