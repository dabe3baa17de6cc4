"""Plays one chargeback against its workflow: a bank that answers by script, and the moves of support."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from fulfil.models.ids import new_id
from fulfil.models.messages.chargebacks import (
    AcceptLoss,
    AddEvidence,
    ChargebackChanged,
    ChargebackOutcome,
    ChargebackState,
    ChargebackStatus,
    CollectEvidence,
    ReadChargeback,
    RemindOfEvidence,
    StartChargeback,
    SubmitEvidence,
)
from fulfil.models.messages.parties import Actor, ActorKind
from fulfil.models.messages.support import ResolutionAction, ResolveStep
from fulfil.workflows.chargeback import ChargebackWorkflow
from fulfil.workflows.ids import ORDERS, chargeback_workflow_id
from fulfil.workflows.ports.chargebacks import ChargebackActivities
from tests.workflows.fakes import World

SUPPORT = Actor(kind=ActorKind.SUPPORT, id=new_id("acc"))
DAY = timedelta(days=1)
REMINDER, SUBMISSION = 3 * DAY, DAY


@dataclass
class FakeBank(ChargebackActivities):
    """The dispute as the card network has it; the test decides what is read next."""

    world: World
    environment: WorkflowEnvironment
    due: datetime | None
    state: ChargebackState = ChargebackState.NEEDS_RESPONSE
    submitted: bool = False
    decided_after: int = 0
    verdict: ChargebackState = ChargebackState.WON
    submissions: list[SubmitEvidence] = field(default_factory=list[SubmitEvidence])
    collected: list[int] = field(default_factory=list[int])
    moments: dict[str, datetime] = field(default_factory=dict[str, datetime])

    async def _call(self, name: str) -> None:
        self.moments[name] = await self.environment.get_current_time()
        await self.world.call(name)

    def _status(self, chargeback_id: str) -> ChargebackStatus:
        return ChargebackStatus(
            chargeback_id=chargeback_id,
            state=self.state,
            amount_minor=10_000,
            currency="eur",
            evidence_due_at=self.due,
            submitted=self.submitted,
            staged=bool(self.collected),
            evidence_number=max(self.collected, default=0),
            reminder_s=int(REMINDER.total_seconds()),
            submit_s=int(SUBMISSION.total_seconds()),
        )

    @activity.defn
    async def read_chargeback(self, request: ReadChargeback) -> ChargebackStatus:
        await self._call("read_chargeback")
        if self.submitted:
            self.decided_after -= 1
            if self.decided_after < 0:
                self.state = self.verdict
        return self._status(request.chargeback_id)

    @activity.defn
    async def collect_evidence(self, request: CollectEvidence) -> None:
        await self._call("collect_evidence")
        self.collected.append(request.number)

    @activity.defn
    async def submit_evidence(self, request: SubmitEvidence) -> ChargebackStatus:
        await self._call("submit_evidence")
        self.submissions.append(request)
        self.submitted = True
        if self.state is ChargebackState.NEEDS_RESPONSE:
            self.state = ChargebackState.UNDER_REVIEW
        return self._status(request.chargeback_id)

    @activity.defn
    async def accept_loss(self, request: AcceptLoss) -> ChargebackStatus:
        await self._call("accept_loss")
        self.submitted, self.state = True, ChargebackState.LOST
        return self._status(request.chargeback_id)

    @activity.defn
    async def remind_of_evidence(self, request: RemindOfEvidence) -> None:
        del request
        await self._call("remind_of_evidence")


@dataclass
class Case:
    """One chargeback and everybody's moves."""

    environment: Any
    world: World
    bank: FakeBank
    chargeback_id: str = field(default_factory=lambda: new_id("chb"))
    order_id: str = field(default_factory=lambda: new_id("ord"))

    @property
    def handle(self) -> WorkflowHandle[ChargebackWorkflow, ChargebackOutcome]:
        client: Client = self.environment.client
        return client.get_workflow_handle_for(ChargebackWorkflow.run, chargeback_workflow_id(self.chargeback_id))

    async def start(self) -> None:
        start = StartChargeback(chargeback_id=self.chargeback_id, stripe_dispute_id="du_1", order_id=self.order_id)
        await self.environment.client.start_workflow(
            ChargebackWorkflow.run, start, id=chargeback_workflow_id(self.chargeback_id), task_queue=ORDERS
        )

    async def hear(self, event_id: str = "evt_1") -> None:
        await self.handle.signal(ChargebackWorkflow.chargeback_changed, ChargebackChanged(event_id=event_id))

    async def submit(self) -> ChargebackStatus:
        request = SubmitEvidence(
            chargeback_id=self.chargeback_id, order_id=self.order_id, actor=SUPPORT, reason="complete"
        )
        return await self.handle.execute_update(ChargebackWorkflow.submit, request)

    async def add(self) -> ChargebackStatus:
        request = AddEvidence(
            chargeback_id=self.chargeback_id, order_id=self.order_id, statement_id=new_id("sta"), actor=SUPPORT
        )
        return await self.handle.execute_update(ChargebackWorkflow.add_evidence, request)

    async def accept(self) -> ChargebackStatus:
        request = AcceptLoss(
            chargeback_id=self.chargeback_id, order_id=self.order_id, actor=SUPPORT, reason="she is right"
        )
        return await self.handle.execute_update(ChargebackWorkflow.accept_loss, request)

    async def resolve(self, action: ResolutionAction) -> None:
        resolution = ResolveStep(action=action, actor=SUPPORT, reason="checked by hand")
        await self.handle.execute_update(ChargebackWorkflow.resolve, resolution)

    async def outcome(self) -> ChargebackState:
        """How it ends, the clock jumping on."""
        async with self.environment.time_skipping_unlocked():
            return (await self.handle.result()).state

    async def called(self, name: str, times: int = 1) -> None:
        """Wait for the fakes to have been called; no clock is skipped."""
        async with self.world.called:
            await asyncio.wait_for(
                self.world.called.wait_for(lambda: self.world.calls.count(name) >= times), timeout=10
            )

    async def staged(self) -> None:
        """Read, and the first evidence staged."""
        await self.called("collect_evidence")
        async with asyncio.timeout(10):
            while not await self._has_heard():  # noqa: ASYNC110 (nothing tells of it)
                await asyncio.sleep(0.02)

    async def _has_heard(self) -> bool:
        """Whether the workflow went on after the last call of an activity, or its validators would still refuse."""
        history = await self.handle.fetch_history()
        kinds = [event.WhichOneof("attributes") or "" for event in history.events]
        completed = [place for place, kind in enumerate(kinds) if kind == "activity_task_completed_event_attributes"]
        if len(completed) < len(self.world.calls):
            return False
        return "workflow_task_completed_event_attributes" in kinds[completed[-1] :]
