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
from fulfil.models.messages.jobs import ReportKind
from tests.conftest import temporal_server
from tests.workflows.fakes import World
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
    assert whole.events <= 72
