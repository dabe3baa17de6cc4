"""Orders: the projection that the workflows' activities write."""

from collections.abc import Collection, Sequence
from typing import Literal

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.actions import order_actions
from fulfil.api.disclosure import told_decline
from fulfil.api.readers.deliverables import list_deliverables
from fulfil.api.readers.jobs import find_jobs_of_order, represent_next
from fulfil.api.readers.order_lines import LineParts, read_lines, represent_lines
from fulfil.api.readers.paging import newest_first
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.orders import DeliveryAddress, Order, Payment
from fulfil.models.messages.deliverables import DeliverableState
from fulfil.models.messages.orders import DeliveryMethod, LineKind, OrderState
from fulfil.models.messages.payments import PaymentState
from fulfil.models.money import Money
from fulfil.models.tables.orders import OrderAddressRow, OrderLineRow, OrderRow
from fulfil.models.tables.payments import PaymentRow
from fulfil.models.tables.timeline import TimelineRow

EXPANDABLE = ("lines", "job", "jobs", "deliverables", "payment")
OrderQuery = Select[OrderRow, PaymentRow, TimelineRow, OrderAddressRow]
OrderParts = tuple[OrderRow, PaymentRow, TimelineRow, OrderAddressRow | None]
MOST_LINES = 50
NO_ADDRESS = "; without a delivery address goods go to the billing address"


def _select_orders(caller: Principal) -> OrderQuery:
    query = (
        select(OrderRow, PaymentRow, TimelineRow, OrderAddressRow)
        .join(PaymentRow, PaymentRow.order_id == OrderRow.id)
        .join(TimelineRow, TimelineRow.order_id == OrderRow.id)
        .outerjoin(OrderAddressRow, OrderAddressRow.order_id == OrderRow.id)
    )
    return query if caller.is_staff else query.where(OrderRow.customer_id == caller.owner_id)


async def find_order(
    session: AsyncSession,
    caller: Principal,
    order_id: str,
    expand: Collection[str] = (),
    publishable_key: str | None = None,
) -> Order | None:
    """An order of the caller's; staff see all. `expand` is any of `EXPANDABLE`."""
    row = (await session.execute(_select_orders(caller).where(OrderRow.id == order_id))).one_or_none()
    if row is None:
        return None
    parts = row
    lines = (await read_lines(session, [order_id])).get(order_id, [])
    order = _represent(parts, lines, caller)
    wants_jobs = "jobs" in expand or "job" in expand
    jobs = await find_jobs_of_order(session, caller, order_id) if wants_jobs else []
    delivered = None
    if "deliverables" in expand:
        page = await list_deliverables(
            session, caller, order_id=order_id, state=None, limit=MOST_LINES, starting_after=None
        )
        delivered = page.data
    is_single = len(lines) == 1
    return order.model_copy(
        update={
            "lines": await represent_lines(session, caller, parts[0], lines) if "lines" in expand else None,
            "job": next(iter(jobs), None) if "job" in expand and is_single else None,
            "jobs": jobs if "jobs" in expand else None,
            "deliverables": delivered,
            "deliver_to": _represent_address(parts[3]),
            "payment": _represent_payment(parts[1], caller, publishable_key) if "payment" in expand else None,
        }
    )


async def list_orders(
    session: AsyncSession, caller: Principal, *, state: OrderState | None, limit: int, starting_after: str | None
) -> Page[Order]:
    """Hers, newest first; staff see all."""
    query = _select_orders(caller)
    if state is not None:
        query = query.where(OrderRow.state == state)
    rows, has_more = await newest_first(
        session,
        query,
        moment=OrderRow.placed_at,
        identity=OrderRow.id,
        limit=limit,
        starting_after=starting_after,
    )
    lines = await read_lines(session, [row[0].id for row in rows])
    return Page(data=[_represent(row, lines.get(row[0].id, []), caller) for row in rows], has_more=has_more)


async def may_see_order(session: AsyncSession, caller: Principal, order_id: str) -> OrderState | None:
    """The order's state when it is the caller's, else None."""
    query = select(OrderRow.state).where(OrderRow.id == order_id)
    if not caller.is_staff:
        query = query.where(OrderRow.customer_id == caller.owner_id)
    state = await session.scalar(query)
    return None if state is None else OrderState(state)


async def find_quotes_of_order(session: AsyncSession, caller: Principal, order_id: str) -> list[str] | None:
    """The quotes an order of the caller's was placed by; staff see all."""
    if await may_see_order(session, caller, order_id) is None:
        return None
    lines = select(OrderLineRow.quote_id).where(OrderLineRow.order_id == order_id, OrderLineRow.quote_id.is_not(None))
    named = await session.scalars(lines.order_by(OrderLineRow.position, OrderLineRow.id))
    return list(dict.fromkeys(quote_id for quote_id in named if quote_id is not None))


def _represent(parts: OrderParts, lines: Sequence[LineParts], caller: Principal) -> Order:
    order, payment, head, address = parts
    state, payment_state = OrderState(order.state), PaymentState(payment.state)
    jobs = [line.job_state for line in lines if line.job_state is not None]
    begun = any(line.has_paid_milestone or line.deliverable_state is DeliverableState.IN_REVIEW for line in lines)
    following = represent_next(head, caller)
    is_unsure = address is None and order.delivery_method == DeliveryMethod.SHIPPING
    has_goods = any(line.line.kind == LineKind.MADE_TO_ORDER for line in lines)
    if following is not None and state is OrderState.AWAITING_PAYMENT and is_unsure and has_goods:
        following = following.model_copy(update={"what": f"{following.what}{NO_ADDRESS}"})
    return Order(
        id=order.id,
        customer_id=order.customer_id,
        state=state,
        total=Money(amount_minor=order.total_minor, currency=order.currency),
        payment_state=payment_state,
        refunded=Money(amount_minor=payment.refunded_minor, currency=payment.currency),
        refund_state=_refund_state(payment),
        payment_frozen=payment.frozen_at is not None,
        next=following,
        allowed_actions=order_actions(caller.role, state, payment_state, jobs, begun=begun),
        cancel_reason=order.cancel_reason,
        delivery_method=DeliveryMethod(order.delivery_method),
        placed_at=order.placed_at,
        closed_at=order.closed_at,
    )


def _represent_address(row: OrderAddressRow | None) -> DeliveryAddress | None:
    if row is None:
        return None
    return DeliveryAddress.model_construct(
        name=row.name,
        address_lines=row.address_lines,
        postal_code=row.postal_code,
        city=row.city,
        country=row.country,
        latitude=row.latitude,
        longitude=row.longitude,
    )


def _refund_state(payment: PaymentRow) -> Literal["none", "partly_refunded", "refunded"]:
    if payment.refunded_minor == 0:
        return "none"
    return "refunded" if payment.refunded_minor == payment.amount_minor else "partly_refunded"


def _represent_payment(row: PaymentRow, caller: Principal, publishable_key: str | None) -> Payment:
    return Payment(
        state=PaymentState(row.state),
        amount=Money(amount_minor=row.amount_minor, currency=row.currency),
        refunded=Money(amount_minor=row.refunded_minor, currency=row.currency),
        decline_code=told_decline(row.decline_code, caller),
        authorized_at=row.authorized_at,
        captured_at=row.captured_at,
        payment_intent_id=row.payment_intent_id,
        client_secret=None if caller.is_staff else row.client_secret,
        publishable_key=publishable_key or None,
    )
