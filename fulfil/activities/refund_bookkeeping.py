"""The facts of a refund: decided, its transfer reversed, taken from our balance, arrived or come back; each once.

Every function holds the payment and the refund. Keys are made of the refund's id and of Stripe's objects, so whoever
comes second (a retry, an event, a look) finds the fact written.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.bookkeeping import moved_money
from fulfil.activities.issuing import cancel_credit_note, correct_statement, issue_credit_note
from fulfil.activities.mirroring import post_moved
from fulfil.activities.promises import reversal_key
from fulfil.activities.refund_planning import next_of_ended, plan_of, state_of
from fulfil.activities.releasing import read_balance
from fulfil.activities.releasing_again import give_back
from fulfil.activities.reversing import TakeBack
from fulfil.gateways.stripe.facts import RefundFacts
from fulfil.ledger import accounts, entries
from fulfil.ledger.entries import Entry
from fulfil.ledger.posting import correct, post
from fulfil.models.messages.events import EventType
from fulfil.models.messages.parties import STRIPE, SYSTEM, WaitingOn
from fulfil.models.messages.refunds import (
    RefundAllocation,
    RefundPlan,
    RefundProgress,
    RefundReason,
    RefundRoute,
    RefundState,
)
from fulfil.models.tables.ledger import LedgerPostingRow, LedgerTransactionRow
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.payments import PaymentRow, RefundRow
from fulfil.models.tables.timeline import append_event

FAILURES = ("failed", "canceled")
# Before balance transactions were mirrored, our balance at the provider was one account.
OLDER_BALANCE = "asset:stripe"


def progress_of(row: RefundRow, *, refusal_code: str | None = None) -> RefundProgress:
    """Where it stands, as the workflow needs it."""
    return RefundProgress(
        refund_id=row.id,
        state=state_of(row),
        stripe_refund_id=row.stripe_refund_id,
        failure=row.failure,
        refusal_code=refusal_code,
    )


async def book_decision(
    session: AsyncSession, payment: PaymentRow, row: RefundRow, plan: RefundPlan, at: datetime
) -> None:
    """What was released is taken back, goodwill is added, and all of it is owed to the customer."""
    facts: list[tuple[str, Entry]] = [
        (
            f"{row.id}:taken_back:{part.job_id}",
            entries.release_taken_back(
                row.order_id,
                part.provider_id,
                provider=part.provider_share_minor,
                commission=part.commission_minor - part.commission_tax_minor,
                tax=part.commission_tax_minor,
            ),
        )
        # Accounts of providers are shared by orders: always locked in the same order.
        for part in sorted(plan.allocations, key=lambda part: (part.provider_id or "", part.job_id or ""))
        if part.released_minor and part.provider_id is not None
    ]
    if plan.goodwill_minor:
        facts.append((f"{row.id}:goodwill", entries.goodwill(row.order_id, plan.goodwill_minor)))
    facts.append((f"{row.id}:decided", entries.refund_decided(row.order_id, row.amount_minor)))
    for key, fact in facts:
        await _post(session, row, fact, key, at)
    # While anything is left to the customer, lines go on: what is held for them is not spare.
    is_all = payment.amount_minor == payment.refunded_minor + payment.refunding_minor
    if row.reason == RefundReason.CANCELLATION and is_all:
        await _spare_goodwill(session, payment, row, at)
    row.state = RefundState.SENT
    row.sent_at = row.updated_at = at
    for part in plan.allocations:
        await correct_statement(session, row.id, part, at)


async def give_up(session: AsyncSession, payment: PaymentRow, row: RefundRow, reason: str, at: datetime) -> None:
    """Nothing is paid back: the amount is free again; what was held is, what had been released is released again.

    The caller holds the providers of the plan, too.
    """
    row.state = RefundState.REJECTED
    row.updated_at = payment.updated_at = at
    payment.refunding_minor -= row.amount_minor
    if row.sent_at is None:
        return
    for key in (f"{row.id}:goodwill_spared", f"{row.id}:decided", f"{row.id}:goodwill"):
        written = select(LedgerTransactionRow.id).where(LedgerTransactionRow.business_key == key)
        transaction_id = await session.scalar(written)
        if transaction_id is not None:
            await correct(session, transaction_id, reason=reason, effective_at=at)
    for part in plan_of(row).allocations:
        if part.released_minor:
            await give_back(session, row.order_id, row.id, part, row.currency, at)
    # None of the lines' money is taken by it any more.
    row.plan = {**row.plan, "allocations": [], "goodwill_minor": 0}


def take_back_of(row: RefundRow, part: RefundAllocation) -> TakeBack:
    """What a booked refund asks back of one job's transfer."""
    return TakeBack(
        key=reversal_key(row.id, part),
        cause="refund",
        cause_id=row.id,
        order_id=row.order_id,
        job_id=part.job_id or "",
        provider_id=part.provider_id or "",
        transfer_id=part.transfer_id if part.reversal_minor else None,
        amount_minor=part.reversal_minor,
        share_minor=part.provider_share_minor,
        currency=row.currency,
    )


