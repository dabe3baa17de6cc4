"""A bench for sequences of money steps: one database and one Stripe for all, run from tests that are not async."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import ActivityEnvironment

from fulfil.activities.chargebacks import StripeChargebackActivities
from fulfil.activities.reconciliation import StripeReconciliationActivities
from fulfil.activities.refunds import StripeRefundActivities
from fulfil.activities.stripe_truth import StripeTruth
from fulfil.gateways.stripe.errors import StripeUnavailableError
from fulfil.gateways.stripe.gateway import StripeGateway
from fulfil.kit.database import Database, DatabaseRole
from fulfil.ledger.checks import check_books, check_order
from fulfil.models.ids import new_id
from fulfil.models.messages.reconciliation import Finding, ReconcileMoney
from tests.activities.shop import PLATFORM, Clock, Shop
from tests.activities.till import Till
from tests.conftest import TEMPLATE, administer, database_named
from tests.simulators.processes import API_KEY, SimulatorProcess

T = TypeVar("T")
TRIES = 6
CONFLICT = 409
# What an order's rows are: a step that is refused leaves all of them as they were.
DIGEST = " UNION ALL ".join(
    f"SELECT '{table}', md5(string_agg((to_jsonb(t) - 'updated_at')::text, '|' ORDER BY to_jsonb(t)::text)) "
    f"FROM {table} t WHERE t.{key} = ANY(:ids)"
    for table, key in (
        *(("orders", "id"), ("payments", "order_id"), ("jobs", "order_id"), ("productions", "order_id")),
        *(("refunds", "order_id"), ("transfers", "order_id"), ("transfer_reversals", "order_id")),
        *(("chargebacks", "order_id"), ("events", "order_id"), ("ledger_transactions", "order_id")),
        *(("documents", "order_id"), ("timelines", "order_id")),
    )
)
BALANCES = """
SELECT CASE WHEN p.account LIKE 'asset:stripe:%' THEN 'asset:stripe' ELSE p.account END AS account,
    sum(p.amount_minor)::bigint AS amount
FROM ledger_postings p JOIN ledger_transactions t ON t.id = p.transaction_id
WHERE t.order_id = ANY(:ids) GROUP BY 1 HAVING sum(p.amount_minor) <> 0
"""
GUARDED = """
SELECT account FROM ledger_balances WHERE account = ANY(:accounts)
    AND (account LIKE 'liability:%' AND balance_minor > 0 OR account NOT LIKE 'liability:%' AND balance_minor < 0)
"""


class RunningClock(Clock):
    """Real time, moved on together with the simulator's."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def advance(self, **span: float) -> None:
        """Let time pass."""
        self.ahead += timedelta(**span)


@dataclass
class Told:
    """An event that was acted on, and the note that was left."""

    kind: str
    object_id: str
    note: str | None


