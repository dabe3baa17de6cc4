"""What a provider and the platform owe each other apart from settlements: collected by reversals, paid by transfers.

Both begin with what stands in the ledger and at Stripe, so they can be run again from the beginning at any time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, or_, select, text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.bookkeeping import moved_money
from fulfil.activities.locking import hold_payment, hold_providers
from fulfil.activities.mirroring import post_moved
from fulfil.activities.promises import promises_of
from fulfil.activities.releasing import read_nettable
from fulfil.activities.releasing_again import hold_jobs
from fulfil.activities.reversing import TakeBack, book_reversal
from fulfil.gateways.stripe.errors import StripeMisconfiguredError, StripeRefusedError
from fulfil.gateways.stripe.facts import ReversalFacts, TransferFacts
from fulfil.gateways.stripe.gateway import StripeGateway
from fulfil.kit.database import Database
from fulfil.ledger import entries
from fulfil.ledger.posting import post
from fulfil.models.messages.events import EventType
from fulfil.models.messages.parties import SYSTEM
from fulfil.models.money import step_minor
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.jobs import JobRow
from fulfil.models.tables.ledger import LedgerPostingRow, LedgerTransactionRow
from fulfil.models.tables.payments import TransferReversalRow, TransferRow
from fulfil.models.tables.timeline import append_event

log = structlog.stdlib.get_logger(__name__)

HOUR = timedelta(hours=1)
# Refused reversals of providers that still owe; what was given up meanwhile is owed no more.
REFUSED = text("""
SELECT e.business_key, e.order_id, e.subject AS job_id, e.at, e.data ->> 'provider_id' AS provider_id,
    e.data ->> 'transfer_id' AS transfer_id, (e.data ->> 'asked_minor')::bigint AS asked_minor,
    e.data ->> 'currency' AS currency, e.data ->> 'refund_id' AS refund_id, e.data ->> 'chargeback_id' AS chargeback_id
FROM ledger_balances b
JOIN transfers t ON 'asset:receivable:' || t.provider_id = b.account AND t.currency = b.currency
JOIN events e ON e.order_id = t.order_id AND e.type = 'payment.reversal_refused' AND e.data ->> 'transfer_id' = t.id
LEFT JOIN refunds r ON r.id = e.data ->> 'refund_id'
LEFT JOIN chargebacks c ON c.id = e.data ->> 'chargeback_id'
WHERE b.account LIKE 'asset:receivable:%' AND b.balance_minor > 0
    AND (r.state <> 'rejected' OR c.loss IS NOT NULL)
ORDER BY e.offset
""")
# What a provider is owed outside of her jobs' own settlements, and no transfer has paid yet.
OWED = text("""
SELECT t.business_key, t.order_id, substring(t.business_key FROM 'job_[^:]+') AS job_id, p.currency,
    -p.amount_minor AS amount_minor, substr(p.account, length('liability:payable:') + 1) AS provider_id
FROM ledger_balances b
JOIN ledger_postings p ON p.account = b.account AND p.currency = b.currency AND p.amount_minor < 0
JOIN ledger_transactions t ON t.id = p.transaction_id
JOIN payments y ON y.order_id = t.order_id AND y.frozen_at IS NULL
WHERE b.account LIKE 'liability:payable:%' AND b.balance_minor < 0 AND t.reverses IS NULL
    AND (t.kind IN ('release_restored', 'transfer_reversed')
        OR t.business_key LIKE '%\\:released!_again\\:%' ESCAPE '!')
    AND NOT EXISTS (SELECT FROM transfers x WHERE x.business_key = t.business_key || '\\:transfer')
    AND NOT EXISTS (
        SELECT FROM ledger_transactions n JOIN ledger_postings kept ON kept.transaction_id = n.id
        WHERE n.business_key = t.business_key || '\\:netting' AND kept.account = p.account
            AND kept.amount_minor = -p.amount_minor
    )
    AND NOT EXISTS (SELECT FROM ledger_transactions c WHERE c.reverses = t.id)
