"""Orders: the projection that the workflows' activities write."""

from collections.abc import Collection
from typing import Any, Literal

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.actions import order_actions
from fulfil.api.disclosure import told_decline
from fulfil.api.readers.jobs import find_job_of_order, represent_next, shown_state
from fulfil.api.readers.paging import newest_first
from fulfil.api.readers.work_files import files_of_quote, represent_files
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.orders import Order, OrderLine, Payment
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.payments import PaymentState
from fulfil.models.money import Money
from fulfil.models.tables.jobs import JobRow, ProductionRow
from fulfil.models.tables.orders import OrderLineRow, OrderRow
from fulfil.models.tables.payments import PaymentRow
from fulfil.models.tables.timeline import TimelineRow

EXPANDABLE = ("lines", "job", "payment")
OrderQuery = Select[OrderRow, PaymentRow, TimelineRow, JobRow, ProductionRow]
OrderParts = tuple[OrderRow, PaymentRow, TimelineRow, JobRow | None, ProductionRow | None]


def _select_orders(caller: Principal) -> OrderQuery:
    query = (
        select(OrderRow, PaymentRow, TimelineRow, JobRow, ProductionRow)
        .join(PaymentRow, PaymentRow.order_id == OrderRow.id)
        .join(TimelineRow, TimelineRow.order_id == OrderRow.id)
        .outerjoin(JobRow, JobRow.order_id == OrderRow.id)
        .outerjoin(ProductionRow, ProductionRow.offer_id == JobRow.offer_id)
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
    order = _represent(parts, caller)
    return order.model_copy(
        update={
            "lines": await _read_lines(session, order_id) if "lines" in expand else None,
            "job": await find_job_of_order(session, caller, order_id) if "job" in expand else None,
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
    return Page(data=[_represent(row, caller) for row in rows], has_more=has_more)


async def may_see_order(session: AsyncSession, caller: Principal, order_id: str) -> OrderState | None:
    """The order's state when it is the caller's, else None."""
    query = select(OrderRow.state).where(OrderRow.id == order_id)
    if not caller.is_staff:
        query = query.where(OrderRow.customer_id == caller.owner_id)
    state = await session.scalar(query)
    return None if state is None else OrderState(state)


async def find_quote_of_order(session: AsyncSession, caller: Principal, order_id: str) -> str | None:
    """The quote an order of the caller's was placed by; staff see all."""
    if await may_see_order(session, caller, order_id) is None:
        return None
    quote_id: str | None = await session.scalar(
        select(OrderLineRow.quote_id).where(OrderLineRow.order_id == order_id).order_by(OrderLineRow.id).limit(1)
    )
    return quote_id


async def _read_lines(session: AsyncSession, order_id: str) -> list[OrderLine]:
    query = (
        select(OrderLineRow, files_of_quote(OrderLineRow.quote_id))
        .where(OrderLineRow.order_id == order_id)
        .order_by(OrderLineRow.id)
    )
    return [_represent_line(line, files) for line, files in (await session.execute(query))]


def _represent(parts: OrderParts, caller: Principal) -> Order:
    order, payment, head, job, production = parts
    state, payment_state = OrderState(order.state), PaymentState(payment.state)
    return Order(
        id=order.id,
        customer_id=order.customer_id,
        state=state,
        total=Money(amount_minor=order.total_minor, currency=order.currency),
        payment_state=payment_state,
        refunded=Money(amount_minor=payment.refunded_minor, currency=payment.currency),
        refund_state=_refund_state(payment),
        payment_frozen=payment.frozen_at is not None,
        next=represent_next(head, caller),
        allowed_actions=order_actions(
            caller.role, state, payment_state, None if job is None else shown_state(job, production)
        ),
        cancel_reason=order.cancel_reason,
        placed_at=order.placed_at,
        closed_at=order.closed_at,
    )


def _refund_state(payment: PaymentRow) -> Literal["none", "partly_refunded", "refunded"]:
    if payment.refunded_minor == 0:
        return "none"
    return "refunded" if payment.refunded_minor == payment.amount_minor else "partly_refunded"


def _represent_line(row: OrderLineRow, files: list[dict[str, Any]]) -> OrderLine:
    shown = represent_files(files)
    return OrderLine(
        id=row.id,
        quote_id=row.quote_id,
        file_id=shown[0].file_id,
        files=shown,
        title=row.title,
        process=row.process,
        material=row.material,
        quantity=row.quantity,
        lead_time_days=row.lead_time_days,
        amount=Money(amount_minor=row.amount_minor, currency=row.currency),
    )


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
