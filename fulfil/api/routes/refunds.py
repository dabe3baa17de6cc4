"""Refunds: previewed, asked for, approved by a second person, followed, sent another way."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from fulfil.api import refunding
from fulfil.api.access import STAFF, Principal, Scope
from fulfil.api.context import ApiContext
from fulfil.api.dependencies import Context, IdempotencyKey, Paging, allowed, expandable
from fulfil.api.documentation import API, REFUNDS, problems
from fulfil.api.errors import not_found
from fulfil.api.intentions import intend
from fulfil.api.readers.orders import find_order, may_see_order
from fulfil.api.readers.refunds import EXPANDABLE, RefundFilter, find_refund
from fulfil.api.readers.refunds import list_refunds as read_refunds
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.refunds import (
    NewRefund,
    Refund,
    RefundDecision,
    RefundPreview,
    RefundQuestion,
    RefundRerouting,
)
from fulfil.models.ids import OrderId, RefundId
from fulfil.models.messages.parties import Role
from fulfil.models.messages.refunds import RefundState

router = APIRouter(prefix=API, tags=[REFUNDS])

Reader = Annotated[Principal, Depends(allowed(Scope.ORDERS_READ, Role.CUSTOMER, *STAFF))]
Viewer = Annotated[Principal, Depends(allowed(Scope.SUPPORT_READ, *STAFF))]
Support = Annotated[Principal, Depends(allowed(Scope.SUPPORT_WRITE, *STAFF))]
Expansion = Annotated[frozenset[str], Depends(expandable(*EXPANDABLE))]
Wait = Annotated[float, Query(ge=0, le=60, description="Wait up to so many seconds for its arrival.", examples=[20])]
InState = Annotated[RefundState | None, Query(description="Only refunds in this state.")]
ERRORS = problems(401, 403, 404, 409)


@router.post("/orders/{order_id}/refunds/preview", responses=problems(401, 403, 404))
async def preview_refund(
    context: Context, caller: Viewer, order_id: OrderId, question: RefundQuestion, key: IdempotencyKey = None
) -> RefundPreview:
    """What a refund would do: how much, out of whose money, and whether a second person has to agree."""
    del key  # changes nothing, so repeating is safe
    return await refunding.preview(context, caller, order_id, question)


@router.post("/orders/{order_id}/refunds", status_code=HTTPStatus.CREATED, responses=ERRORS)
async def create_refund(
    context: Context, caller: Support, order_id: OrderId, new: NewRefund, wait: Wait = 0, key: IdempotencyKey = None
) -> Refund:
    """Pay an order back, wholly or in part; what is left of it is reserved at once, so that it can't be paid twice.

    Above the limit, after release and for goodwill it waits for a second person.
    """
    refund_id = await refunding.request(context, caller, order_id, new, key, wait_s=wait)
    return await _read(context, caller, refund_id)


@router.get("/orders/{order_id}/refunds", responses=problems(401, 403, 404))
async def list_order_refunds(context: Context, caller: Reader, order_id: OrderId, page: Paging) -> Page[Refund]:
    """The refunds of an order, newest first."""
    async with context.begin() as session:
        if await may_see_order(session, caller, order_id) is None:
            raise not_found("order")
        return await read_refunds(
            session, caller, RefundFilter(order_id), limit=page.limit, starting_after=page.starting_after
        )


@router.get("/refunds", responses=problems(401, 403))
async def list_refunds(context: Context, caller: Reader, page: Paging, state: InState = None) -> Page[Refund]:
    """The refunds of your orders, newest first; staff see all."""
    async with context.begin() as session:
        return await read_refunds(
            session, caller, RefundFilter(state=state), limit=page.limit, starting_after=page.starting_after
        )


@router.get("/refunds/{refund_id}", responses=problems(401, 403, 404))
async def get_refund(context: Context, caller: Reader, refund_id: RefundId, expand: Expansion) -> Refund:
    """One refund: where it stands, and what you may do."""
    return await _read(context, caller, refund_id, expand)


@router.post("/refunds/{refund_id}/approve", responses=ERRORS)
async def approve_refund(
    context: Context, caller: Support, refund_id: RefundId, decision: RefundDecision, key: IdempotencyKey = None
) -> Refund:
    """Let it be sent, as a second person: whoever asked for it may not."""
    intention = intend(caller, key, f"approve_refund:{refund_id}", decision)
    await refunding.decide(context, caller, refund_id, approved=True, reason=decision.reason, intention=intention)
    return await _read(context, caller, refund_id)


@router.post("/refunds/{refund_id}/reject", responses=ERRORS)
async def reject_refund(
    context: Context, caller: Support, refund_id: RefundId, decision: RefundDecision, key: IdempotencyKey = None
) -> Refund:
    """Refuse it as a second person, or give up one that failed; the money is held for the order as before."""
    intention = intend(caller, key, f"reject_refund:{refund_id}", decision)
    await refunding.decide(context, caller, refund_id, approved=False, reason=decision.reason, intention=intention)
    return await _read(context, caller, refund_id)


@router.post("/refunds/{refund_id}/reroute", responses=ERRORS)
async def reroute_refund(
    context: Context, caller: Support, refund_id: RefundId, way: RefundRerouting, key: IdempotencyKey = None
) -> Refund:
    """Send a refund that failed another way: to the card again, by bank transfer, or as credit for later orders."""
    await refunding.reroute(context, caller, refund_id, way, intend(caller, key, f"reroute_refund:{refund_id}", way))
    return await _read(context, caller, refund_id)


async def _read(context: ApiContext, caller: Principal, refund_id: str, expand: frozenset[str] = frozenset()) -> Refund:
    async with context.begin() as session:
        refund = await find_refund(session, caller, refund_id)
        if refund is None:
            raise not_found("refund")
        order = await find_order(session, caller, refund.order_id) if "order" in expand else None
    return refund.model_copy(update={"order": order})
