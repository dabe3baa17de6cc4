"""Task queue `geometry`: measuring and pricing files, two at a time, in a process of its own."""

from temporalio.client import Client
from temporalio.worker import Worker

from fulfil.activities.quotes import PRELOAD, GeometryQuoteActivities
from fulfil.gateways.storage import ObjectStorage
from fulfil.kit.database import Database
from fulfil.kit.isolation import Isolation
from fulfil.workers.registration import GEOMETRY_SHUTDOWN, activities_of, build_id
from fulfil.workflows.ids import GEOMETRY

__all__ = ["PRELOAD", "build"]

SLOTS = 2


def build(client: Client, database: Database, storage: ObjectStorage, isolation: Isolation) -> Worker:
    """Quotes; `isolation` is where files are opened, and should preload `PRELOAD`."""
    return Worker(
        client,
        task_queue=GEOMETRY,
        activities=activities_of(GeometryQuoteActivities(database=database, storage=storage, isolation=isolation)),
        build_id=build_id(),
        max_concurrent_activities=SLOTS,
        graceful_shutdown_timeout=GEOMETRY_SHUTDOWN,
    )
