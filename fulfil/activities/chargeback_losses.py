"""Who pays for a lost chargeback: what is held, then what was released (taken back pro rata), the rest is our loss."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.exceptions import ApplicationError

from fulfil.activities.chargeback_bookkeeping import balance_of
from fulfil.activities.issuing import correct_statement
from fulfil.activities.mirroring import post_moved
from fulfil.activities.releasing import read_balance
from fulfil.gateways.stripe.facts import ReversalFacts
from fulfil.ledger import accounts, entries
from fulfil.ledger.posting import post
from fulfil.ledger.refund_plans import spread
from fulfil.models.messages.chargebacks import ChargebackLoss, ChargebackState, TakenBackShare, TransferPart
from fulfil.models.messages.events import EventType
from fulfil.models.messages.parties import SYSTEM
from fulfil.models.messages.refunds import RefundAllocation
from fulfil.models.money import step_minor
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.jobs import JobRow
from fulfil.models.tables.ledger import LedgerPostingRow, LedgerTransactionRow
from fulfil.models.tables.payments import ChargebackRow, PaymentRow, TransferReversalRow, TransferRow
from fulfil.models.tables.timeline import append_event

RELEASES = ("release", "release_taken_back")
# What we owe a provider, and what she owes us.
PROVIDERS = (accounts.payable(""), accounts.receivable(""))
OVER = (ChargebackState.LOST, ChargebackState.CLOSED)


async def fix_loss(session: AsyncSession, row: ChargebackRow) -> ChargebackLoss | None:
    """The loss of a decided chargeback, worked out once; None when nothing is lost. The caller holds the payment.

    Raises a retryable `ApplicationError` while another loss of the order is being booked: it may take the same money.
    """
    if row.state not in OVER or row.closed_at is not None:
        return None
    if row.loss is not None:
        return ChargebackLoss.model_validate(row.loss)
    lost = await balance_of(session, row)
    if not lost:
        return None
    other = select(ChargebackRow.id).where(
        ChargebackRow.order_id == row.order_id,
        ChargebackRow.id != row.id,
        ChargebackRow.loss.is_not(None),
        ChargebackRow.closed_at.is_(None),
    )
    if await session.scalar(other.limit(1)) is not None:
        raise ApplicationError("another loss of this order is being booked", type="loss_being_booked")
    loss = await _work_out(session, row, lost)
    row.loss = loss.model_dump(mode="json")
    return loss


async def hold_providers(session: AsyncSession, loss: ChargebackLoss) -> None:
    """Lock the providers a loss is taken from, before the payment."""
    for provider_id in sorted({share.provider_id for share in loss.shares if share.provider_id}):
        await session.get_one(ProviderRow, provider_id, with_for_update={"key_share": True})


async def book_loss(
    session: AsyncSession,
    payment: PaymentRow,
    row: ChargebackRow,
    loss: ChargebackLoss,
    reversals: Mapping[str, ReversalFacts],
    at: datetime,
) -> dict[str, object]:
    """Release taken back, transfers reversed, the rest lost; what the timeline tells of it.

    `reversals` by transfer; the caller holds the providers and the payment.
    """
    for share in loss.shares:
        await post(
            session,
            entries.release_taken_back(
                row.order_id,
                share.provider_id or "",
                provider=share.provider_minor,
                commission=share.commission_minor,
                tax=share.tax_minor,
            ),
            business_key=f"{row.id}:taken_back:{share.provider_id or 'platform'}",
            order_id=row.order_id,
            effective_at=at,
            currency=payment.currency,
        )
    for part in loss.transfers:
        if part.transfer_id in reversals:
            await _book_reversal(session, row, part, reversals[part.transfer_id], at)
    taken_back = sum(_total(share) for share in loss.shares)
    await post(
        session,
        entries.chargeback_lost(row.id, row.order_id, held=loss.held_minor + taken_back, loss=loss.loss_minor),
        business_key=f"{row.id}:chargeback_lost",
        order_id=row.order_id,
        effective_at=at,
        currency=payment.currency,
        stripe_object_id=row.stripe_dispute_id,
    )
    for share in loss.shares:
        await _correct_statement(session, row, share, at)
    reversed_minor = sum(facts.amount_minor for facts in reversals.values())
    return {
        "held_minor": loss.held_minor,
        "taken_back_minor": taken_back,
        "reversed_minor": reversed_minor,
        "receivable_minor": sum(share.provider_minor for share in loss.shares) - reversed_minor,
        "loss_minor": loss.loss_minor,
    }


async def _correct_statement(session: AsyncSession, row: ChargebackRow, share: TakenBackShare, at: datetime) -> None:
    """The provider's statement told of a payout she does not keep; an order is made by one job of hers."""
    released = select(JobRow.id).where(
        JobRow.order_id == row.order_id, JobRow.provider_id == share.provider_id, JobRow.released_minor > 0
    )
    job_id = await session.scalar(released.order_by(JobRow.id).limit(1))
    if job_id is None:
        return
    part = RefundAllocation(
        line_id=None,
        released_minor=_total(share),
        provider_share_minor=share.provider_minor,
        commission_minor=share.commission_minor + share.tax_minor,
        commission_tax_minor=share.tax_minor,
        job_id=job_id,
        provider_id=share.provider_id,
    )
    await correct_statement(session, row.id, part, at)


