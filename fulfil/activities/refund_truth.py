"""A refund as Stripe knows it: re-read, written, told to its workflow, which begins again when a success was none."""

from sqlalchemy import select

from fulfil.activities.locking import hold_payment
from fulfil.activities.refund_bookkeeping import FAILURES, write_refund
from fulfil.activities.refund_planning import hold_refund
from fulfil.activities.telling import start_refund, tell_refund_changed
from fulfil.activities.truth import Truth
from fulfil.gateways.stripe.facts import RefundFacts
from fulfil.models.messages.parties import Actor
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.refunds import RefundChanged, RefundReason, RefundState, StartRefund
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.payments import PaymentRow, RefundRow


async def refund_changed(truth: Truth, event_id: str, stripe_refund_id: str) -> str | None:
    """Write what a refund's object says; a workflow hears of it when that changed its state.

    An object whose answer was lost is known by the id of ours it carries.
    """
    facts = await truth.gateway.retrieve_refund(stripe_refund_id)
    async with truth.database.begin() as session:
        row = await session.scalar(select(RefundRow).where(RefundRow.stripe_refund_id == stripe_refund_id))
        if row is None and facts.refund_id is not None and facts.status not in FAILURES:
            row = await session.get(RefundRow, facts.refund_id)
    if row is None:
        return f"no refund of ours is {stripe_refund_id}"
    return await _write(truth, event_id, row.id, row.order_id, facts)


async def charge_refunded(truth: Truth, event_id: str, charge_id: str) -> str | None:
    """Something of a charge was refunded: its refunds that are under way are read again."""
    sent = (
        select(RefundRow.stripe_refund_id)
        .join(PaymentRow, PaymentRow.order_id == RefundRow.order_id)
        .where(
            PaymentRow.charge_id == charge_id,
            RefundRow.state == RefundState.SENT,
            RefundRow.stripe_refund_id.is_not(None),
        )
    )
    async with truth.database.begin() as session:
        found = [name for name in await session.scalars(sent) if name is not None]
    notes = [await refund_changed(truth, event_id, name) for name in found]
    return next((note for note in notes if note), None)


async def _write(truth: Truth, event_id: str, refund_id: str, order_id: str, facts: RefundFacts) -> str | None:
    async with truth.database.begin() as session:
        payment = await hold_payment(session, order_id)
        row = await hold_refund(session, refund_id)
        before = row.state
        await write_refund(session, payment, row, facts, truth.clock())
        state = RefundState(row.state)
        order = await session.get_one(OrderRow, order_id)
    if state == before and state is not RefundState.FAILED:
        return f"the refund {refund_id} is {state.value} already"
    told = await tell_refund_changed(truth.client, refund_id, RefundChanged(event_id=event_id, state=state))
    if told or state is not RefundState.FAILED:
        return None if told else f"the process of {refund_id} has ended"
    # Also when it was written before: who wrote it may have died before telling.
    await start_refund(truth.client, _again(row, OrderPolicies.model_validate(order.policies)))
    return None


def _again(row: RefundRow, policies: OrderPolicies) -> StartRefund:
    """A second run of a refund whose first one ended with a success that did not last."""
    return StartRefund(
        refund_id=row.id,
        order_id=row.order_id,
        reason=RefundReason(row.reason),
        note=row.note,
        requested_by=Actor.model_validate(row.requested_by),
        looks_s=policies.refund_looks_s,
        reopened=True,
    )
