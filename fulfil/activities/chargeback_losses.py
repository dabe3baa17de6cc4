"""Who pays for a lost chargeback: what is held, then what was released (taken back pro rata), the rest is our loss."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.exceptions import ApplicationError

from fulfil.activities.chargeback_bookkeeping import balance_of, cause_of
from fulfil.activities.issuing import correct_statement
from fulfil.activities.promises import promises_of
from fulfil.activities.releasing import read_balance
from fulfil.activities.releasing_again import hold_jobs
from fulfil.activities.reversing import TakeBack, book_reversal, note_refusal
from fulfil.gateways.stripe.facts import ReversalFacts
from fulfil.ledger import accounts, entries
from fulfil.ledger.line_money import spread, take
from fulfil.ledger.posting import post
from fulfil.ledger.refundable import read_line_money
from fulfil.models.messages.chargebacks import ChargebackLoss, ChargebackState, TakenBackShare, TransferPart
from fulfil.models.messages.refunds import RefundAllocation
from fulfil.models.money import step_minor
from fulfil.models.tables.ledger import LedgerTransactionRow
from fulfil.models.tables.payments import ChargebackRow, PaymentRow, TransferRow

OVER = (ChargebackState.LOST, ChargebackState.CLOSED)
LOST = "chargeback_lost"


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


async def hold_shares(session: AsyncSession, chargeback_id: str) -> None:
    """Lock the jobs and providers a loss that is fixed takes from, before the payment."""
    stored = await session.scalar(select(ChargebackRow.loss).where(ChargebackRow.id == chargeback_id))
    loss = ChargebackLoss.model_validate(stored) if stored is not None else ChargebackLoss()
    await hold_jobs(session, [part.job_id for part in loss.allocations if part.job_id is not None])


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
    cause = cause_of(row, loss)
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
            business_key=f"{cause}:taken_back:{share.provider_id or 'platform'}",
            order_id=row.order_id,
            effective_at=at,
            currency=payment.currency,
        )
    for part in loss.transfers:
        if part.transfer_id in reversals:
            await book_reversal(session, take_back_of(row, part), reversals[part.transfer_id], at)
        else:
            await note_refusal(session, take_back_of(row, part), "refused", at)
    taken_back = sum(_total(share) for share in loss.shares)
    await post(
        session,
        entries.chargeback_lost(row.id, row.order_id, held=loss.held_minor + taken_back, loss=loss.loss_minor),
        business_key=f"{cause}:{LOST}",
        order_id=row.order_id,
        effective_at=at,
        currency=payment.currency,
    )
    for taken in loss.allocations:
        await correct_statement(session, cause, taken, at, charged_back=True)
    reversed_minor = sum(facts.amount_minor for facts in reversals.values())
    return {
        "held_minor": loss.held_minor,
        "taken_back_minor": taken_back,
        "reversed_minor": reversed_minor,
        "receivable_minor": sum(share.provider_minor for share in loss.shares) - reversed_minor,
        "loss_minor": loss.loss_minor,
    }


def take_back_of(row: ChargebackRow, part: TransferPart) -> TakeBack:
    """What a loss asks back of one transfer."""
    return TakeBack(
        key=part.key,
        cause="chargeback",
        cause_id=row.id,
        order_id=row.order_id,
        job_id=part.job_id,
        provider_id=part.provider_id,
        transfer_id=part.transfer_id,
        amount_minor=part.amount_minor,
        share_minor=part.amount_minor,
        currency=row.currency,
    )


async def _work_out(session: AsyncSession, row: ChargebackRow, lost: int) -> ChargebackLoss:
    """Spread over the lines: what is held of them in proportion, then what was released of them in proportion."""
    held = min(lost, -await read_balance(session, accounts.held(row.order_id), row.currency))
    lines = await read_line_money(session, row.order_id)
    step = step_minor(row.currency)
    held_of = [max(line.held_minor, 0) for line in lines]
    released_of = [line.released_minor for line in lines]
    taken = min(lost - held, sum(released_of))
    allocations: list[RefundAllocation] = []
    parts = zip(lines, spread(min(held, sum(held_of)), held_of, step), spread(taken, released_of, step), strict=True)
    for line, of_held, of_released in parts:
        if of_held or of_released:
            allocations.append(take(replace(line, held_minor=of_held), of_held + of_released))
    shares = _shares(allocations)
    number = 1 + await _earlier_losses(session, row)
    loss = ChargebackLoss(
        held_minor=held,
        shares=shares,
        loss_minor=lost - held - taken,
        allocations=tuple(allocations),
        number=number,
    )
    transfers = [part for share in shares for part in await _transfers(session, row, cause_of(row, loss), share)]
    return loss.model_copy(update={"transfers": tuple(transfers)})


def _shares(allocations: Sequence[RefundAllocation]) -> tuple[TakenBackShare, ...]:
    """What was released, by provider."""
    shares: dict[str, TakenBackShare] = {}
    for part in allocations:
        if part.released_minor and part.provider_id is not None:
            share = shares.get(part.provider_id, TakenBackShare(provider_id=part.provider_id))
            commission = part.commission_minor - part.commission_tax_minor
            shares[part.provider_id] = TakenBackShare(
                provider_id=part.provider_id,
                provider_minor=share.provider_minor + part.provider_share_minor,
                commission_minor=share.commission_minor + commission,
                tax_minor=share.tax_minor + part.commission_tax_minor,
            )
    return tuple(shares[provider_id] for provider_id in sorted(shares))


async def _earlier_losses(session: AsyncSession, row: ChargebackRow) -> int:
    """Losses of this chargeback that were booked, and undone when the bank turned its decision."""
    booked = select(func.count()).where(
        LedgerTransactionRow.order_id == row.order_id,
        LedgerTransactionRow.kind == LOST,
        LedgerTransactionRow.business_key.startswith(f"{row.id}:"),
    )
    return await session.scalar(booked) or 0


async def _transfers(
    session: AsyncSession, row: ChargebackRow, cause: str, share: TakenBackShare
) -> list[TransferPart]:
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
    promises = await promises_of(session, share.provider_id or "", row.currency)
    for transfer in await session.scalars(query):
        promised = sum(promise.amount_minor for promise in promises if promise.transfer_id == transfer.id)
        amount = min(wanted, max(transfer.amount_minor - transfer.reversed_minor - promised, 0))
        amount -= amount % step_minor(transfer.currency)
        wanted -= amount
        if amount:
            key = f"{cause}:reversal:{transfer.job_id}"
            parts.append(
                TransferPart(
                    transfer_id=transfer.id,
                    job_id=transfer.job_id,
                    provider_id=transfer.provider_id,
                    amount_minor=amount,
                    key=key if key not in {part.key for part in parts} else f"{key}:{transfer.id}",
                )
            )
    return parts


def _total(share: TakenBackShare) -> int:
    return share.provider_minor + share.commission_minor + share.tax_minor
