"""Plays one order against the workflows: the moves of customer, provider, bank and support."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from fulfil.models.ids import new_id
from fulfil.models.messages.jobs import (
    AcceptanceSecured,
    AcceptOffer,
    ApproveJob,
    DeclineOffer,
    JobApproved,
    JobClosed,
    JobReported,
    OfferedTo,
    OfferTo,
    ProviderOffered,
    RedispatchJob,
    ReportKind,
)
from fulfil.models.messages.orders import CancelOrder, OrderOutcome, OrderPlaced, StartOrder
from fulfil.models.messages.parties import Actor, ActorKind
from fulfil.models.messages.payments import PaymentChanged, PaymentState, PaymentThawed
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.promises import Choice, ChoiceTaken, ChooseForJob, Trouble
from fulfil.models.messages.support import ResolutionAction, ResolveStep
from fulfil.workflows.ids import ORDERS, PAYMENTS, job_workflow_id, order_workflow_id
from fulfil.workflows.job import JobWorkflow
from fulfil.workflows.order import OrderWorkflow
from tests.workflows.fake_promises import FakePromises
from tests.workflows.fake_support import FakeSupport
from tests.workflows.fakes import FakeJobs, FakeOrders, FakePayments, World

Result = TypeVar("Result")
SUPPORT = Actor(kind=ActorKind.SUPPORT, id=new_id("acc"))


@asynccontextmanager
async def workers(client: Client, world: World) -> AsyncGenerator[None]:
    """The two workers an order needs, with fakes."""
    orders, jobs, payments, support = FakeOrders(world), FakeJobs(world), FakePayments(world), FakeSupport(world)
    promises = FakePromises(world)
    async with (
        Worker(
            client,
            task_queue=ORDERS,
            workflows=[OrderWorkflow, JobWorkflow],
            activities=[
                *(orders.open_job, orders.open_lines, orders.withdraw_lines, orders.close_order),
                *(jobs.open_wave, jobs.decline_offer, jobs.withdraw_job, jobs.begin_round, jobs.close_job, jobs.remind),
                *(jobs.offer_to_provider, promises.check_promise, promises.set_promise, promises.call_off_job),
                *(support.note_parking, support.note_resolution),
            ],
        ),
        Worker(
            client,
            task_queue=PAYMENTS,
            activities=[
                payments.place_order,
                payments.charge_saved_card,
                payments.capture_payment,
                payments.expire_payment,
                payments.secure_acceptance,
                payments.return_payment,
                payments.return_line,
                payments.settle_job,
            ],
        ),
    ):
        yield


@dataclass
class Play:
    """One order and everybody's moves."""

    client: Client
    world: World
    environment: Any = None
    order_id: str = field(default_factory=lambda: new_id("ord"))
    customer: Actor = field(default_factory=lambda: Actor(kind=ActorKind.CUSTOMER, id=new_id("cus")))

    @property
    def order(self) -> WorkflowHandle[OrderWorkflow, OrderOutcome]:
        return self.client.get_workflow_handle_for(OrderWorkflow.run, order_workflow_id(self.order_id))

    @property
    def job(self) -> WorkflowHandle[JobWorkflow, JobClosed]:
        return self.client.get_workflow_handle_for(JobWorkflow.run, job_workflow_id(self.world.job_id))

    async def place(
        self, policies: OrderPolicies | None = None, saved_card: str | None = None, *, revision: int = 2
    ) -> OrderPlaced:
        start = StartOrder(
            order_id=self.order_id,
            customer_id=self.customer.id,
            quote_id=new_id("quo"),
            placed_by=self.customer,
            policies=policies or OrderPolicies(),
            payment_method_id=saved_card,
            revision=revision,
        )
        return await self.client.execute_update_with_start_workflow(
            OrderWorkflow.place,
            start_workflow_operation=WithStartWorkflowOperation(
                OrderWorkflow.run,
                start,
                id=order_workflow_id(self.order_id),
                task_queue=ORDERS,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            ),
        )

    async def payment(self, state: PaymentState) -> None:
        change = PaymentChanged(event_id=f"evt_{state}", payment_intent_id="pi_1", state=state)
        await self.order.signal(OrderWorkflow.payment_changed, change)

    async def pay(self) -> None:
        await self.payment(PaymentState.AUTHORIZED)
        await self.until(lambda: self.world.opened)

    async def placed_and_paid(self, policies: OrderPolicies | None = None) -> None:
        await self.place(policies)
        await self.pay()

    def acceptance(self, offer: OfferedTo, counter_id: str | None = None) -> AcceptOffer:
        actor = Actor(kind=ActorKind.PROVIDER, id=offer.provider_id)
        return AcceptOffer(offer_id=offer.offer_id, provider_id=offer.provider_id, actor=actor, counter_id=counter_id)

    async def accept(self, offer: OfferedTo | None = None, *, counter_id: str | None = None) -> AcceptanceSecured:
        acceptance = self.acceptance(offer or self.world.waves[-1].offers[0], counter_id)
        return await self.job.execute_update(JobWorkflow.accept, acceptance)

    async def decline(self, offer: OfferedTo) -> None:
        actor = Actor(kind=ActorKind.PROVIDER, id=offer.provider_id)
        answer = DeclineOffer(offer_id=offer.offer_id, provider_id=offer.provider_id, actor=actor)
        await self.job.execute_update(JobWorkflow.decline, answer)

    async def report(self, kind: ReportKind) -> None:
        self.world.started = True
        report = JobReported(report_id=new_id("rep"), kind=kind, at=await self.now())
        await self.job.signal(JobWorkflow.reported, report)

    def said(
        self, kind: ReportKind, at: datetime, due_at: datetime | None = None, offer_id: str | None = None
    ) -> JobReported:
        return JobReported(report_id=new_id("rep"), kind=kind, at=at, due_at=due_at, offer_id=offer_id)

    async def trouble(self, kind: ReportKind, due_at: datetime | None = None, *, offer_id: str | None = None) -> None:
        await self.job.signal(JobWorkflow.reported, self.said(kind, await self.now(), due_at, offer_id))

    async def choose(
        self, choice: Choice, trouble: Trouble = Trouble.DEADLINE_MISSED, due_at: datetime | None = None
    ) -> ChoiceTaken:
        chosen = ChooseForJob(choice=choice, actor=self.customer, trouble=trouble, proposed_due_at=due_at)
        return await self.job.execute_update(JobWorkflow.choose, chosen)

    async def offer_to(self, provider_id: str) -> ProviderOffered:
        choice = OfferTo(provider_id=provider_id, actor=SUPPORT, reason="she knows the part")
        return await self.job.execute_update(JobWorkflow.offer_to, choice)

    async def approve(self) -> JobApproved:
        approval = ApproveJob(actor=self.customer, delivered_at=await self.now())
        return await self.job.execute_update(JobWorkflow.approve, approval)

    async def thaw(self) -> None:
        await self.job.signal(JobWorkflow.payment_thawed, PaymentThawed(order_id=self.order_id))

    async def cancel(self) -> None:
        await self.order.execute_update(
            OrderWorkflow.cancel, CancelOrder(actor=self.customer, reason="changed my mind")
        )

    async def redispatch(self) -> None:
        await self.job.execute_update(JobWorkflow.redispatch, RedispatchJob(actor=SUPPORT, reason="too slow"))

    async def resolve(self, handle: Any, action: ResolutionAction) -> None:
        resolution = ResolveStep(action=action, actor=SUPPORT, reason="checked by hand")
        await handle.execute_update("resolve", resolution)

    async def outcome(self) -> OrderOutcome:
        return await self.result_of(self.order)

    async def job_outcome(self) -> JobClosed:
        return await self.result_of(self.job)

    async def result_of(self, handle: WorkflowHandle[Any, Result]) -> Result:
        if self.environment is None:
            return await handle.result()
        async with self.environment.time_skipping_unlocked():
            return await handle.result()

    async def now(self) -> datetime:
        return datetime.now(UTC) if self.environment is None else await self.environment.get_current_time()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for the fakes to have been called as the condition says; no clock is skipped."""
        async with self.world.called:
            await asyncio.wait_for(self.world.called.wait_for(condition), timeout=10)


async def refusal_of(attempt: Awaitable[object]) -> ApplicationError:
    """The error a refused update carries."""
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await attempt
    cause = failed.value.cause
    assert isinstance(cause, ApplicationError)
    return cause
