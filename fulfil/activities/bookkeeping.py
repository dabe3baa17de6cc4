"""Money facts: each function writes one with its ledger postings, payment row and timeline event, once.

Debit is positive. Every charge, transfer and refund at Stripe has exactly one transaction here; the business
keys are the ones the calls to Stripe carried, so whoever comes second finds the fact written. The caller holds
the payment's lock.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.exceptions import ApplicationError

from fulfil.gateways.stripe import PaymentIntentFacts, RefundFacts
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.parties import STRIPE, SYSTEM, WaitingOn
from fulfil.models.messages.payments import PaymentState
from fulfil.models.tables.ledger import LedgerTransactionRow, post
from fulfil.models.tables.payments import PaymentRow, RefundRow
from fulfil.models.tables.timeline import append_event

STRIPE_BALANCE = "asset:stripe"
COMMISSION = "revenue:commission"
STRIPE_FEE = "expense:stripe_fee"
AUTHORIZED_CONTRA = "memo:authorized_contra"
REFUND_FAILURES = ("failed", "canceled")


def authorized(order_id: str) -> str:
    """What a customer's bank holds for us; a memo, not yet money."""
    return f"memo:authorized:{order_id}"


def held(order_id: str) -> str:
    """What we owe for an order until it is released or refunded."""
    return f"liability:held:{order_id}"


def payable(provider_id: str) -> str:
    """What we owe a provider."""
    return f"liability:payable:{provider_id}"


def refund_due(order_id: str) -> str:
    """What is on its way back to a customer."""
    return f"liability:refund_due:{order_id}"


async def book_authorization(session: AsyncSession, payment: PaymentRow, at: datetime) -> None:
    """The customer's bank holds the amount."""
    await post(
        session,
        business_key=f"{payment.order_id}:authorization",
        kind="authorization",
        order_id=payment.order_id,
        effective_at=at,
        currency=payment.currency,
        postings={authorized(payment.order_id): payment.amount_minor, AUTHORIZED_CONTRA: -payment.amount_minor},
        stripe_object_id=payment.payment_intent_id,
    )
    payment.state = PaymentState.AUTHORIZED
    payment.decline_code = None
    payment.authorized_at = payment.updated_at = at
    await append_event(
        session,
        order_id=payment.order_id,
        business_key=f"{payment.order_id}:payment_authorized",
        kind=EventType.PAYMENT_AUTHORIZED,
        at=at,
        actor=STRIPE,
        subject=payment.order_id,
        data=_amount(payment),
    )


async def end_authorization(session: AsyncSession, payment: PaymentRow, at: datetime) -> bool:
    """The bank's hold ended, by capture or by release; False when none had been written."""
    key = f"{payment.order_id}:authorization"
    written = select(LedgerTransactionRow.id).where(LedgerTransactionRow.business_key == key)
    if await session.scalar(written) is None:
        return False
    await post(
        session,
        business_key=f"{payment.order_id}:authorization_ended",
        kind="authorization_ended",
        order_id=payment.order_id,
        effective_at=at,
        currency=payment.currency,
        postings={authorized(payment.order_id): -payment.amount_minor, AUTHORIZED_CONTRA: payment.amount_minor},
        stripe_object_id=payment.payment_intent_id,
    )
    return True


async def book_charge(session: AsyncSession, payment: PaymentRow, facts: PaymentIntentFacts, at: datetime) -> None:
    """The money was taken: Stripe holds it for us, we hold it for the order; Stripe's fee is ours."""
    if facts.charge_id is None:
        raise ApplicationError(f"{facts.id} is captured but names no charge", type="charge_unknown")
    await end_authorization(session, payment, at)
    await post(
        session,
        business_key=f"{payment.order_id}:charge",
        kind="charge",
        order_id=payment.order_id,
        effective_at=at,
        currency=payment.currency,
        postings={STRIPE_BALANCE: facts.amount_minor, held(payment.order_id): -facts.amount_minor},
        stripe_object_id=facts.charge_id,
    )
    if facts.fee_minor and facts.balance_transaction_id:
        await post(
            session,
            business_key=f"{payment.order_id}:stripe_fee",
            kind="stripe_fee",
            order_id=payment.order_id,
            effective_at=at,
            currency=payment.currency,
            postings={STRIPE_FEE: facts.fee_minor, STRIPE_BALANCE: -facts.fee_minor},
            stripe_object_id=facts.balance_transaction_id,
        )
    if payment.captured_at is None:
        payment.state = PaymentState.CAPTURED
        payment.charge_id = facts.charge_id
        payment.captured_at = payment.updated_at = at
    await append_event(
        session,
        order_id=payment.order_id,
        business_key=f"{payment.order_id}:payment_captured",
        kind=EventType.PAYMENT_CAPTURED,
        at=at,
        actor=SYSTEM,
        subject=payment.order_id,
        data=_amount(payment),
    )


