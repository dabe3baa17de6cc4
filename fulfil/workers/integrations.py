"""Task queue `integrations`: the followers of what providers and customers report."""

from temporalio.client import Client
from temporalio.worker import Worker

from fulfil.activities.deliverable_relay import DeliverableReportRelayActivity
from fulfil.activities.relays import JobReportRelayActivity
from fulfil.kit.database import Database
from fulfil.workers.registration import activities_of, io_worker
from fulfil.workflows.ids import INTEGRATIONS


def build(client: Client, database: Database) -> Worker:
    """Followers."""
    return io_worker(
        client,
        INTEGRATIONS,
        activities=activities_of(
            JobReportRelayActivity(database, client), DeliverableReportRelayActivity(database, client)
        ),
    )
