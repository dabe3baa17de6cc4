"""Hundreds of live streams at once: how soon does everybody see what happened."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing

from fulfil.cli.benches.samples import Samples
from fulfil.cli.playing.people import Person

OPEN_WITHIN_S, SEEN_WITHIN_S = 60, 30


async def fan_out(
    readers: Sequence[Person], order_id: str, happen: Callable[[int], Awaitable[object]], *, events: int
) -> Samples:
    """From the moment something is asked for (`happen(0)`, …) to each reader's having seen its event."""
    samples = Samples()
    happened_at: list[float] = []
    seen = 0
    everybody = asyncio.Event()
    after = (await readers[0].timeline(order_id))[-1].id
    opened = asyncio.Semaphore(0)

    async def read(reader: Person) -> None:
        nonlocal seen
        async with aclosing(reader.watch(order_id, after - 1)) as stream:
            async for event in stream:
                if event.id <= after:
                    opened.release()
                    continue
                samples.seconds.append(time.perf_counter() - happened_at[-1])
                seen += 1
                if seen == len(readers) * len(happened_at):
                    everybody.set()

    reading = [asyncio.create_task(read(reader)) for reader in readers]
    try:
        async with asyncio.timeout(OPEN_WITHIN_S):
            for _ in readers:
                await opened.acquire()
        for number in range(events):
            everybody.clear()
            happened_at.append(time.perf_counter())
            await happen(number)
            async with asyncio.timeout(SEEN_WITHIN_S):
                await everybody.wait()
    finally:
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
    return samples
