"""The worker of the bench, a process of its own as in an installation: `python -m … ADDRESS`, until SIGTERM."""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack

from fulfil.cli.benches.open_orders.effects import Effects
from fulfil.kit.runtime import run_main
from fulfil.kit.temporal import connect_temporal
from fulfil.workers.registration import io_worker
from fulfil.workflows.ids import ORDERS, PAYMENTS
from fulfil.workflows.job import JobWorkflow
from fulfil.workflows.order import OrderWorkflow


async def work(address: str) -> None:
    """Work on both queues until SIGTERM."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    client = await connect_temporal(address=address)
    effects = Effects(client)
    async with AsyncExitStack() as closing:
        for worker in (
            io_worker(
                client,
                ORDERS,
                workflows=[OrderWorkflow, JobWorkflow],
                activities=[effects.open_lines, effects.remind],
            ),
            io_worker(client, PAYMENTS, activities=[effects.place_order, effects.secure_acceptance]),
        ):
            await closing.enter_async_context(worker)
        await stopping.wait()


if __name__ == "__main__":
    run_main(work(sys.argv[1]))
