"""The books of a chargeback: its row, what the card network took and gave back, the freeze, the timeline.

The caller holds the order's payment, and every function writes once what it is called for twice.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.mirroring import post_moved
from fulfil.activities.releasing import PAY_PROVIDER, read_balance
from fulfil.activities.releasing_again import give_back, release_rest
from fulfil.gateways.stripe.facts import BalanceEntry, DisputeFacts
from fulfil.ledger import accounts, entries
from fulfil.ledger.posting import correct
from fulfil.models.messages.chargebacks import UNDECIDED, ChargebackLoss, ChargebackState
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.parties import STRIPE, SYSTEM, WaitingOn
from fulfil.models.money import format_money
from fulfil.models.tables.ledger import LedgerPostingRow, LedgerTransactionRow
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.payments import ChargebackRow, PaymentRow
from fulfil.models.tables.timeline import EventRow, append_event

STATES = {
    "warning_needs_response": ChargebackState.INQUIRY,
    "warning_under_review": ChargebackState.INQUIRY,
    "warning_closed": ChargebackState.CLOSED,
    "prevented": ChargebackState.CLOSED,
    "needs_response": ChargebackState.NEEDS_RESPONSE,
    "under_review": ChargebackState.UNDER_REVIEW,
    "appeal_needs_response": ChargebackState.UNDER_REVIEW,
    "appeal_under_review": ChargebackState.UNDER_REVIEW,
    "won": ChargebackState.WON,
    "lost": ChargebackState.LOST,
}
AWAITING_ANSWER = ("warning_needs_response", "needs_response")
# A closed inquiry may still become a chargeback; what was decided is only turned in our favour, or with the money.
RANKS = {
    "warning_needs_response": 0,
    "warning_under_review": 0,
    "warning_closed": 1,
    "needs_response": 2,
    "under_review": 2,
    "prevented": 3,
    "lost": 3,
    "appeal_needs_response": 3,
    "appeal_under_review": 3,
    "won": 4,
}
# What the provider charges for answering comes as an entry of its own.
FEE_ENTRIES = ("stripe_fee", "stripe_fx_fee", "tax_fee")
OURS = ("chargeback.", "payment.frozen", "payment.unfrozen")


async def write_dispute(
    session: AsyncSession, payment: PaymentRow, chargeback_id: str, dispute: DisputeFacts, at: datetime
) -> ChargebackRow:
    """The row and the ledger as the dispute says, the order's money frozen; a decision is booked by `close`."""
    row = await session.get(ChargebackRow, chargeback_id, with_for_update={"key_share": True})
    if row is None:
        row = _new_row(payment, chargeback_id, dispute, at)
        session.add(row)
    was_won, escalated = row.state == ChargebackState.WON, row.is_inquiry and not dispute.is_inquiry
    for moved in await unbooked(session, dispute):
        await _book_entry(session, payment, row, moved, at)
    state = STATES[dispute.status]
    if state is ChargebackState.WON and await balance_of(session, row):
        state = ChargebackState.UNDER_REVIEW  # decided for us, but the money is not back yet
    taken_again = was_won and await balance_of(session, row) > 0
    if taken_again or RANKS[dispute.status] >= RANKS[row.stripe_status]:
        row.state = state
        row.stripe_status = dispute.status
        row.is_inquiry = dispute.is_inquiry
        row.reason = dispute.reason
        row.amount_minor = dispute.amount_minor
        row.evidence_due_at = dispute.evidence_due_at
        if dispute.status in AWAITING_ANSWER:
            row.submitted_at = None
        elif row.submitted_at is None and dispute.submission_count:
            row.submitted_at = at
        row.updated_at = at
    await _tell_opened(session, row, at, escalated=escalated)
    if taken_again:
        row.closed_at = None
    if row.state in UNDECIDED and row.loss is None:  # an appeal after a booked loss holds no money any more
        row.closed_at = None
        await _freeze(session, payment, row, at)
    return row


async def close(
    session: AsyncSession, payment: PaymentRow, row: ChargebackRow, at: datetime, data: Mapping[str, object]
) -> None:
    """The decision is booked: say so, and thaw the order's money unless another chargeback holds it."""
    if row.closed_at is not None or row.state in UNDECIDED:
        return
    row.closed_at = row.updated_at = at
    kind = {
        ChargebackState.WON: EventType.CHARGEBACK_WON,
        ChargebackState.LOST: EventType.CHARGEBACK_LOST,
        ChargebackState.CLOSED: EventType.CHARGEBACK_CLOSED,
    }[ChargebackState(row.state)]
    following = None
    if kind is EventType.CHARGEBACK_LOST:
        following = NextStep(who=WaitingOn.SUPPORT, what="decide how the order goes on: its money is lost")
    elif kind is EventType.CHARGEBACK_WON and await _is_left_over(session, row.order_id, row.currency):
        following = NextStep(who=WaitingOn.SUPPORT, what="pay back what is held again: the order has ended")
    await append_event(
        session,
        order_id=row.order_id,
        # Each closing has an event of its own; whoever finds it closed does not come here.
        business_key=f"{row.id}:{row.state}:{at.isoformat()}",
        kind=kind,
        at=at,
        actor=STRIPE,
        subject=row.id,
        data={**_facts(row), **data},
        next_step=following,
    )
    await _thaw(session, payment, row, at)


