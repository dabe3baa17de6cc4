"""Receipts and adjustments of stock, and when a lot counts as low."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.errors import invalid, not_found
from fulfil.api.schemas.stock import StockAdjustment, StockItemSettings, StockReceipt
from fulfil.inventory.leases import end_expired_of
from fulfil.inventory.lots import Movement, hold_lot, mark_low, move
from fulfil.models.ids import new_id
from fulfil.models.messages.inventory import MovementKind
from fulfil.models.messages.parties import Actor
from fulfil.models.tables.inventory import StockItemRow


async def hold_item(session: AsyncSession, provider_id: str, item_id: str) -> StockItemRow:
    """Lock one lot of a provider; raises 404 when it is not hers."""
    lot = await hold_lot(session, item_id)
    if lot is None or lot.provider_id != provider_id:
        raise not_found("stock item")
    return lot


async def write_receipt(
    session: AsyncSession, provider_id: str, receipt: StockReceipt, *, movement_id: str, actor: Actor, at: datetime
) -> str:
    """Record material that came in, once per `movement_id`; the id of its lot.

    Raises 422 `unit_differs` when the lot is counted otherwise.
    """
    lot = await _hold_or_make(session, provider_id, receipt, at)
    if lot.unit != receipt.unit:
        raise invalid(
            "unit_differs",
            f"This lot is counted in {lot.unit}: receive it so, or name another lot.",
            "unit",
        )
    if receipt.low_at_quantity is not None:
        lot.low_at_quantity = receipt.low_at_quantity
    if receipt.reorder_url is not None:
        lot.reorder_url = str(receipt.reorder_url)
    movement = Movement(
        f"{provider_id}:receive:{movement_id}",
        MovementKind.RECEIVED,
        available_delta=receipt.quantity,
        reason=receipt.reason,
        actor=actor,
    )
    await move(session, lot, movement, at)
    await session.flush()
    return lot.id


async def write_settings(session: AsyncSession, lot: StockItemRow, settings: StockItemSettings, at: datetime) -> None:
    """When a locked lot is low, and where more of it is ordered."""
    lot.low_at_quantity = settings.low_at_quantity
    lot.reorder_url = None if settings.reorder_url is None else str(settings.reorder_url)
    mark_low(lot, at)
    await session.flush()


async def write_adjustment(
    session: AsyncSession,
    lot: StockItemRow,
    adjustment: StockAdjustment,
    *,
    movement_id: str,
    actor: Actor,
    at: datetime,
) -> None:
    """Change what is free of a locked lot, once per `movement_id`; what was counted includes what is reserved.

    Raises `StockInsufficientError` when less than nothing would be free.
    """
    await end_expired_of(session, [lot], at)
    if adjustment.counted is not None:
        change = adjustment.counted - lot.available_quantity - lot.reserved_quantity
    else:
        change = adjustment.change or 0
    movement = Movement(
        f"{lot.provider_id}:adjust:{movement_id}",
        MovementKind.ADJUSTED,
        available_delta=change,
        reason=adjustment.reason,
        actor=actor,
    )
    await move(session, lot, movement, at)
    await session.flush()


async def _hold_or_make(session: AsyncSession, provider_id: str, receipt: StockReceipt, at: datetime) -> StockItemRow:
    await session.execute(
        insert(StockItemRow)
        .values(
            id=new_id("stk"),
            provider_id=provider_id,
            material=receipt.material,
            colour=receipt.colour,
            lot=receipt.lot,
            unit=receipt.unit,
            available_quantity=0,
            reserved_quantity=0,
            created_at=at,
        )
        .on_conflict_do_nothing()
    )
    found = await session.scalars(
        select(StockItemRow)
        .where(
            StockItemRow.provider_id == provider_id,
            StockItemRow.material == receipt.material,
            StockItemRow.colour == receipt.colour,
            StockItemRow.lot == receipt.lot,
        )
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return found.one()
