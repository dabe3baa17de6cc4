"""Schedules: made once, given a new interval, made again when somebody deleted it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest
from temporalio.client import Client, ScheduleActionStartWorkflow, ScheduleDescription
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from fulfil.workers import scheduling
from fulfil.workers.scheduling import RECONCILIATION, UPKEEP, Recurring, keep_recurring


@asynccontextmanager
async def keeping(client: Client, every: timedelta, recurring: Recurring = RECONCILIATION) -> AsyncGenerator[None]:
    task = asyncio.create_task(keep_recurring(client, recurring, every))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def described(
    client: Client, every: timedelta, recurring: Recurring = RECONCILIATION, within_s: float = 15
) -> ScheduleDescription:
    """The schedule once it has this interval."""
    async with asyncio.timeout(within_s):
        while True:
            with suppress(RPCError):
                found = await client.get_schedule_handle(recurring.schedule_id).describe()
                if [interval.every for interval in found.schedule.spec.intervals] == [every]:
                    return found
            await asyncio.sleep(0.05)


async def test_the_schedule_is_made_changed_and_made_again(temporal_dev: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduling, "LOOK_EVERY_S", 0.05)
    client = await Client.connect(temporal_dev, data_converter=pydantic_data_converter)
    hour, day = timedelta(hours=1), timedelta(days=1)

    async with keeping(client, hour):
        await described(client, hour)
    async with keeping(client, day):
        await described(client, day)
        await client.get_schedule_handle(RECONCILIATION.schedule_id).delete()
        await described(client, day)


async def test_a_paused_schedule_stays_paused(temporal_dev: str) -> None:
    client = await Client.connect(temporal_dev, data_converter=pydantic_data_converter)
    hour, day = timedelta(hours=1), timedelta(days=1)
    async with keeping(client, hour):
        await described(client, hour)
    await client.get_schedule_handle(RECONCILIATION.schedule_id).pause()

    async with keeping(client, day):
        assert (await described(client, day)).schedule.state.paused


async def test_the_upkeep_has_a_schedule_of_its_own(temporal_dev: str) -> None:
    client = await Client.connect(temporal_dev, data_converter=pydantic_data_converter)
    hour = timedelta(hours=1)
    async with keeping(client, hour, UPKEEP):
        found = await described(client, hour, UPKEEP)

    action = found.schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    assert (action.workflow, action.id) == ("Upkeep", "upkeep")