@dataclass
class Bench:
    """Runs steps to their end on an event loop of its own, and looks at both books."""

    loop: asyncio.Runner
    till: Till
    played: Counter[str] = field(default_factory=Counter[str])
    opened: datetime = field(default_factory=lambda: datetime.now(UTC))
    since: datetime = field(default_factory=lambda: datetime.now(UTC))

    def run(self, step: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end."""
        return self.loop.run(step)

    @property
    def shop(self) -> Shop:
        """The shop."""
        return self.till.shop

    @property
    def refunds(self) -> StripeRefundActivities:
        """The refund activities."""
        return StripeRefundActivities(self.shop.worker, self.till.gateway, self.shop.clock)

    @property
    def chargebacks(self) -> StripeChargebackActivities:
        """The chargeback activities."""
        return StripeChargebackActivities(self.shop.worker, self.till.gateway, self.shop.client, self.shop.clock)

    async def begin(self) -> None:
        """A new example: nobody of before is asked for work, no fault is left, and what was before is reconciled."""
        await self.advance(7_200)
        await self.shop.sql("UPDATE providers SET online = false")
        await self.till.admin.delete("/_simulator/faults")
        self.since = self.shop.clock() - timedelta(seconds=2)
        looked = (
            "INSERT INTO reconciliations (id, since, began_at, finished_at, steps, balances, findings) "
            "VALUES (:id, :at, :at, :at, '{}', '[]', '[]')"
        )
        await self.shop.sql(looked, id=new_id("rec"), at=self.shop.clock())

    async def stripe(self, path: str, **query: str) -> Any:
        """An object, as Stripe knows it."""
        answer = await self.till.admin.get(path, params=query, headers={"Authorization": f"Bearer {API_KEY}"})
        answer.raise_for_status()
        return answer.json()

    async def admin(self, path: str, **body: Any) -> Any:
        """A switch of the simulator; None when the object's state does not allow it."""
        answer = await self.till.admin.post(f"/_simulator/{path}", json=body)
        if answer.status_code == CONFLICT:
            return None
        answer.raise_for_status()
        return answer.json()

    async def advance(self, seconds: float) -> None:
        """Let time pass here and there."""
        await self.admin("clock", advance_s=seconds)
        self.shop.clock.advance(seconds=seconds)

    async def attempt(
        self, step: Callable[[], Awaitable[T]], fault: str | None, meanwhile: Callable[[], Awaitable[object]]
    ) -> T:
        """A step whose next request fails as told; the retry policy goes on until its outcome is known."""
        if fault is not None:
            method = "POST" if fault.startswith("error") else "(GET|POST)"
            await self.till.fail(f"{method} /v1/.*", fault)
        try:
            for _ in range(TRIES):
                try:
                    return await step()
                except StripeUnavailableError:
                    await meanwhile()
            return await step()
        finally:
            if fault is not None:
                await self.till.admin.delete("/_simulator/faults")

    async def reconcile(self) -> None:
        """The steps that mend the books, from the beginning of the example."""
        request = ReconcileMoney(reconciliation_id=new_id("rec"), since=self.since)
        books, run = self._books, ActivityEnvironment().run
        await run(books.backfill_events, request)
        await run(books.mirror_balance_transactions, request)
        await run(books.clear_funds, request)

    async def tell(self, number: int, how_many: int = 1) -> list[Told]:
        """Act on stored events of the example, from the given one backwards, as the relay does."""
        request = ReconcileMoney(reconciliation_id=new_id("rec"), since=self.since)
        await ActivityEnvironment().run(self._books.backfill_events, request)
        events = await self.shop.sql(
            "SELECT id, type, object_id FROM stripe_events WHERE received_at >= :since "
            "AND type ~ '^(payment_intent|charge|refund|transfer)' ORDER BY payload ->> 'created', received_at, id",
            since=self.since,
        )
        told: list[Told] = []
        truth = StripeTruth(self.shop.worker, self.till.gateway, self.shop.client, self.shop.clock)
        for offset in range(min(how_many, len(events))):
            event = events[(number - offset) % len(events)]
            note = await truth.act_on(event.id, event.type, event.object_id)
            done = "UPDATE stripe_events SET processed_at = :at, last_error = :note WHERE id = :id"
            await self.shop.sql(done, at=self.shop.clock(), note=note, id=event.id)
            told.append(Told(event.type, event.object_id, note))
        return told

    async def digest(self, orders: list[str]) -> dict[str, str]:
        """All rows of the orders, in short."""
        return {row[0]: row[1] for row in await self.shop.sql(DIGEST, ids=orders)}

    async def balances(self, orders: list[str]) -> dict[str, int]:
        """Balances as posted for the orders."""
        return {row.account: row.amount for row in await self.shop.sql(BALANCES, ids=orders)}

    async def overdrawn(self, accounts: list[str]) -> list[str]:
        """Guarded accounts that turned their sign."""
        return [row.account for row in await self.shop.sql(GUARDED, accounts=accounts)]

    async def findings(self, order_id: str) -> list[Finding]:
        """What is wrong with an order, were it a day later."""
        async with self.shop.owner.begin() as session:
            return await check_order(session, order_id, self.shop.clock() + timedelta(days=1))

    async def all_findings(self) -> list[Finding]:
        """What is wrong with any of the books once they are reconciled, by Stripe's balance of this moment.

        Refunds may have failed after their examples were over: that is mended here.
        """
        self.since = self.opened
        await self.reconcile()
        balances = [
            (balance.currency, balance.pending_minor, balance.available_minor)
            for balance in await self.till.gateway.retrieve_balance()
        ]
        async with self.shop.owner.begin() as session:
            return await check_books(session, self.shop.clock(), balances=balances)

    @property
    def _books(self) -> StripeReconciliationActivities:
        return StripeReconciliationActivities(
            self.shop.worker, self.till.gateway, self.shop.client, self.shop.clock, platform=PLATFORM
        )


@contextmanager
def bench_of(server_url: str, temporal: str, folder: Path) -> Generator[Bench]:
    """A bench over a database and a simulator of its own, with money enough for every refund."""
    name, simulator = f"test_{secrets.token_hex(6)}", SimulatorProcess(folder / "stripe.db")
    # A loop of our own, so that pytest's stays the thread's.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as loop:
        loop.run(administer(server_url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY"))
        simulator.start()
        bench = loop.run(_furnish(loop, database_named(server_url, name), temporal, simulator.url))
        try:
            yield bench
        finally:
            loop.run(_clear(bench))
            simulator.stop()
            loop.run(administer(server_url, f"DROP DATABASE {name} WITH (FORCE)"))


async def _furnish(loop: asyncio.Runner, database: str, temporal: str, stripe: str) -> Bench:
    client = await Client.connect(temporal, data_converter=pydantic_data_converter)
    owner, worker = (Database(database, role, pool_size=4) for role in (DatabaseRole.OWNER, DatabaseRole.WORKER))
    shop = Shop(owner=owner, worker=worker, client=client, clock=RunningClock())
    gateway = StripeGateway(api_key=API_KEY, api_base=stripe)
    bench = Bench(loop, Till(shop, gateway, httpx.AsyncClient(base_url=stripe)))
    bench.opened = shop.clock() - timedelta(seconds=2)
    await bench.admin("topups", amount=10_000_000, currency="eur")
    return bench


async def _clear(bench: Bench) -> None:
    await bench.till.gateway.close()
    await bench.till.admin.aclose()
    await bench.shop.owner.close()
    await bench.shop.worker.close()
