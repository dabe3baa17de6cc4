"""Who a customer is at the payment provider."""

from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.models.tables.payments import StripeCustomerRow


async def find_stripe_customer(session: AsyncSession, customer_id: str) -> str | None:
    """The payment provider's id of a customer, or None before she saves her first card."""
    row = await session.get(StripeCustomerRow, customer_id)
    return None if row is None else row.stripe_customer_id
