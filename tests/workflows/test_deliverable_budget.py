"""What a deliverable costs in history events and billable actions, on a real server."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from fulfil.kit.temporal_cost import TemporalCost, cost_of
from tests.conftest import temporal_server
from tests.workflows.delivering import APPROVED, REVISE, SUBMITTED, Delivery, FakeDeliverables, deliverable_workers
from tests.workflows.fakes import World
from tests.workflows.test_budget import history_at_rest

MOST_MILESTONES = 20
TEMPORALS_WARNING = 10_240


@pytest.fixture
async def delivery() -> AsyncIterator[Delivery]:
    """A deliverable on a real server of its own: another test's workers would take its tasks."""
    with temporal_server() as address:
        client = await Client.connect(address, data_converter=pydantic_data_converter)
        world = World(client=client)
        fakes = FakeDeliverables(world)
        async with deliverable_workers(client, world, fakes):
            yield Delivery(client, world, fakes, WorkflowEnvironment.from_client(client))


async def cost(delivery: Delivery) -> TemporalCost:
    """So far."""
    return cost_of(await history_at_rest(delivery.handle))


async def approved(delivery: Delivery, which: int, revisions: int = 0) -> None:
    """Each move on its own, as in life; nobody lets a clock ring."""
    for _ in range(revisions):
        await delivery.say(SUBMITTED, which)
        await history_at_rest(delivery.handle)
        await delivery.say(REVISE, which)
        await history_at_rest(delivery.handle)
    await delivery.say(SUBMITTED, which)
    await history_at_rest(delivery.handle)
    await delivery.say(APPROVED, which)
    await delivery.called("settle_job", which + 1)


async def test_a_milestone_submitted_and_approved_is_cheap_and_twenty_fit_into_one_history(delivery: Delivery) -> None:
    await delivery.begin(MOST_MILESTONES)
    begun = await cost(delivery)
    await approved(delivery, 0)
    first = await cost(delivery)
    await approved(delivery, 1)
    second = await cost(delivery)
    await approved(delivery, 2, revisions=2)
    revised = await cost(delivery)
    for which in range(3, MOST_MILESTONES):
        await approved(delivery, which)
    await delivery.handle.result()
    whole = await cost(delivery)
    first_cost = TemporalCost(first.events - begun.events, first.actions - begun.actions)
    next_cost = TemporalCost(second.events - first.events, second.actions - first.actions)
    revised_cost = TemporalCost(revised.events - second.events, revised.actions - second.actions)
    print(f"first {first_cost}, next {next_cost}, with two revisions {revised_cost}, twenty {whole}")  # noqa: T201 (the figure)
    assert (first_cost.events <= 25, first_cost.actions <= 6) == (True, True)
    assert (next_cost.events <= 25, next_cost.actions <= 6) == (True, True)
    assert whole.events < TEMPORALS_WARNING / 10
