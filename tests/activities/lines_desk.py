"""Orders of many lines at a till: quotes of two materials, services by milestones, and what is done with each line."""

from dataclasses import dataclass
from typing import Any

from fulfil.activities.deliverables import DatabaseDeliverableActivities
from fulfil.activities.refunds import StripeRefundActivities
from fulfil.ledger.checks_of_orders import check_orders
from fulfil.models.ids import derived_id, new_id
from fulfil.models.messages.deliverables import PlannedMilestone, StartDeliverable
from fulfil.models.messages.jobs import AcceptanceOutcome, SecureAcceptance
from fulfil.models.messages.orders import LinesOpened, OpenLines, OrderedService, OrderPlaced, StartOrder
from fulfil.models.messages.parties import Actor, ActorKind
from fulfil.models.messages.payments import CapturePayment, JobSettlement, ReturnLine, SettleJob
from fulfil.models.messages.refunds import DecideRefund, RefundReason, RefundState, SendRefund, StartRefund
from fulfil.models.tables.deliverables import ServiceRow
from tests.activities.refund_desk import BOSS
from tests.activities.till import Till
from tests.quote_rows import item_row

PLAN = (
    PlannedMilestone(title="Concepts", days=5, share_bp=3_000),
    PlannedMilestone(title="Model", days=14, share_bp=3_000),
    PlannedMilestone(title="Drawing", days=20, share_bp=4_000),
)


@dataclass
class LinesDesk:
    """One order of many lines."""

    till: Till
    placed: OrderPlaced
    opened: LinesOpened
    service_provider: str
    makers: list[str]

    @classmethod
    async def place(cls, till: Till, *, quotes: int = 1, services: int = 1, **quoted: Any) -> "LinesDesk":
        """An order of quotes of 100.00 and services of 50.01, paid and open; two makers are asked."""
        makers = [await till.add_payee() for _ in range(2)]
        provider = await till.add_payee(capabilities={"laser": ["steel"]})
        start = await want(till, provider, quotes=quotes, services=services, **quoted)
        placed = await till.payments.place_order(start)
        assert placed.refusal_code is None, placed
        await till.pay(placed)
        if services:
            assert (await till.payments.capture_payment(CapturePayment(order_id=placed.order_id))).captured
        opened = await till.shop.orders.open_lines(opening(placed, till))
        return cls(till, placed, opened, provider, makers)

    @property
    def order_id(self) -> str:
        """The order."""
        return self.placed.order_id

    @property
    def deliverables(self) -> DatabaseDeliverableActivities:
        """The deliverable activities."""
        return DatabaseDeliverableActivities(self.till.shop.worker, self.till.shop.client, self.till.shop.clock)

    def job(self, line: int) -> str:
        """The job of a made-to-order line."""
        return self.opened.lines[line].job_id or ""

    def deliverable(self, line: int) -> str:
        """The deliverable of a service line."""
        return self.opened.lines[line].deliverable_id or ""

    def milestone_job(self, line: int, position: int) -> str:
        """The job of a milestone."""
        milestone = derived_id("mil", self.deliverable(line), str(position))
        return derived_id("job", self.order_id, self.opened.lines[line].line_id, milestone)

    async def accept(self, line: int) -> str:
        """A maker takes the job of a line; who."""
        ((offer_id, provider_id),) = await self.till.shop.sql(
            "SELECT id, provider_id FROM offers WHERE job_id = :id AND state = 'open' ORDER BY rank LIMIT 1",
            id=self.job(line),
        )
        request = SecureAcceptance(
            job_id=self.job(line),
            order_id=self.order_id,
            offer_id=offer_id,
            provider_id=provider_id,
            actor=Actor(kind=ActorKind.PROVIDER, id=provider_id),
            policies=self.till.shop.policies,
        )
        secured = await self.till.payments.secure_acceptance(request)
        assert secured.outcome is AcceptanceOutcome.SECURED, secured
        return str(provider_id)

    async def settle(self, job_id: str) -> JobSettlement:
        """Its money is released and transferred."""
        request = SettleJob(order_id=self.order_id, job_id=job_id, approved_by_silence=False)
        return await self.till.payments.settle_job(request)

    async def return_line(
        self, line: int, amount_minor: int | None = None, reason: RefundReason = RefundReason.CANCELLATION
    ) -> str | None:
        """What is held of a line goes back, all the way to the card; the refund's id."""
        request = ReturnLine(
            order_id=self.order_id,
            line_id=self.opened.lines[line].line_id,
            refund_reason=reason,
            note="called off",
            amount_minor=amount_minor,
        )
        returned = await self.till.payments.return_line(request)
        if returned.refund_id is not None:
            assert await self.refund(returned.refund_id) is None
        return returned.refund_id

    async def refund(self, refund_id: str, start: StartRefund | None = None) -> str | None:
        """What the refund's workflow does, as it was started, a second person agreeing; why it was refused."""
        refunds = StripeRefundActivities(self.till.shop.worker, self.till.gateway, self.till.shop.clock)
        if start is None:
            history = await self.till.shop.client.get_workflow_handle(f"refund/{refund_id}").fetch_history()
            payloads = history.events[0].workflow_execution_started_event_attributes.input.payloads
            (start,) = await self.till.shop.client.data_converter.decode(payloads, [StartRefund])
        assert start is not None
        opened = await refunds.open_refund(start)
        if opened.plan.refusal_code is not None:
            return opened.plan.refusal_code
        if opened.state is RefundState.AWAITING_APPROVAL:
            agreed = DecideRefund(
                refund_id=refund_id, order_id=self.order_id, approved=True, actor=BOSS, reason="agreed"
            )
            await refunds.decide_refund(agreed)
        await refunds.send_refund(SendRefund(refund_id=refund_id, order_id=self.order_id))
        return None

    async def order_state(self) -> str:
        """Where the order stands."""
        return str(await self.till.shop.value("SELECT state FROM orders WHERE id = :id", id=self.order_id))

    async def check(self) -> None:
        """Rows, postings and Stripe's books tell the same."""
        async with self.till.shop.owner.begin() as session:
            assert await check_orders(session, self.order_id, self.till.shop.clock()) == []
        await self.till.check_books(self.order_id)


