"""What a Stripe event means: its object is re-read, and only that answer is written and told to the order."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from temporalio.client import Client

from fulfil.activities.bookkeeping import settle_refund
from fulfil.activities.locking import hold_payment
from fulfil.activities.telling import tell_order_payment_changed
from fulfil.gateways.stripe import PaymentIntentFacts, StripeGateway, StripeRefusedError
from fulfil.kit.database import Database
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.parties import STRIPE, WaitingOn
from fulfil.models.messages.payments import PaymentChanged, PaymentState
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.payments import PaymentRow, RefundRow
from fulfil.models.tables.timeline import append_event

STATES = {
    "requires_payment_method": PaymentState.REQUIRES_PAYMENT,
    "requires_confirmation": PaymentState.REQUIRES_PAYMENT,
    "requires_action": PaymentState.REQUIRES_ACTION,
    "requires_capture": PaymentState.AUTHORIZED,
    "succeeded": PaymentState.CAPTURED,
    "canceled": PaymentState.CANCELLED,
}
# Read again when it is paid already, it would tell the order a second time.
OUR_OWN_DOING = "payment_intent.created"
# Before the order's own activities write the payment, these are the relay's to write.
BEFORE_PAID = (PaymentState.REQUIRES_PAYMENT, PaymentState.REQUIRES_ACTION, PaymentState.FAILED)


@dataclass(frozen=True)
class StripeTruth:
    """Acts on one event by the object it names; every method returns a note for the event's row, or None."""

    database: Database
    gateway: StripeGateway
    client: Client
    clock: Callable[[], datetime]

    async def act_on(self, event_id: str, kind: str, object_id: str) -> str | None:
        """Unknown objects and kinds are noted and done; raises when Stripe, Temporal or PostgreSQL do not answer."""
        try:
            if kind.startswith("payment_intent.") and kind != OUR_OWN_DOING:
                return await self._payment_changed(event_id, object_id)
            if kind.startswith("refund."):
                return await self._refund_changed(object_id)
            if kind == "charge.refunded":
                return await self._charge_refunded(object_id)
        except StripeRefusedError as error:
            return f"not known to Stripe: {error}"
        return None

    async def _payment_changed(self, event_id: str, payment_intent_id: str) -> str | None:
        stored = select(PaymentRow.state).where(PaymentRow.payment_intent_id == payment_intent_id)
        async with self.database.begin() as session:
            known = await session.scalar(stored)
        if known not in BEFORE_PAID:
            # The order's own activities know the rest before Stripe tells it: each signal saved is four events.
            return f"no order waits for it: its payment is {known or 'unknown'}"
        facts = await self.gateway.retrieve_payment_intent(payment_intent_id)
        state = STATES.get(facts.status)
        if facts.order_id is None or state is None:
            return f"no order waits for it: status {facts.status}, order {facts.order_id}"
        if state is PaymentState.REQUIRES_PAYMENT:
            if facts.decline_code is None:
                return None
            state = PaymentState.FAILED
        if state in BEFORE_PAID and not await self._write(event_id, facts, state):
            return f"order {facts.order_id} has no such payment"
        change = PaymentChanged(
            event_id=event_id, payment_intent_id=facts.id, state=state, decline_code=facts.decline_code
        )
        told = await tell_order_payment_changed(self.client, facts.order_id, change)
        return None if told else f"order {facts.order_id} has ended"

    async def _write(self, event_id: str, facts: PaymentIntentFacts, state: PaymentState) -> bool:
        """What the customer has to do next, while the order waits for her; False for a foreign payment."""
        at, order_id = self.clock(), facts.order_id or ""
        async with self.database.begin() as session:
            known = select(PaymentRow.order_id).where(PaymentRow.payment_intent_id == facts.id)
            if await session.scalar(known) != order_id:
                return False
            payment = await hold_payment(session, order_id)
            if payment.state not in BEFORE_PAID:
                return True
            order = await session.get_one(OrderRow, order_id)
            policies = OrderPolicies.model_validate(order.policies)
            unchanged = (payment.state, payment.decline_code) == (state, facts.decline_code)
            payment.state = state
            payment.decline_code = facts.decline_code
            payment.updated_at = at
            if state is PaymentState.REQUIRES_ACTION and not unchanged:
                kind = EventType.PAYMENT_ACTION_REQUIRED
                by = at + timedelta(seconds=policies.authentication_due_s)
                step = NextStep(who=WaitingOn.CUSTOMER, what="confirm the payment with the bank", by=by)
            elif state is PaymentState.FAILED:
                kind = EventType.PAYMENT_FAILED
                by = order.placed_at + timedelta(seconds=policies.payment_due_s)
                step = NextStep(who=WaitingOn.CUSTOMER, what="pay with another card", by=by)
            else:
                return True
            await append_event(
                session,
                order_id=order_id,
                business_key=f"{order_id}:{kind.value}:{event_id}",
                kind=kind,
                at=at,
                actor=STRIPE,
                subject=order_id,
                data={"decline_code": facts.decline_code},
                next_step=step,
            )
        return True

    async def _refund_changed(self, refund_id: str) -> str | None:
        async with self.database.begin() as session:
            order_id = await session.scalar(select(RefundRow.order_id).where(RefundRow.id == refund_id))
        if order_id is None:
            return "no refund of ours (yet)"
        refund = await self.gateway.retrieve_refund(refund_id)
        async with self.database.begin() as session:
            payment = await hold_payment(session, order_id)
            await settle_refund(session, payment, refund, self.clock())
        return None

    async def _charge_refunded(self, charge_id: str) -> str | None:
        sent = (
            select(RefundRow.id)
            .join(PaymentRow, PaymentRow.order_id == RefundRow.order_id)
            .where(PaymentRow.charge_id == charge_id, RefundRow.state == "sent")
        )
        async with self.database.begin() as session:
            refund_ids = (await session.scalars(sent)).all()
        notes = [await self._refund_changed(refund_id) for refund_id in refund_ids]
        return next((note for note in notes if note), None)
