"""Billing details: rows the API owns."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.schemas.billing import NewBillingDetails
from fulfil.models.tables.accounts import BillingDetailsRow


async def write_billing_details(session: AsyncSession, party_id: str, details: NewBillingDetails, at: datetime) -> None:
    """What stands on the party's documents from now on."""
    told = {**details.model_dump(), "updated_at": at}
    row = insert(BillingDetailsRow).values(party_id=party_id, **told)
    await session.execute(row.on_conflict_do_update(index_elements=["party_id"], set_=told))
