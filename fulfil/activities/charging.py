"""A saved card charged while the customer is away: what a refusal means, and whose move it is then."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.bookkeeping import UNPAID
from fulfil.activities.locking import hold_order, hold_payment
from fulfil.gateways.stripe.facts import Decline
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.parties import STRIPE, WaitingOn
from fulfil.models.messages.payments import ChargeSavedCard, PaymentState, SavedCardCharge
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.tables.timeline import append_event


def charge_key(request: ChargeSavedCard) -> str:
    """The business key of one attempt."""
    return f"{request.order_id}:saved_card:{request.attempt}"


async def write_refusal(
    session: AsyncSession, request: ChargeSavedCard, decline: Decline, at: datetime
) -> SavedCardCharge:
    """A soft decline is tried again later, any other is the customer's to mend; the order stays payable meanwhile."""
    payment = await hold_payment(session, request.order_id)
    order = await hold_order(session, request.order_id)
    policies = OrderPolicies.model_validate(order.policies)
    retry = decline.is_soft and request.attempt <= len(policies.decline_retries_s)
    if payment.state in UNPAID:
        payment.state = PaymentState.FAILED
        payment.decline_code = decline.decline_code
        payment.updated_at = at
    asked_by = at + timedelta(seconds=policies.authentication_due_s)
    if retry:
        kind = EventType.PAYMENT_RETRY_SCHEDULED
        again_at = at + timedelta(seconds=policies.decline_retries_s[request.attempt - 1])
        step = NextStep(who=WaitingOn.SYSTEM, what="charge the saved card again", by=again_at)
    elif decline.needs_authentication:
        kind = EventType.PAYMENT_ACTION_REQUIRED
        step = NextStep(who=WaitingOn.CUSTOMER, what="pay once more and confirm with the bank", by=asked_by)
    else:
        kind = EventType.PAYMENT_FAILED
        step = NextStep(who=WaitingOn.CUSTOMER, what="pay with another card", by=asked_by)
    await append_event(
        session,
        order_id=request.order_id,
        business_key=f"{charge_key(request)}:refused",
        kind=kind,
        at=at,
        actor=STRIPE,
        subject=request.order_id,
        data={"decline_code": decline.decline_code, "attempt": request.attempt},
        next_step=step,
    )
    return SavedCardCharge(state=PaymentState.FAILED, decline_code=decline.decline_code, retry=retry)
