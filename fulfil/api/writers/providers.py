"""Providers and receipts of stock: rows the API owns."""

from datetime import datetime

from sqlalchemy import exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.schemas.providers import NewProvider
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.inventory import StockMovementRow, StockRow


async def hold_stripe_account(session: AsyncSession, stripe_account_id: str, provider_id: str) -> bool:
    """Whether the account is no other provider's; nobody else takes it before this transaction ends."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(stripe_account_id, 0))))
    others = exists().where(ProviderRow.stripe_account_id == stripe_account_id, ProviderRow.id != provider_id)
    return not await session.scalar(select(others))


async def write_provider(
    session: AsyncSession, provider_id: str, provider: NewProvider, stripe_account_id: str, at: datetime
) -> None:
    """Write a provider; nothing when a repeated request was faster."""
    await session.execute(
        insert(ProviderRow)
        .values(
            id=provider_id,
            name=provider.name,
            capabilities=provider.capabilities,
            commission_bp=provider.commission_bp,
            capacity_jobs=provider.capacity_jobs,
            stripe_account_id=stripe_account_id,
            created_at=at,
        )
        .on_conflict_do_nothing()
    )


async def switch_online(session: AsyncSession, provider_id: str, *, online: bool) -> bool:
    """Whether she takes new jobs; False when there is no such provider."""
    switched = await session.scalar(
        update(ProviderRow).where(ProviderRow.id == provider_id).values(online=online).returning(ProviderRow.id)
    )
    return switched is not None


async def change_stripe_account(session: AsyncSession, provider_id: str, stripe_account_id: str) -> None:
    """Where she is paid from now on; a parked payout takes it when it is retried."""
    await session.execute(
        update(ProviderRow).where(ProviderRow.id == provider_id).values(stripe_account_id=stripe_account_id)
    )


async def receive_stock(
    session: AsyncSession, *, movement_id: str, provider_id: str, material: str, quantity_g: int, at: datetime
) -> None:
    """Record material that came in, as a movement and in the balance, once per `movement_id`."""
    recorded = await session.scalar(
        insert(StockMovementRow)
        .values(
            business_key=f"{provider_id}:receive:{movement_id}",
            provider_id=provider_id,
            material=material,
            kind="received",
            available_delta_g=quantity_g,
            reserved_delta_g=0,
            created_at=at,
        )
        .on_conflict_do_nothing()
        .returning(StockMovementRow.business_key)
    )
    if recorded is None:
        return
    balance = insert(StockRow).values(provider_id=provider_id, material=material, available_g=quantity_g, reserved_g=0)
    await session.execute(
        balance.on_conflict_do_update(
            index_elements=["provider_id", "material"],
            set_={"available_g": StockRow.available_g + balance.excluded.available_g},
        )
    )