async def write_refund(
    session: AsyncSession, payment: PaymentRow, row: RefundRow, refund: RefundFacts, at: datetime
) -> RefundProgress:
    """Bring row and books to what Stripe says of a refund's object; repeated and late answers change nothing.

    Raises a retryable error while a failed refund's money is not back: it is not owed anew before it is here.
    """
    if row.stripe_refund_id is None and row.state == RefundState.SENT and row.route == RefundRoute.CARD:
        await _hand_over(session, row, refund, at)
    if refund.entry is not None and not await _is_in_older_books(session, refund.id):
        taken = moved_money(refund.entry, refund.id, amount_minor=-refund.amount_minor, currency=refund.currency)
        await post_moved(
            session,
            entries.refund_taken(row.order_id, refund.amount_minor, pending=taken.is_pending),
            taken,
            business_key=f"{row.id}:{refund.id}:taken",
            order_id=row.order_id,
            effective_at=at,
            stripe_object_id=refund.id,
        )
    if row.stripe_refund_id != refund.id:
        return progress_of(row)
    if refund.status == "succeeded" and row.state == RefundState.SENT:
        moved_money(refund.entry, refund.id, amount_minor=-refund.amount_minor, currency=refund.currency)
        fact = entries.refund_succeeded(row.order_id, row.amount_minor)
        await _post(session, row, fact, f"{row.id}:{refund.id}:succeeded", at, stripe_object_id=refund.id)
        await _count(session, payment, row, f"{row.id}:{refund.id}:succeeded", at)
    elif refund.status in FAILURES and row.state in (RefundState.SENT, RefundState.SUCCEEDED):
        await _take_back(session, payment, row, refund, at)
    return progress_of(row)


async def _is_in_older_books(session: AsyncSession, stripe_refund_id: str) -> bool:
    """Whether the refund left the one account of before, when transactions named no balance transaction."""
    older = (
        select(LedgerTransactionRow.id)
        .join(LedgerPostingRow, LedgerPostingRow.transaction_id == LedgerTransactionRow.id)
        .where(LedgerTransactionRow.stripe_object_id == stripe_refund_id, LedgerPostingRow.account == OLDER_BALANCE)
    )
    return await session.scalar(older.limit(1)) is not None


async def pay_another_way(session: AsyncSession, payment: PaymentRow, row: RefundRow, at: datetime) -> RefundProgress:
    """Paid by bank transfer, or as credit for later orders: done at once."""
    if row.state == RefundState.SENT:
        if row.route == RefundRoute.BANK:
            fact = entries.refund_paid_by_bank(row.order_id, row.amount_minor)
        else:
            fact = entries.refund_credited(row.order_id, await _customer_of(session, row), row.amount_minor)
        key = f"{row.id}:{row.route}"
        await _post(session, row, fact, key, at)
        await _count(session, payment, row, key, at)
    return progress_of(row)


async def write_failure(session: AsyncSession, row: RefundRow, failure: str, key: str, at: datetime) -> RefundProgress:
    """It did not arrive: it stays owed, and support chooses another way."""
    row.state = RefundState.FAILED
    row.failure = failure[:500]
    row.updated_at = at
    await append_event(
        session,
        order_id=row.order_id,
        business_key=key,
        kind=EventType.REFUND_FAILED,
        at=at,
        actor=STRIPE,
        subject=row.id,
        data={
            "amount_minor": row.amount_minor,
            "currency": row.currency,
            "failure": row.failure,
            "had_succeeded": row.returned_at is not None,
        },
        next_step=await next_of_ended(
            session, row.order_id, WaitingOn.SUPPORT, f"send the refund {row.id} another way"
        ),
    )
    return progress_of(row)


