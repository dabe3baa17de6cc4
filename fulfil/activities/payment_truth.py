"""A payment as Stripe knows it: what the customer has to do next is written, the order is told once she has paid."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.bookkeeping import UNPAID, book_void
from fulfil.activities.locking import hold_order, hold_payment
from fulfil.activities.telling import tell_order_payment_changed
from fulfil.activities.truth import Truth
from fulfil.gateways.stripe.facts import PaymentIntentFacts
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.parties import STRIPE, WaitingOn
from fulfil.models.messages.payments import PaymentChanged, PaymentState
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.payments import PaymentRow, StripeEventRow
from fulfil.models.tables.timeline import TimelineRow, append_event

STATES = {
    "requires_payment_method": PaymentState.REQUIRES_PAYMENT,
    "requires_confirmation": PaymentState.REQUIRES_PAYMENT,
    "requires_action": PaymentState.REQUIRES_ACTION,
    "requires_capture": PaymentState.AUTHORIZED,
    "succeeded": PaymentState.CAPTURED,
    "canceled": PaymentState.CANCELLED,
}


async def payment_changed(truth: Truth, event_id: str, payment_intent_id: str) -> str | None:
    """The customer paid, was declined, or has to confirm with her bank."""
    stored = select(PaymentRow.order_id, PaymentRow.state).where(PaymentRow.payment_intent_id == payment_intent_id)
    async with truth.database.begin() as session:
        known = (await session.execute(stored)).one_or_none()
        asked = await _asked_under(session, event_id)
    if known is None or known.state not in UNPAID:
        # The order's own activities know the rest before Stripe tells it: each signal saved is four events.
        return f"no order waits for it: its payment is {known.state if known else 'unknown'}"
    if asked.startswith(f"{known.order_id}:saved_card:"):
        return "the step that charged the saved card has the answer"
    facts = await truth.gateway.retrieve_payment_intent(payment_intent_id)
    state = STATES.get(facts.status)
    if facts.order_id != known.order_id or state is None:
        return f"no order waits for it: status {facts.status}, order {facts.order_id}"
    if state is PaymentState.REQUIRES_PAYMENT:
        if facts.decline_code is None:
            return None
        state = PaymentState.FAILED
    if state in UNPAID:
        await _write(truth, event_id, known.order_id, facts, state)
    change = PaymentChanged(
        event_id=event_id,
        payment_intent_id=facts.id,
        state=state,
        decline_code=facts.decline_code,
        capture_before=facts.capture_before,
    )
    told = await tell_order_payment_changed(truth.client, known.order_id, change)
    return None if told else f"order {known.order_id} has ended"


async def charge_expired(truth: Truth, event_id: str, charge_id: str) -> str | None:
    """The bank let an authorised amount go before anybody captured it; the next capture finds the payment lost.

    The event names the payment intent of the charge, and that is re-read.
    """
    named = StripeEventRow.payload["data"]["object"]["payment_intent"].as_string()
    async with truth.database.begin() as session:
        intent_id = await session.scalar(select(named).where(StripeEventRow.id == event_id))
        stored = select(PaymentRow.order_id).where(PaymentRow.payment_intent_id == intent_id)
        order_id = await session.scalar(stored)
    if intent_id is None or order_id is None:
        return f"no payment of ours has charge {charge_id}"
    facts = await truth.gateway.retrieve_payment_intent(intent_id)
    if facts.status != "canceled":
        return f"{intent_id} is {facts.status}"
    async with truth.database.begin() as session:
        payment = await hold_payment(session, order_id)
        if payment.state == PaymentState.AUTHORIZED:
            await book_void(session, payment, was_authorized=True, at=truth.clock())
    return None


async def _asked_under(session: AsyncSession, event_id: str) -> str:
    """The idempotency key of the request that caused the event: who asked has the answer."""
    key = StripeEventRow.payload["request"]["idempotency_key"].as_string()
    return await session.scalar(select(key).where(StripeEventRow.id == event_id)) or ""


async def _write(truth: Truth, event_id: str, order_id: str, facts: PaymentIntentFacts, state: PaymentState) -> None:
    """What the customer has to do next, while the order waits for her."""
    at = truth.clock()
    async with truth.database.begin() as session:
        payment = await hold_payment(session, order_id)
        if payment.state not in UNPAID:
            return
        order = await hold_order(session, order_id)
        confirming = state is PaymentState.REQUIRES_ACTION
        unchanged = (payment.state, payment.decline_code) == (state, facts.decline_code)
        payment.state = state
        payment.decline_code = facts.decline_code
        payment.updated_at = at
        if state is PaymentState.REQUIRES_PAYMENT or (confirming and unchanged):
            return
        kind = EventType.PAYMENT_ACTION_REQUIRED if confirming else EventType.PAYMENT_FAILED
        await append_event(
            session,
            order_id=order_id,
            business_key=f"{order_id}:{kind.value}:{event_id}",
            kind=kind,
            at=at,
            actor=STRIPE,
            subject=order_id,
            data={"decline_code": facts.decline_code},
            next_step=await _asked_next(session, order, at, confirming=confirming),
        )


async def _asked_next(session: AsyncSession, order: OrderRow, at: datetime, *, confirming: bool) -> NextStep:
    """What is asked of the customer; a decline does not shorten the time she was given before."""
    policies = OrderPolicies.model_validate(order.policies)
    if confirming:
        by = at + timedelta(seconds=policies.authentication_due_s)
        return NextStep(who=WaitingOn.CUSTOMER, what="confirm the payment with the bank", by=by)
    given = await session.scalar(select(TimelineRow.next_by).where(TimelineRow.order_id == order.id))
    due = order.placed_at + timedelta(seconds=policies.payment_due_s)
    return NextStep(who=WaitingOn.CUSTOMER, what="pay with another card", by=max(due, given or due))
