"""The emptiest workflow there is: what the Temporal server itself can do, to compare an order with."""

import asyncio
import time

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker

TASK_QUEUE = "bench-noop"


@workflow.defn(name="BenchNoop")
class NoopWorkflow:
    """Starts and ends."""

    @workflow.run
    async def run(self) -> None:
        """Do nothing."""


async def noop_workflows_per_second(client: Client, *, seconds: float, in_flight: int, run: str) -> float:
    """Complete as many as `in_flight` callers can within about `seconds`; `run` keeps their ids apart."""
    done = 0
    deadline = time.monotonic() + seconds

    async def caller(number: int) -> None:
        nonlocal done
        turn = 0
        while time.monotonic() < deadline:
            await client.execute_workflow(NoopWorkflow.run, id=f"bench/{run}/{number}/{turn}", task_queue=TASK_QUEUE)
            turn += 1
            done += 1

    async with Worker(client, task_queue=TASK_QUEUE, workflows=[NoopWorkflow]):
        began = time.monotonic()
        await asyncio.gather(*(caller(number) for number in range(in_flight)))
        return done / (time.monotonic() - began)
