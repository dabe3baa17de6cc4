"""Orders: placed, listed, paid, cancelled."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from fulfil.api.access import Principal, Scope
from fulfil.api.actions import ENDED
from fulfil.api.cancelling import call_off, call_off_line
from fulfil.api.card_numbers import refuse_card_numbers
from fulfil.api.dependencies import Context, IdempotencyKey, Paging, allowed, expandable
from fulfil.api.documentation import API, ORDERS, problems
from fulfil.api.errors import not_found
from fulfil.api.intentions import intend
from fulfil.api.paying import pay_for
from fulfil.api.placing import place
from fulfil.api.readers.orders import EXPANDABLE, find_order
from fulfil.api.readers.orders import list_orders as read_orders
from fulfil.api.repricing import recalculate
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.orders import Cancellation, NewOrder, Order, Pay, PaymentAttempt
from fulfil.api.schemas.quotes import OrderRecalculation
from fulfil.models.ids import LineId, OrderId
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.parties import Role

router = APIRouter(prefix=f"{API}/orders", tags=[ORDERS])

Customer = Annotated[Principal, Depends(allowed(Scope.ORDERS_WRITE, Role.CUSTOMER))]
Reader = Annotated[Principal, Depends(allowed(Scope.ORDERS_READ, Role.CUSTOMER, Role.SUPPORT, Role.ADMIN))]
Expansion = Annotated[frozenset[str], Depends(expandable(*EXPANDABLE))]
Wait = Annotated[float, Query(ge=0, le=60, description="Wait up to so many seconds for the end.", examples=[20])]


@router.post("", status_code=HTTPStatus.CREATED, responses=problems(401, 403, 404, 409))
async def create_order(context: Context, caller: Customer, new: NewOrder, key: IdempotencyKey = None) -> Order:
    """Order quotes and services; the answer can be paid. Repeated with the same `Idempotency-Key` it joins."""
    order_id = await place(context, caller, new, key)
    return await _read(context, caller, order_id, frozenset({"lines", "payment"}))


@router.get("", responses=problems(401, 403))
async def list_orders(
    context: Context,
    caller: Reader,
    page: Paging,
    state: Annotated[OrderState | None, Query(description="Only orders in this state.")] = None,
) -> Page[Order]:
    """Your orders, newest first."""
    async with context.begin() as session:
        return await read_orders(session, caller, state=state, limit=page.limit, starting_after=page.starting_after)


@router.get("/{order_id}", responses=problems(401, 403, 404))
async def get_order(context: Context, caller: Reader, order_id: OrderId, expand: Expansion) -> Order:
    """One order: where it stands, whose move it is, and what you may do."""
    return await _read(context, caller, order_id, expand)


@router.post(
    "/{order_id}/pay",
    dependencies=[Depends(refuse_card_numbers)],
    responses=problems(401, 402, 403, 404, 409),
)
async def pay_order(
    context: Context, caller: Customer, order_id: OrderId, pay: Pay, key: IdempotencyKey = None
) -> PaymentAttempt:
    """Pay with a tokenised card. The order moves on when the payment provider's signed webhook has come."""
    return await pay_for(context, caller, order_id, pay, intend(caller, key, f"pay_order:{order_id}", pay))


@router.post(
    "/{order_id}/cancel",
    responses={
        **problems(401, 403, 404, 409),
        HTTPStatus.ACCEPTED.value: {"model": Order, "description": "Being cancelled; the money goes back next."},
    },
)
async def cancel_order(
    context: Context,
    caller: Customer,
    order_id: OrderId,
    cancellation: Cancellation,
    response: Response,
    wait: Wait = 0,
    key: IdempotencyKey = None,
) -> Order:
    """Call the order off, until production starts. 200 when it is over, 202 while the money goes back."""
    intention = intend(caller, key, f"cancel_order:{order_id}", cancellation)
    await call_off(context, caller, order_id, cancellation.reason, intention, wait_s=wait)
    order = await _read(context, caller, order_id, frozenset())
    if order.state not in ENDED:
        response.status_code = HTTPStatus.ACCEPTED
    return order


@router.post("/{order_id}/lines/{line_id}/cancel", responses=problems(401, 403, 404, 409))
async def cancel_order_line(
    context: Context,
    caller: Customer,
    order_id: OrderId,
    line_id: LineId,
    cancellation: Cancellation,
    key: IdempotencyKey = None,
) -> Order:
    """Call one line off while the others go on, until it is begun; with the last line the order is cancelled."""
    intention = intend(caller, key, f"cancel_order_line:{order_id}:{line_id}", cancellation)
    await call_off_line(context, caller, order_id, line_id, cancellation.reason, intention)
    return await _read(context, caller, order_id, frozenset({"lines"}))


@router.post("/{order_id}/recalculate", responses=problems(401, 403, 404))
async def recalculate_order(
    context: Context, caller: Reader, order_id: OrderId, key: IdempotencyKey = None
) -> OrderRecalculation:
    """What the same order would cost by today's price list; the order and its price stay as they are."""
    del key  # changes nothing, so repeating is safe
    return await recalculate(context, caller, order_id)


async def _read(context: Context, caller: Principal, order_id: str, expand: frozenset[str]) -> Order:
    async with context.begin() as session:
        order = await find_order(session, caller, order_id, expand, context.settings.stripe_publishable_key or None)
    if order is None:
        raise not_found("order")
    return order