ORDER BY t.id
""")


@dataclass(frozen=True)
class ProviderDebts:
    """Collects what refused reversals left owing, and pays what is owed to providers."""

    database: Database
    gateway: StripeGateway
    clock: Callable[[], datetime]

    async def refused(self) -> list[TakeBack]:
        """Reversals that were refused and whose provider still owes, oldest first; each under this hour's key."""
        async with self.database.begin() as session:
            rows = (await session.execute(REFUSED)).all()
        return [self._take_back(row) for row in rows]

    async def collect(self, asked: TakeBack) -> bool:
        """Ask once more for what is still owed of it; False while the account can't pay, or nothing is owed."""
        booked = await self._book_found(asked)
        async with self.database.begin() as session:
            amount = await self._still_owed(session, asked)
        if not amount:
            return booked
        try:
            reversal = await self.gateway.reverse_transfer(
                asked.transfer_id or "",
                amount_minor=amount,
                order_id=asked.order_id,
                refund_id=asked.cause_id,
                idempotency_key=asked.key,
            )
        except (StripeRefusedError, StripeMisconfiguredError) as refused:
            # Netted since this hour's first attempt, the amount is another one: the next hour has a new key.
            log.info("not collected", transfer=asked.transfer_id, cause=str(refused))
            return booked
        return await self._book(asked, reversal) or booked

    async def owed(self) -> list[Row[tuple[str, str, str, str, int, str]]]:
        """What no transfer has paid yet of what was given back to providers, oldest first."""
        async with self.database.begin() as session:
            return list((await session.execute(OWED)).all())

    async def pay(self, due: Row[tuple[str, str, str, str, int, str]]) -> bool:
        """Transfer it from what is available, less what she owes; False while Stripe refuses, or she has no account."""
        key = f"{due.business_key}:transfer"
        try:
            transfer = await self.gateway.find_transfer(due.order_id, idempotency_key=key)
            if transfer is None:
                netted = await self._net(due)
                if netted == due.amount_minor:
                    return True
                transfer = await self._transfer(due, due.amount_minor - netted, f"{key}:{netted}" if netted else key)
        except StripeRefusedError as refused:
            log.warning("not paid", provider_id=due.provider_id, cause=str(refused))
            return False
        if transfer is None:
            return False
        async with self.database.begin() as session:
            await hold_providers(session, [due.provider_id])
            await hold_payment(session, due.order_id)
            await _book_transfer(session, due, key, transfer, self.clock())
        return True

    async def _net(self, due: Row[tuple[str, str, str, str, int, str]]) -> int:
        """Keep what she owes of it, once; how much was kept."""
        key = f"{due.business_key}:netting"
        kept = (
            select(func.coalesce(func.sum(LedgerPostingRow.amount_minor), 0))
            .join(LedgerTransactionRow, LedgerTransactionRow.id == LedgerPostingRow.transaction_id)
            .where(LedgerTransactionRow.business_key == key, LedgerPostingRow.amount_minor > 0)
        )
        async with self.database.begin() as session:
            await hold_jobs(session, [due.job_id])
            await hold_payment(session, due.order_id)
            netted = min(due.amount_minor, await read_nettable(session, due.provider_id, due.currency))
            if netted and await post(
                session,
                entries.netting(due.provider_id, netted),
                business_key=key,
                order_id=due.order_id,
                effective_at=self.clock(),
                currency=due.currency,
            ):
                job = await session.get_one(JobRow, due.job_id)
                job.netted_minor = (job.netted_minor or 0) + netted
            return int(await session.scalar(kept) or 0)

    async def _transfer(
        self, due: Row[tuple[str, str, str, str, int, str]], amount_minor: int, key: str
    ) -> TransferFacts | None:
        """None for a provider without an account."""
        async with self.database.begin() as session:
            account_id = (await session.get_one(ProviderRow, due.provider_id)).stripe_account_id
        if account_id is None:
            return None
        return await self.gateway.find_transfer(
            due.order_id, idempotency_key=key
        ) or await self.gateway.create_transfer(
            order_id=due.order_id,
            amount_minor=amount_minor,
            currency=due.currency,
            destination=account_id,
            source_charge_id=None,
            idempotency_key=key,
            metadata={"given_back_of": due.job_id, "provider_id": due.provider_id},
        )

    def _take_back(self, row: Row[tuple[object, ...]]) -> TakeBack:
        number = 1 + int((self.clock() - row.at) / HOUR)
        return TakeBack(
            key=f"{row.business_key.removesuffix(':refused')}:{number}",
            cause="refund" if row.refund_id else "chargeback",
            cause_id=row.refund_id or row.chargeback_id,
            order_id=row.order_id,
            job_id=row.job_id,
            provider_id=row.provider_id,
            transfer_id=row.transfer_id,
            amount_minor=row.asked_minor,
            share_minor=row.asked_minor,
            currency=row.currency,
        )

    async def _book_found(self, asked: TakeBack) -> bool:
        """Book what an attempt of before has taken although its answer was lost."""
        stem = asked.key.rpartition(":")[0]
        booked = False
        for reversal in await self.gateway.list_reversals(asked.transfer_id or ""):
            if reversal.key is not None and reversal.key.rpartition(":")[0] == stem:
                booked = await self._book(asked, reversal) or booked
        return booked

    async def _still_owed(self, session: AsyncSession, asked: TakeBack) -> int:
        """What of it neither came back, nor was netted, nor is promised to another refund; in whole steps."""
        transfer = await session.get_one(TransferRow, asked.transfer_id)
        stem = asked.key.rpartition(":")[0]
        came = select(func.coalesce(func.sum(TransferReversalRow.amount_minor), 0)).where(
            TransferReversalRow.transfer_id == transfer.id,
            or_(TransferReversalRow.business_key == stem, TransferReversalRow.business_key.startswith(f"{stem}:")),
        )
        promises = await promises_of(session, asked.provider_id, asked.currency)
        promised = sum(promise.amount_minor for promise in promises if promise.transfer_id == transfer.id)
        amount = min(
            asked.amount_minor - int(await session.scalar(came) or 0),
            transfer.amount_minor - transfer.reversed_minor - promised,
            await read_nettable(session, asked.provider_id, asked.currency),
        )
        return max(amount - amount % step_minor(asked.currency), 0)

    async def _book(self, asked: TakeBack, reversal: ReversalFacts) -> bool:
        async with self.database.begin() as session:
            known = select(TransferReversalRow.id).where(TransferReversalRow.id == reversal.id)
            if await session.scalar(known) is not None:
                return False
            await hold_providers(session, [asked.provider_id])
            await hold_payment(session, asked.order_id)
            return await book_reversal(session, asked, reversal, self.clock())


async def _book_transfer(
    session: AsyncSession,
    due: Row[tuple[str, str, str, str, int, str]],
    key: str,
    transfer: TransferFacts,
    at: datetime,
) -> None:
    moved = moved_money(transfer.entry, transfer.id, amount_minor=-transfer.amount_minor, currency=due.currency)
    posted = await post_moved(
        session,
        entries.transfer(due.provider_id, transfer.amount_minor, pending=moved.is_pending),
        moved,
        business_key=key,
        order_id=due.order_id,
        effective_at=at,
        stripe_object_id=transfer.id,
    )
    if not posted:
        return
    session.add(
        TransferRow(
            id=transfer.id,
            order_id=due.order_id,
            job_id=due.job_id,
            provider_id=due.provider_id,
            business_key=key,
            amount_minor=transfer.amount_minor,
            commission_minor=0,
            netted_minor=0,
            currency=due.currency,
            created_at=at,
        )
    )
    await append_event(
        session,
        order_id=due.order_id,
        business_key=key,
        kind=EventType.PAYMENT_TRANSFERRED,
        at=at,
        actor=SYSTEM,
        subject=due.job_id,
        data={"provider_id": due.provider_id, "transfer_id": transfer.id},
    )
