"""Money facts of a payment: each function writes one with its ledger postings, payment row and timeline event, once.

The business keys are the ones the calls to Stripe carried, so whoever comes second finds the fact written. The
caller holds the payment's lock.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.exceptions import ApplicationError

from fulfil.activities.issuing import issue_invoice
from fulfil.activities.mirroring import post_moved
from fulfil.gateways.stripe.facts import BalanceEntry, PaymentIntentFacts
from fulfil.ledger import entries
from fulfil.ledger.posting import post
from fulfil.models.messages.documents import PlatformIdentity
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.parties import STRIPE, SYSTEM, WaitingOn
from fulfil.models.messages.payments import PaymentState
from fulfil.models.money import format_money
from fulfil.models.tables.ledger import LedgerTransactionRow
from fulfil.models.tables.payments import PaymentRow
from fulfil.models.tables.timeline import append_event

UNPAID = (PaymentState.REQUIRES_PAYMENT, PaymentState.REQUIRES_ACTION, PaymentState.FAILED)


def moved_money(entry: BalanceEntry | None, source_id: str, *, amount_minor: int, currency: str) -> BalanceEntry:
    """The provider's own entry of what it moved; no fact is booked without it, or against another amount.

    `amount_minor` is signed as on our balance. Raises a retryable `entry_unknown` while Stripe has not written it.
    """
    if entry is None:
        raise ApplicationError(f"{source_id} has no balance transaction yet", type="entry_unknown")
    if (entry.amount_minor, entry.currency) != (amount_minor, currency):
        raise ApplicationError(
            f"{source_id} moved {format_money(entry.amount_minor, entry.currency)} on the balance, not "
            f"{format_money(amount_minor, currency)}: let the Stripe account settle in this currency",
            type="entry_differs",
            non_retryable=True,
        )
    return entry


async def book_authorization(
    session: AsyncSession, payment: PaymentRow, at: datetime, capture_before: datetime | None = None
) -> None:
    """The customer's bank holds the amount, until `capture_before`."""
    await post(
        session,
        entries.authorization(payment.order_id, payment.amount_minor),
        business_key=f"{payment.order_id}:authorization",
        order_id=payment.order_id,
        effective_at=at,
        currency=payment.currency,
        stripe_object_id=payment.payment_intent_id,
    )
    if payment.authorized_at is None:
        payment.state = PaymentState.AUTHORIZED
        payment.decline_code = None
        payment.capture_before = capture_before
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
        entries.authorization_ended(payment.order_id, payment.amount_minor),
        business_key=f"{payment.order_id}:authorization_ended",
        order_id=payment.order_id,
        effective_at=at,
        currency=payment.currency,
        stripe_object_id=payment.payment_intent_id,
    )
    return True


async def book_charge(
    session: AsyncSession, payment: PaymentRow, facts: PaymentIntentFacts, at: datetime, platform: PlatformIdentity
) -> None:
    """The money was taken: Stripe holds it for us, we hold it for the order; Stripe's fee is ours.

    Leaves the invoice and its receipt; call it last, their series are the last locks.
    """
    if facts.charge_id is None:
        raise ApplicationError(f"{facts.id} is captured but names no charge", type="charge_unknown")
    moved = moved_money(facts.entry, facts.charge_id, amount_minor=payment.amount_minor, currency=payment.currency)
    await end_authorization(session, payment, at)
    await post_moved(
        session,
        entries.charge(payment.order_id, moved.amount_minor, pending=moved.is_pending),
        moved,
        business_key=f"{payment.order_id}:charge",
        order_id=payment.order_id,
        effective_at=at,
        stripe_object_id=facts.charge_id,
    )
    if moved.fee_minor:
        await post_moved(
            session,
            entries.stripe_fee(moved.fee_minor, pending=moved.is_pending),
            moved,
            business_key=f"{payment.order_id}:stripe_fee",
            order_id=payment.order_id,
            effective_at=at,
            stripe_object_id=moved.id,
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
    await issue_invoice(session, payment, at, platform)


async def book_capture(
    session: AsyncSession, payment: PaymentRow, facts: PaymentIntentFacts, at: datetime, platform: PlatformIdentity
) -> bool:
    """What came of a capture: the charge, or the loss of the hold (False)."""
    if facts.status != "succeeded":
        await book_lost_payment(session, payment, facts, at)
        return False
    if payment.authorized_at is None:  # captured before anything was opened
        await book_authorization(session, payment, at, facts.capture_before)
    await book_charge(session, payment, facts, at, platform)
    return True


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


async def book_lost_payment(
    session: AsyncSession, payment: PaymentRow, facts: PaymentIntentFacts, at: datetime
) -> None:
    """The authorised money can't be taken (any more)."""
    if facts.status == "canceled":
        await book_void(session, payment, was_authorized=True, at=at)
    else:
        payment.state = PaymentState.FAILED
        payment.updated_at = at
    await append_event(
        session,
        order_id=payment.order_id,
        business_key=f"{payment.order_id}:payment_lost",
        kind=EventType.PAYMENT_FAILED,
        at=at,
        actor=STRIPE,
        subject=payment.order_id,
        data={"status": facts.status, "decline_code": facts.decline_code},
        next_step=NextStep(who=WaitingOn.SYSTEM, what="call the order off"),
    )


def _amount(payment: PaymentRow) -> dict[str, object]:
    return {"amount_minor": payment.amount_minor, "currency": payment.currency}