async def next_while_frozen(session: AsyncSession, order_id: str) -> NextStep:
    """What an order waits for that could go on but for its chargebacks: the answer due first, or the decision."""
    unanswered = (
        select(ChargebackRow)
        .where(
            ChargebackRow.order_id == order_id,
            ChargebackRow.closed_at.is_(None),
            ChargebackRow.stripe_status.in_(AWAITING_ANSWER),
            ChargebackRow.evidence_due_at.is_not(None),
        )
        .order_by(ChargebackRow.evidence_due_at)
        .limit(1)
    )
    row = await session.scalar(unanswered)
    if row is None:
        return NextStep(who=WaitingOn.SUPPORT, what="wait for the chargeback's decision")
    return NextStep(who=WaitingOn.SUPPORT, what=f"answer the {describe(row)}", by=row.evidence_due_at)


async def balance_of(session: AsyncSession, row: ChargebackRow) -> int:
    """What the card network has taken and neither given back nor kept for good, minor units."""
    await session.flush()
    taken = select(func.coalesce(func.sum(LedgerPostingRow.amount_minor), 0)).where(
        LedgerPostingRow.account == accounts.chargeback(row.id)
    )
    return int(await session.scalar(taken) or 0)


async def unbooked(session: AsyncSession, dispute: DisputeFacts) -> list[BalanceEntry]:
    """The dispute's entries that the ledger does not know: the oldest first, what was taken before what came back."""
    known = select(LedgerTransactionRow.balance_transaction_id).where(
        LedgerTransactionRow.balance_transaction_id.in_([moved.id for moved in dispute.entries])
    )
    booked = set(await session.scalars(known))
    missing = [moved for moved in dispute.entries if moved.id not in booked]
    return sorted(missing, key=lambda moved: (moved.created_at, moved.net_minor >= 0))


def cause_of(row: ChargebackRow, loss: ChargebackLoss) -> str:
    """What the keys of a loss begin with: the chargeback, and which of its losses."""
    return row.id if loss.number == 1 else f"{row.id}:{loss.number}"


def describe(row: ChargebackRow) -> str:
    """What the timeline calls it."""
    what = "inquiry" if row.is_inquiry else "chargeback"
    return f"{what} of {format_money(row.amount_minor, row.currency)} ({row.reason})"


def _new_row(payment: PaymentRow, chargeback_id: str, dispute: DisputeFacts, at: datetime) -> ChargebackRow:
    return ChargebackRow(
        id=chargeback_id,
        order_id=payment.order_id,
        stripe_dispute_id=dispute.id,
        state=STATES[dispute.status],
        stripe_status=dispute.status,
        reason=dispute.reason,
        amount_minor=dispute.amount_minor,
        fee_minor=0,
        currency=dispute.currency,
        is_inquiry=dispute.is_inquiry,
        evidence_due_at=dispute.evidence_due_at,
        evidence={},
        evidence_number=0,
        opened_at=at,
        updated_at=at,
    )


async def _book_entry(
    session: AsyncSession, payment: PaymentRow, row: ChargebackRow, moved: BalanceEntry, at: datetime
) -> None:
    """One of the provider's entries: the disputed amount, and the fee in (or as) it."""
    amount, fee = moved.amount_minor, moved.fee_minor
    if moved.type in FEE_ENTRIES:
        amount, fee = 0, -moved.net_minor
    if amount:
        taken = amount < 0
        if not taken:
            await _undo_loss(session, row, at)
        booked = (
            entries.chargeback_opened(row.id, -amount, pending=moved.is_pending)
            if taken
            else entries.chargeback_won(row.id, amount, pending=moved.is_pending)
        )
        await post_moved(
            session,
            booked,
            moved,
            business_key=f"{row.id}:{booked.kind}:{moved.id}",
            order_id=payment.order_id,
            effective_at=at,
            stripe_object_id=await _object_of(session, row, booked.kind, moved),
        )
    if fee:
        posted = await post_moved(
            session,
            entries.chargeback_fee(fee, pending=moved.is_pending),
            moved,
            business_key=f"{row.id}:chargeback_fee:{moved.id}",
            order_id=payment.order_id,
            effective_at=at,
            stripe_object_id=moved.id,
        )
        if posted:
            row.fee_minor += fee


