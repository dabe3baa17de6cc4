"""The second half of the job process: started, made by its date or not, delivered, approved, settled."""

from datetime import datetime, timedelta

from temporalio import workflow

from fulfil.models.messages.jobs import JobOutcome, RedispatchJob
from fulfil.models.messages.parties import SYSTEM, WaitingOn
from fulfil.models.messages.payments import SettleJob
from fulfil.models.messages.promises import (
    CallOffJob,
    CheckPromise,
    Choice,
    ChoiceTaken,
    ChooseForJob,
    PromiseState,
    SetPromise,
    Trouble,
)
from fulfil.workflows import attributes
from fulfil.workflows.job_frame import CalledOffError, JobFrame
from fulfil.workflows.policies import FROZEN_LOOK
from fulfil.workflows.ports.payments import PaymentActivities
from fulfil.workflows.ports.promises import PromiseActivities
from fulfil.workflows.production import Promise
from fulfil.workflows.steps import say


class Making(JobFrame):
    """The steps from acceptance to the money paid out, in the order `run()` takes them."""

    async def delivered(self) -> bool:
        """The provider starts in time, makes and delivers; False when somebody else has to."""
        if not await self._started():
            return False
        while self.production.delivered_at is None and not self.production.interrupted:
            promise = self.production.promise
            if promise is None:
                say(f"{self.dispatch.provider_id} is producing; delivery is reported by her", WaitingOn.PROVIDER)
                await self.until(lambda: self.production.delivered_at is not None)
            elif promise.choice is not None:
                await self._follow(promise, promise.choice)
            elif not await self._made_by(promise):
                await self._look(promise)
        if self.production.delivered_at is None:
            return False
        self.production.redispatch = None  # asked for before the delivery was known here: it is judged now
        return True

    async def approved(self) -> None:
        """The customer approves, or silence does."""
        policies = self.job.policies
        delivered_at = self.production.delivered_at or workflow.now()
        due = delivered_at + timedelta(seconds=policies.approval_due_s)
        attributes.upsert(
            attributes.WAITING_ON.value_set(WaitingOn.CUSTOMER),
            attributes.DEADLINE.value_set(due),
            attributes.PROVIDER_IDS.value_set([self.dispatch.provider_id]),
        )
        say("Delivered; the customer has to approve", WaitingOn.CUSTOMER, due, "silence approves")
        reminder_at = delivered_at + timedelta(seconds=policies.approval_reminder_s)
        if not await self.until(self._is_approved, reminder_at, kept_timer=True):
            await self.remind(WaitingOn.CUSTOMER, "approve the delivery", due)
            if not await self.until(self._is_approved, due, kept_timer=True):
                self.production.approved_at = workflow.now()
                self.production.approved_by_silence = True

    async def settle(self) -> JobOutcome:
        """Release the held money; a chargeback may hold it for a while."""
        say("Approved: the held money is being released", WaitingOn.SYSTEM)
        request = SettleJob(
            order_id=self.job.order_id,
            job_id=self.job.job_id,
            approved_by_silence=self.production.approved_by_silence,
        )
        while True:
            self.production.thawed = False  # before the step, so that a signal during it is not lost
            settlement = await self.steps.money(PaymentActivities.settle_job, request)
            if not settlement.frozen:
                return JobOutcome.SETTLED
            look_at = workflow.now() + FROZEN_LOOK
            say("Approved; a chargeback holds the money", WaitingOn.SUPPORT, look_at, "it is looked at again")
            await self.until(lambda: self.production.thawed, look_at)

    # --- what the steps are made of ----------------------------------------------------------------------

    async def _started(self) -> bool:
        """Reminded after a while; False when production does not start in time, or is given up before it."""
        policies, accepted_at = self.job.policies, workflow.now()
        due = accepted_at + timedelta(seconds=policies.start_due_s)
        reminder_at = accepted_at + timedelta(seconds=policies.start_reminder_s)
        if self.production.promise is not None and self.production.promise.due_at < due:
            due = self.production.promise.due_at
            reminder_at = min(reminder_at, accepted_at + (due - accepted_at) / 2)
        say(f"{self.dispatch.provider_id} has to start production", WaitingOn.PROVIDER, due, "the job is offered anew")
        reminded = False
        while not self.production.started and not self.production.interrupted:
            by = due if reminded else reminder_at
            promise = self.production.promise
            if promise is not None and promise.choice is not None:
                await self._follow(promise, promise.choice)
            elif await self.until(lambda: self.production.started or self._has_chosen(), by, kept_timer=True):
                continue
            elif reminded:
                return False
            else:
                await self.remind(WaitingOn.PROVIDER, "start production", due)
                reminded = True
        return True

    async def _made_by(self, promise: Promise) -> bool:
        """False when it is time to look at the promised date, or the customer's time to choose is over."""
        look_at, trouble = promise.next_look(self.job.policies), promise.trouble
        if trouble is not None:
            say(f"The customer chooses ({trouble.value})", WaitingOn.CUSTOMER, look_at, "silence means to wait")
        else:
            say(f"Promised for {promise.due_at:%Y-%m-%d %H:%M} UTC", WaitingOn.PROVIDER, look_at, "it is looked at")
        return await self.until(
            lambda: (
                self.production.delivered_at is not None
                or self._has_chosen()
                or promise.next_look(self.job.policies) != look_at
            ),
            look_at,
            kept_timer=True,
        )

    async def _look(self, promise: Promise) -> None:
        """The date may be missed, is missed, or nobody chose: then it is waited for."""
        if promise.trouble is not None:
            await self._go_on_in_silence(promise)
            return
        now = workflow.now()
        if promise.checked is PromiseState.KEPT:
            promise.left_at = now
            await self.remind(WaitingOn.SUPPORT, "find out why the work has not arrived", now + self._transit_time)
            return
        promise.checks += 1
        answer_due_at = now + timedelta(seconds=self.job.policies.lateness_answer_s)
        found = await self.steps.database(
            PromiseActivities.check_promise,
            CheckPromise(
                job_id=self.job.job_id,
                order_id=self.job.order_id,
                at=now,
                due_at=promise.due_at,
                number=promise.checks,
                answer_due_at=answer_due_at,
            ),
        )
        promise.checked, promise.forecast_at = found.state, found.forecast_at
        promise.left_at = now if found.state is PromiseState.KEPT else None
        if found.state is PromiseState.AT_RISK:
            self._flag(promise, "late", WaitingOn.PROVIDER, promise.due_at)
        elif found.state is PromiseState.MISSED and promise.trouble is None:
            promise.give_choice(Trouble.DEADLINE_MISSED, answer_due_at)
            self._flag(promise, "overdue", WaitingOn.CUSTOMER, answer_due_at)

    async def _follow(self, promise: Promise, chosen: ChooseForJob) -> None:
        """Do as the customer (or support for her) chose; what left meanwhile is not called off any more."""
        if chosen.choice is Choice.WAIT:
            await self._wait_longer(promise, chosen)
        elif chosen.choice is Choice.REDISPATCH:
            self.production.redispatch = RedispatchJob(
                actor=chosen.actor, reason=f"{chosen.trouble.value}: as chosen", only_if_not_shipped=True
            )
            return  # taken once the new round has begun
        elif chosen.choice is Choice.CANCEL:
            called_off = await self.steps.database(
                PromiseActivities.call_off_job,
                CallOffJob(
                    job_id=self.job.job_id,
                    order_id=self.job.order_id,
                    actor=chosen.actor,
                    trouble=chosen.trouble,
                    reason=chosen.reason,
                ),
            )
            if not called_off.called_off:
                promise.go_on(workflow.now())
                return
            promise.taken = ChoiceTaken(job_id=self.job.job_id, choice=chosen.choice)
            raise CalledOffError
        else:
            raise RuntimeError(f"nobody knows how to follow {chosen.choice}")
        promise.taken = ChoiceTaken(job_id=self.job.job_id, choice=chosen.choice, due_at=promise.due_at)
        promise.end_choice(workflow.now())

    async def _go_on_in_silence(self, promise: Promise) -> None:
        """Nobody chose: it is waited for, but not for ever when no date is kept."""
        if promise.trouble is Trouble.DEADLINE_MISSED and promise.silent_waits >= self.job.policies.silent_waits:
            self.production.redispatch = RedispatchJob(
                actor=SYSTEM, reason="overdue, and nobody answered", only_if_not_shipped=True
            )
            return
        promise.silent_waits += 1
        await self._wait_longer(promise, None)

    async def _wait_longer(self, promise: Promise, chosen: ChooseForJob | None) -> None:
        trouble = promise.trouble or (chosen.trouble if chosen else Trouble.DEADLINE_MISSED)
        now = workflow.now()
        due_at = promise.waited_for(now, self.job.policies)
        promise.moves += 1
        request = SetPromise(
            job_id=self.job.job_id,
            order_id=self.job.order_id,
            due_at=due_at,
            trouble=trouble,
            actor=chosen.actor if chosen else SYSTEM,
            by_silence=chosen is None,
            number=promise.moves,
        )
        await self.steps.database(PromiseActivities.set_promise, request)
        if chosen is None and promise.choice is not None:
            return  # she chose at the very last moment: that is followed next
        promise.move(due_at, now)
        if promise.flagged:
            promise.flagged = False
            attributes.upsert(
                attributes.TROUBLE.value_unset(),
                attributes.WAITING_ON.value_set(WaitingOn.PROVIDER),
                attributes.DEADLINE.value_set(due_at),
            )

    def _flag(self, promise: Promise, trouble: str, who: WaitingOn, until: datetime) -> None:
        promise.flagged = True
        attributes.upsert(
            attributes.TROUBLE.value_set(trouble),
            attributes.WAITING_ON.value_set(who),
            attributes.DEADLINE.value_set(until),
        )

    @property
    def _transit_time(self) -> timedelta:
        return timedelta(seconds=self.job.policies.transit_look_s)

    def _has_chosen(self) -> bool:
        return self.production.promise is not None and self.production.promise.choice is not None

    def _is_approved(self) -> bool:
        return self.production.approved_at is not None
