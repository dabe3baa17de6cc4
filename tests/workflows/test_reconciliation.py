"""The reconciliation as a process: every step in its order, a failing one again until it succeeds."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from fulfil.models.messages.reconciliation import (
    Finding,
    FindingKind,
    ReconcileMoney,
    ReconciliationReport,
    ReconciliationStep,
    StartReconciliation,
)
from fulfil.workers.registration import activities_of
from fulfil.workflows import attributes
from fulfil.workflows.ids import ORDERS, PAYMENTS
from fulfil.workflows.ports.reconciliation import ReconciliationActivities
from fulfil.workflows.reconciliation import ReconciliationWorkflow

AT = datetime(2030, 1, 1, tzinfo=UTC)
MISSING = Finding(
    kind=FindingKind.MISSING_IN_LEDGER, subject="txn_1", detail="Stripe has it, we do not.", remedy="Look at it."
)


@dataclass
class FakeBooks(ReconciliationActivities):
    """Remembers what was asked; fails as often as a test wants."""

    findings: tuple[Finding, ...] = ()
    failures: dict[str, int] = field(default_factory=dict[str, int])
    calls: list[str] = field(default_factory=list[str])
    requests: list[ReconcileMoney] = field(default_factory=list[ReconcileMoney])

    @activity.defn
    async def backfill_events(self, request: ReconcileMoney) -> ReconciliationStep:
        return self._step("backfill_events", request)

    @activity.defn
    async def mirror_balance_transactions(self, request: ReconcileMoney) -> ReconciliationStep:
        return self._step("mirror_balance_transactions", request)

    @activity.defn
    async def clear_funds(self, request: ReconcileMoney) -> ReconciliationStep:
        return self._step("clear_funds", request)

    @activity.defn
    async def watch_held_money(self, request: ReconcileMoney) -> ReconciliationStep:
        return self._step("watch_held_money", request)

    @activity.defn
    async def collect_receivables(self, request: ReconcileMoney) -> ReconciliationStep:
        return self._step("collect_receivables", request)

    @activity.defn
    async def pay_providers(self, request: ReconcileMoney) -> ReconciliationStep:
        return self._step("pay_providers", request)

    @activity.defn
    async def report_reconciliation(self, request: ReconcileMoney) -> ReconciliationReport:
        self._step("report_reconciliation", request)
        return ReconciliationReport(
            reconciliation_id=request.reconciliation_id,
            since=request.since or AT,
            finished_at=AT,
            steps=request.done,
            findings=self.findings,
        )

    def _step(self, name: str, request: ReconcileMoney) -> ReconciliationStep:
        self.calls.append(name)
        self.requests.append(request)
        if self.failures.get(name, 0) > 0:
            self.failures[name] -= 1
            raise ConnectionError("no answer")
        return ReconciliationStep(looked_at=len(self.calls), repaired=0)


@asynccontextmanager
async def working(client: Client, books: FakeBooks) -> AsyncGenerator[None]:
    async with (
        Worker(client, task_queue=ORDERS, workflows=[ReconciliationWorkflow]),
        Worker(client, task_queue=PAYMENTS, activities=activities_of(books)),
    ):
        yield


async def reconcile(client: Client, start: StartReconciliation) -> ReconciliationReport:
    return await client.execute_workflow(ReconciliationWorkflow.run, start, id="reconciliation", task_queue=ORDERS)


STEPS = [
    "backfill_events",
    "mirror_balance_transactions",
    "clear_funds",
    "collect_receivables",
    "pay_providers",
    "watch_held_money",
    "report_reconciliation",
]


async def test_every_step_is_taken_once_and_the_report_knows_what_each_did(skipping: WorkflowEnvironment) -> None:
    books = FakeBooks()
    async with working(skipping.client, books):
        report = await reconcile(skipping.client, StartReconciliation(since=AT))

    assert books.calls == STEPS
    assert {request.reconciliation_id for request in books.requests} == {report.reconciliation_id}
    assert {request.since for request in books.requests} == {AT}
    assert {name: step.looked_at for name, step in report.steps.items()} == {
        "events": 1,
        "balance_transactions": 2,
        "cleared": 3,
        "collected": 4,
        "paid": 5,
        "held": 6,
    }


@pytest.mark.parametrize("step", STEPS)
async def test_a_failing_step_is_taken_again_until_it_succeeds(skipping: WorkflowEnvironment, step: str) -> None:
    books = FakeBooks(failures={step: 30})
    async with working(skipping.client, books):
        await reconcile(skipping.client, StartReconciliation())

    assert books.calls.count(step) == 31
    assert [call for call in books.calls if call != step] == [name for name in STEPS if name != step]


async def test_findings_are_trouble_that_ops_can_search_for(skipping: WorkflowEnvironment) -> None:
    async with working(skipping.client, FakeBooks(findings=(MISSING,))):
        report = await reconcile(skipping.client, StartReconciliation())

    described = await skipping.client.get_workflow_handle("reconciliation").describe()
    assert report.findings == (MISSING,)
    assert described.typed_search_attributes[attributes.TROUBLE] == "books_differ"
