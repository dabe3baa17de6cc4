"""Steps of the reconciliation, one at a time."""

from temporalio.testing import ActivityEnvironment

from fulfil.activities.reconciliation import StripeReconciliationActivities
from fulfil.models.ids import new_id
from fulfil.models.messages.reconciliation import ReconcileMoney
from tests.activities.shop import PLATFORM
from tests.activities.till import Till


async def collect_receivables(till: Till) -> int:
    """How many providers' accounts could pay."""
    request = ReconcileMoney(reconciliation_id=new_id("rec"), began_at=till.shop.clock())
    return (await ActivityEnvironment().run(_books(till).collect_receivables, request)).repaired


async def pay_providers(till: Till) -> int:
    """How many transfers were made of what was given back."""
    request = ReconcileMoney(reconciliation_id=new_id("rec"), began_at=till.shop.clock())
    return (await ActivityEnvironment().run(_books(till).pay_providers, request)).repaired


def _books(till: Till) -> StripeReconciliationActivities:
    return StripeReconciliationActivities(
        till.shop.worker, till.gateway, till.shop.client, till.shop.clock, platform=PLATFORM
    )
