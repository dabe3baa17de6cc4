"""Services as somebody orders them: what they cost, and whether they can be had at present."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.models.money import Money
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.deliverables import ServiceRow


@dataclass(frozen=True)
class OrderableService:
    """A service; `offered` is false when it was taken off, or its provider is suspended."""

    id: str
    title: str
    price: Money
    offered: bool


async def find_orderable(session: AsyncSession, service_id: str) -> OrderableService | None:
    """A service by its id, whether it can be had or not."""
    query = (
        select(ServiceRow, ProviderRow.suspended_at)
        .join(ProviderRow, ProviderRow.id == ServiceRow.provider_id)
        .where(ServiceRow.id == service_id)
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    service, suspended_at = row
    price = Money(amount_minor=service.price_minor, currency=service.currency)
    return OrderableService(service.id, service.title, price, service.active and suspended_at is None)
