"""Task queue `payments`: everything that moves money, and the follower of Stripe's events."""

from collections.abc import Callable
from datetime import datetime

from temporalio.client import Client
from temporalio.worker import Worker

from fulfil.activities.chargebacks import StripeChargebackActivities
from fulfil.activities.payments import StripePaymentActivities
from fulfil.activities.reconciliation import StripeReconciliationActivities
from fulfil.activities.refunds import StripeRefundActivities
from fulfil.activities.relays import StripeEventRelayActivity
from fulfil.gateways.stripe.gateway import StripeGateway
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.models.messages.documents import PlatformIdentity
from fulfil.workers.patience import StripePatience
from fulfil.workers.registration import activities_of, io_worker
from fulfil.workflows.ids import PAYMENTS


def build(
    client: Client,
    database: Database,
    gateway: StripeGateway,
    platform: PlatformIdentity,
    *,
    clock: Callable[[], datetime] = utc_now,
) -> Worker:
    """Payments and their webhooks; `platform` is who stands on the documents."""
    return io_worker(
        client,
        PAYMENTS,
        activities=activities_of(
            StripePaymentActivities(database, gateway, client, clock, platform=platform),
            StripeChargebackActivities(database, gateway, client, clock),
            StripeRefundActivities(database, gateway, clock),
            StripeReconciliationActivities(database, gateway, client, clock, platform=platform),
            StripeEventRelayActivity(database, gateway, client, clock),
        ),
        interceptors=[StripePatience()],
    )
