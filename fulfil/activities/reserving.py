"""Stock in grams: reserved for the winner of a job, released when she loses it, consumed when it is paid."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.locking import missing
from fulfil.models.tables.inventory import StockMovementRow, StockRow


async def reserve_material(
    session: AsyncSession, *, offer_id: str, job_id: str, provider_id: str, material: str, grams: int, at: datetime
) -> bool:
    """Move grams from available to reserved; False when there are not enough (any more)."""
    stock = await session.get(StockRow, (provider_id, material), with_for_update={"key_share": True})
    if stock is None or stock.available_g < grams:
        return False
    movement = StockMovementRow(
        business_key=f"{offer_id}:reserve",
        provider_id=provider_id,
        material=material,
        kind="reserved",
        available_delta_g=-grams,
        reserved_delta_g=grams,
        job_id=job_id,
        created_at=at,
    )
    if await _move_once(session, movement):
        stock.available_g -= grams
        stock.reserved_g += grams
    return True


async def release_material(session: AsyncSession, offer_id: str, at: datetime) -> None:
    """Give the reservation of an offer back, once, if there is one."""
    await _end_reservation(session, offer_id, at, kind="released", suffix="release", back_to_available=True)


async def consume_material(session: AsyncSession, offer_id: str, at: datetime) -> None:
    """Take the reserved grams out of stock, once: they went into the product."""
    await _end_reservation(session, offer_id, at, kind="consumed", suffix="consume", back_to_available=False)


async def _end_reservation(
    session: AsyncSession, offer_id: str, at: datetime, *, kind: str, suffix: str, back_to_available: bool
) -> None:
    reserved = await session.get(StockMovementRow, f"{offer_id}:reserve")
    endings = (f"{offer_id}:release", f"{offer_id}:consume")
    ended = select(StockMovementRow.business_key).where(StockMovementRow.business_key.in_(endings))
    if reserved is None or await session.scalar(ended) is not None:
        return
    grams = reserved.reserved_delta_g
    key = (reserved.provider_id, reserved.material)
    stock = await session.get(StockRow, key, with_for_update={"key_share": True})
    if stock is None:
        raise missing("stock", " of ".join(reversed(key)))
    movement = StockMovementRow(
        business_key=f"{offer_id}:{suffix}",
        provider_id=reserved.provider_id,
        material=reserved.material,
        kind=kind,
        available_delta_g=grams if back_to_available else 0,
        reserved_delta_g=-grams,
        job_id=reserved.job_id,
        created_at=at,
    )
    if await _move_once(session, movement):
        stock.reserved_g -= grams
        stock.available_g += grams if back_to_available else 0


async def _move_once(session: AsyncSession, movement: StockMovementRow) -> bool:
    values = {column.key: getattr(movement, column.key) for column in StockMovementRow.__table__.columns}
    inserted = await session.scalar(
        insert(StockMovementRow).values(values).on_conflict_do_nothing().returning(StockMovementRow.business_key)
    )
    return inserted is not None
