"""Which processes of orders are still running, or have failed, which only a bug makes them."""

from fulfil.kit.temporal import connect_temporal

PROCESSES = "WorkflowType IN ('Order', 'Job', 'Refund', 'Chargeback')"


async def running_workflows(address: str) -> list[str]:
    """Ids of those that have not ended."""
    return await _listed(address, f"{PROCESSES} AND ExecutionStatus = 'Running'")


async def failed_workflows(address: str) -> list[str]:
    """Ids of all that failed, timed out or were terminated."""
    return await _listed(address, "ExecutionStatus IN ('Failed', 'TimedOut', 'Terminated')")


async def _listed(address: str, query: str) -> list[str]:
    client = await connect_temporal(address=address)
    return [execution.id async for execution in client.list_workflows(query)]
