"""Releasing: what is held of an approved job becomes the provider's share, our commission and the tax on it."""

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.issuing import issue_statement
from fulfil.activities.locking import HeldJob
from fulfil.activities.promises import promises_of
from fulfil.documents.taxes import tax_within
from fulfil.ledger import accounts, entries
from fulfil.ledger.line_money import less_taken
from fulfil.ledger.posting import post
from fulfil.ledger.refundable import lost_of_lines, read_parts
from fulfil.models.messages.documents import PlatformIdentity
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.parties import SYSTEM, WaitingOn
from fulfil.models.messages.refunds import RefundPlan
from fulfil.models.money import split_commission, step_minor
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.ledger import LedgerBalanceRow, LedgerTransactionRow
from fulfil.models.tables.payments import RefundRow
from fulfil.models.tables.timeline import append_event

PAY_PROVIDER = NextStep(who=WaitingOn.SYSTEM, what="pay the provider")


async def release_held(
    session: AsyncSession, held: HeldJob, provider: ProviderRow, at: datetime, platform: PlatformIdentity
) -> None:
    """Fix the shares in the job's columns and book them; what the provider owes is kept from her share.

    The caller holds job, provider, payment and order, in this order. Nothing is booked for a job refunded in full.
    Leaves the provider's statement; call it last, its series is the last lock.
    """
    job, line = held.job, held.line
    released = await held_of_job(session, held)
    payout, commission = split_commission(released, provider.commission_bp, line.currency)
    tax = tax_within(commission, provider.commission_tax_bp)
    netted = min(payout, await read_nettable(session, provider.id, line.currency))
    job.released_minor = released
    job.commission_minor, job.commission_tax_minor = commission, tax
    job.payout_minor, job.netted_minor = payout, netted
    job.payout_account_id = provider.stripe_account_id
    if released == 0:
        return
    release = entries.release(job.order_id, provider.id, provider=payout, commission=commission - tax, tax=tax)
    parts = [("release", release)]
    if netted:
        parts.append(("netting", entries.netting(provider.id, netted)))
    for what, entry in parts:
        await post(
            session,
            entry,
            business_key=f"{job.id}:{what}",
            order_id=job.order_id,
            effective_at=at,
            currency=line.currency,
        )
    await append_event(
        session,
        order_id=job.order_id,
        business_key=f"{job.id}:released",
        kind=EventType.PAYMENT_RELEASED,
        at=at,
        actor=SYSTEM,
        subject=job.id,
        # The customer reads the timeline: what the provider gets or owes is in the books and on her statement.
        data={"amount_minor": released, "currency": line.currency},
    )
    await issue_statement(session, job, at, platform)


async def held_of_job(session: AsyncSession, of: HeldJob) -> int:
    """The job's part of its line without what refunds and lost chargebacks took of it; at most what is held.

    The caller holds the payment.
    """
    job = of.job
    decided = exists().where(
        LedgerTransactionRow.order_id == job.order_id, LedgerTransactionRow.business_key == RefundRow.id + ":decided"
    )
    refunds = select(RefundRow.plan).where(RefundRow.order_id == job.order_id, decided)
    plans = [RefundPlan.model_validate(plan) for plan in await session.scalars(refunds)]
    taken = [part for plan in plans for part in plan.allocations] + await lost_of_lines(session, job.order_id)
    line = next(parts for parts in await read_parts(session, job.order_id) if parts[0].line_id == job.line_id)
    left = less_taken(line, [part for part in taken if part.line_id == job.line_id])
    held = -await read_balance(session, accounts.held(job.order_id), of.line.currency)
    return max(min(sum(part.held_minor for part in left if part.job_id == job.id), held), 0)


async def read_nettable(session: AsyncSession, provider_id: str, currency: str) -> int:
    """What a provider owes that may be kept from her payouts, in whole steps: what is left to transfer must travel.

    Not what is being taken back of her transfers right now, or she would pay it twice. The caller holds her row.
    """
    owed = await read_balance(session, accounts.receivable(provider_id), currency)
    promised = sum(promise.amount_minor for promise in await promises_of(session, provider_id, currency))
    free = max(owed - promised, 0)
    return free - free % step_minor(currency)


async def read_balance(session: AsyncSession, account: str, currency: str) -> int:
    """A guarded account's balance, signed; whoever changes it holds the payment or provider it belongs to."""
    balance = select(LedgerBalanceRow.balance_minor).where(
        LedgerBalanceRow.account == account, LedgerBalanceRow.currency == currency
    )
    return await session.scalar(balance) or 0
