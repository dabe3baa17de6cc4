"""Support's last resort: run a workflow again from before a step, by Temporal's reset, once per run."""

import json
from collections.abc import Sequence
from http import HTTPStatus

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from fulfil.api.context import ApiContext
from fulfil.api.errors import ProblemError, conflict, invalid, not_found
from fulfil.api.intentions import Intention
from fulfil.api.outages import temporal_outages
from fulfil.api.processes import RPC_WITHIN
from fulfil.api.readers.support import OrderProcess, find_reset
from fulfil.api.schemas.support import ResetRequest, WorkflowReset
from fulfil.api.writers.idempotency import claim, find_claim
from fulfil.api.writers.resets import ResetClaim, claim_reset, note_reset, release_claim
from fulfil.models.ids import derived_id
from fulfil.models.messages.parties import Actor
from fulfil.workflows.ids import deliverable_workflow_id, job_workflow_id, order_workflow_id

# Their activities find what they did before under a business key, so running them again repeats no effect.
STEPS_OF_ORDER = ("place_order", "open_job", "open_lines", "return_line", "return_payment")
STEPS_OF_JOB = ("secure_acceptance", "settle_job")
STEPS_OF_DELIVERABLE = ("apply_plan", "settle_job", "close_deliverable")
RESETTABLE = tuple(dict.fromkeys((*STEPS_OF_ORDER, *STEPS_OF_JOB, *STEPS_OF_DELIVERABLE)))
MONEY_STEPS = (
    *("place_order", "expire_payment", "capture_payment", "secure_acceptance"),
    *("return_line", "return_payment", "settle_job"),
)
LOCAL_ACTIVITY = "core_local_activity"
REFUSED_BY_TEMPORAL = (RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.NOT_FOUND)


async def reset_process(
    context: ApiContext, process: OrderProcess, asked: ResetRequest, actor: Actor, intention: Intention
) -> WorkflowReset:
    """Reset the workflow that parked at the step, else the order's, job's or deliverable's, to before the step.

    Once per run and intention.

    Raises 422 for a step that must not run again, 409 when the workflow has ended well, has not reached the
    step, or moves money right now.
    """
    async with context.begin() as session:
        known = await find_claim(session, intention)
        before = await find_reset(session, process.order_id, known.resource_id) if known else None
    if before is not None:
        return before
    step = _checked_step(process, asked.step)
    workflow_id = workflow_of(process, step, asked.job_id)
    with temporal_outages():
        described = await _describe(context.temporal, workflow_id)
        _check_may_reset(described)
        event_id = await _task_before(context.temporal, described, step)
    reset = ResetClaim(workflow_id, described.run_id, process.order_id, step, actor, asked.reason)
    async with context.begin() as session:
        done = await claim_reset(session, reset, context.clock())
        await claim(session, intention, reset.from_run_id, context.clock())
    if done is not None:
        return _repeated(reset, done.to_run_id)
    try:
        with temporal_outages():
            to_run_id = await _reset(context.temporal, reset, event_id)
    except ProblemError:
        async with context.begin() as session:
            await release_claim(session, reset)
        raise
    async with context.begin() as session:
        await note_reset(session, reset, to_run_id, context.clock())
    return _represent(reset, to_run_id)


def ambiguous(process: OrderProcess, names: Sequence[str]) -> ProblemError:
    """Which of several is meant has to be said."""
    detail = f"This order has {len(names)} that it could be: name one by `job_id`: {', '.join(names)}."
    return conflict("job_ambiguous", detail, state=process.state)


def _checked_step(process: OrderProcess, step: str | None) -> str:
    chosen = step or process.stuck_step
    if chosen is None:
        raise conflict(
            "nothing_parked",
            "No step of this order is parked: say which step to run again from.",
            state=process.state,
            allowed_actions=["cancel"],
        )
    if chosen not in RESETTABLE:
        raise invalid("step_not_resettable", f"{chosen} can't be run again; {', '.join(RESETTABLE)} can.", "step")
    return chosen


