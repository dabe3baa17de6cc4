"""Stock, as its provider and staff see it."""

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.readers.paging import newest_first
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.stock import (
    StockActor,
    StockFinding,
    StockItem,
    StockMovement,
    StockProof,
    StockReservation,
)
from fulfil.inventory.checks import check_stock, count_stock
from fulfil.models.messages.inventory import MovementKind, StockUnit
from fulfil.models.tables.inventory import StockItemRow, StockMovementRow, StockReservationRow


async def find_item(session: AsyncSession, provider_id: str, item_id: str) -> StockItem | None:
    """One lot of this provider."""
    row = await session.get(StockItemRow, item_id, populate_existing=True)
    return None if row is None or row.provider_id != provider_id else represent_item(row)


async def list_items(
    session: AsyncSession,
    *,
    provider_id: str | None,
    low: bool | None,
    material: str | None,
    limit: int,
    starting_after: str | None,
) -> Page[StockItem]:
    """Lots of a provider (None: of all), newest first; `low` keeps those that are, or are not."""
    query: Select[StockItemRow] = select(StockItemRow)
    if provider_id is not None:
        query = query.where(StockItemRow.provider_id == provider_id)
    if material is not None:
        query = query.where(StockItemRow.material == material)
    if low is not None:
        query = query.where(StockItemRow.low_since.is_not(None) if low else StockItemRow.low_since.is_(None))
    rows, has_more = await newest_first(
        session,
        query,
        moment=StockItemRow.created_at,
        identity=StockItemRow.id,
        limit=limit,
        starting_after=starting_after,
    )
    return Page(data=[represent_item(row) for (row,) in rows], has_more=has_more)


async def list_movements(
    session: AsyncSession, item_id: str, *, limit: int, starting_after: str | None
) -> Page[StockMovement]:
    """What changed one lot, newest first."""
    rows, has_more = await newest_first(
        session,
        select(StockMovementRow).where(StockMovementRow.item_id == item_id),
        moment=StockMovementRow.created_at,
        identity=StockMovementRow.id,
        limit=limit,
        starting_after=starting_after,
    )
    return Page(data=[_represent_movement(row) for (row,) in rows], has_more=has_more)


async def list_reservations(
    session: AsyncSession, item_id: str, *, limit: int, starting_after: str | None
) -> Page[StockReservation]:
    """Which jobs have, or had, material of one lot, newest first."""
    rows, has_more = await newest_first(
        session,
        select(StockReservationRow).where(StockReservationRow.item_id == item_id),
        moment=StockReservationRow.created_at,
        identity=StockReservationRow.offer_id,
        limit=limit,
        starting_after=starting_after,
    )
    return Page(data=[_represent_reservation(row) for (row,) in rows], has_more=has_more)


async def read_proof(session: AsyncSession) -> StockProof:
    """Whether everything adds up."""
    items, movements = await count_stock(session)
    findings = [
        StockFinding(item_id=each.item_id, code=each.code, detail=each.detail) for each in await check_stock(session)
    ]
    return StockProof(items=items, movements=movements, findings=findings)


def represent_item(row: StockItemRow) -> StockItem:
    """The row as the API shows it."""
    return StockItem(
        id=row.id,
        provider_id=row.provider_id,
        material=row.material,
        colour=row.colour or None,
        lot=row.lot or None,
        unit=StockUnit(row.unit),
        available_quantity=row.available_quantity,
        reserved_quantity=row.reserved_quantity,
        low_at_quantity=row.low_at_quantity,
        low_since=row.low_since,
        reorder_url=row.reorder_url,
        created_at=row.created_at,
    )


def _represent_movement(row: StockMovementRow) -> StockMovement:
    return StockMovement(
        id=row.id,
        item_id=row.item_id,
        kind=MovementKind(row.kind),
        available_delta=row.available_delta,
        reserved_delta=row.reserved_delta,
        job_id=row.job_id,
        reason=row.reason,
        actor=None if row.actor is None else StockActor.model_validate(row.actor),
        created_at=row.created_at,
    )


def _represent_reservation(row: StockReservationRow) -> StockReservation:
    return StockReservation(
        offer_id=row.offer_id,
        job_id=row.job_id,
        quantity=row.quantity,
        consumed_quantity=row.consumed_quantity,
        created_at=row.created_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        ending=None if row.ending is None else MovementKind(row.ending),
    )
