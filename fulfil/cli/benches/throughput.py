"""How many complete orders a second the system takes, with several in flight."""

import asyncio
import time

from fulfil.cli.benches.samples import Throughput
from fulfil.cli.playing.orders import Shop


async def complete_orders(shop: Shop, *, seconds: float, in_flight: int) -> Throughput:
    """Complete as many as `in_flight` customers can within about `seconds`; raises the first thing that goes wrong."""
    done: list[str] = []
    began = time.monotonic()

    async def caller() -> None:
        while time.monotonic() - began < seconds:
            done.append(await shop.complete_order())

    try:
        async with asyncio.TaskGroup() as callers:
            for _ in range(in_flight):
                callers.create_task(caller())
    except ExceptionGroup as group:
        raise group.exceptions[0] from group
    return Throughput(done, time.monotonic() - began)
