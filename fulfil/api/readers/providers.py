"""Providers and their stock."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.readers.paging import newest_first
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.providers import Provider, Stock
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.inventory import StockRow


async def find_provider(session: AsyncSession, provider_id: str) -> Provider | None:
    """One provider."""
    row = await session.get(ProviderRow, provider_id, populate_existing=True)
    return None if row is None else represent_provider(row)


async def list_providers(session: AsyncSession, *, limit: int, starting_after: str | None) -> Page[Provider]:
    """All providers, newest first."""
    rows, has_more = await newest_first(
        session,
        select(ProviderRow),
        moment=ProviderRow.created_at,
        identity=ProviderRow.id,
        limit=limit,
        starting_after=starting_after,
    )
    return Page(data=[represent_provider(row) for (row,) in rows], has_more=has_more)


async def list_stock(session: AsyncSession, provider_id: str) -> list[Stock]:
    """What a provider has, by material."""
    rows = await session.scalars(
        select(StockRow).where(StockRow.provider_id == provider_id).order_by(StockRow.material)
    )
    return [represent_stock(row) for row in rows]


async def find_stock(session: AsyncSession, provider_id: str, material: str) -> Stock | None:
    """What a provider has of one material."""
    row = await session.get(StockRow, (provider_id, material), populate_existing=True)
    return None if row is None else represent_stock(row)


def represent_provider(row: ProviderRow) -> Provider:
    """The row as the API shows it."""
    return Provider(
        id=row.id,
        name=row.name,
        capabilities=row.capabilities,
        commission_bp=row.commission_bp,
        capacity_jobs=row.capacity_jobs,
        score=row.score,
        online=row.online,
        completed_jobs=row.completed_jobs,
        stripe_account_id=row.stripe_account_id,
        created_at=row.created_at,
    )


def represent_stock(row: StockRow) -> Stock:
    """The row as the API shows it."""
    return Stock(
        provider_id=row.provider_id, material=row.material, available_g=row.available_g, reserved_g=row.reserved_g
    )
