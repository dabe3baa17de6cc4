"""Whether work has left its provider's hands, wholly or in part: then it is not called off or given to another."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.locking import HeldJob
from fulfil.models.messages.shipments import ShipmentState
from fulfil.models.tables.shipments import ShipmentRow

GONE = (ShipmentState.LOST, ShipmentState.RETURNED)


async def is_under_way(session: AsyncSession, held: HeldJob) -> bool:
    """Shipped, waiting to be picked up, delivered, or one of its parcels is on its way. The caller holds the job."""
    if held.production is None or held.shipped:
        return held.shipped
    sent = select(ShipmentRow.id).where(
        ShipmentRow.offer_id == held.production.offer_id, ShipmentRow.state.not_in(GONE)
    )
    return await session.scalar(sent.limit(1)) is not None