async def _spare_goodwill(session: AsyncSession, payment: PaymentRow, row: RefundRow, at: datetime) -> None:
    """An order is called off after goodwill: what nobody will earn any more pays for what was given."""
    others = select(RefundRow.plan).where(
        RefundRow.order_id == row.order_id, RefundRow.sent_at.is_not(None), RefundRow.state != RefundState.REJECTED
    )
    given = sum(RefundPlan.model_validate(plan).goodwill_minor for plan in await session.scalars(others))
    held = -await read_balance(session, accounts.held(row.order_id), row.currency)
    spared = min(given, held - (payment.refunding_minor - row.amount_minor))
    if spared > 0:
        await _post(session, row, entries.goodwill(row.order_id, -spared), f"{row.id}:goodwill_spared", at)


async def _hand_over(session: AsyncSession, row: RefundRow, refund: RefundFacts, at: datetime) -> None:
    row.stripe_refund_id = refund.id
    row.updated_at = at
    await append_event(
        session,
        order_id=row.order_id,
        business_key=f"{row.id}:{refund.id}:sent",
        kind=EventType.PAYMENT_REFUND_SENT,
        at=at,
        actor=SYSTEM,
        subject=row.id,
        data={
            "amount_minor": row.amount_minor,
            "currency": row.currency,
            "refund_id": row.id,
            "stripe_refund_id": refund.id,
            "reason": row.reason,
        },
    )


async def _count(session: AsyncSession, payment: PaymentRow, row: RefundRow, key: str, at: datetime) -> None:
    """It arrived: only now it counts as paid back."""
    row.state = RefundState.SUCCEEDED
    row.failure = None
    row.succeeded_at = row.updated_at = payment.updated_at = at
    payment.refunding_minor -= row.amount_minor
    payment.refunded_minor += row.amount_minor
    await append_event(
        session,
        order_id=row.order_id,
        business_key=key,
        kind=EventType.PAYMENT_REFUNDED,
        at=at,
        actor=STRIPE if row.route == RefundRoute.CARD else SYSTEM,
        subject=row.id,
        data={
            "amount_minor": row.amount_minor,
            "currency": row.currency,
            "refund_id": row.id,
            "route": row.route,
            "reference": row.reference,
        },
        next_step=await next_of_ended(session, row.order_id, WaitingOn.NOBODY, "the money is back with the customer"),
    )
    await issue_credit_note(session, row, at)


async def _take_back(
    session: AsyncSession, payment: PaymentRow, row: RefundRow, refund: RefundFacts, at: datetime
) -> None:
    """It failed, perhaps after it had counted; what had left our balance is back in it."""
    had_succeeded = row.state == RefundState.SUCCEEDED
    if refund.entry is not None:
        back = moved_money(refund.failure_entry, refund.id, amount_minor=refund.amount_minor, currency=refund.currency)
        await post_moved(
            session,
            entries.refund_returned(
                row.order_id, refund.amount_minor, pending=back.is_pending, had_succeeded=had_succeeded
            ),
            back,
            business_key=f"{row.id}:{refund.id}:returned",
            order_id=row.order_id,
            effective_at=at,
            stripe_object_id=refund.id,
        )
        row.returned_at = at
    if had_succeeded:
        payment.refunded_minor -= row.amount_minor
        payment.refunding_minor += row.amount_minor
        payment.updated_at = at
    await write_failure(session, row, refund.failure_reason or refund.status, f"{row.id}:{refund.id}:failed", at)
    if had_succeeded:
        await cancel_credit_note(session, row, at)


async def _customer_of(session: AsyncSession, row: RefundRow) -> str:
    order = await session.get_one(OrderRow, row.order_id)
    return order.customer_id


async def _post(
    session: AsyncSession, row: RefundRow, fact: Entry, key: str, at: datetime, *, stripe_object_id: str | None = None
) -> None:
    await post(
        session,
        fact,
        business_key=key,
        order_id=row.order_id,
        effective_at=at,
        currency=row.currency,
        stripe_object_id=stripe_object_id,
    )
