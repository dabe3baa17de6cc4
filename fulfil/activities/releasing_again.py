"""Releasing again what a failed refund or a reversed loss left with us: nothing of an order that ended stays held."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.issuing import issue_statement, read_platform, restore_statement
from fulfil.activities.locking import hold_providers
from fulfil.activities.releasing import read_balance
from fulfil.documents.taxes import tax_within
from fulfil.ledger import accounts, entries
from fulfil.ledger.posting import post
from fulfil.ledger.refundable import read_line_money
from fulfil.models.messages.events import EventType
from fulfil.models.messages.parties import SYSTEM
from fulfil.models.messages.refunds import RefundAllocation
from fulfil.models.money import split_commission, step_minor
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.jobs import JobRow
from fulfil.models.tables.timeline import append_event


async def give_back(
    session: AsyncSession, order_id: str, cause_id: str, part: RefundAllocation, currency: str, at: datetime
) -> None:
    """The shares that were taken back of one line are its provider's and ours again.

    Hers ends what she owes first; what is left of it is paid by the next reconciliation. The caller holds her row and
    the payment.
    """
    provider_id, share = part.provider_id or "", part.provider_share_minor
    owed = await read_balance(session, accounts.receivable(provider_id), currency)
    settled = min(share, owed - owed % step_minor(currency))
    restored = entries.release_restored(
        order_id,
        provider_id,
        settled=settled,
        payable=share - settled,
        commission=part.commission_minor - part.commission_tax_minor,
        tax=part.commission_tax_minor,
    )
    posted = await post(
        session,
        restored,
        business_key=f"{cause_id}:given_back:{part.job_id}",
        order_id=order_id,
        effective_at=at,
        currency=currency,
    )
    if posted:
        await _tell(session, order_id, cause_id, part, currency, at)
        await restore_statement(session, cause_id, part, at)


async def hold_jobs(session: AsyncSession, job_ids: Sequence[str]) -> None:
    """Lock jobs and then their providers, before the payment."""
    provider_ids: set[str] = set()
    for job_id in sorted(set(job_ids)):
        job = await session.get_one(JobRow, job_id, with_for_update={"key_share": True})
        provider_ids.update([job.provider_id] if job.provider_id else [])
    await hold_providers(session, provider_ids)


async def release_rest(session: AsyncSession, order_id: str, cause_id: str, currency: str, at: datetime) -> None:
    """What is held again of lines whose jobs were settled meanwhile is released, as their settling would have.

    The caller holds jobs, providers and payment.
    """
    rest = {line.job_id: line for line in await read_line_money(session, order_id) if line.held_minor > 0}
    settled = select(JobRow).where(
        JobRow.order_id == order_id, JobRow.id.in_([name for name in rest if name]), JobRow.released_minor.is_not(None)
    )
    for job in await session.scalars(settled.order_by(JobRow.id)):
        provider = await session.get_one(ProviderRow, job.provider_id)
        released = rest[job.id].held_minor
        payout, commission = split_commission(released, provider.commission_bp, currency)
        tax = tax_within(commission, provider.commission_tax_bp)
        posted = await post(
            session,
            entries.release(order_id, provider.id, provider=payout, commission=commission - tax, tax=tax),
            business_key=f"{cause_id}:released_again:{job.id}",
            order_id=order_id,
            effective_at=at,
            currency=currency,
        )
        if not posted:
            continue
        is_first = not job.released_minor
        job.released_minor = (job.released_minor or 0) + released
        job.commission_minor = (job.commission_minor or 0) + commission
        job.commission_tax_minor = (job.commission_tax_minor or 0) + tax
        job.payout_minor = (job.payout_minor or 0) + payout
        part = RefundAllocation(
            line_id=job.line_id,
            released_minor=released,
            provider_share_minor=payout,
            commission_minor=commission,
            commission_tax_minor=tax,
            job_id=job.id,
            provider_id=provider.id,
        )
        await _tell(session, order_id, cause_id, part, currency, at)
        platform = await read_platform(session, order_id)
        if not is_first:
            await restore_statement(session, cause_id, part, at)
        elif platform is not None:
            await issue_statement(session, job, at, platform)


async def _tell(
    session: AsyncSession, order_id: str, cause_id: str, part: RefundAllocation, currency: str, at: datetime
) -> None:
    await append_event(
        session,
        order_id=order_id,
        business_key=f"{cause_id}:released_again:{part.job_id}",
        kind=EventType.PAYMENT_RELEASED,
        at=at,
        actor=SYSTEM,
        subject=part.job_id or order_id,
        data={"amount_minor": part.released_minor, "currency": currency},
    )
