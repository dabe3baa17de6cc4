"""Who a customer is at the payment provider: written once."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.models.tables.payments import StripeCustomerRow


async def write_stripe_customer(session: AsyncSession, customer_id: str, stripe_customer_id: str, at: datetime) -> None:
    """Remember the id; nothing when a repeated request was faster (the same key made the same customer)."""
    await session.execute(
        insert(StripeCustomerRow)
        .values(customer_id=customer_id, stripe_customer_id=stripe_customer_id, created_at=at)
        .on_conflict_do_nothing()
    )
