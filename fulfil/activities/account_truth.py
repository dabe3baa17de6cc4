"""A provider's account at Stripe changed: whether she can be paid is read again and written."""

from sqlalchemy import select, update

from fulfil.activities.truth import Truth
from fulfil.models.tables.accounts import ProviderRow


async def account_changed(truth: Truth, event_id: str, account_id: str) -> str | None:
    """Write the state of her capability to receive transfers; a note when the account is nobody's."""
    del event_id
    async with truth.database.begin() as session:
        provider_id = await session.scalar(select(ProviderRow.id).where(ProviderRow.stripe_account_id == account_id))
    if provider_id is None:
        return "no provider of ours has this account"
    facts = await truth.gateway.retrieve_recipient_account(account_id)
    async with truth.database.begin() as session:
        await session.execute(
            update(ProviderRow)
            .where(ProviderRow.id == provider_id)
            .values(payouts_status="closed" if facts.closed else facts.transfers_status)
        )
    return None
