"""What Stripe's events about disputes mean: the dispute is re-read, and the chargeback's workflow started or told."""

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.chargeback_bookkeeping import unbooked
from fulfil.activities.telling import tell_chargeback
from fulfil.activities.truth import Truth
from fulfil.gateways.stripe.facts import DisputeFacts
from fulfil.models.ids import derived_id
from fulfil.models.messages.chargebacks import ChargebackChanged, StartChargeback
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.parties import STRIPE, WaitingOn
from fulfil.models.tables.payments import ChargebackRow, PaymentRow
from fulfil.models.tables.timeline import append_event


def chargeback_id_of(dispute_id: str) -> str:
    """Our id of a dispute of Stripe's: always the same, whoever hears of it first."""
    return derived_id("chb", dispute_id)


async def dispute_changed(truth: Truth, event_id: str, dispute_id: str) -> str | None:
    """Handler of `charge.dispute.*`: a note when nobody waits for it."""
    dispute = await truth.gateway.retrieve_dispute(dispute_id)
    async with truth.database.begin() as session:
        order_id = await _order_of(session, dispute.charge_id, dispute.payment_intent_id)
        if order_id is None:
            return f"no order of ours: charge {dispute.charge_id}"
        if await _is_known(session, dispute):
            return f"written already: {dispute.status}"
    start = StartChargeback(chargeback_id=chargeback_id_of(dispute.id), stripe_dispute_id=dispute.id, order_id=order_id)
    await tell_chargeback(truth.client, start, ChargebackChanged(event_id=event_id))
    return None


async def fraud_warned(truth: Truth, event_id: str, warning_id: str) -> str | None:
    """Handler of `radar.early_fraud_warning.*`: a refund now may spare us the chargeback, so support is told."""
    del event_id
    warning = await truth.gateway.retrieve_fraud_warning(warning_id)
    if not warning.is_actionable:
        return "nothing is left to be done about it"
    at = truth.clock()
    async with truth.database.begin() as session:
        order_id = await _order_of(session, warning.charge_id, warning.payment_intent_id)
        if order_id is None:
            return f"no order of ours: charge {warning.charge_id}"
        await append_event(
            session,
            order_id=order_id,
            business_key=f"{order_id}:fraud_warned:{warning.id}",
            kind=EventType.PAYMENT_FRAUD_WARNED,
            at=at,
            actor=STRIPE,
            subject=order_id,
            data={"warning_id": warning.id, "fraud_type": warning.fraud_type},
            next_step=NextStep(
                who=WaitingOn.SUPPORT, what="look into the suspected fraud: a refund spares the chargeback"
            ),
        )
    return None


async def _order_of(session: AsyncSession, charge_id: str, payment_intent_id: str | None) -> str | None:
    paid = select(PaymentRow.order_id).where(
        or_(PaymentRow.charge_id == charge_id, PaymentRow.payment_intent_id == payment_intent_id)
    )
    order_id: str | None = await session.scalar(paid.limit(1))
    return order_id


async def _is_known(session: AsyncSession, dispute: DisputeFacts) -> bool:
    """Whether the decision and all its money are written: the last events of a dispute tell the same thing."""
    closed = select(ChargebackRow.id).where(
        ChargebackRow.stripe_dispute_id == dispute.id,
        ChargebackRow.stripe_status == dispute.status,
        ChargebackRow.closed_at.is_not(None),
    )
    return await session.scalar(closed) is not None and not await unbooked(session, dispute)
