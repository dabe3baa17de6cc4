"""Task queue `payments`: everything that moves money, and the follower of Stripe's events."""

from temporalio.client import Client
from temporalio.worker import Worker

from fulfil.activities.payments import StripePaymentActivities
from fulfil.activities.relays import StripeEventRelayActivity
from fulfil.gateways.stripe import StripeGateway
from fulfil.kit.database import Database
from fulfil.workers.registration import activities_of, io_worker
from fulfil.workflows.ids import PAYMENTS


def build(client: Client, database: Database, gateway: StripeGateway) -> Worker:
    """Payments and their webhooks."""
    return io_worker(
        client,
        PAYMENTS,
        activities=activities_of(
            StripePaymentActivities(database, gateway, client),
            StripeEventRelayActivity(database, gateway, client),
        ),
    )
