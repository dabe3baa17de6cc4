"""The reconciliation activities: missed events fetched, the provider's books mirrored and booked, all of it checked."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity
from temporalio.client import Client

from fulfil.activities.mirroring import mirror
from fulfil.activities.provider_books import ProviderBooks
from fulfil.activities.provider_debts import ProviderDebts
from fulfil.activities.returning import scope_of_held
from fulfil.activities.stripe_truth import StripeTruth
from fulfil.activities.telling import start_refund
from fulfil.gateways.stripe.facts import BalanceFacts
from fulfil.gateways.stripe.gateway import StripeGateway
from fulfil.gateways.stripe.webhooks import StripeEvent
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.ledger import entries
from fulfil.ledger.anchors import anchor
from fulfil.ledger.checks import check_books
from fulfil.ledger.posting import LOCK_PLATFORM_CHAIN, post
from fulfil.models.ids import derived_id
from fulfil.models.messages.documents import PlatformIdentity
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.parties import SYSTEM, WaitingOn
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.reconciliation import FindingKind, ReconcileMoney, ReconciliationReport, ReconciliationStep
from fulfil.models.messages.refunds import RefundReason, StartRefund
from fulfil.models.tables.ledger import BalanceTransactionRow, LedgerTransactionRow, ReconciliationRow
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.payments import StripeEventRow
from fulfil.models.tables.timeline import append_event
from fulfil.workflows.ports.reconciliation import ReconciliationActivities

Item = TypeVar("Item")

# What was written around the beginning of the last look may not have been listed yet.
OVERLAP = timedelta(hours=1)
# Stripe keeps its events for 30 days; an installation that never looked before starts there.
FIRST_LOOK = timedelta(days=30)
BATCH = 100
# Whose money stands with us for long: captured, not frozen, and still held.
LONG_HELD = text("""
SELECT p.order_id, p.captured_at, -b.balance_minor AS held_minor, p.currency
FROM payments p
JOIN ledger_balances b ON b.account = 'liability:held:' || p.order_id AND b.currency = p.currency
WHERE p.captured_at < :before AND p.frozen_at IS NULL AND b.balance_minor < 0
ORDER BY p.captured_at
""")


class StripeReconciliationActivities(ReconciliationActivities):
    """Pages through the provider's lists, and leaves every effect to the code that webhooks reach as well."""

    def __init__(
        self,
        database: Database,
        gateway: StripeGateway,
        client: Client,
        clock: Callable[[], datetime] = utc_now,
        *,
        platform: PlatformIdentity,
    ) -> None:
        """`platform` is who stands on the documents that money leaves behind."""
        self._database = database
        self._gateway = gateway
        self._client = client
        self._clock = clock
        self._debts = ProviderDebts(database, gateway, clock)
        self._books = ProviderBooks(StripeTruth(database, gateway, client, clock), platform)

    @activity.defn
    async def backfill_events(self, request: ReconcileMoney) -> ReconciliationStep:
        """Store the events whose webhooks never came; the relay acts on them as on any other."""
        since = await self._since(request)
        looked_at = missed = 0
        async for events in _batches(self._gateway.list_events(since=since)):
            activity.heartbeat()
            looked_at += len(events)
            async with self._database.begin() as session:
                missed += await _store_missed(session, events, self._clock())
        return ReconciliationStep(looked_at=looked_at, repaired=missed)

    @activity.defn
    async def mirror_balance_transactions(self, request: ReconcileMoney) -> ReconciliationStep:
        """Copy the provider's balance transactions; book what ours lack, through their re-read objects."""
        since = await self._since(request)
        looked_at = repaired = 0
        async for listed in _batches(self._gateway.list_balance_entries(since=since)):
            activity.heartbeat()
            looked_at += len(listed)
            async with self._database.begin() as session:
                for moved in listed:
                    await mirror(session, moved, listed_at=self._clock())
            for moved in await self._books.unbooked(listed):
                activity.heartbeat()
                repaired += await self._books.book(moved)
        return ReconciliationStep(looked_at=looked_at, repaired=repaired)

    @activity.defn
    async def clear_funds(self, request: ReconcileMoney) -> ReconciliationStep:
        """Move what has become available from pending to available, in one transaction per currency."""
        del request
        async with self._database.begin() as session:
            due = select(BalanceTransactionRow.currency).where(*self._due()).distinct()
            currencies = list(await session.scalars(due))
        cleared = 0
        for currency in currencies:
            activity.heartbeat()
            async with self._database.begin() as session:
                cleared += await self._clear(session, currency)
        return ReconciliationStep(looked_at=cleared, repaired=cleared)

    @activity.defn
    async def watch_held_money(self, request: ReconcileMoney) -> ReconciliationStep:
        """Alarm for money held long; start the refund of what may not be held any longer."""
        del request
        shortest = timedelta(seconds=OrderPolicies().hold_alarm_s)
        async with self._database.begin() as session:
            long_held = (await session.execute(LONG_HELD, {"before": self._clock() - shortest})).all()
        acted = 0
        for row in long_held:
            activity.heartbeat()
            acted += await self._watch(row.order_id, row.captured_at)
        return ReconciliationStep(looked_at=len(long_held), repaired=acted)

    @activity.defn
    async def collect_receivables(self, request: ReconcileMoney) -> ReconciliationStep:
        """Ask providers' accounts again for what they refused to give back."""
        del request
        refused = await self._debts.refused()
        collected = 0
        for asked in refused:
            activity.heartbeat()
            collected += await self._debts.collect(asked)
        return ReconciliationStep(looked_at=len(refused), repaired=collected)

    @activity.defn
    async def pay_providers(self, request: ReconcileMoney) -> ReconciliationStep:
        """Transfer what was given back to providers, or was taken of them once too often."""
        del request
        owed = await self._debts.owed()
        paid = 0
        for due in owed:
            activity.heartbeat()
            paid += await self._debts.pay(due)
        return ReconciliationStep(looked_at=len(owed), repaired=paid)

    @activity.defn
    async def report_reconciliation(self, request: ReconcileMoney) -> ReconciliationReport:
        """Check every invariant, compare balances with the provider's, and keep the report."""
        since = await self._since(request)
        balances = await self._gateway.retrieve_balance()
        now = self._clock()
        said = [(balance.currency, balance.pending_minor, balance.available_minor) for balance in balances]
        async with self._database.begin() as session:
            report = ReconciliationReport(
                reconciliation_id=request.reconciliation_id,
                since=since,
                finished_at=now,
                steps=request.done,
                findings=tuple(await check_books(session, now, balances=said)),
            )
            await _keep(session, report, balances, request.began_at or now)
        if not any(finding.kind is FindingKind.ANCHOR_BROKEN for finding in report.findings):
            # After the checks, which hold it to the one before; by itself, for nobody posts until it is written.
            async with self._database.begin() as session:
                await anchor(session, now)
        return report

    async def _since(self, request: ReconcileMoney) -> datetime:
        """Where to begin: an hour before the last comparison began, however long it took, or earlier if asked to."""
        async with self._database.begin() as session:
            last = await session.scalar(select(func.max(ReconciliationRow.began_at)))
        unseen = last - OVERLAP if last else self._clock() - FIRST_LOOK
        # Never later: the next comparison takes what is before this one for seen.
        return min(unseen, request.since or unseen)

    def _due(self) -> tuple[ColumnElement[bool], ...]:
        return (
            BalanceTransactionRow.posted_pending.is_(True),
            BalanceTransactionRow.cleared_by.is_(None),
            BalanceTransactionRow.available_on <= self._clock(),
        )

    async def _clear(self, session: AsyncSession, currency: str) -> int:
        """The platform's lock comes first: two clearings at the same time would take the same rows."""
        await session.execute(LOCK_PLATFORM_CHAIN)
        rows = list(
            await session.scalars(
                select(BalanceTransactionRow)
                .where(BalanceTransactionRow.currency == currency, *self._due())
                .order_by(BalanceTransactionRow.created_at, BalanceTransactionRow.id)
                .with_for_update(key_share=True)
            )
        )
        amount = sum(row.net_minor for row in rows)
        if not amount:
            return 0  # nothing moves in sum; the next clearing takes them along
        key = f"platform:cleared:{rows[0].id}"
        await post(
            session,
            entries.funds_cleared(amount),
            business_key=key,
            order_id=None,
            effective_at=self._clock(),
            currency=currency,
        )
        cleared_by = await session.scalar(
            select(LedgerTransactionRow.id).where(LedgerTransactionRow.business_key == key)
        )
        await session.execute(
            update(BalanceTransactionRow)
            .where(BalanceTransactionRow.id.in_([row.id for row in rows]))
            .values(cleared_by=cleared_by)
        )
        return len(rows)

    async def _watch(self, order_id: str, captured_at: datetime) -> bool:
        """Each order has its own pinned policies; the alarm is raised once, the refund starts once."""
        now = self._clock()
        async with self._database.begin() as session:
            order = await session.get_one(OrderRow, order_id)
            policies = OrderPolicies.model_validate(order.policies)
            if now < captured_at + timedelta(seconds=policies.hold_alarm_s):
                return False
            cap = captured_at + timedelta(seconds=policies.hold_cap_s)
            told = await append_event(
                session,
                order_id=order_id,
                business_key=f"{order_id}:held_long",
                kind=EventType.PAYMENT_HELD_LONG,
                at=now,
                actor=SYSTEM,
                subject=order_id,
                data={"captured_at": captured_at.isoformat(), "refunded_at": cap.isoformat()},
                next_step=NextStep(
                    who=WaitingOn.SUPPORT, what="have the work delivered, or pay back what is held", by=cap
                ),
            )
            scope = await scope_of_held(session, order_id) if now >= cap else None
        if scope is None:
            return told
        await start_refund(
            self._client,
            StartRefund(
                refund_id=derived_id("ref", order_id, "held_too_long"),
                order_id=order_id,
                scope=scope,
                reason=RefundReason.HELD_TOO_LONG,
                note=f"held since {captured_at:%Y-%m-%d}",
                requested_by=SYSTEM,
                looks_s=policies.refund_looks_s,
            ),
        )
        return True


