"""Stock: what came in, what is there, what changed it, when it is low, and whether it adds up."""

from http import HTTPStatus
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Query

from fulfil.api.access import STAFF, Principal, Scope
from fulfil.api.dependencies import Context, IdempotencyKey, Paging, allowed
from fulfil.api.documentation import API, STOCK, problems
from fulfil.api.errors import not_found
from fulfil.api.intentions import intend
from fulfil.api.readers.providers import find_provider
from fulfil.api.readers.stock import find_item, list_items, list_movements, list_reservations, read_proof
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.providers import Material
from fulfil.api.schemas.stock import (
    StockAdjustment,
    StockItem,
    StockItemSettings,
    StockMovement,
    StockProof,
    StockReceipt,
    StockReservation,
)
from fulfil.api.stock_refusals import stock_refusals
from fulfil.api.writers.idempotency import claim
from fulfil.api.writers.stock import hold_item, write_adjustment, write_receipt, write_settings
from fulfil.models.ids import ProviderId, StockItemId, new_id
from fulfil.models.messages.parties import Role

router = APIRouter(prefix=API, tags=[STOCK])
log = structlog.stdlib.get_logger(__name__)

Reader = Annotated[Principal, Depends(allowed(Scope.PROVIDERS_READ, Role.PROVIDER, *STAFF))]
Keeper = Annotated[Principal, Depends(allowed(Scope.PROVIDERS_WRITE, Role.PROVIDER, Role.ADMIN))]
Staff = Annotated[Principal, Depends(allowed(Scope.PROVIDERS_READ, *STAFF))]
Low = Annotated[bool | None, Query(description="Only lots at or below their threshold, or only the others.")]
OfMaterial = Annotated[Material | None, Query(description="Only lots of this material.")]


@router.get("/stock", responses=problems(401, 403))
async def list_all_stock(
    context: Context, caller: Reader, page: Paging, low: Low = None, material: OfMaterial = None
) -> Page[StockItem]:
    """Lots of all providers, newest first; a provider sees hers."""
    own = caller.party_id if caller.role is Role.PROVIDER else None
    async with context.begin() as session:
        return await list_items(
            session,
            provider_id=own,
            low=low,
            material=material,
            limit=page.limit,
            starting_after=page.starting_after,
        )


@router.get("/stock/verification", responses=problems(401, 403, takes_input=False))
async def verify_stock(context: Context, caller: Staff) -> StockProof:
    """Whether every balance follows from its movements, and what is reserved from open leases."""
    del caller
    async with context.begin() as session:
        return await read_proof(session)


@router.post("/providers/{provider_id}/stock", status_code=HTTPStatus.CREATED, responses=problems(401, 403, 404))
async def receive_stock(
    context: Context, caller: Keeper, provider_id: ProviderId, receipt: StockReceipt, key: IdempotencyKey = None
) -> StockItem:
    """Record material that came in; a lot that is new begins with it."""
    _check_own(caller, provider_id)
    intention = intend(caller, key, f"receive_stock:{provider_id}", receipt)
    at = context.clock()
    async with context.begin() as session:
        if await find_provider(session, provider_id) is None:
            raise not_found("provider")
        claimed = await claim(session, intention, new_id("mov"), at)
        item_id = await write_receipt(
            session, provider_id, receipt, movement_id=claimed.resource_id, actor=caller.actor, at=at
        )
        item = _existing(await find_item(session, provider_id, item_id))
    log.info("stock received", provider_id=provider_id, item_id=item_id, quantity=receipt.quantity, unit=item.unit)
    return item


@router.get("/providers/{provider_id}/stock", responses=problems(401, 403, 404))
async def list_stock(
    context: Context,
    caller: Reader,
    provider_id: ProviderId,
    page: Paging,
    low: Low = None,
    material: OfMaterial = None,
) -> Page[StockItem]:
    """What she has of every lot, free and reserved; newest first."""
    _check_own(caller, provider_id)
    async with context.begin() as session:
        if await find_provider(session, provider_id) is None:
            raise not_found("provider")
        return await list_items(
            session,
            provider_id=provider_id,
            low=low,
            material=material,
            limit=page.limit,
            starting_after=page.starting_after,
        )


@router.get("/providers/{provider_id}/stock/{item_id}", responses=problems(401, 403, 404))
async def get_stock_item(context: Context, caller: Reader, provider_id: ProviderId, item_id: StockItemId) -> StockItem:
    """One lot."""
    _check_own(caller, provider_id)
    async with context.begin() as session:
        return _existing(await find_item(session, provider_id, item_id))


@router.put("/providers/{provider_id}/stock/{item_id}", responses=problems(401, 403, 404))
async def set_stock_item(
    context: Context, caller: Keeper, provider_id: ProviderId, item_id: StockItemId, settings: StockItemSettings
) -> StockItem:
    """Say when the lot is low and where more of it can be ordered."""
    _check_own(caller, provider_id)
    async with context.begin() as session:
        lot = await hold_item(session, provider_id, item_id)
        await write_settings(session, lot, settings, context.clock())
        return _existing(await find_item(session, provider_id, item_id))


@router.post(
    "/providers/{provider_id}/stock/{item_id}/adjustments",
    status_code=HTTPStatus.CREATED,
    responses=problems(401, 403, 404, 409),
)
async def adjust_stock(
    context: Context,
    caller: Keeper,
    provider_id: ProviderId,
    item_id: StockItemId,
    adjustment: StockAdjustment,
    key: IdempotencyKey = None,
) -> StockItem:
    """Correct what is there, by a change or by what was counted; what jobs have reserved stays theirs."""
    _check_own(caller, provider_id)
    intention = intend(caller, key, f"adjust_stock:{item_id}", adjustment)
    at = context.clock()
    async with context.begin() as session:
        lot = await hold_item(session, provider_id, item_id)
        claimed = await claim(session, intention, new_id("mov"), at)
        with stock_refusals():
            await write_adjustment(session, lot, adjustment, movement_id=claimed.resource_id, actor=caller.actor, at=at)
        return _existing(await find_item(session, provider_id, item_id))


@router.get("/providers/{provider_id}/stock/{item_id}/movements", responses=problems(401, 403, 404))
async def list_stock_movements(
    context: Context, caller: Reader, provider_id: ProviderId, item_id: StockItemId, page: Paging
) -> Page[StockMovement]:
    """Every change of the lot, newest first; its balance is their sum."""
    _check_own(caller, provider_id)
    async with context.begin() as session:
        _existing(await find_item(session, provider_id, item_id))
        return await list_movements(session, item_id, limit=page.limit, starting_after=page.starting_after)


@router.get("/providers/{provider_id}/stock/{item_id}/reservations", responses=problems(401, 403, 404))
async def list_stock_reservations(
    context: Context, caller: Reader, provider_id: ProviderId, item_id: StockItemId, page: Paging
) -> Page[StockReservation]:
    """Which jobs have, or had, material of the lot, and until when; newest first."""
    _check_own(caller, provider_id)
    async with context.begin() as session:
        _existing(await find_item(session, provider_id, item_id))
        return await list_reservations(session, item_id, limit=page.limit, starting_after=page.starting_after)


def _check_own(caller: Principal, provider_id: str) -> None:
    if caller.role is Role.PROVIDER and caller.party_id != provider_id:
        raise not_found("provider")


def _existing(item: StockItem | None) -> StockItem:
    if item is None:
        raise not_found("stock item")
    return item
