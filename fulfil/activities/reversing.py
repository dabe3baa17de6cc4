"""Taking a transfer back, for a refund or a chargeback: the reversal booked, or the refusal noted; each once."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.bookkeeping import moved_money
from fulfil.activities.mirroring import post_moved
from fulfil.activities.promises import refusal_key
from fulfil.activities.releasing import read_balance
from fulfil.gateways.stripe.facts import ReversalFacts
from fulfil.ledger import accounts, entries
from fulfil.models.messages.events import EventType
from fulfil.models.messages.parties import STRIPE, SYSTEM
from fulfil.models.tables.payments import TransferReversalRow, TransferRow
from fulfil.models.tables.timeline import append_event


@dataclass(frozen=True)
class TakeBack:
    """What is asked back of a provider's account for one job: `amount_minor`, of `share_minor` that she owes for it.

    `cause` is the kind of its cause (`refund` or `chargeback`), `cause_id` its id; `transfer_id` is None when there is
    no transfer to take it from.
    """

    key: str
    cause: str
    cause_id: str
    order_id: str
    job_id: str
    provider_id: str
    transfer_id: str | None
    amount_minor: int
    share_minor: int
    currency: str


async def book_reversal(session: AsyncSession, taken: TakeBack, reversal: ReversalFacts, at: datetime) -> bool:
    """Money of the provider's is back in our balance; False when that is written.

    What her later payouts were netted with meanwhile is owed to her again, and paid by the next reconciliation. The
    caller holds her row and the payment.
    """
    moved = moved_money(reversal.entry, reversal.id, amount_minor=reversal.amount_minor, currency=reversal.currency)
    receivable = await read_balance(session, accounts.receivable(taken.provider_id), reversal.currency)
    surplus = max(reversal.amount_minor - receivable, 0)
    posted = await post_moved(
        session,
        entries.transfer_reversed(taken.provider_id, reversal.amount_minor, pending=moved.is_pending, surplus=surplus),
        moved,
        business_key=taken.key,
        order_id=taken.order_id,
        effective_at=at,
        stripe_object_id=reversal.id,
    )
    if not posted:
        return False
    transfer = await session.get_one(TransferRow, reversal.transfer_id, with_for_update={"key_share": True})
    transfer.reversed_minor += reversal.amount_minor
    session.add(
        TransferReversalRow(
            id=reversal.id,
            transfer_id=transfer.id,
            order_id=taken.order_id,
            business_key=taken.key,
            cause_id=taken.cause_id,
            amount_minor=reversal.amount_minor,
            currency=reversal.currency,
            created_at=at,
        )
    )
    await append_event(
        session,
        order_id=taken.order_id,
        business_key=taken.key,
        kind=EventType.PAYMENT_TRANSFER_REVERSED,
        at=at,
        actor=SYSTEM,
        subject=taken.job_id,
        data={
            "amount_minor": reversal.amount_minor,
            "currency": reversal.currency,
            "transfer_id": transfer.id,
            "reversal_id": reversal.id,
            f"{taken.cause}_id": taken.cause_id,
            "owed_minor": max(taken.share_minor - reversal.amount_minor, 0),
        },
    )
    return True


async def note_refusal(session: AsyncSession, taken: TakeBack, why: str, at: datetime) -> None:
    """The share could not be taken back: the provider owes it, and it is kept from her next payouts or asked again."""
    await append_event(
        session,
        order_id=taken.order_id,
        business_key=refusal_key(taken.key),
        kind=EventType.PAYMENT_REVERSAL_REFUSED,
        at=at,
        actor=STRIPE if taken.transfer_id else SYSTEM,
        subject=taken.job_id,
        data={
            "provider_id": taken.provider_id,
            f"{taken.cause}_id": taken.cause_id,
            "cause": why,
            "transfer_id": taken.transfer_id,
            "asked_minor": taken.amount_minor,
            "owed_minor": taken.share_minor,
            "currency": taken.currency,
        },
    )
