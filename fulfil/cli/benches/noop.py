"""The emptiest workflow there is: what the Temporal server itself can do, to compare an order with."""

import asyncio
import time

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker

from fulfil.cli.benches.samples import Throughput

TASK_QUEUE = "bench-noop"


@workflow.defn(name="BenchNoop")
class NoopWorkflow:
    """Starts and ends."""

    @workflow.run
    async def run(self) -> None:
        """Do nothing."""


async def complete_noops(client: Client, *, seconds: float, in_flight: int) -> Throughput:
    """Complete as many as `in_flight` callers can within about `seconds`."""
    done: list[str] = []
    began = time.monotonic()
    deadline = time.monotonic() + seconds

    async def caller(number: int) -> None:
        turn = 0
        while time.monotonic() < deadline:
            workflow_id = f"bench/{number}/{turn}"
            await client.execute_workflow(NoopWorkflow.run, id=workflow_id, task_queue=TASK_QUEUE)
            done.append(workflow_id)
            turn += 1

    async with Worker(client, task_queue=TASK_QUEUE, workflows=[NoopWorkflow]):
        await asyncio.gather(*(caller(number) for number in range(in_flight)))
        return Throughput(done, time.monotonic() - began)
