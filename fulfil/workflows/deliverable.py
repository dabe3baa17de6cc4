"""The delivery of a service line: milestones submitted, answered in time or by silence, each paid when approved."""

import asyncio

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from fulfil.models.messages.deliverables import (
        ApplyPlan,
        ApproveSilently,
        CallOffRejected,
        CloseDeliverable,
        DeliverableClosed,
        DeliverableReported,
        DeliverableWithdrawn,
        MarkDelayed,
        RemindOfReview,
        StartDeliverable,
    )
    from fulfil.models.messages.parties import WaitingOn
    from fulfil.models.messages.payments import PaymentThawed, SettleJob
    from fulfil.models.messages.support import ResolveStep, StepResolved
    from fulfil.workflows import attributes
    from fulfil.workflows.alarm import Alarm
    from fulfil.workflows.milestones import Milestone, Milestones, Stand
    from fulfil.workflows.policies import FROZEN_LOOK
    from fulfil.workflows.ports.deliverables import DeliverableActivities
    from fulfil.workflows.ports.payments import PaymentActivities
    from fulfil.workflows.steps import RETRY_OR_SKIP, Steps, StepSkippedError, say


@workflow.defn(name="Deliverable")
class DeliverableWorkflow:
    """The milestones of one service line, several at once, each on its own clock.

    What provider and customer do is written by the API in one transaction; what moves a clock comes in as a signal.
    What time does is an activity under the same lock that looks again before it acts.

    Updates:
        `resolve`: moves a parked step on; refused when nothing is parked.
    Signals:
        `reported`: submitted, revision requested, approved, rejected, planned anew; in any order, repeated or not.
        `withdrawn`: the order took back what was open.
        `payment_thawed`: no chargeback holds the order's money any more.
    Queries: none; reads come from PostgreSQL, and `current_details` says what is waited for.
    """

    @workflow.init
    def __init__(self, start: StartDeliverable) -> None:
        self.deliverable_id = start.deliverable_id
        self.order_id = start.order_id
        self.milestones = Milestones.of(start.milestones, start.policies)
        self.steps = Steps(order_id=start.order_id, subject=start.deliverable_id)
        self.alarm = Alarm()
        self.news = False
        self.settlements: list[asyncio.Task[None]] = []
        self.shown: tuple[WaitingOn, bool, int] = (WaitingOn.PROVIDER, False, 0)

    @workflow.run
    async def run(self, start: StartDeliverable) -> DeliverableClosed:
        """Wait for people or for the next clock, act, until every milestone is paid or called off."""
        del start
        while self.milestones.unfinished:
            due = self.milestones.due(workflow.now())
            if self.milestones.plans:
                await self._apply_plan(self.milestones.plans.pop(0))
            elif (approved := self.milestones.approved) is not None:
                self._begin_settling(approved)
            elif due is None:
                await self._something_happens()
            elif due.reminder_at is not None:
                await self._remind(due)
            elif due.stand is Stand.IN_REVIEW:
                await self._approve_silently(due)
            elif due.stand is Stand.REJECTED:
                await self._call_off(due)
            else:
                await self._mark_delayed(due)
        return await self._close()

    # --- what can be said to a running deliverable -------------------------------------------------------

    @workflow.update
    async def resolve(self, resolution: ResolveStep) -> StepResolved:
        """Support moves the parked step on."""
        return self.steps.resolve(resolution)

    @resolve.validator
    def check_resolve(self, resolution: ResolveStep) -> None:
        """Only what is parked can be resolved."""
        self.steps.check_resolution(resolution)

    @workflow.signal
    def reported(self, report: DeliverableReported) -> None:
        """Provider or customer did something that moves a clock."""
        self.milestones.note(report)
        self.news = True

    @workflow.signal
    def withdrawn(self, withdrawal: DeliverableWithdrawn) -> None:
        """The order took back what was open."""
        self.milestones.withdraw(withdrawal)
        self.news = True

    @workflow.signal
    def payment_thawed(self, thawed: PaymentThawed) -> None:
        """What waits to be settled looks again."""
        del thawed
        self.milestones.thaw()

    # --- the steps, in the order run() takes them --------------------------------------------------------

    async def _apply_plan(self, proposal_id: str) -> None:
        request = ApplyPlan(deliverable_id=self.deliverable_id, order_id=self.order_id, proposal_id=proposal_id)
        plan = await self.steps.database(DeliverableActivities.apply_plan, request)
        if plan.applied:
            self.milestones.apply(plan)
        else:
            self.milestones.keep_plan()

    def _begin_settling(self, milestone: Milestone) -> None:
        """Beside the clocks of the others, which must not wait while a payment is retried, parked or frozen."""
        milestone.settling = True
        self.settlements.append(asyncio.create_task(self._settle(milestone)))

    async def _something_happens(self) -> None:
        """A signal, a payment that ended, or the next clock."""
        self._show()
        while True:
            try:
                await self.alarm.wait(self._has_news, self.milestones.next_look)
                break
            except asyncio.CancelledError:
                say("A deliverable can't be cancelled by itself: cancel its order or line", WaitingOn.SUPPORT)
        self.news = False
        for ended in [task for task in self.settlements if task.done()]:
            self.settlements.remove(ended)
            ended.result()  # a bug in it is one of this workflow

    async def _remind(self, milestone: Milestone) -> None:
        milestone.reminder_at = None
        request = RemindOfReview(
            deliverable_id=self.deliverable_id,
            order_id=self.order_id,
            milestone_id=milestone.milestone_id,
            review_due_at=milestone.by,
        )
        try:
            await self.steps.database(DeliverableActivities.remind_of_review, request, RETRY_OR_SKIP)
        except StepSkippedError:
            workflow.logger.warning("support skipped a reminder", extra={"order_id": self.order_id})

    async def _approve_silently(self, milestone: Milestone) -> None:
        """Unless she answered at the last moment: then her answer is on its way here."""
        milestone.acted = True
        request = ApproveSilently(
            deliverable_id=self.deliverable_id,
            order_id=self.order_id,
            milestone_id=milestone.milestone_id,
            review_due_at=milestone.by,
        )
        approval = await self.steps.database(DeliverableActivities.approve_silently, request)
        if approval.approved:
            milestone.approve(by_silence=approval.by_silence)

    async def _call_off(self, milestone: Milestone) -> None:
        """Unless it was submitted again at the last moment."""
        if milestone.since is None:
            raise RuntimeError(f"{milestone.milestone_id} was rejected at no time")
        milestone.acted = True
        request = CallOffRejected(
            deliverable_id=self.deliverable_id,
            order_id=self.order_id,
            milestone_id=milestone.milestone_id,
            rejected_at=milestone.since[0],
        )
        answer = await self.steps.database(DeliverableActivities.call_off_rejected, request)
        if answer.called_off:
            milestone.call_off()

    async def _mark_delayed(self, milestone: Milestone) -> None:
        """Once per date; the provider may still submit, the customer may claim."""
        milestone.acted = milestone.delayed = True
        request = MarkDelayed(
            deliverable_id=self.deliverable_id,
            order_id=self.order_id,
            milestone_id=milestone.milestone_id,
            due_at=milestone.by,
        )
        await self.steps.database(DeliverableActivities.mark_delayed, request)

    async def _close(self) -> DeliverableClosed:
        request = CloseDeliverable(deliverable_id=self.deliverable_id, order_id=self.order_id)
        closed = await self.steps.database(DeliverableActivities.close_deliverable, request)
        say(f"Ended: {closed.outcome.value}", WaitingOn.NOBODY)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return closed

    # --- what the steps are made of ----------------------------------------------------------------------

    async def _settle(self, milestone: Milestone) -> None:
        request = SettleJob(order_id=self.order_id, job_id=milestone.job_id, approved_by_silence=milestone.by_silence)
        while True:
            milestone.thawed = False  # before the step, so that a signal during it is not lost
            settlement = await self.steps.money(PaymentActivities.settle_job, request)
            milestone.frozen, self.news = settlement.frozen, True
            if not settlement.frozen:
                milestone.stand = Stand.SETTLED
                return
            try:
                await workflow.wait_condition(lambda: milestone.thawed, timeout=FROZEN_LOOK)
            except TimeoutError:
                continue

    def _has_news(self) -> bool:
        return self.news or any(task.done() for task in self.settlements)

    def _show(self) -> None:
        """Say what is waited for; search attributes follow when another person has to act, in one batch."""
        if self.steps.parked is not None:
            return
        what, who, until, then = self.milestones.described()
        say(what, who, until, then)
        delayed = self.milestones.delayed
        if who is WaitingOn.SYSTEM or (who, delayed, self.steps.parkings) == self.shown:
            return
        self.shown = (who, delayed, self.steps.parkings)
        attributes.upsert(
            attributes.WAITING_ON.value_set(who),
            attributes.DEADLINE.value_unset() if until is None else attributes.DEADLINE.value_set(until),
            attributes.TROUBLE.value_set("delayed") if delayed else attributes.TROUBLE.value_unset(),
        )
