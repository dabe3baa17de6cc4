"""What a party wants on her documents."""

from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.schemas.billing import BillingDetails
from fulfil.models.tables.accounts import BillingDetailsRow


async def find_billing_details(session: AsyncSession, party_id: str) -> BillingDetails | None:
    """The party's details; None when she has given none."""
    row = await session.get(BillingDetailsRow, party_id, populate_existing=True)
    if row is None:
        return None
    return BillingDetails(
        name=row.name,
        address_lines=row.address_lines,
        country=row.country,
        vat_id=row.vat_id,
        updated_at=row.updated_at,
    )
