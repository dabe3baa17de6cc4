"""Who a customer is at the payment provider."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.models.tables.payments import StripeCustomerRow


async def find_stripe_customer(session: AsyncSession, customer_id: str) -> str | None:
    """The customer's id there (`cus_…`); None until she saves a card."""
    found = select(StripeCustomerRow.stripe_customer_id).where(StripeCustomerRow.customer_id == customer_id)
    return await session.scalar(found)