async def _keep(
    session: AsyncSession, report: ReconciliationReport, balances: Sequence[BalanceFacts], began_at: datetime
) -> None:
    await session.execute(
        insert(ReconciliationRow)
        .values(
            id=report.reconciliation_id,
            since=report.since,
            began_at=began_at,
            finished_at=report.finished_at,
            steps={name: step.model_dump(mode="json") for name, step in report.steps.items()},
            balances=[
                {
                    "currency": balance.currency,
                    "pending_minor": balance.pending_minor,
                    "available_minor": balance.available_minor,
                }
                for balance in balances
            ],
            findings=[finding.model_dump(mode="json") for finding in report.findings],
        )
        .on_conflict_do_nothing()
    )


async def _store_missed(session: AsyncSession, events: list[StripeEvent], at: datetime) -> int:
    stored = await session.scalars(
        insert(StripeEventRow)
        .values(
            [
                {
                    "id": event.id,
                    "type": event.type,
                    "object_id": event.object_id,
                    "object_state": event.object_state,
                    "backfilled": True,
                    "payload": event.payload,
                    "received_at": at,
                }
                for event in events
            ]
        )
        .on_conflict_do_nothing()
        .returning(StripeEventRow.id)
    )
    missed = len(stored.all())
    if missed:
        await session.execute(text("SELECT pg_notify('fulfil_stripe_events', '')"))
    return missed


async def _batches(listed: AsyncIterator[Item]) -> AsyncIterator[list[Item]]:
    batch: list[Item] = []
    async for item in listed:
        batch.append(item)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
