"""What the API says to the running workflows: updates, joined by their ids, refusals turned into 409s."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar, cast

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
)
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from fulfil.api.errors import conflict
from fulfil.api.outages import still_working, temporal_outages
from fulfil.models.messages.chargebacks import AcceptLoss, AddEvidence, ChargebackStatus, SubmitEvidence
from fulfil.models.messages.jobs import (
    AcceptanceSecured,
    AcceptOffer,
    ApproveJob,
    DeclineOffer,
    JobApproved,
    OfferDeclined,
    OfferTo,
    ProviderOffered,
    RedispatchJob,
)
from fulfil.models.messages.orders import (
    CancellationAnswer,
    CancelLine,
    CancelOrder,
    LineCancelled,
    OrderOutcome,
    OrderPlaced,
    OrderState,
    StartOrder,
)
from fulfil.models.messages.parties import WaitingOn
from fulfil.models.messages.promises import ChoiceTaken, ChooseForJob
from fulfil.models.messages.refunds import (
    DecideRefund,
    RefundOpened,
    RefundOutcome,
    RefundProgress,
    RerouteRefund,
    StartRefund,
)
from fulfil.models.messages.support import ResolveStep, StepResolved
from fulfil.models.money import Money
from fulfil.workflows import attributes
from fulfil.workflows.chargeback import ChargebackWorkflow
from fulfil.workflows.ids import ORDERS, chargeback_workflow_id, job_workflow_id, order_workflow_id, refund_workflow_id
from fulfil.workflows.job import JobWorkflow
from fulfil.workflows.order import OrderWorkflow
from fulfil.workflows.refund import RefundWorkflow

Answer = TypeVar("Answer")

# Whoever waits longer than this is told that it goes on, and joins by repeating the request.
ANSWER_WITHIN_S = 20.0
RPC_WITHIN = timedelta(seconds=5)
# What Temporal answers when a workflow ended while an update ran in it.
ENDED_MEANWHILE = "AcceptedUpdateCompletedWorkflow"


class ProcessEndedError(Exception):
    """The workflow has ended, or never was: the projection has the answer."""


class Processes:
    """The orders' and jobs' workflows, seen from outside; raises problems for refusals and outages."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def place_order(self, start: StartOrder, *, total: Money, due_at: datetime, update_id: str) -> OrderPlaced:
        """Start the order and wait until it is payable; raises `ProcessEndedError`."""
        operation = WithStartWorkflowOperation(
            OrderWorkflow.run,
            start,
            id=order_workflow_id(start.order_id),
            task_queue=ORDERS,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=f"Order {start.order_id}: {total}",
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(attributes.ORDER_ID, start.order_id),
                    SearchAttributePair(attributes.CUSTOMER_ID, start.customer_id),
                    SearchAttributePair(attributes.ORDER_STATE, OrderState.AWAITING_PAYMENT.value),
                    SearchAttributePair(attributes.WAITING_ON, WaitingOn.CUSTOMER.value),
                    SearchAttributePair(attributes.DEADLINE, due_at),
                ]
            ),
        )
        try:
            return await _answered(
                self._client.execute_update_with_start_workflow(
                    OrderWorkflow.place, start_workflow_operation=operation, id=update_id
                )
            )
        except WorkflowAlreadyStartedError as error:
            raise ProcessEndedError(start.order_id) from error

    async def order_outcome(self, order_id: str) -> OrderOutcome | None:
        """How a workflow that has ended ended; None when it failed."""
        handle = self._client.get_workflow_handle(order_workflow_id(order_id), result_type=OrderOutcome)
        with temporal_outages():
            try:
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    outcome: OrderOutcome = await handle.result(rpc_timeout=RPC_WITHIN)
                    return outcome
            except WorkflowFailureError:
                return None

    async def cancel_line(self, order_id: str, request: CancelLine, *, update_id: str) -> LineCancelled:
        """Call one line of the order off."""
        handle = self._client.get_workflow_handle(order_workflow_id(order_id))
        return await _answered(handle.execute_update(OrderWorkflow.cancel_line, request, id=update_id))

    async def cancel_order(self, order_id: str, request: CancelOrder, *, update_id: str) -> CancellationAnswer:
        """Call the order off."""
        handle = self._client.get_workflow_handle(order_workflow_id(order_id))
        return await _answered(handle.execute_update(OrderWorkflow.cancel, request, id=update_id))

    async def accept_offer(self, job_id: str, acceptance: AcceptOffer, *, update_id: str) -> AcceptanceSecured:
        """Take a job."""
        handle = self._client.get_workflow_handle(job_workflow_id(job_id))
        return await _answered(handle.execute_update(JobWorkflow.accept, acceptance, id=update_id))

    async def decline_offer(self, job_id: str, answer: DeclineOffer, *, update_id: str) -> OfferDeclined:
        """Say no to a job."""
        handle = self._client.get_workflow_handle(job_workflow_id(job_id))
        return await _answered(handle.execute_update(JobWorkflow.decline, answer, id=update_id))

    async def approve_job(self, job_id: str, approval: ApproveJob, *, update_id: str) -> JobApproved:
        """Accept what was delivered."""
        handle = self._client.get_workflow_handle(job_workflow_id(job_id))
        return await _answered(handle.execute_update(JobWorkflow.approve, approval, id=update_id))

    async def choose_for_job(self, job_id: str, chosen: ChooseForJob, *, update_id: str) -> ChoiceTaken:
        """How a job in trouble goes on."""
        handle = self._client.get_workflow_handle(job_workflow_id(job_id))
        return await _answered(handle.execute_update(JobWorkflow.choose, chosen, id=update_id))

    async def offer_to_provider(self, job_id: str, choice: OfferTo, *, update_id: str) -> ProviderOffered:
        """Ask a provider of support's choice."""
        handle = self._client.get_workflow_handle(job_workflow_id(job_id))
        return await _answered(handle.execute_update(JobWorkflow.offer_to, choice, id=update_id))

    async def redispatch_job(self, job_id: str, request: RedispatchJob, *, update_id: str) -> None:
        """Offer the job anew."""
        handle = self._client.get_workflow_handle(job_workflow_id(job_id))
        await _answered(handle.execute_update(JobWorkflow.redispatch, request, id=update_id))

    async def request_refund(self, start: StartRefund, *, update_id: str) -> RefundOpened:
        """Start a refund and wait until it is written, or refused; raises `ProcessEndedError`."""
        operation = WithStartWorkflowOperation(
            RefundWorkflow.run,
            start,
            id=refund_workflow_id(start.refund_id),
            task_queue=ORDERS,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=f"Refund for order {start.order_id}",
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(attributes.ORDER_ID, start.order_id),
                    SearchAttributePair(attributes.WAITING_ON, WaitingOn.SYSTEM.value),
                ]
            ),
        )
        try:
            return await _answered(
                self._client.execute_update_with_start_workflow(
                    RefundWorkflow.request, start_workflow_operation=operation, id=update_id
                )
            )
        except WorkflowAlreadyStartedError as error:
            raise ProcessEndedError(start.refund_id) from error

    async def refund_outcome(self, refund_id: str) -> RefundOutcome | None:
        """How a refund's workflow that has ended ended; None when it failed."""
        handle = self._client.get_workflow_handle(refund_workflow_id(refund_id), result_type=RefundOutcome)
        with temporal_outages():
            try:
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    outcome: RefundOutcome = await handle.result(rpc_timeout=RPC_WITHIN)
                    return outcome
            except WorkflowFailureError:
                return None

    async def decide_refund(self, decision: DecideRefund, *, update_id: str) -> RefundProgress:
        """Approve or reject a refund."""
        handle = self._client.get_workflow_handle(refund_workflow_id(decision.refund_id))
        return await _answered(handle.execute_update(RefundWorkflow.decide, decision, id=update_id))

    async def reroute_refund(self, request: RerouteRefund, *, update_id: str) -> RefundProgress:
        """Send a failed refund another way."""
        handle = self._client.get_workflow_handle(refund_workflow_id(request.refund_id))
        return await _answered(handle.execute_update(RefundWorkflow.reroute, request, id=update_id))

    async def submit_evidence(self, request: SubmitEvidence, *, update_id: str) -> ChargebackStatus:
        """Send the staged evidence to the customer's bank."""
        handle = self._client.get_workflow_handle(chargeback_workflow_id(request.chargeback_id))
        return await _answered(handle.execute_update(ChargebackWorkflow.submit, request, id=update_id))

    async def add_evidence(self, request: AddEvidence, *, update_id: str) -> ChargebackStatus:
        """Stage a statement with the rest of the evidence."""
        handle = self._client.get_workflow_handle(chargeback_workflow_id(request.chargeback_id))
        return await _answered(handle.execute_update(ChargebackWorkflow.add_evidence, request, id=update_id))

    async def accept_chargeback(self, request: AcceptLoss, *, update_id: str) -> ChargebackStatus:
        """Give a chargeback up."""
        handle = self._client.get_workflow_handle(chargeback_workflow_id(request.chargeback_id))
        return await _answered(handle.execute_update(ChargebackWorkflow.accept_loss, request, id=update_id))

    async def resolve_step(self, workflow_id: str, resolution: ResolveStep, *, update_id: str) -> StepResolved:
        """Move a parked step of an order or a job on."""
        handle = self._client.get_workflow_handle(workflow_id)
        return await _answered(handle.execute_update("resolve", resolution, id=update_id, result_type=StepResolved))


async def _answered(update: Awaitable[Answer]) -> Answer:
    with temporal_outages():
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await update
        except WorkflowUpdateFailedError as error:
            raise _refusal(error) from error
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise ProcessEndedError(error.message) from error
            raise


def _refusal(error: WorkflowUpdateFailedError) -> Exception:
    """What the workflow answered, as the problem it described."""
    cause = error.cause
    if not isinstance(cause, ApplicationError):
        return still_working()
    if cause.type == ENDED_MEANWHILE:
        return ProcessEndedError(cause.message)
    facts: Mapping[str, object] = cause.details[0] if cause.details else {}
    allowed = cast("Sequence[object]", facts.get("allowed_actions", []))
    return conflict(
        cause.type or "refused",
        str(facts.get("detail", cause.message)),
        state=str(facts.get("state", "unknown")),
        allowed_actions=[str(action) for action in allowed],
    )
