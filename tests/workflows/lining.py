"""Plays an order of many lines against its workflow; how each line ended is told as its own workflow would."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker

from fulfil.models.messages.deliverables import (
    DeliverableClosed,
    DeliverableOutcome,
    DeliverableState,
    DeliverableWithdrawal,
    WithdrawDeliverable,
)
from fulfil.models.messages.jobs import JobClosed, JobOutcome
from fulfil.models.messages.orders import CancelLine, LineCancelled, LineKind
from fulfil.workers.registration import activities_of
from fulfil.workflows.ids import ORDERS, PAYMENTS
from fulfil.workflows.order import OrderWorkflow
from tests.workflows.delivering import FakeDeliverables
from tests.workflows.fake_support import FakeSupport
from tests.workflows.fakes import FakeJobs, FakeOrders, FakePayments, World
from tests.workflows.playing import Play

GOODS, SERVICE = LineKind.MADE_TO_ORDER, LineKind.SERVICE


@dataclass
class WithdrawnDeliverables(FakeDeliverables):
    """Gives back what the test says is open of a deliverable."""

    in_review: bool = False
    settled: bool = False
    asked: list[WithdrawDeliverable] = field(default_factory=list[WithdrawDeliverable])

    @activity.defn
    async def withdraw_deliverable(self, request: WithdrawDeliverable) -> DeliverableWithdrawal:
        self.asked.append(request)
        await self.world.call("withdraw_deliverable")
        state = DeliverableState.IN_REVIEW if self.in_review else DeliverableState.CANCELLED
        return DeliverableWithdrawal(
            deliverable_id=request.deliverable_id,
            withdrawn=not self.in_review,
            state=state,
            unpaid_minor=700,
            settled=self.settled,
        )


@asynccontextmanager
async def order_workers(client: Client, world: World, deliverables: WithdrawnDeliverables) -> AsyncGenerator[None]:
    """The workers of an order alone: the jobs' and deliverables' workflows are played by the test."""
    fakes = activities_of(FakeOrders(world), FakeJobs(world), FakeSupport(world), deliverables)
    async with (
        Worker(client, task_queue=ORDERS, workflows=[OrderWorkflow], activities=fakes),
        Worker(client, task_queue=PAYMENTS, activities=activities_of(FakePayments(world))),
    ):
        yield


@dataclass
class LinesPlay(Play):
    """One order of many lines."""

    deliverables: WithdrawnDeliverables = field(kw_only=True)

    async def opened(self, *kinds: LineKind) -> None:
        """Placed, paid, and open."""
        self.world.kinds = kinds
        await self.place(revision=2)
        await self.pay()

    async def made(self, line: int) -> None:
        """The job of a line was settled."""
        await self.job_ends(line, JobOutcome.SETTLED)

    async def job_ends(self, line: int, outcome: JobOutcome) -> None:
        """The job of a line ended so."""
        job_id = self.world.job_ids[self.world.line_ids[line]]
        await self.order.signal(OrderWorkflow.job_closed, JobClosed(job_id=job_id, outcome=outcome))

    async def delivered(
        self, line: int, outcome: DeliverableOutcome = DeliverableOutcome.COMPLETED, unpaid_minor: int = 0
    ) -> None:
        """The deliverable of a line ended so."""
        line_id = self.world.line_ids[line]
        closed = DeliverableClosed(
            deliverable_id=self.world.deliverable_ids[line_id],
            line_id=line_id,
            outcome=outcome,
            unpaid_minor=unpaid_minor,
        )
        await self.order.signal(OrderWorkflow.deliverable_closed, closed)

    async def cancel_line(self, line: int) -> LineCancelled:
        """The customer calls one line off."""
        request = CancelLine(line_id=self.world.line_ids[line], actor=self.customer, reason="not this one")
        return await self.order.execute_update(OrderWorkflow.cancel_line, request)

    def returned(self) -> list[tuple[int, str, int | None]]:
        """The lines that were paid back: which, why, and how much of it."""
        return [
            (self.world.line_ids.index(request.line_id), request.refund_reason.value, request.amount_minor)
            for request in self.world.returned_lines
        ]
