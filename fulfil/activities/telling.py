"""Telling workflows what was written: started and signalled by name, after the commit, as often as it takes."""

from datetime import timedelta

from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from fulfil.models.messages.base import Message
from fulfil.models.messages.chargebacks import ChargebackChanged, StartChargeback
from fulfil.models.messages.deliverables import (
    DeliverableClosed,
    DeliverableReported,
    DeliverableWithdrawn,
    StartDeliverable,
)
from fulfil.models.messages.jobs import JobClosed, JobReported, JobWithdrawn, StartJob
from fulfil.models.messages.parties import WaitingOn
from fulfil.models.messages.payments import PaymentChanged, PaymentThawed
from fulfil.models.messages.refunds import RefundChanged, StartRefund
from fulfil.workflows import attributes
from fulfil.workflows.ids import (
    ORDERS,
    chargeback_workflow_id,
    deliverable_workflow_id,
    job_workflow_id,
    order_workflow_id,
    refund_workflow_id,
)

RPC_TIMEOUT = timedelta(seconds=5)


async def start_job(client: Client, start: StartJob) -> None:
    """Start the job's workflow; one that runs already, or has ended, is what was wanted."""
    try:
        await client.start_workflow(
            "Job",
            start,
            id=job_workflow_id(start.job_id),
            task_queue=ORDERS,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(attributes.ORDER_ID, start.order_id),
                    SearchAttributePair(attributes.WAITING_ON, WaitingOn.PROVIDER.value),
                    SearchAttributePair(attributes.DEADLINE, start.wave.ends_at),
                    SearchAttributePair(attributes.PROVIDER_IDS, [offer.provider_id for offer in start.wave.offers]),
                ]
            ),
            static_summary=f"Job of order {start.order_id}",
            rpc_timeout=RPC_TIMEOUT,
        )
    except WorkflowAlreadyStartedError:
        return


async def start_deliverable(client: Client, start: StartDeliverable) -> None:
    """Start the deliverable's workflow; one that runs already, or has ended, is what was wanted."""
    try:
        await client.start_workflow(
            "Deliverable",
            start,
            id=deliverable_workflow_id(start.deliverable_id),
            task_queue=ORDERS,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(attributes.ORDER_ID, start.order_id),
                    SearchAttributePair(attributes.WAITING_ON, WaitingOn.PROVIDER.value),
                    SearchAttributePair(attributes.DEADLINE, min(clock.due_at for clock in start.milestones)),
                    SearchAttributePair(attributes.PROVIDER_IDS, [start.provider_id]),
                ]
            ),
            static_summary=f"Deliverable of order {start.order_id}",
            rpc_timeout=RPC_TIMEOUT,
        )
    except WorkflowAlreadyStartedError:
        return


async def start_refund(client: Client, start: StartRefund) -> bool:
    """Start the refund's workflow; False when it runs already or has ended.

    A refund that was reopened gets a second run when the first has ended.
    """
    reuse = WorkflowIDReusePolicy.ALLOW_DUPLICATE if start.reopened else WorkflowIDReusePolicy.REJECT_DUPLICATE
    try:
        await client.start_workflow(
            "Refund",
            start,
            id=refund_workflow_id(start.refund_id),
            task_queue=ORDERS,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=reuse,
            search_attributes=_of_order(start.order_id, WaitingOn.SYSTEM),
            static_summary=f"Refund for order {start.order_id}",
            rpc_timeout=RPC_TIMEOUT,
        )
    except WorkflowAlreadyStartedError:
        return False
    return True


async def tell_chargeback(client: Client, start: StartChargeback, change: ChargebackChanged) -> None:
    """Signal the chargeback's workflow, which is started when it does not run: an ended one may have an epilogue."""
    await client.start_workflow(
        "Chargeback",
        start,
        id=chargeback_workflow_id(start.chargeback_id),
        task_queue=ORDERS,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        start_signal="chargeback_changed",
        start_signal_args=[change],
        search_attributes=_of_order(start.order_id, WaitingOn.SUPPORT),
        static_summary=f"Chargeback of order {start.order_id}",
        rpc_timeout=RPC_TIMEOUT,
    )


async def tell_refund_changed(client: Client, refund_id: str, change: RefundChanged) -> bool:
    """A refund's object is in a new state, and written."""
    return await _signal(client, refund_workflow_id(refund_id), "refund_changed", change)


async def tell_job_payment_thawed(client: Client, job_id: str, thawed: PaymentThawed) -> bool:
    """No chargeback holds the order's money any more: a job that waits to be settled goes on."""
    return await _signal(client, job_workflow_id(job_id), "payment_thawed", thawed)


async def tell_order_job_closed(client: Client, order_id: str, closed: JobClosed) -> bool:
    """The job of an order ended."""
    return await _signal(client, order_workflow_id(order_id), "job_closed", closed)


async def tell_order_payment_changed(client: Client, order_id: str, change: PaymentChanged) -> bool:
    """The payment of an order is in a new state."""
    return await _signal(client, order_workflow_id(order_id), "payment_changed", change)


async def tell_job_withdrawn(client: Client, job_id: str, withdrawal: JobWithdrawn) -> bool:
    """The order took the job back."""
    return await _signal(client, job_workflow_id(job_id), "withdrawn", withdrawal)


async def tell_job_reported(client: Client, job_id: str, report: JobReported) -> bool:
    """The provider reported something that moves a clock."""
    return await _signal(client, job_workflow_id(job_id), "reported", report)


async def tell_deliverable_reported(client: Client, deliverable_id: str, report: DeliverableReported) -> bool:
    """Provider or customer did something that moves a clock."""
    return await _signal(client, deliverable_workflow_id(deliverable_id), "reported", report)


async def tell_deliverable_withdrawn(client: Client, deliverable_id: str, withdrawal: DeliverableWithdrawn) -> bool:
    """The order took back what was open of the deliverable."""
    return await _signal(client, deliverable_workflow_id(deliverable_id), "withdrawn", withdrawal)


async def tell_deliverable_payment_thawed(client: Client, deliverable_id: str, thawed: PaymentThawed) -> bool:
    """No chargeback holds the order's money any more: milestones that wait to be settled go on."""
    return await _signal(client, deliverable_workflow_id(deliverable_id), "payment_thawed", thawed)


async def tell_order_deliverable_closed(client: Client, order_id: str, closed: DeliverableClosed) -> bool:
    """No milestone of a deliverable is open any more."""
    return await _signal(client, order_workflow_id(order_id), "deliverable_closed", closed)


def _of_order(order_id: str, who: WaitingOn) -> TypedSearchAttributes:
    return TypedSearchAttributes(
        [
            SearchAttributePair(attributes.ORDER_ID, order_id),
            SearchAttributePair(attributes.WAITING_ON, who.value),
        ]
    )


async def _signal(client: Client, workflow_id: str, name: str, message: Message) -> bool:
    """False when no such workflow runs: whoever has ended needs no news."""
    try:
        await client.get_workflow_handle(workflow_id).signal(name, message, rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True
