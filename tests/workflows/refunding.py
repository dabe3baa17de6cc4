"""Plays one refund against its workflow: a bank that answers by script, and the moves of support."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.worker import Worker

from fulfil.models.ids import new_id
from fulfil.models.messages.parties import Actor, ActorKind
from fulfil.models.messages.refunds import (
    DecideRefund,
    LookAtRefund,
    RefundChanged,
    RefundOpened,
    RefundOutcome,
    RefundPlan,
    RefundProgress,
    RefundReason,
    RefundRoute,
    RefundState,
    RerouteRefund,
    SendRefund,
    StartRefund,
)
from fulfil.models.messages.support import ResolutionAction, ResolveStep
from fulfil.workflows import attributes
from fulfil.workflows.ids import ORDERS, PAYMENTS, refund_workflow_id
from fulfil.workflows.ports.refunds import RefundActivities
from fulfil.workflows.refund import RefundWorkflow
from tests.workflows.fake_support import FakeSupport
from tests.workflows.fakes import World

CLERK = Actor(kind=ActorKind.SUPPORT, id=new_id("acc"))
BOSS = Actor(kind=ActorKind.ADMIN, id=new_id("acc"))
CUSTOMER = Actor(kind=ActorKind.CUSTOMER, id=new_id("cus"))
DAY_S = 86_400


@dataclass
class FakeRefunds(RefundActivities):
    """Opens in `opens_as`; what is sent and looked at turns out as the scripts say, succeeded when they end."""

    world: World
    opens_as: RefundState = RefundState.REQUESTED
    refusal_code: str | None = None
    frozen: bool = False
    sent: list[RefundState] = field(default_factory=list[RefundState])
    seen: list[RefundState] = field(default_factory=list[RefundState])
    decisions: list[DecideRefund] = field(default_factory=list[DecideRefund])
    reroutes: list[RerouteRefund] = field(default_factory=list[RerouteRefund])

    def _progress(self, refund_id: str, state: RefundState) -> RefundProgress:
        failure = "expired_or_canceled_card" if state is RefundState.FAILED else None
        return RefundProgress(refund_id=refund_id, state=state, failure=failure)

    @activity.defn
    async def open_refund(self, request: StartRefund) -> RefundOpened:
        await self.world.call("open_refund")
        plan = RefundPlan(
            order_id=request.order_id, amount_minor=3000, refusal_code=self.refusal_code, refusal_detail="no"
        )
        state = RefundState.FAILED if request.reopened else self.opens_as
        return RefundOpened(refund_id=request.refund_id, state=state, plan=plan)

    @activity.defn
    async def decide_refund(self, request: DecideRefund) -> RefundProgress:
        await self.world.call("decide_refund")
        if self.frozen:
            return RefundProgress(
                refund_id=request.refund_id, state=RefundState.AWAITING_APPROVAL, refusal_code="payment_frozen"
            )
        self.decisions.append(request)
        return self._progress(request.refund_id, RefundState.REQUESTED if request.approved else RefundState.REJECTED)

    @activity.defn
    async def send_refund(self, request: SendRefund) -> RefundProgress:
        await self.world.call("send_refund")
        return self._progress(request.refund_id, self.sent.pop(0) if self.sent else RefundState.SUCCEEDED)

    @activity.defn
    async def look_at_refund(self, request: LookAtRefund) -> RefundProgress:
        await self.world.call("look_at_refund")
        return self._progress(request.refund_id, self.seen.pop(0) if self.seen else RefundState.SUCCEEDED)

    @activity.defn
    async def reroute_refund(self, request: RerouteRefund) -> RefundProgress:
        await self.world.call("reroute_refund")
        self.reroutes.append(request)
        return self._progress(request.refund_id, RefundState.REQUESTED)


@asynccontextmanager
async def refund_workers(client: Client, refunds: FakeRefunds) -> AsyncGenerator[None]:
    """The two workers a refund needs."""
    support = FakeSupport(refunds.world)
    async with (
        Worker(
            client,
            task_queue=ORDERS,
            workflows=[RefundWorkflow],
            activities=[support.note_parking, support.note_resolution],
        ),
        Worker(
            client,
            task_queue=PAYMENTS,
            activities=[
                refunds.open_refund,
                refunds.decide_refund,
                refunds.send_refund,
                refunds.look_at_refund,
                refunds.reroute_refund,
            ],
        ),
    ):
        yield


@dataclass
class RefundPlay:
    """One refund and everybody's moves."""

    environment: Any
    bank: FakeRefunds
    refund_id: str = field(default_factory=lambda: new_id("ref"))
    order_id: str = field(default_factory=lambda: new_id("ord"))

    @property
    def client(self) -> Client:
        """A client of the time-skipping server."""
        return self.bank.world.client

    @property
    def world(self) -> World:
        """What the fakes share."""
        return self.bank.world

    @property
    def refund(self) -> WorkflowHandle[RefundWorkflow, RefundOutcome]:
        return self.client.get_workflow_handle_for(RefundWorkflow.run, refund_workflow_id(self.refund_id))

    async def request(self, *, reopened: bool = False) -> RefundOpened:
        start = StartRefund(
            refund_id=self.refund_id,
            order_id=self.order_id,
            reason=RefundReason.QUALITY,
            requested_by=CLERK,
            looks_s=(DAY_S, 5 * DAY_S, 10 * DAY_S),
            reopened=reopened,
        )
        return await self.client.execute_update_with_start_workflow(
            RefundWorkflow.request,
            start_workflow_operation=WithStartWorkflowOperation(
                RefundWorkflow.run,
                start,
                id=refund_workflow_id(self.refund_id),
                task_queue=ORDERS,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            ),
        )

    async def decide(self, *, approved: bool = True, by: Actor = BOSS) -> RefundProgress:
        decision = DecideRefund(
            refund_id=self.refund_id, order_id=self.order_id, approved=approved, actor=by, reason="looked at it"
        )
        return await self.refund.execute_update(RefundWorkflow.decide, decision)

    async def reroute(
        self, route: RefundRoute = RefundRoute.BANK, reference: str | None = "SEPA 1", by: Actor = CLERK
    ) -> RefundProgress:
        request = RerouteRefund(
            refund_id=self.refund_id,
            order_id=self.order_id,
            route=route,
            actor=by,
            reason="the card is gone",
            reference=reference,
        )
        return await self.refund.execute_update(RefundWorkflow.reroute, request)

    async def hear(self, state: RefundState) -> None:
        """A webhook came in and was written."""
        await self.refund.signal(RefundWorkflow.refund_changed, RefundChanged(event_id="evt_1", state=state))

    async def resolve(self, action: ResolutionAction) -> None:
        await self.refund.execute_update("resolve", ResolveStep(action=action, actor=BOSS, reason="mended"))

    async def outcome(self) -> RefundOutcome:
        async with self.environment.time_skipping_unlocked():
            return await self.refund.result()

    async def stuck(self, trouble: str) -> None:
        """Wait until the refund waits for support; only its search attribute tells."""
        async with asyncio.timeout(10):
            while await self._trouble() != trouble:  # noqa: ASYNC110 (nothing tells of it)
                await asyncio.sleep(0.02)

    async def _trouble(self) -> str | None:
        described = await self.refund.describe()
        return described.typed_search_attributes.get(attributes.TROUBLE)

    async def called(self, step: str, times: int = 1) -> None:
        """Wait until a step has been called so often; no clock is skipped."""
        async with self.world.called:
            await asyncio.wait_for(
                self.world.called.wait_for(lambda: self.world.calls.count(step) >= times), timeout=10
            )
