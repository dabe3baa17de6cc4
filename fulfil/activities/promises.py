"""What is being asked back of transfers right now: promised to one refund, it can't be used for anything else."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.models.messages.refunds import RefundAllocation, RefundPlan, RefundState
from fulfil.models.tables.payments import RefundRow, TransferReversalRow
from fulfil.models.tables.timeline import EventRow


@dataclass(frozen=True)
class Promise:
    """A reversal that a booked refund asks for and Stripe has not answered, or not yet here."""

    provider_id: str
    transfer_id: str
    amount_minor: int


def reversal_key(refund_id: str, part: RefundAllocation) -> str:
    """The key of the one reversal a refund asks for per job."""
    return f"{refund_id}:reversal:{part.job_id}"


def refusal_key(key: str) -> str:
    """The key of the event that tells a reversal was refused, or never asked for."""
    return f"{key}:refused"


async def promises_of(session: AsyncSession, provider_id: str, currency: str) -> list[Promise]:
    """All unanswered reversals of a provider's transfers. Read them after the balance they are taken off."""
    hers = {"allocations": [{"provider_id": provider_id}]}
    booked = select(RefundRow).where(
        RefundRow.state == RefundState.SENT,
        RefundRow.sent_at.is_not(None),
        RefundRow.currency == currency,
        RefundRow.plan.contains(hers),
    )
    asked = {
        reversal_key(row.id, part): part
        for row in await session.scalars(booked)
        for part in RefundPlan.model_validate(row.plan).allocations
        if part.provider_id == provider_id and part.reversal_minor
    }
    answered = await _answered(session, asked)
    return [
        Promise(provider_id, part.transfer_id or "", part.reversal_minor)
        for key, part in asked.items()
        if key not in answered
    ]


async def _answered(session: AsyncSession, keys: Iterable[str]) -> set[str]:
    names = list(keys)
    done = await session.scalars(
        select(TransferReversalRow.business_key).where(TransferReversalRow.business_key.in_(names))
    )
    noted = {refusal_key(name): name for name in names}
    refused = await session.scalars(select(EventRow.business_key).where(EventRow.business_key.in_(noted)))
    return {*done, *(noted[key] for key in refused)}
