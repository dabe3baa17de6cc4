"""Placing an order: may the quote be ordered, and the rows and events an order begins with."""

from datetime import datetime, timedelta

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.gateways.stripe import PaymentIntentFacts
from fulfil.models.ids import derived_id
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.orders import OrderPlaced, OrderState, StartOrder
from fulfil.models.messages.parties import SYSTEM, WaitingOn
from fulfil.models.messages.payments import PaymentState
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.quotes import QuoteStatus
from fulfil.models.money import format_money
from fulfil.models.tables.orders import OrderLineRow, OrderRow
from fulfil.models.tables.payments import PaymentRow
from fulfil.models.tables.quotes import FileRow, QuoteRow
from fulfil.models.tables.timeline import append_event


def line_id_of(request: StartOrder) -> str:
    """The one line of the order, the same at every attempt."""
    return derived_id("lin", request.order_id, request.quote_id)


async def read_placed(session: AsyncSession, request: StartOrder) -> OrderPlaced | None:
    """The answer given when this order was placed, if it was."""
    order = await session.get(OrderRow, request.order_id)
    payment = await session.get(PaymentRow, request.order_id)
    if order is None or payment is None:
        return None
    policies = OrderPolicies.model_validate(order.policies)
    return OrderPlaced(
        order_id=order.id,
        line_id=line_id_of(request),
        payment_intent_id=payment.payment_intent_id,
        amount_minor=order.total_minor,
        currency=order.currency,
        payment_due_at=order.placed_at + timedelta(seconds=policies.payment_due_s),
    )


def refusal_of(request: StartOrder, quote: QuoteRow, now: datetime) -> OrderPlaced | None:
    """Why this quote can't be ordered; None when it can."""
    if quote.customer_id != request.customer_id:
        return refused(request, "quote_not_yours", "This quote was made for somebody else: ask for your own.")
    if quote.status != QuoteStatus.FIRM or quote.total_minor == 0:
        return refused(request, "quote_not_firm", "This quote has no binding price: see its findings.")
    if quote.expires_at <= now:
        expired = f"This quote expired at {quote.expires_at:%Y-%m-%d %H:%M} UTC: ask for a new one."
        return refused(request, "quote_expired", expired)
    return None


def refused(request: StartOrder, code: str, detail: str) -> OrderPlaced:
    """Nothing was written."""
    return OrderPlaced(order_id=request.order_id, refusal_code=code, refusal_detail=detail)


async def write_order(
    session: AsyncSession, request: StartOrder, quote: QuoteRow, intent: PaymentIntentFacts, at: datetime
) -> None:
    """Order, line, payment and the first two events; nothing when another attempt was faster."""
    created = await session.scalar(
        insert(OrderRow)
        .values(
            id=request.order_id,
            customer_id=request.customer_id,
            state=OrderState.AWAITING_PAYMENT,
            total_minor=quote.total_minor,
            currency=quote.currency,
            policies=request.policies.model_dump(mode="json"),
            placed_at=at,
        )
        .on_conflict_do_nothing()
        .returning(OrderRow.id)
    )
    if created is None:
        return
    file = await session.get_one(FileRow, quote.file_id)
    session.add_all(
        [
            OrderLineRow(
                id=line_id_of(request),
                order_id=request.order_id,
                quote_id=quote.id,
                title=f"{quote.quantity} x {file.name}",
                process=quote.process,
                material=quote.material,
                material_g=quote.material_g,
                quantity=quote.quantity,
                lead_time_days=quote.lead_time_days,
                amount_minor=quote.total_minor,
                currency=quote.currency,
            ),
            PaymentRow(
                order_id=request.order_id,
                payment_intent_id=intent.id,
                client_secret=intent.client_secret,
                state=PaymentState.REQUIRES_PAYMENT,
                amount_minor=quote.total_minor,
                currency=quote.currency,
                updated_at=at,
            ),
        ]
    )
    await session.flush()
    await _tell(session, request, quote, at)


async def _tell(session: AsyncSession, request: StartOrder, quote: QuoteRow, at: datetime) -> None:
    amount = {"amount_minor": quote.total_minor, "currency": quote.currency}
    await append_event(
        session,
        order_id=request.order_id,
        business_key=f"{request.order_id}:placed",
        kind=EventType.ORDER_PLACED,
        at=at,
        actor=request.placed_by,
        subject=request.order_id,
        data={**amount, "quote_id": quote.id},
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
        next_step=NextStep(
            who=WaitingOn.CUSTOMER, what=f"pay {format_money(quote.total_minor, quote.currency)}", by=due
        ),
    )
