"""Plays one deliverable against its workflow: milestones as PostgreSQL would have them, and everybody's moves."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from fulfil.models.ids import new_id
from fulfil.models.messages.deliverables import (
    ApplyPlan,
    ApproveSilently,
    CallOffRejected,
    CloseDeliverable,
    DeliverableClosed,
    DeliverableOutcome,
    DeliverableReported,
    DeliverableReportKind,
    DeliverableState,
    DeliverableWithdrawal,
    DeliverableWithdrawn,
    MarkDelayed,
    MilestoneApproval,
    MilestoneCalledOff,
    MilestoneClock,
    PlanApplied,
    RemindOfReview,
    StartDeliverable,
    WithdrawDeliverable,
)
from fulfil.models.messages.parties import Actor, ActorKind
from fulfil.models.messages.payments import JobSettlement, PaymentThawed, SettleJob
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.support import ResolutionAction, ResolveStep
from fulfil.workers.registration import activities_of
from fulfil.workflows.deliverable import DeliverableWorkflow
from fulfil.workflows.ids import ORDERS, PAYMENTS, deliverable_workflow_id
from fulfil.workflows.ports.deliverables import DeliverableActivities
from tests.workflows.fake_support import FakeSupport
from tests.workflows.fakes import FakePayments, World

DAY = timedelta(days=1)
SUPPORT = Actor(kind=ActorKind.SUPPORT, id=new_id("acc"))
SUBMITTED, REVISE = DeliverableReportKind.SUBMITTED, DeliverableReportKind.REVISION_REQUESTED
APPROVED, REJECTED = DeliverableReportKind.APPROVED, DeliverableReportKind.REJECTED


@dataclass
class FakeDeliverables(DeliverableActivities):
    """Believes every clock, unless the test says that somebody was faster; remembers what was asked."""

    world: World
    approvals: list[MilestoneApproval] = field(default_factory=list[MilestoneApproval])
    plans: list[PlanApplied] = field(default_factory=list[PlanApplied])
    kept: list[str] = field(default_factory=list[str])
    outcome: DeliverableOutcome = DeliverableOutcome.COMPLETED
    asked: list[Any] = field(default_factory=list[Any])
    line_id: str = field(default_factory=lambda: new_id("lin"))

    @activity.defn
    async def approve_silently(self, request: ApproveSilently) -> MilestoneApproval:
        await self._note("approve_silently", request)
        return self.approvals.pop(0) if self.approvals else MilestoneApproval(approved=True)

    @activity.defn
    async def remind_of_review(self, request: RemindOfReview) -> None:
        await self._note("remind_of_review", request)

    @activity.defn
    async def mark_delayed(self, request: MarkDelayed) -> None:
        await self._note("mark_delayed", request)

    @activity.defn
    async def apply_plan(self, request: ApplyPlan) -> PlanApplied:
        await self._note("apply_plan", request)
        return self.plans.pop(0)

    @activity.defn
    async def call_off_rejected(self, request: CallOffRejected) -> MilestoneCalledOff:
        await self._note("call_off_rejected", request)
        return MilestoneCalledOff(called_off=request.milestone_id not in self.kept)

    @activity.defn
    async def withdraw_deliverable(self, request: WithdrawDeliverable) -> DeliverableWithdrawal:
        await self._note("withdraw_deliverable", request)
        return DeliverableWithdrawal(
            deliverable_id=request.deliverable_id, withdrawn=True, state=DeliverableState.CANCELLED
        )

    @activity.defn
    async def close_deliverable(self, request: CloseDeliverable) -> DeliverableClosed:
        await self._note("close_deliverable", request)
        return DeliverableClosed(deliverable_id=request.deliverable_id, line_id=self.line_id, outcome=self.outcome)

    async def _note(self, name: str, request: Any) -> None:
        self.asked.append(request)
        await self.world.call(name)


class QuietPayments(FakePayments):
    """Settles milestones; no order workflow runs beside."""

    @activity.defn
    async def settle_job(self, request: SettleJob) -> JobSettlement:
        self.world.settlements.append(request)
        await self.world.call("settle_job")
        return JobSettlement(
            job_id=request.job_id,
            released_minor=0 if self.world.frozen else 1299,
            commission_minor=0 if self.world.frozen else 195,
            payout_minor=0 if self.world.frozen else 1104,
            currency="eur",
            order_closed=False,
            frozen=self.world.frozen,
        )


@asynccontextmanager
async def deliverable_workers(client: Client, world: World, fakes: FakeDeliverables) -> AsyncGenerator[None]:
    """The two workers a deliverable needs."""
    async with (
        Worker(
            client,
            task_queue=ORDERS,
            workflows=[DeliverableWorkflow],
            activities=activities_of(fakes, FakeSupport(world)),
        ),
        Worker(client, task_queue=PAYMENTS, activities=[QuietPayments(world).settle_job]),
    ):
        yield


@dataclass
class Delivery:
    """One deliverable of milestones due one, two, … times `apart` from its start, and everybody's moves."""

    client: Client
    world: World
    fakes: FakeDeliverables
    environment: Any
    began_at: datetime = field(init=False)
    milestones: list[MilestoneClock] = field(default_factory=list[MilestoneClock])
    order_id: str = field(default_factory=lambda: new_id("ord"))
    deliverable_id: str = field(default_factory=lambda: new_id("del"))
    sent: int = 0

    @property
    def handle(self) -> WorkflowHandle[DeliverableWorkflow, DeliverableClosed]:
        return self.client.get_workflow_handle_for(
            DeliverableWorkflow.run, deliverable_workflow_id(self.deliverable_id)
        )

    async def begin(self, count: int = 1, policies: OrderPolicies | None = None, apart: timedelta = 10 * DAY) -> None:
        self.began_at = await self.environment.get_current_time()
        self.milestones = [clock_due(self.began_at + apart * (n + 1)) for n in range(count)]
        start = StartDeliverable(
            deliverable_id=self.deliverable_id,
            order_id=self.order_id,
            line_id=self.fakes.line_id,
            provider_id=new_id("prv"),
            milestones=tuple(self.milestones),
            policies=policies or OrderPolicies(),
        )
        await self.client.start_workflow(
            DeliverableWorkflow.run, start, id=deliverable_workflow_id(self.deliverable_id), task_queue=ORDERS
        )

    async def said(
        self, kind: DeliverableReportKind, which: int = 0, *, at: datetime | None = None, by: datetime | None = None
    ) -> DeliverableReported:
        """A report as the API would have written it now."""
        return self.report(
            kind, self.milestones[which].milestone_id, at or await self.environment.get_current_time(), by
        )

    def report(
        self, kind: DeliverableReportKind, milestone_id: str, at: datetime, by: datetime | None = None
    ) -> DeliverableReported:
        self.sent += 1
        return DeliverableReported(report_id=f"{self.sent:032x}", kind=kind, at=at, milestone_id=milestone_id, by=by)

    async def tell(self, report: DeliverableReported) -> None:
        await self.handle.signal(DeliverableWorkflow.reported, report)

    async def say(self, kind: DeliverableReportKind, which: int = 0, by: datetime | None = None) -> None:
        await self.tell(await self.said(kind, which, by=by))

    async def replan(self, plan: PlanApplied) -> DeliverableReported:
        self.fakes.plans.append(plan)
        report = DeliverableReported(
            report_id=new_id("rep"),
            kind=DeliverableReportKind.REPLANNED,
            at=await self.environment.get_current_time(),
            proposal_id=new_id("pln"),
        )
        await self.tell(report)
        return report

    async def withdraw(self, *called_off: int) -> None:
        ids = tuple(self.milestones[which].milestone_id for which in called_off)
        await self.handle.signal(
            DeliverableWorkflow.withdrawn, DeliverableWithdrawn(reason="cancelled", called_off=ids)
        )

    async def thaw(self) -> None:
        await self.handle.signal(DeliverableWorkflow.payment_thawed, PaymentThawed(order_id=self.order_id))

    async def resolve(self, action: ResolutionAction) -> None:
        resolution = ResolveStep(action=action, actor=SUPPORT, reason="checked by hand")
        await self.handle.execute_update(DeliverableWorkflow.resolve, resolution)

    async def called(self, name: str, times: int = 1) -> None:
        """Wait until the fakes were asked this often; no clock is skipped."""
        async with self.world.called:
            await self.world.called.wait_for(lambda: self.world.calls.count(name) >= times)

    async def after(self, time: timedelta) -> None:
        """Let the clock run."""
        await self.environment.sleep(time)

    async def outcome(self) -> DeliverableClosed:
        async with self.environment.time_skipping_unlocked():
            return await self.handle.result()

    async def shown(self) -> list[dict[str, Any]]:
        """Each batch of search attributes; the test server can't describe what was unset."""
        upserts = [
            event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
            async for event in self.handle.fetch_history_events()
            if event.event_type == EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES
        ]
        return [{name: json.loads(field.data or "null") for name, field in batch.items()} for batch in upserts]

    def paid(self) -> Sequence[tuple[str, bool]]:
        """The jobs settled, and whether by silence."""
        return [(settled.job_id, settled.approved_by_silence) for settled in self.world.settlements]

    def times_of(self, kind: type[Any]) -> int:
        return sum(isinstance(request, kind) for request in self.fakes.asked)


def clock_due(due_at: datetime) -> MilestoneClock:
    """A new milestone's."""
    return MilestoneClock(milestone_id=new_id("mil"), job_id=new_id("job"), due_at=due_at)
