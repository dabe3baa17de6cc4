"""Task queue `orders`: the workflows, and the activities that need nothing but the database."""

from temporalio.client import Client
from temporalio.worker import Worker

from fulfil.activities.jobs import DatabaseJobActivities
from fulfil.activities.orders import DatabaseOrderActivities
from fulfil.activities.support import DatabaseSupportActivities
from fulfil.kit.database import Database
from fulfil.workers.registration import activities_of, io_worker
from fulfil.workflows.chargeback import ChargebackWorkflow
from fulfil.workflows.ids import ORDERS
from fulfil.workflows.job import JobWorkflow
from fulfil.workflows.order import OrderWorkflow
from fulfil.workflows.reconciliation import ReconciliationWorkflow
from fulfil.workflows.refund import RefundWorkflow


def build(client: Client, database: Database) -> Worker:
    """Orders, jobs and refunds."""
    return io_worker(
        client,
        ORDERS,
        workflows=[OrderWorkflow, JobWorkflow, RefundWorkflow, ChargebackWorkflow, ReconciliationWorkflow],
        activities=activities_of(
            DatabaseOrderActivities(database, client),
            DatabaseJobActivities(database, client),
            DatabaseSupportActivities(database),
        ),
    )
