"""What a whole order costs in history events and billable actions, on a real server."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from fulfil.kit.temporal_cost import cost_of
from fulfil.models.ids import new_id
from fulfil.models.messages.jobs import ReportKind
from fulfil.models.messages.orders import LineKind
from tests.conftest import temporal_server
from tests.workflows.fakes import World
from tests.workflows.lining import GOODS, SERVICE, LinesPlay, WithdrawnDeliverables, order_workers
from tests.workflows.playing import Play, workers

REFERENCE_APP_EVENTS, REFERENCE_APP_ACTIONS = 96, 20


@pytest.fixture
async def real_play() -> AsyncIterator[Play]:
    """One order on a real server of its own: another test's workers would take its tasks."""
    with temporal_server() as address:
        client = await Client.connect(address, data_converter=pydantic_data_converter)
        yield Play(client, World(client=client))


AT_REST = (
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
    EventType.EVENT_TYPE_TIMER_STARTED,
    EventType.EVENT_TYPE_TIMER_CANCELED,
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
)


async def history_at_rest(handle: Any) -> list[HistoryEvent]:
    """The history once the workflow waits again: in life the moves are hours apart and never share a task."""
    while True:
        events = [event async for event in handle.fetch_history_events()]
        if events[-1].event_type in AT_REST:
            return events
        await asyncio.sleep(0.02)


async def test_a_whole_order_costs_less_than_temporals_reference_app(real_play: Play) -> None:
    """Accept, start, progress, quality, ship, deliver, approve, release: see docs/process/order.md for the count."""
    play = real_play
    async with workers(play.client, play.world):
        await play.placed_and_paid()
        await play.accept()
        await history_at_rest(play.job)
        await play.report(ReportKind.STARTED)
        await history_at_rest(play.job)
        await play.report(ReportKind.DELIVERED)
        await history_at_rest(play.job)
        await play.approve()
        await play.outcome()
        await play.job_outcome()
        order = cost_of([event async for event in play.order.fetch_history_events()])
        job = cost_of([event async for event in play.job.fetch_history_events()])
    whole = order + job
    print(f"order {order}, job {job}, whole {whole}")  # noqa: T201 (the figure)
    assert whole.events < REFERENCE_APP_EVENTS
    assert whole.actions < REFERENCE_APP_ACTIONS
    assert (whole.events <= 67, whole.actions <= 18) == (True, True)


# Events and actions of the order's own workflow; a line's job or deliverable has one of its own beside it.
SCENARIOS = {
    "one made-to-order line": ((GOODS,), (25, 8)),
    "three made-to-order lines": ((GOODS, GOODS, GOODS), (33, 10)),
    "one service": ((SERVICE,), (31, 9)),
    "two made-to-order lines and a service": ((GOODS, GOODS, SERVICE), (39, 11)),
}


async def test_each_further_line_costs_its_order_one_signal(real_play: Play) -> None:
    world = real_play.world
    deliverables = WithdrawnDeliverables(world)
    async with order_workers(real_play.client, world, deliverables):
        costs = {
            scenario: await cost_of_lines(LinesPlay(real_play.client, world, deliverables=deliverables), kinds)
            for scenario, (kinds, _) in SCENARIOS.items()
        }
    for scenario, (events, actions) in costs.items():
        print(f"{scenario}: order {events} events, {actions} actions")  # noqa: T201 (the figures)
    assert costs == {scenario: expected for scenario, (_, expected) in SCENARIOS.items()}


async def cost_of_lines(play: LinesPlay, kinds: tuple[LineKind, ...]) -> tuple[int, int]:
    """What an order costs whose lines are all made, one after the other."""
    play.world.line_ids, play.world.opened = [], False
    play.world.job_id = new_id("job")
    play.world.job_ids, play.world.deliverable_ids = {}, {}
    await play.opened(*kinds)
    for line, kind in enumerate(kinds):
        await history_at_rest(play.order)
        await (play.made(line) if kind is GOODS else play.delivered(line))
    await play.outcome()
    cost = cost_of([event async for event in play.order.fetch_history_events()])
    return cost.events, cost.actions
