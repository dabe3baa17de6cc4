"""What an order costs at Temporal, counted in the histories of real orders."""

from dataclasses import dataclass

from temporalio.client import Client

from fulfil.kit.temporal_cost import TemporalCost, cost_of
from fulfil.workflows.ids import job_workflow_id, order_workflow_id


@dataclass(frozen=True)
class OrderCost:
    """Both workflows of one order."""

    order: TemporalCost
    job: TemporalCost

    @property
    def whole(self) -> TemporalCost:
        """The two together."""
        return self.order + self.job


async def cost_of_order(client: Client, order_id: str, job_id: str) -> OrderCost:
    """Read both histories to their ends; waits until the workflows have ended."""
    costs: list[TemporalCost] = []
    for workflow_id in (order_workflow_id(order_id), job_workflow_id(job_id)):
        handle = client.get_workflow_handle(workflow_id)
        await handle.result()
        costs.append(cost_of([event async for event in handle.fetch_history_events()]))
    return OrderCost(*costs)
