"""One lot of a provider's stock: locked, changed by a movement and never otherwise, never below zero."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.models.ids import new_id
from fulfil.models.messages.inventory import MovementKind
from fulfil.models.messages.parties import Actor
from fulfil.models.tables.inventory import StockItemRow, StockMovementRow


class StockInsufficientError(Exception):
    """More was to be taken out of a lot than is there (or, counted, less was found than is promised to jobs)."""

    def __init__(self, *, wanted: int, available: int, unit: str) -> None:
        super().__init__(f"{wanted} {unit} wanted, {available} {unit} there")
        self.wanted = wanted
        self.available = available
        self.unit = unit


@dataclass(frozen=True)
class Movement:
    """A change of a lot, in its unit; `actor` is None when the system did it on its own."""

    business_key: str
    kind: MovementKind
    available_delta: int = 0
    reserved_delta: int = 0
    job_id: str | None = None
    reason: str = ""
    actor: Actor | None = None


async def hold_lot(session: AsyncSession, item_id: str) -> StockItemRow | None:
    """Lock one lot and read it as it is now; its leases change only under this lock."""
    return await session.get(StockItemRow, item_id, with_for_update={"key_share": True}, populate_existing=True)


async def hold_lots(session: AsyncSession, item_ids: Sequence[str]) -> list[StockItemRow]:
    """Lock several lots, in one order for everybody."""
    return await _held(session, StockItemRow.id.in_(item_ids)) if item_ids else []


async def hold_lots_of(session: AsyncSession, provider_id: str, material: str) -> list[StockItemRow]:
    """Lock every lot a provider has of a material."""
    return await _held(session, and_(StockItemRow.provider_id == provider_id, StockItemRow.material == material))


async def _held(session: AsyncSession, condition: ColumnElement[bool]) -> list[StockItemRow]:
    lots = await session.scalars(
        select(StockItemRow)
        .where(condition)
        .order_by(StockItemRow.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return list(lots)


async def move(session: AsyncSession, lot: StockItemRow, movement: Movement, at: datetime) -> bool:
    """Change a locked lot once per business key; False when that key has changed it before.

    Raises `StockInsufficientError`, and changes nothing, when less than nothing would be left.
    """
    available = lot.available_quantity + movement.available_delta
    reserved = lot.reserved_quantity + movement.reserved_delta
    if available < 0 or reserved < 0:
        if await session.get(StockMovementRow, movement.business_key) is not None:
            return False
        raise StockInsufficientError(wanted=-movement.available_delta, available=lot.available_quantity, unit=lot.unit)
    inserted = await session.scalar(
        insert(StockMovementRow)
        .values(
            business_key=movement.business_key,
            id=new_id("mov"),
            item_id=lot.id,
            provider_id=lot.provider_id,
            material=lot.material,
            kind=movement.kind,
            available_delta=movement.available_delta,
            reserved_delta=movement.reserved_delta,
            job_id=movement.job_id,
            reason=movement.reason,
            actor=None if movement.actor is None else movement.actor.model_dump(mode="json"),
            created_at=at,
        )
        .on_conflict_do_nothing()
        .returning(StockMovementRow.business_key)
    )
    if inserted is None:
        return False
    lot.available_quantity, lot.reserved_quantity = available, reserved
    mark_low(lot, at)
    return True


def mark_low(lot: StockItemRow, at: datetime) -> None:
    """Note since when what is free is at or below the lot's threshold; forget it when it is not."""
    is_low = lot.low_at_quantity is not None and lot.available_quantity <= lot.low_at_quantity
    lot.low_since = (lot.low_since or at) if is_low else None
