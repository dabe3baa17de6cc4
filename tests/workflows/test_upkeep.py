"""The upkeep as a process: both steps in their order, a failing one again until it succeeds."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from fulfil.models.messages.upkeep import (
    EndExpiredLeases,
    LeasesEnded,
    RefreshScores,
    ScoresRefreshed,
    StartUpkeep,
    UpkeepReport,
)
from fulfil.workers.registration import activities_of
from fulfil.workflows.ids import ORDERS, UPKEEP_WORKFLOW_ID
from fulfil.workflows.ports.upkeep import UpkeepActivities
from fulfil.workflows.upkeep import UpkeepWorkflow


@dataclass
class FakeHouse(UpkeepActivities):
    """Remembers what was asked; fails as often as a test wants."""

    failures: dict[str, int] = field(default_factory=dict[str, int])
    calls: list[str] = field(default_factory=list[str])
    moments: set[datetime] = field(default_factory=set[datetime])

    @activity.defn
    async def end_expired_leases(self, request: EndExpiredLeases) -> LeasesEnded:
        self._call("end_expired_leases", request.at)
        return LeasesEnded(ended=3)

    @activity.defn
    async def refresh_scores(self, request: RefreshScores) -> ScoresRefreshed:
        self._call("refresh_scores", request.at)
        return ScoresRefreshed(providers=7, changed=2)

    def _call(self, name: str, at: datetime) -> None:
        self.calls.append(name)
        self.moments.add(at)
        if self.failures.get(name, 0) > 0:
            self.failures[name] -= 1
            raise ConnectionError("no answer")


@asynccontextmanager
async def working(client: Client, house: FakeHouse) -> AsyncGenerator[None]:
    async with Worker(client, task_queue=ORDERS, workflows=[UpkeepWorkflow], activities=activities_of(house)):
        yield


async def keep_up(client: Client) -> UpkeepReport:
    return await client.execute_workflow(UpkeepWorkflow.run, StartUpkeep(), id=UPKEEP_WORKFLOW_ID, task_queue=ORDERS)


async def test_both_steps_are_taken_once_and_looked_at_from_one_moment(skipping: WorkflowEnvironment) -> None:
    house = FakeHouse()
    async with working(skipping.client, house):
        report = await keep_up(skipping.client)

    assert house.calls == ["end_expired_leases", "refresh_scores"]
    assert len(house.moments) == 1
    assert report == UpkeepReport(leases_ended=3, providers_scored=7, scores_changed=2)


@pytest.mark.parametrize("step", ["end_expired_leases", "refresh_scores"])
async def test_a_failing_step_is_taken_again_until_it_succeeds(skipping: WorkflowEnvironment, step: str) -> None:
    house = FakeHouse(failures={step: 20})
    async with working(skipping.client, house):
        await keep_up(skipping.client)

    assert house.calls.count(step) == 21
    assert len(house.calls) == 22
