"""Stripe's signed events: stored before anything else happens."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.gateways.stripe.webhooks import StripeEvent
from fulfil.models.tables.payments import StripeEventRow


async def store_stripe_event(session: AsyncSession, event: StripeEvent, at: datetime) -> None:
    """Store the event, once however often it is delivered, and wake the relay."""
    await session.execute(
        insert(StripeEventRow)
        .values(id=event.id, type=event.type, object_id=event.object_id, payload=event.payload, received_at=at)
        .on_conflict_do_nothing()
    )
    await session.execute(text("SELECT pg_notify('fulfil_stripe_events', '')"))
