"""Task queue `orders`: the workflows, and the activities that need nothing but the database."""

from collections.abc import Callable
from datetime import datetime

from temporalio.client import Client
from temporalio.worker import Worker

from fulfil.activities.deliverables import DatabaseDeliverableActivities
from fulfil.activities.jobs import DatabaseJobActivities
from fulfil.activities.orders import DatabaseOrderActivities
from fulfil.activities.promising import DatabasePromiseActivities
from fulfil.activities.support import DatabaseSupportActivities
from fulfil.activities.upkeep import DatabaseUpkeepActivities
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.ranking.rankings import DEFAULT, Ranking
from fulfil.workers.registration import activities_of, io_worker
from fulfil.workflows.chargeback import ChargebackWorkflow
from fulfil.workflows.deliverable import DeliverableWorkflow
from fulfil.workflows.ids import ORDERS
from fulfil.workflows.job import JobWorkflow
from fulfil.workflows.order import OrderWorkflow
from fulfil.workflows.reconciliation import ReconciliationWorkflow
from fulfil.workflows.refund import RefundWorkflow
from fulfil.workflows.upkeep import UpkeepWorkflow


def build(
    client: Client, database: Database, *, ranking: Ranking = DEFAULT, clock: Callable[[], datetime] = utc_now
) -> Worker:
    """Orders, jobs and refunds; `ranking` orders who is offered a job."""
    return io_worker(
        client,
        ORDERS,
        workflows=[
            OrderWorkflow,
            JobWorkflow,
            DeliverableWorkflow,
            RefundWorkflow,
            ChargebackWorkflow,
            ReconciliationWorkflow,
            UpkeepWorkflow,
        ],
        activities=activities_of(
            DatabaseOrderActivities(database, client, clock, ranking=ranking),
            DatabaseJobActivities(database, client, clock, ranking=ranking),
            DatabaseDeliverableActivities(database, client, clock),
            DatabasePromiseActivities(database, client, clock),
            DatabaseSupportActivities(database, clock),
            DatabaseUpkeepActivities(database),
        ),
    )