async def _object_of(session: AsyncSession, row: ChargebackRow, kind: str, moved: BalanceEntry) -> str:
    """The dispute itself for the first movement of a kind; should there be another, its own entry."""
    first = select(LedgerTransactionRow.balance_transaction_id).where(
        LedgerTransactionRow.stripe_object_id == row.stripe_dispute_id, LedgerTransactionRow.kind == kind
    )
    known = await session.scalar(first)
    return row.stripe_dispute_id if known in (None, moved.id) else moved.id


async def _undo_loss(session: AsyncSession, row: ChargebackRow, at: datetime) -> None:
    """The bank turned a loss it had decided: it is taken back before the money comes in, and all is as it was before.

    What is held again of work that is done is released; the rest waits for its work. The caller holds the loss's jobs.
    """
    if row.loss is None:
        return
    loss = ChargebackLoss.model_validate(row.loss)
    cause = cause_of(row, loss)
    written = select(LedgerTransactionRow.id).where(LedgerTransactionRow.business_key == f"{cause}:chargeback_lost")
    lost = await session.scalar(written)
    if lost is None or not await correct(session, lost, reason="the bank reversed its decision", effective_at=at):
        return
    row.loss, row.closed_at = None, None
    await session.flush()
    for part in loss.allocations:
        if part.released_minor:
            await give_back(session, row.order_id, cause, part, row.currency, at)
    await release_rest(session, row.order_id, cause, row.currency, at)


async def _is_left_over(session: AsyncSession, order_id: str, currency: str) -> bool:
    """Whether money is held for an order that has ended without earning it."""
    order = await session.get_one(OrderRow, order_id)
    return order.closed_at is not None and await read_balance(session, accounts.held(order_id), currency) < 0


async def _tell_opened(session: AsyncSession, row: ChargebackRow, at: datetime, *, escalated: bool) -> None:
    by = row.evidence_due_at if row.stripe_status in AWAITING_ANSWER else None
    await append_event(
        session,
        order_id=row.order_id,
        business_key=f"{row.id}:opened" if row.is_inquiry else f"{row.id}:opened:chargeback",
        kind=EventType.CHARGEBACK_OPENED,
        at=at,
        actor=STRIPE,
        subject=row.id,
        data={**_facts(row), "escalated": escalated},
        next_step=None if by is None else NextStep(who=WaitingOn.SUPPORT, what=f"answer the {describe(row)}", by=by),
    )


async def _freeze(session: AsyncSession, payment: PaymentRow, row: ChargebackRow, at: datetime) -> None:
    """Nothing of the order is released or refunded while it is undecided."""
    if payment.frozen_at is not None:
        return
    payment.frozen_at = payment.updated_at = at
    await append_event(
        session,
        order_id=row.order_id,
        business_key=f"{row.id}:frozen:{at.isoformat()}",
        kind=EventType.PAYMENT_FROZEN,
        at=at,
        actor=SYSTEM,
        subject=row.order_id,
        data={"chargeback_id": row.id},
    )


async def _thaw(session: AsyncSession, payment: PaymentRow, row: ChargebackRow, at: datetime) -> None:
    await session.flush()
    other = select(ChargebackRow.id).where(
        ChargebackRow.order_id == row.order_id, ChargebackRow.id != row.id, ChargebackRow.closed_at.is_(None)
    )
    if payment.frozen_at is None or await session.scalar(other.limit(1)) is not None:
        return
    payment.frozen_at = None
    payment.updated_at = at
    # Support's move is made: it is again whose move it was, unless the loss leaves it to decide.
    following = None if row.state == ChargebackState.LOST else await _next_before(session, row.order_id)
    await append_event(
        session,
        order_id=row.order_id,
        business_key=f"{row.id}:unfrozen:{at.isoformat()}",
        kind=EventType.PAYMENT_UNFROZEN,
        at=at,
        actor=SYSTEM,
        subject=row.order_id,
        data={"chargeback_id": row.id},
        next_step=following,
    )


async def _next_before(session: AsyncSession, order_id: str) -> NextStep:
    """The latest next step that no chargeback asked for."""
    asked = (
        select(EventRow.next, EventRow.type)
        .where(
            EventRow.order_id == order_id,
            EventRow.next.is_not(None),
            *(EventRow.type.not_like(f"{kind}%") for kind in OURS),
        )
        .order_by(EventRow.sequence.desc())
        .limit(1)
    )
    found = (await session.execute(asked)).first()
    if found is None:
        return NextStep(who=WaitingOn.NOBODY, what="the order goes on")
    # What was approved while the money was frozen waited for the chargeback alone.
    return PAY_PROVIDER if found.type == EventType.JOB_APPROVED else NextStep.model_validate(found.next)


def _facts(row: ChargebackRow) -> dict[str, object]:
    return {
        "stripe_dispute_id": row.stripe_dispute_id,
        "reason": row.reason,
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "is_inquiry": row.is_inquiry,
    }
