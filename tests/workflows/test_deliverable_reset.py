"""A deliverable's workflow reset by support: it runs again from before the step, and hears again what was said."""

from collections.abc import AsyncIterator

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from tests.conftest import temporal_server
from tests.workflows.delivering import APPROVED, SUBMITTED, Delivery, FakeDeliverables, deliverable_workers
from tests.workflows.fakes import World


@pytest.fixture
async def delivery() -> AsyncIterator[Delivery]:
    """A deliverable on a real server: the time-skipping one can't reset."""
    with temporal_server() as address:
        client = await Client.connect(address, data_converter=pydantic_data_converter)
        world = World(client=client)
        fakes = FakeDeliverables(world)
        async with deliverable_workers(client, world, fakes):
            yield Delivery(client, world, fakes, WorkflowEnvironment.from_client(client))


async def reset(play: Delivery) -> None:
    """To the workflow task that decided to settle."""
    settling = [
        event.activity_task_scheduled_event_attributes
        async for event in play.handle.fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
        and event.activity_task_scheduled_event_attributes.activity_type.name == "settle_job"
    ]
    await play.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=play.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=play.handle.id),
            reason="mended",
            workflow_task_finish_event_id=settling[0].workflow_task_completed_event_id,
            request_id="1",
        )
    )


async def test_a_parked_payment_is_settled_by_a_reset_and_later_news_are_heard_again(delivery: Delivery) -> None:
    delivery.world.fail("settle_job")
    await delivery.begin(2)
    await delivery.say(SUBMITTED, 0)
    await delivery.say(APPROVED, 0)
    async with delivery.world.called:
        await delivery.world.called.wait_for(lambda: bool(delivery.world.parkings))
    await delivery.say(SUBMITTED, 1)
    await reset(delivery)
    await delivery.called("settle_job", 2)
    await delivery.say(APPROVED, 1)
    await delivery.handle.result()
    jobs = [settled.job_id for settled in delivery.world.settlements]
    assert jobs == [delivery.milestones[0].job_id, *(clock.job_id for clock in delivery.milestones)]
