"""Comparing the books now, or joining the comparison that support has started already."""

import asyncio
from datetime import timedelta

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from fulfil.api.outages import temporal_outages
from fulfil.models.messages.reconciliation import ReconciliationReport, StartReconciliation
from fulfil.workflows.ids import ORDERS, RECONCILIATION_WORKFLOW_ID
from fulfil.workflows.reconciliation import ReconciliationWorkflow

RPC_WITHIN = timedelta(seconds=5)


async def reconcile(client: Client, start: StartReconciliation, wait_s: float) -> ReconciliationReport | None:
    """The report, or None when it takes longer than `wait_s`; one that runs is joined, whatever it was asked."""
    with temporal_outages():
        handle = await client.start_workflow(
            ReconciliationWorkflow.run,
            start,
            id=RECONCILIATION_WORKFLOW_ID,
            task_queue=ORDERS,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            static_summary="Our books next to the payment provider's, asked for by support",
            rpc_timeout=RPC_WITHIN,
        )
        try:
            async with asyncio.timeout(wait_s):
                return await handle.result()
        except TimeoutError:
            return None