async def want(till: Till, provider_id: str, *, quotes: int = 1, services: int = 1, **quoted: Any) -> StartOrder:
    """What a customer orders: quotes of hers, services of the provider."""
    first = await till.shop.add_quote(**quoted)
    wanted = [first] + [
        await till.shop.add_quote(customer_id=first.customer_id, **quoted) for _ in range(max(quotes - 1, 0))
    ]
    offered = [await add_service(till, provider_id) for _ in range(services)]
    return first.model_copy(
        update={
            "quote_id": None,
            "quote_ids": tuple(start.quote_id for start in wanted) if quotes else (),
            "services": tuple(OrderedService(service_id=service_id) for service_id in offered),
            "revision": 2,
        }
    )


async def add_service(till: Till, provider_id: str, *, currency: str = "eur", active: bool = True) -> str:
    """A service of 50.01 in three milestones."""
    service_id = new_id("svc")
    async with till.shop.owner.begin() as session:
        session.add(
            ServiceRow(
                id=service_id,
                provider_id=provider_id,
                title="Design of a housing",
                description="From a sketch to a model.",
                price_minor=5_001,
                currency=currency,
                milestones=[planned.model_dump(mode="json") for planned in PLAN],
                revisions_included=2,
                checklist=[],
                active=active,
                created_at=till.shop.clock(),
            )
        )
    return service_id


async def add_item(till: Till, start: StartOrder, *, material: str, amount_minor: int = 1_299) -> None:
    """A second file of the quote: three pieces and 7 g."""
    file_id = await till.shop.value("SELECT id FROM files")
    quote_id = start.quote_id or start.quote_ids[0]
    async with till.shop.owner.begin() as session:
        session.add(
            item_row(
                quote_id,
                file_id,
                position=1,
                material=material,
                quantity=3,
                material_g=7,
                amount_minor=amount_minor,
            )
        )


def opening(placed: OrderPlaced, till: Till) -> OpenLines:
    """The message that opens the lines of an order."""
    return OpenLines(
        order_id=placed.order_id,
        payment_intent_id=placed.payment_intent_id or "",
        lines=placed.lines,
        policies=till.shop.policies,
    )


def started(history: Any) -> StartDeliverable:
    """What a deliverable's workflow was started with."""
    raw = history.events[0].workflow_execution_started_event_attributes.input.payloads[0].data
    return StartDeliverable.model_validate_json(raw)
