"""A shop to test activities in: providers, quotes and orders as rows, workflows that only collect their signals."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, text
from temporalio.api.enums.v1 import EventType as HistoryEvent
from temporalio.client import Client

from fulfil.activities.jobs import DatabaseJobActivities
from fulfil.activities.ordering import read_wanted
from fulfil.activities.orders import DatabaseOrderActivities
from fulfil.activities.placing import read_placed, write_order
from fulfil.activities.securing import claim_job, confirm_acceptance
from fulfil.activities.support import DatabaseSupportActivities
from fulfil.gateways.stripe.facts import BalanceEntry, PaymentIntentFacts
from fulfil.kit.database import Database
from fulfil.models.ids import new_id
from fulfil.models.messages.documents import PlatformIdentity
from fulfil.models.messages.inventory import StockUnit
from fulfil.models.messages.jobs import OfferWave, OpenWave, SecureAcceptance, Stage, StartJob
from fulfil.models.messages.orders import OpenJob, StartOrder
from fulfil.models.messages.parties import Actor, ActorKind
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.support import NoteParking, NoteResolution, ParkedStep, ResolutionAction, ResolveStep
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.inventory import StockItemRow
from fulfil.models.tables.payments import PaymentRow
from fulfil.models.tables.quotes import FileRow
from tests.quote_rows import item_row, quote_row

PLATFORM = PlatformIdentity(
    name="Werkbank GmbH",
    address_lines=("Torstraße 140", "10119 Berlin"),
    vat_id="DE318276451",
    email="billing@werkbank.example",
)
SUPPORT = Actor(kind=ActorKind.SUPPORT, id="acc_support")


async def until(condition: Callable[[], Awaitable[Any]], timeout_s: float = 15) -> Any:
    """Its first true value."""
    async with asyncio.timeout(timeout_s):
        while not (value := await condition()):  # noqa: ASYNC110 (the database sets no event)
            await asyncio.sleep(0.02)
        return value


@dataclass
class Clock:
    """Time as the test wants it."""

    now: datetime = datetime(2030, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)


def payment_intent(order_id: str, amount_minor: int, *, status: str) -> PaymentIntentFacts:
    """What Stripe would say of an order's payment."""
    captured = status == "succeeded"
    entry = BalanceEntry(
        id=f"txn_{order_id}",
        type="charge",
        source_id=f"ch_{order_id}",
        amount_minor=amount_minor,
        fee_minor=50,
        net_minor=amount_minor - 50,
        currency="eur",
        is_pending=True,
        available_on=datetime(2030, 1, 8, tzinfo=UTC),
        created_at=datetime(2030, 1, 1, tzinfo=UTC),
    )
    return PaymentIntentFacts(
        id=f"pi_{order_id}",
        client_secret="secret",
        status=status,
        amount_minor=amount_minor,
        amount_capturable_minor=amount_minor if status == "requires_capture" else 0,
        currency="eur",
        customer_id=None,
        charge_id=f"ch_{order_id}" if captured else None,
        capture_before=None,
        entry=entry if captured else None,
        next_action_url=None,
        refusal=None,
        decline_code=None,
        order_id=order_id,
    )