@dataclass
class _Released:
    """What one provider's releases of the order have left after earlier take-backs."""

    provider: int = 0
    commission: int = 0
    tax: int = 0


async def _work_out(session: AsyncSession, row: ChargebackRow, lost: int) -> ChargebackLoss:
    held = min(lost, -await read_balance(session, accounts.held(row.order_id), row.currency))
    released = await _released(session, row.order_id)
    weights = [part for one in released.values() for part in (one.provider, one.commission, one.tax)]
    taken = min(lost - held, sum(weights))
    parts = iter(spread(taken, weights))
    step = step_minor(row.currency)
    shares: list[TakenBackShare] = []
    for provider_id, one in released.items():
        provider, commission, tax = next(parts), next(parts), next(parts)
        # A transfer is reversed in whole steps; the commission gives the rest, as far as there is any.
        moved = min(provider % step, one.commission - commission)
        share = TakenBackShare(
            provider_id=provider_id or None,
            provider_minor=provider - moved,
            commission_minor=commission + moved,
            tax_minor=tax,
        )
        if _total(share):
            shares.append(share)
    return ChargebackLoss(
        held_minor=held,
        shares=tuple(shares),
        transfers=tuple([part for share in shares for part in await _transfers(session, row, share)]),
        loss_minor=lost - held - taken,
    )


async def _released(session: AsyncSession, order_id: str) -> dict[str, _Released]:
    """By provider; one entry names at most one provider, by what we owe her or she owes us."""
    legs = (
        select(LedgerPostingRow.transaction_id, LedgerPostingRow.account, LedgerPostingRow.amount_minor)
        .join(LedgerTransactionRow, LedgerTransactionRow.id == LedgerPostingRow.transaction_id)
        .where(LedgerTransactionRow.order_id == order_id, LedgerTransactionRow.kind.in_(RELEASES))
        .order_by(LedgerPostingRow.id)
    )
    entries_of: dict[int, dict[str, int]] = defaultdict(dict)
    for transaction_id, account, amount in await session.execute(legs):
        entries_of[transaction_id][account] = amount
    released: dict[str, _Released] = defaultdict(_Released)
    for postings in entries_of.values():
        theirs = {account: amount for account, amount in postings.items() if account.startswith(PROVIDERS)}
        provider_id = next((account.rsplit(":", 1)[1] for account in theirs), "")
        one = released[provider_id]
        one.provider -= sum(theirs.values())
        one.commission -= postings.get(accounts.COMMISSION, 0)
        one.tax -= postings.get(accounts.COMMISSION_TAX, 0)
    return dict(sorted(released.items()))


async def _transfers(session: AsyncSession, row: ChargebackRow, share: TakenBackShare) -> list[TransferPart]:
    """Where the provider's share can be asked back from: what her transfers of the order have left.

    What the payment provider can't count in its smallest unit stays owed.
    """
    query = (
        select(TransferRow)
        .where(TransferRow.order_id == row.order_id, TransferRow.provider_id == share.provider_id)
        .order_by(TransferRow.created_at, TransferRow.id)
    )
    parts: list[TransferPart] = []
    wanted = share.provider_minor
    for transfer in await session.scalars(query):
        amount = min(wanted, transfer.amount_minor - transfer.reversed_minor)
        amount -= amount % step_minor(transfer.currency)
        wanted -= amount
        if amount:
            parts.append(
                TransferPart(
                    transfer_id=transfer.id,
                    job_id=transfer.job_id,
                    provider_id=transfer.provider_id,
                    amount_minor=amount,
                )
            )
    return parts


async def _book_reversal(
    session: AsyncSession, row: ChargebackRow, part: TransferPart, reversal: ReversalFacts, at: datetime
) -> None:
    if reversal.entry is None:
        raise ApplicationError(f"{reversal.id} has no balance transaction yet", type="reversal_unsettled")
    key = f"{row.id}:reversal:{part.job_id}"
    posted = await post_moved(
        session,
        entries.transfer_reversed(part.provider_id, reversal.amount_minor, pending=reversal.entry.is_pending),
        reversal.entry,
        business_key=key,
        order_id=row.order_id,
        effective_at=at,
        stripe_object_id=reversal.id,
    )
    if not posted:
        return
    transfer = await session.get_one(TransferRow, part.transfer_id, with_for_update={"key_share": True})
    transfer.reversed_minor += reversal.amount_minor
    session.add(
        TransferReversalRow(
            id=reversal.id,
            transfer_id=part.transfer_id,
            order_id=row.order_id,
            business_key=key,
            cause_id=row.id,
            amount_minor=reversal.amount_minor,
            currency=reversal.currency,
            created_at=at,
        )
    )
    await append_event(
        session,
        order_id=row.order_id,
        business_key=key,
        kind=EventType.PAYMENT_TRANSFER_REVERSED,
        at=at,
        actor=SYSTEM,
        subject=part.job_id,
        data={
            "amount_minor": reversal.amount_minor,
            "currency": reversal.currency,
            "transfer_id": part.transfer_id,
            "reversal_id": reversal.id,
            "chargeback_id": row.id,
        },
    )


def _total(share: TakenBackShare) -> int:
    return share.provider_minor + share.commission_minor + share.tax_minor
