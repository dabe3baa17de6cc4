"""Placing an order: may the quote be ordered, and the rows and events an order begins with."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.gateways.stripe.facts import PaymentIntentFacts
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
from fulfil.models.tables.quotes import FileRow, QuoteItemRow, QuoteRow
from fulfil.models.tables.timeline import append_event

LONGEST_TITLE = 300


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


async def read_items(session: AsyncSession, quote_id: str) -> list[QuoteItemRow]:
    """What a quote gives a price for, in its order."""
    items = select(QuoteItemRow).where(QuoteItemRow.quote_id == quote_id, QuoteItemRow.amount_minor > 0)
    return list(await session.scalars(items.order_by(QuoteItemRow.position)))


def refusal_of(
    request: StartOrder, quote: QuoteRow, items: Sequence[QuoteItemRow], now: datetime
) -> OrderPlaced | None:
    """Why this quote can't be ordered; None when it can."""
    if quote.customer_id != request.customer_id:
        return refused(request, "quote_not_yours", "This quote was made for somebody else: ask for your own.")
    if quote.status != QuoteStatus.FIRM or quote.total_minor == 0:
        return refused(request, "quote_not_firm", "This quote has no binding price: see its findings.")
    if quote.expires_at <= now:
        expired = f"This quote expired at {quote.expires_at:%Y-%m-%d %H:%M} UTC: ask for a new one."
        return refused(request, "quote_expired", expired)
    if len({(item.process, item.material) for item in items}) > 1:
        mixed = "One order is made by one provider of one material: quote each material on its own."
        return refused(request, "quote_mixed_materials", mixed)
    return None


def refused(request: StartOrder, code: str, detail: str) -> OrderPlaced:
    """Nothing was written."""
    return OrderPlaced(order_id=request.order_id, refusal_code=code, refusal_detail=detail)


async def write_order(
    session: AsyncSession,
    request: StartOrder,
    quote: QuoteRow,
    items: Sequence[QuoteItemRow],
    intent: PaymentIntentFacts,
    at: datetime,
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
    names = [(await session.get_one(FileRow, item.file_id)).name for item in items]
    title = ", ".join(f"{item.quantity} x {name}" for item, name in zip(items, names, strict=True))
    session.add_all(
        [
            OrderLineRow(
                id=line_id_of(request),
                order_id=request.order_id,
                quote_id=quote.id,
                title=title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…",
                process=items[0].process,
                material=items[0].material,
                material_g=sum(item.material_g for item in items),
                quantity=sum(item.quantity for item in items),
                lead_time_days=quote.lead_time_days,
                amount_minor=quote.total_minor,
                tax_bp=request.policies.tax_bp,
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
