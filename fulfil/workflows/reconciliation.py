"""The reconciliation: our books next to the payment provider's; what can be is mended, the rest is said."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from fulfil.models.messages.parties import WaitingOn
    from fulfil.models.messages.reconciliation import (
        ReconcileMoney,
        ReconciliationReport,
        StartReconciliation,
    )
    from fulfil.workflows import attributes
    from fulfil.workflows.policies import RECONCILE
    from fulfil.workflows.ports.reconciliation import ReconciliationActivities
    from fulfil.workflows.steps import say

Answer = TypeVar("Answer")
Step = Callable[[ReconciliationActivities, ReconcileMoney], Awaitable[Answer]]


@workflow.defn(name="Reconciliation")
class ReconciliationWorkflow:
    """One comparison of the books, started by the schedule `money/reconciliation` or by support.

    Updates, signals and queries: none; its result is the report, and `current_details` says what is being done.
    Every step can be run again from its beginning, so a failing one is retried until it succeeds; the schedule starts
    no second comparison meanwhile.
    """

    @workflow.run
    async def run(self, start: StartReconciliation) -> ReconciliationReport:
        """Fetch events, mirror and book what moved, clear it, collect and pay debts, watch what is held, check."""
        request = ReconcileMoney(
            reconciliation_id=f"rec_{workflow.uuid4().hex}", since=start.since, began_at=workflow.now()
        )
        done = {
            "events": await self._step(
                "Fetching events whose webhooks never came", ReconciliationActivities.backfill_events, request
            ),
            "balance_transactions": await self._step(
                "Mirroring the payment provider's books and booking what ours lack",
                ReconciliationActivities.mirror_balance_transactions,
                request,
            ),
            "cleared": await self._step(
                "Clearing what has become available", ReconciliationActivities.clear_funds, request
            ),
            "collected": await self._step(
                "Asking providers' accounts again for what they owe",
                ReconciliationActivities.collect_receivables,
                request,
            ),
            "paid": await self._step(
                "Paying providers what was given back to them", ReconciliationActivities.pay_providers, request
            ),
            "held": await self._step(
                "Looking for money held too long", ReconciliationActivities.watch_held_money, request
            ),
        }
        report = await self._step(
            "Checking every invariant",
            ReconciliationActivities.report_reconciliation,
            request.model_copy(update={"done": done}),
        )
        if report.findings:
            attributes.upsert(attributes.TROUBLE.value_set("books_differ"))
        say(f"Done: {len(report.findings)} findings", WaitingOn.SUPPORT if report.findings else WaitingOn.NOBODY)
        return report

    async def _step(
        self,
        what: str,
        step: Callable[[ReconciliationActivities, ReconcileMoney], Awaitable[Answer]],
        request: ReconcileMoney,
    ) -> Answer:
        say(what, WaitingOn.SYSTEM)
        return await workflow.execute_activity_method(step, request, **RECONCILE)
