"""Task queue `geometry`: measuring and pricing files, in a process of its own."""

from datetime import timedelta
from pathlib import Path

from temporalio.client import Client
from temporalio.worker import Worker

from fulfil.activities.quotes import PRELOAD, GeometryQuoteActivities
from fulfil.gateways.slicer import PrusaSlicer
from fulfil.gateways.storage import ObjectStorage
from fulfil.kit.database import Database
from fulfil.kit.isolation import Isolation
from fulfil.workers.registration import GEOMETRY_SHUTDOWN, activities_of, build_id
from fulfil.workflows.ids import GEOMETRY

__all__ = ["PRELOAD", "build", "find_slicer"]

# Only two files are measured at a time; pricing a measured one must not wait behind them.
SLOTS = 32
# A customer watches the progress that heartbeats carry.
HEARTBEATS_AT_MOST_EVERY = timedelta(milliseconds=500)


def find_slicer(setting: str) -> PrusaSlicer | None:
    """`auto`: the installed one, if there is one; `off`: none; else the program at this path."""
    if setting == "auto":
        return PrusaSlicer.find()
    return None if setting == "off" else PrusaSlicer(Path(setting))


def build(
    client: Client, database: Database, storage: ObjectStorage, isolation: Isolation, slicer: PrusaSlicer | None
) -> Worker:
    """Quotes; `isolation` is where files are opened, and should preload `PRELOAD`; None means no slicer is there."""
    quotes = GeometryQuoteActivities(database=database, storage=storage, isolation=isolation, slicer=slicer)
    return Worker(
        client,
        task_queue=GEOMETRY,
        activities=activities_of(quotes),
        build_id=build_id(),
        max_concurrent_activities=SLOTS,
        max_heartbeat_throttle_interval=HEARTBEATS_AT_MOST_EVERY,
        default_heartbeat_throttle_interval=HEARTBEATS_AT_MOST_EVERY,
        graceful_shutdown_timeout=GEOMETRY_SHUTDOWN,
    )
