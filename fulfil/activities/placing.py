"""Placing an order: the rows and events it begins with."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.ordering import Wanted, lines_of, quote_ids_of
from fulfil.gateways.stripe.facts import PaymentIntentFacts
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.orders import LineKind, OrderPlaced, OrderState, PlacedLine, StartOrder
from fulfil.models.messages.parties import SYSTEM, WaitingOn
from fulfil.models.messages.payments import PaymentState
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.money import format_money
from fulfil.models.tables.orders import OrderLineRow, OrderRow
from fulfil.models.tables.payments import PaymentRow
from fulfil.models.tables.timeline import append_event


async def read_placed(session: AsyncSession, request: StartOrder) -> OrderPlaced | None:
    """The answer given when this order was placed, if it was."""
    order = await session.get(OrderRow, request.order_id)
    payment = await session.get(PaymentRow, request.order_id)
    if order is None or payment is None:
        return None
    policies = OrderPolicies.model_validate(order.policies)
    written = select(OrderLineRow).where(OrderLineRow.order_id == order.id)
    lines = list(await session.scalars(written.order_by(OrderLineRow.position, OrderLineRow.id)))
    return OrderPlaced(
        order_id=order.id,
        line_id=lines[0].id if len(lines) == 1 else None,
        lines=tuple(PlacedLine(line_id=line.id, kind=LineKind(line.kind)) for line in lines),
        payment_intent_id=payment.payment_intent_id,
        amount_minor=order.total_minor,
        currency=order.currency,
        payment_due_at=order.placed_at + timedelta(seconds=policies.payment_due_s),
    )


def refused(request: StartOrder, code: str, detail: str) -> OrderPlaced:
    """Nothing was written."""
    return OrderPlaced(order_id=request.order_id, refusal_code=code, refusal_detail=detail)


async def write_order(
    session: AsyncSession, request: StartOrder, wanted: Wanted, intent: PaymentIntentFacts, at: datetime
) -> None:
    """Order, lines, payment and the first two events; nothing when another attempt was faster."""
    (currency,) = wanted.currencies
    created = await session.scalar(
        insert(OrderRow)
        .values(
            id=request.order_id,
            customer_id=request.customer_id,
            state=OrderState.AWAITING_PAYMENT,
            total_minor=wanted.total_minor,
            currency=currency,
            delivery_method=request.delivery_method,
            policies=request.policies.model_dump(mode="json"),
            placed_at=at,
        )
        .on_conflict_do_nothing()
        .returning(OrderRow.id)
    )
    if created is None:
        return
    session.add_all(lines_of(request, wanted))
    session.add(
        PaymentRow(
            order_id=request.order_id,
            payment_intent_id=intent.id,
            client_secret=intent.client_secret,
            state=PaymentState.REQUIRES_PAYMENT,
            amount_minor=wanted.total_minor,
            currency=currency,
            updated_at=at,
        )
    )
    await session.flush()
    await _tell(session, request, wanted.total_minor, currency, at)


async def _tell(session: AsyncSession, request: StartOrder, total_minor: int, currency: str, at: datetime) -> None:
    amount = {"amount_minor": total_minor, "currency": currency}
    quotes = quote_ids_of(request)
    named: dict[str, object] = {"quote_id": quotes[0]} if quotes else {}
    if len(quotes) + len(request.services) > 1 or not quotes:
        named |= {"quote_ids": list(quotes), "service_ids": [wanted.service_id for wanted in request.services]}
    await append_event(
        session,
        order_id=request.order_id,
        business_key=f"{request.order_id}:placed",
        kind=EventType.ORDER_PLACED,
        at=at,
        actor=request.placed_by,
        subject=request.order_id,
        data={**amount, **named},
    )
    due = at + timedelta(seconds=request.policies.payment_due_s)
    await append_event(
        session,
        order_id=request.order_id,
        business_key=f"{request.order_id}:payment_requested",
        kind=EventType.PAYMENT_REQUESTED,
        at=at,
        actor=SYSTEM,
        subject=request.order_id,
        data=amount,
        next_step=NextStep(who=WaitingOn.CUSTOMER, what=f"pay {format_money(total_minor, currency)}", by=due),
    )
