"""The reconciliation: our books next to the payment provider's; what can be is mended, the rest is said."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from fulfil.models.messages.parties import WaitingOn
    from fulfil.models.messages.reconciliation import (
        ReconcileMoney,
        ReconciliationReport,
        ReconciliationStep,
        StartReconciliation,
    )
    from fulfil.workflows import attributes
    from fulfil.workflows.policies import RECONCILE
    from fulfil.workflows.ports.reconciliation import ReconciliationActivities
    from fulfil.workflows.steps import say


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
            "events": await self._fetch_missed_events(request),
            "balance_transactions": await self._mirror_the_provider(request),
            "cleared": await self._clear_funds(request),
            "collected": await self._collect_receivables(request),
            "paid": await self._pay_providers(request),
            "held": await self._watch_held_money(request),
        }
        report = await self._report(request.model_copy(update={"done": done}))
        if report.findings:
            attributes.upsert(attributes.TROUBLE.value_set("books_differ"))
        say(f"Done: {len(report.findings)} findings", WaitingOn.SUPPORT if report.findings else WaitingOn.NOBODY)
        return report

    # --- the steps, in the order run() takes them --------------------------------------------------------

    async def _fetch_missed_events(self, request: ReconcileMoney) -> ReconciliationStep:
        say("Fetching events whose webhooks never came", WaitingOn.SYSTEM)
        return await workflow.execute_activity_method(ReconciliationActivities.backfill_events, request, **RECONCILE)

    async def _mirror_the_provider(self, request: ReconcileMoney) -> ReconciliationStep:
        say("Mirroring the payment provider's books and booking what ours lack", WaitingOn.SYSTEM)
        return await workflow.execute_activity_method(
            ReconciliationActivities.mirror_balance_transactions, request, **RECONCILE
        )

    async def _clear_funds(self, request: ReconcileMoney) -> ReconciliationStep:
        say("Clearing what has become available", WaitingOn.SYSTEM)
        return await workflow.execute_activity_method(ReconciliationActivities.clear_funds, request, **RECONCILE)

    async def _collect_receivables(self, request: ReconcileMoney) -> ReconciliationStep:
        say("Asking providers' accounts again for what they owe", WaitingOn.SYSTEM)
        return await workflow.execute_activity_method(
            ReconciliationActivities.collect_receivables, request, **RECONCILE
        )

    async def _pay_providers(self, request: ReconcileMoney) -> ReconciliationStep:
        say("Paying providers what was given back to them", WaitingOn.SYSTEM)
        return await workflow.execute_activity_method(ReconciliationActivities.pay_providers, request, **RECONCILE)

    async def _watch_held_money(self, request: ReconcileMoney) -> ReconciliationStep:
        say("Looking for money held too long", WaitingOn.SYSTEM)
        return await workflow.execute_activity_method(ReconciliationActivities.watch_held_money, request, **RECONCILE)

    async def _report(self, request: ReconcileMoney) -> ReconciliationReport:
        say("Checking every invariant", WaitingOn.SYSTEM)
        return await workflow.execute_activity_method(
            ReconciliationActivities.report_reconciliation, request, **RECONCILE
        )