async def book_void(session: AsyncSession, payment: PaymentRow, *, was_authorized: bool, at: datetime) -> bool:
    """The payment intent is cancelled; True when a hold of the customer's money ended by it."""
    written = await end_authorization(session, payment, at)
    if payment.state != PaymentState.CANCELLED:
        payment.state = PaymentState.CANCELLED
        payment.updated_at = at
    if not (written or was_authorized):
        return False
    await append_event(
        session,
        order_id=payment.order_id,
        business_key=f"{payment.order_id}:payment_voided",
        kind=EventType.PAYMENT_VOIDED,
        at=at,
        actor=SYSTEM,
        subject=payment.order_id,
        data=_amount(payment),
    )
    return True


async def book_refund(
    session: AsyncSession, payment: PaymentRow, refund: RefundFacts, business_key: str, reason: str, at: datetime
) -> RefundRow:
    """Money is on its way back; when Stripe says so already, it has arrived."""
    await session.execute(
        insert(RefundRow)
        .values(
            id=refund.id,
            order_id=payment.order_id,
            business_key=business_key,
            amount_minor=refund.amount_minor,
            currency=refund.currency,
            state="sent",
            created_at=at,
        )
        .on_conflict_do_nothing(index_elements=["business_key"])
    )
    await post(
        session,
        business_key=business_key,
        kind="refund_sent",
        order_id=payment.order_id,
        effective_at=at,
        currency=refund.currency,
        postings={held(payment.order_id): refund.amount_minor, refund_due(payment.order_id): -refund.amount_minor},
        stripe_object_id=refund.id,
    )
    await append_event(
        session,
        order_id=payment.order_id,
        business_key=f"{business_key}:sent",
        kind=EventType.PAYMENT_REFUND_SENT,
        at=at,
        actor=SYSTEM,
        subject=payment.order_id,
        data={**_money(refund), "refund_id": refund.id, "reason": reason},
    )
    return await settle_refund(session, payment, refund, at)


async def settle_refund(session: AsyncSession, payment: PaymentRow, refund: RefundFacts, at: datetime) -> RefundRow:
    """Write what became of a refund; it counts as refunded only when Stripe says `succeeded`."""
    row = await session.get_one(RefundRow, refund.id, with_for_update={"key_share": True})
    if refund.status in REFUND_FAILURES:
        row.state = "failed"
    if refund.status != "succeeded" or row.state == "succeeded":
        return row
    row.state = "succeeded"
    payment.refunded_minor += refund.amount_minor
    payment.updated_at = at
    await post(
        session,
        business_key=f"{row.business_key}:succeeded",
        kind="refund_succeeded",
        order_id=payment.order_id,
        effective_at=at,
        currency=refund.currency,
        postings={refund_due(payment.order_id): refund.amount_minor, STRIPE_BALANCE: -refund.amount_minor},
        stripe_object_id=refund.id,
    )
    await append_event(
        session,
        order_id=payment.order_id,
        business_key=f"{row.business_key}:succeeded",
        kind=EventType.PAYMENT_REFUNDED,
        at=at,
        actor=STRIPE,
        subject=payment.order_id,
        data={**_money(refund), "refund_id": refund.id},
        next_step=NextStep(who=WaitingOn.NOBODY, what="the money is back with the customer"),
    )
    return row


def _amount(payment: PaymentRow) -> dict[str, object]:
    return {"amount_minor": payment.amount_minor, "currency": payment.currency}


def _money(refund: RefundFacts) -> dict[str, object]:
    return {"amount_minor": refund.amount_minor, "currency": refund.currency}
