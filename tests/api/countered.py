"""Counter-offers as rows, for tests that begin with one."""

from datetime import timedelta

from fulfil.kit.clock import utc_now
from fulfil.models.ids import new_id
from fulfil.models.messages.dispatch import CounterState
from fulfil.models.tables.dispatch import CounterOfferRow
from tests.api.world import Person, Sale, World


async def add_counter(
    world: World,
    sale: Sale,
    provider: Person,
    *,
    amount_minor: int = 1000,
    state: CounterState = CounterState.OPEN,
    lasts: timedelta = timedelta(hours=24),
) -> str:
    """The provider's counter-offer to the offer of a sale: ten days, for less; its id."""
    counter_id = new_id("cou")
    await world.add(
        CounterOfferRow(
            id=counter_id,
            job_id=sale.job_id,
            offer_id=sale.offer_id,
            order_id=sale.order_id,
            provider_id=provider.owner_id,
            amount_minor=amount_minor,
            currency="eur",
            lead_time_days=10,
            note="from Monday",
            state=state,
            expires_at=utc_now() + lasts,
            created_at=utc_now(),
        )
    )
    return counter_id