def workflow_of(process: OrderProcess, step: str, job_id: str | None = None) -> str:
    """The workflow that parked at the step; else the order's, job's or deliverable's, whichever has such a step.

    `job_id` names a job, or a deliverable, when several have it.
    """
    if job_id is not None:
        known = (*process.open_jobs, *filter(None, (process.job_id,)), *process.deliverable_ids)
        if job_id not in known:
            raise not_found("job", "job_id")
        return deliverable_workflow_id(job_id) if job_id in process.deliverable_ids else job_workflow_id(job_id)
    if step == process.stuck_step and process.stuck_workflow_id is not None:
        return process.stuck_workflow_id
    if step in STEPS_OF_ORDER:
        return order_workflow_id(process.order_id)
    having = [
        *(process.open_jobs if step in STEPS_OF_JOB else ()),
        *(process.deliverable_ids if step in STEPS_OF_DELIVERABLE else ()),
    ]
    if len(having) > 1:
        raise ambiguous(process, having)
    if step in STEPS_OF_JOB and process.job_id is not None:
        return job_workflow_id(process.job_id)
    if step in STEPS_OF_DELIVERABLE and process.deliverable_id is not None:
        return deliverable_workflow_id(process.deliverable_id)
    raise conflict("no_job", "This order has no job or deliverable with this step.", state=process.state)


async def _describe(client: Client, workflow_id: str) -> WorkflowExecutionDescription:
    try:
        return await client.get_workflow_handle(workflow_id).describe(rpc_timeout=RPC_WITHIN)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise not_found("workflow") from error
        raise


def _check_may_reset(described: WorkflowExecutionDescription) -> None:
    if described.status is WorkflowExecutionStatus.COMPLETED:
        raise conflict(
            "workflow_completed", "The workflow has completed: nothing is to be run again.", state="completed"
        )
    pending = [activity.activity_type.name for activity in described.raw_description.pending_activities]
    moving = next((name for name in pending if name in MONEY_STEPS), None)
    if moving is not None:
        raise conflict(
            "money_in_flight",
            f"{moving} is running right now: wait until it ends or parks.",
            state="running",
            allowed_actions=["retry"],
        )


async def _task_before(client: Client, described: WorkflowExecutionDescription, step: str) -> int:
    """The workflow task that decided to run the step (the last time): resetting to it runs the step again."""
    found: int | None = None
    handle = client.get_workflow_handle(described.id, run_id=described.run_id)
    async for event in handle.fetch_history_events(rpc_timeout=RPC_WITHIN):
        if _step_of(event) == step:
            found = _decided_at(event)
    if found is None:
        raise conflict("step_not_reached", f"The workflow has not reached {step}.", state=str(described.status))
    return found


def _step_of(event: HistoryEvent) -> str | None:
    if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
        return event.activity_task_scheduled_event_attributes.activity_type.name
    marker = event.marker_recorded_event_attributes
    if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED and marker.marker_name == LOCAL_ACTIVITY:
        facts = json.loads(marker.details["data"].payloads[0].data)
        return str(facts.get("activity_type") or facts.get("activityType"))
    return None


def _decided_at(event: HistoryEvent) -> int:
    if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
        return event.activity_task_scheduled_event_attributes.workflow_task_completed_event_id
    return event.marker_recorded_event_attributes.workflow_task_completed_event_id


async def _reset(client: Client, reset: ResetClaim, event_id: int) -> str:
    request = ResetWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=reset.workflow_id, run_id=reset.from_run_id),
        reason=f"{reset.reason} (before {reset.step}, by {reset.actor.id})",
        workflow_task_finish_event_id=event_id,
        request_id=derived_id("rst", reset.workflow_id, reset.from_run_id),
        identity=reset.actor.id,
    )
    try:
        answer = await client.workflow_service.reset_workflow_execution(request, timeout=RPC_WITHIN)
    except RPCError as error:
        if error.status not in REFUSED_BY_TEMPORAL:
            raise
        raise ProblemError(
            HTTPStatus.CONFLICT, "reset_refused", f"Temporal refused the reset: {error.message}"
        ) from error
    return answer.run_id


def _repeated(reset: ResetClaim, to_run_id: str | None) -> WorkflowReset:
    if to_run_id is None:
        raise conflict("reset_in_progress", "This run is being reset right now: look again shortly.", state="resetting")
    return _represent(reset, to_run_id)


def _represent(reset: ResetClaim, to_run_id: str) -> WorkflowReset:
    return WorkflowReset(
        order_id=reset.order_id,
        workflow_id=reset.workflow_id,
        step=reset.step,
        from_run_id=reset.from_run_id,
        to_run_id=to_run_id,
    )
