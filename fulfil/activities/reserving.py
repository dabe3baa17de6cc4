"""Material for the winner of a job: leased until production should have begun, with a margin."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.inventory.leases import reserve
from fulfil.inventory.needs import need_of
from fulfil.models.messages.inventory import StockUnit
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.tables.orders import OrderLineRow


async def reserve_material(
    session: AsyncSession,
    *,
    offer_id: str,
    job_id: str,
    provider_id: str,
    line: OrderLineRow,
    policies: OrderPolicies,
    at: datetime,
) -> bool:
    """Lease what the line takes to an offer, once; False when no lot of the provider has enough (any more)."""
    lasts_s = policies.start_due_s + policies.lease_margin_s
    return await reserve(
        session,
        offer_id=offer_id,
        job_id=job_id,
        provider_id=provider_id,
        need=need_of(line),
        expires_at=at + timedelta(seconds=lasts_s),
        at=at,
    )


def said_need(line: OrderLineRow) -> str:
    """What the line takes, in words: "120 g or 3 pieces of PLA in black"."""
    need = need_of(line)
    quantities = [_counted(quantity, unit) for unit, quantity in need.quantities.items()]
    colour = f" in {need.colour}" if need.colour else ""
    return f"{' or '.join(quantities)} of {need.material}{colour}"


def _counted(quantity: int, unit: StockUnit) -> str:
    return f"{quantity} {unit}" if unit is StockUnit.GRAM or quantity == 1 else f"{quantity} {unit}s"
