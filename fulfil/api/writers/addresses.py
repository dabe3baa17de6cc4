"""Where an order's goods go: personal data, kept beside the order and never in a history."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.schemas.orders import DeliveryAddress
from fulfil.models.tables.orders import OrderAddressRow


async def write_address(session: AsyncSession, order_id: str, address: DeliveryAddress, at: datetime) -> None:
    """Keep the address an order was placed with."""
    session.add(OrderAddressRow(order_id=order_id, created_at=at, **address.model_dump()))
    await session.flush()