@dataclass
class Shop:
    """Rows are prepared with the owner's rights; activities work with the worker's."""

    owner: Database
    worker: Database
    client: Client
    clock: Clock = field(default_factory=Clock)
    policies: OrderPolicies = field(default_factory=OrderPolicies)

    @property
    def orders(self) -> DatabaseOrderActivities:
        """The order activities."""
        return DatabaseOrderActivities(self.worker, self.client, self.clock)

    @property
    def jobs(self) -> DatabaseJobActivities:
        """The job activities."""
        return DatabaseJobActivities(self.worker, self.client, self.clock)

    @property
    def support(self) -> DatabaseSupportActivities:
        """The support activities."""
        return DatabaseSupportActivities(self.worker, self.clock)

    async def sql(self, statement: str, **parameters: object) -> list[Any]:
        """Rows of a statement, run as the owner."""
        async with self.owner.begin() as session:
            result = await session.execute(text(statement), parameters)
            return list(result) if isinstance(result, CursorResult) and result.returns_rows else []

    async def value(self, statement: str, **parameters: object) -> Any:
        """The only column of the only row."""
        ((only,),) = await self.sql(statement, **parameters)
        return only

    async def add_provider(
        self,
        *,
        stock_g: int = 1000,
        score: int = 50,
        completed_jobs: int = 10,
        material: str = "pla",
        capabilities: dict[str, Any] | None = None,
        online: bool = True,
        capacity_jobs: int = 10,
        stripe_account_id: str | None = "acct_none",
    ) -> str:
        """A provider with stock; by default one who is asked."""
        provider_id = new_id("prv")
        async with self.owner.begin() as session:
            session.add(
                ProviderRow(
                    id=provider_id,
                    name="Maker",
                    capabilities=capabilities or {"fdm": ["pla", "petg"]},
                    commission_bp=1500,
                    score=score,
                    online=online,
                    capacity_jobs=capacity_jobs,
                    completed_jobs=completed_jobs,
                    stripe_account_id=stripe_account_id,
                    created_at=self.clock(),
                )
            )
            await session.flush()
            session.add(
                StockItemRow(
                    id=new_id("stk"),
                    provider_id=provider_id,
                    material=material,
                    unit=StockUnit.GRAM,
                    available_quantity=stock_g,
                    reserved_quantity=0,
                    created_at=self.clock(),
                )
            )
        return provider_id

    async def add_quote(
        self,
        *,
        total_minor: int = 10_000,
        currency: str = "eur",
        material_g: int = 100,
        status: str = "firm",
        customer_id: str = "",
    ) -> StartOrder:
        """A quote, and the message that would order it."""
        customer_id = customer_id or new_id("cus")
        file_id, quote_id = new_id("fil"), new_id("quo")
        async with self.owner.begin() as session:
            session.add(
                FileRow(
                    id=file_id,
                    owner_id=customer_id,
                    sha256="0" * 64,
                    name="bracket.stl",
                    format="stl",
                    size_bytes=84,
                    created_at=self.clock(),
                )
            )
            await session.flush()
            at = self.clock()
            session.add(quote_row(quote_id, customer_id, at, total_minor=total_minor, currency=currency, status=status))
            await session.flush()
            item = item_row(quote_id, file_id, amount_minor=total_minor, material="pla", material_g=material_g)
            item.priced = {**(item.priced or {}), "currency": currency}
            session.add(item)
        return StartOrder(
            order_id=new_id("ord"),
            customer_id=customer_id,
            quote_id=quote_id,
            placed_by=Actor(kind=ActorKind.CUSTOMER, id=customer_id),
            policies=self.policies,
        )

    async def add_order(self, *, total_minor: int = 10_000, material_g: int = 100) -> OpenJob:
        """An order awaiting payment, without Stripe, and the message that opens its job."""
        start = await self.add_quote(total_minor=total_minor, material_g=material_g)
        intent = payment_intent(start.order_id, total_minor, status="requires_payment_method")
        async with self.owner.begin() as session:
            await write_order(session, start, await read_wanted(session, start), intent, self.clock())
            placed = await read_placed(session, start)
        assert placed is not None
        return OpenJob(
            order_id=start.order_id,
            line_id=placed.line_id or "",
            payment_intent_id=intent.id,
            policies=self.policies,
        )

    async def open_job(self, *, total_minor: int = 10_000, material_g: int = 100) -> StartJob:
        """A paid order whose job is offered in its first wave."""
        request = await self.add_order(total_minor=total_minor, material_g=material_g)
        return (await self.orders.open_job(request)).start

    async def next_wave(self, job: StartJob, stage: Stage, number: int, of_round: int = 1) -> OfferWave:
        """What `open_wave` answers."""
        request = OpenWave(
            job_id=job.job_id,
            order_id=job.order_id,
            round=of_round,
            stage=stage,
            number=number,
            policies=job.policies,
        )
        return await self.jobs.open_wave(request)

    def acceptance(self, job: StartJob, provider_id: str) -> SecureAcceptance:
        """The message that secures this provider's claim."""
        offer_id = next(offer.offer_id for offer in job.wave.offers if offer.provider_id == provider_id)
        return SecureAcceptance(
            job_id=job.job_id,
            order_id=job.order_id,
            offer_id=offer_id,
            provider_id=provider_id,
            actor=Actor(kind=ActorKind.PROVIDER, id=provider_id),
            policies=job.policies,
        )

    async def give_job_to(self, job: StartJob, *, provider_id: str, started: bool = False) -> str:
        """Her claim secured, as if Stripe had captured; the offer's id."""
        request = self.acceptance(job, provider_id)
        async with self.worker.begin() as session:
            payment = await claim_job(session, request, self.clock())
        assert isinstance(payment, PaymentRow)
        facts = payment_intent(job.order_id, payment.amount_minor, status="succeeded")
        async with self.worker.begin() as session:
            await confirm_acceptance(session, request, facts, self.clock(), PLATFORM)
        if started:
            await self.sql("UPDATE productions SET started_at = now() WHERE offer_id = :id", id=request.offer_id)
        return request.offer_id

    async def retry_by_support(self, order_id: str, subject: str, step: str) -> None:
        """What a workflow writes when a step parked and support retried it."""
        parked = ParkedStep(step=step, cause="refused", since=self.clock(), allowed=[ResolutionAction.RETRY])
        await self.support.note_parking(
            NoteParking(order_id=order_id, subject=subject, workflow_id="w", number=1, parked=parked)
        )
        retry = ResolveStep(action=ResolutionAction.RETRY, actor=SUPPORT, reason="mended")
        await self.support.note_resolution(
            NoteResolution(order_id=order_id, subject=subject, workflow_id="w", number=1, step=step, resolution=retry)
        )

    async def events(self, order_id: str) -> list[str]:
        """The types on the timeline, in their order."""
        rows = await self.sql("SELECT type FROM events WHERE order_id = :id ORDER BY sequence", id=order_id)
        return [row.type for row in rows]

    async def ledger(self, order_id: str) -> dict[str, int]:
        """Balances of the accounts an order has touched, without those at zero."""
        rows = await self.sql(
            "SELECT account, sum(amount_minor)::bigint AS balance FROM ledger_postings p "
            "JOIN ledger_transactions t ON t.id = p.transaction_id WHERE t.order_id = :id "
            "GROUP BY account HAVING sum(amount_minor) <> 0",
            id=order_id,
        )
        return {row.account: row.balance for row in rows}

    async def stock(self, provider_id: str) -> tuple[int, int]:
        """Available and reserved grams."""
        ((available, reserved),) = await self.sql(
            "SELECT available_quantity, reserved_quantity FROM stock_items WHERE provider_id = :id", id=provider_id
        )
        return available, reserved

    async def run_order_workflow(self, order_id: str) -> None:
        """An order workflow nobody works on: it collects signals."""
        await self.client.start_workflow("Order", id=f"order/{order_id}", task_queue="nobody")

    async def signals(self, workflow_id: str) -> list[tuple[str, dict[str, Any]]]:
        """Name and message of every signal a workflow got."""
        history = await self.client.get_workflow_handle(workflow_id).fetch_history()
        signalled = [
            event.workflow_execution_signaled_event_attributes
            for event in history.events
            if event.event_type == HistoryEvent.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
        ]
        decode = self.client.data_converter.decode
        return [(signal.signal_name, (await decode(signal.input.payloads))[0]) for signal in signalled]
