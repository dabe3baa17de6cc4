"""What a quoting activity tells while it works: how far its files are, in heartbeats a customer can be shown."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from contextvars import copy_context

from temporalio import activity

from fulfil.models.messages.quotes import AnalysisProgress
from fulfil.quoting.analysis import Glance

# A child may say nothing for as long as one step takes; the heartbeat must not stop with it.
BEAT_S = 2.0

FirstPrice = Callable[[Glance], str | None]


class Progress:
    """The progress of several files as one: the stage of the one furthest behind, and the average."""

    def __init__(self, files: int) -> None:
        self._files = [AnalysisProgress(stage="waiting", percent=0) for _ in range(files)]
        self._first_price: str | None = None
        # Several activities may listen to one run; whoever tells it, each beats for itself.
        self._activity = copy_context()

    def listen(self, position: int, first_price: FirstPrice) -> Callable[[AnalysisProgress | Glance], None]:
        """What the analysis of one file calls with every step."""

        def tell(step: AnalysisProgress | Glance) -> None:
            if isinstance(step, AnalysisProgress):
                self._files[position] = step
            elif len(self._files) == 1:
                self._first_price = first_price(step)
            self.beat()

        return tell

    def beat(self) -> None:
        """Heartbeat with what is known now."""
        behind = min(self._files, key=lambda file: file.percent)
        average = sum(file.percent for file in self._files) // len(self._files)
        progress = AnalysisProgress(stage=behind.stage, percent=average, first_price=self._first_price)
        self._activity.run(activity.heartbeat, progress)


@asynccontextmanager
async def beating(files: int = 1) -> AsyncGenerator[Progress]:
    """Heartbeat every few seconds until the block is left."""
    progress = Progress(files)

    async def keep_beating() -> None:
        while True:
            progress.beat()
            await asyncio.sleep(BEAT_S)

    beats = asyncio.create_task(keep_beating())
    try:
        yield progress
    finally:
        beats.cancel()
