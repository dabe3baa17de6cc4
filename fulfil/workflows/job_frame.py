"""What both halves of the job process stand on: its state, its waits and its reminders."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow

from fulfil.models.messages.jobs import JobState, Remind, StartJob
from fulfil.models.messages.parties import WaitingOn
from fulfil.workflows.alarm import Alarm
from fulfil.workflows.dispatch import Dispatch
from fulfil.workflows.ports.jobs import JobActivities
from fulfil.workflows.production import Production
from fulfil.workflows.steps import RETRY_OR_SKIP, Steps, StepSkippedError, say


class TakenBackError(Exception):
    """The order took the job back: leaves the story of `run()`."""


class PaymentLostError(Exception):
    """The authorised payment could not be captured: the job can't be made."""


class CalledOffError(Exception):
    """The customer does not wait any longer: leaves the story of `run()`."""


class JobFrame:
    """The state of a job and how it waits."""

    def __init__(self, job: StartJob) -> None:
        self.job = job
        self.production = Production()
        self.dispatch = Dispatch.of_round(1, job.wave)
        self.capture_due_at = job.capture_due_at
        self.alarm = Alarm()
        self.steps = Steps(order_id=job.order_id, subject=job.job_id)

    async def remind(self, who: WaitingOn, what: str, by: datetime) -> None:
        """Write a reminder into the timeline."""
        self.production.reminders += 1
        reminder = Remind(
            order_id=self.job.order_id,
            job_id=self.job.job_id,
            who=who,
            what=what,
            by=by,
            number=self.production.reminders,
        )
        try:
            await self.steps.database(JobActivities.remind, reminder, RETRY_OR_SKIP)
        except StepSkippedError:
            workflow.logger.warning("support skipped a reminder", extra={"order_id": self.job.order_id})

    async def until(self, done: Callable[[], bool], by: datetime | None = None, *, kept_timer: bool = False) -> bool:
        """Wait for the condition or an interruption; False when the time is over; leaves when taken back.

        `kept_timer` waits by the job's one alarm: for waits of days, where people are mostly faster than the clock.
        """
        while True:
            try:
                in_time = await self._wait(lambda: done() or self.production.interrupted, by, kept_timer=kept_timer)
            except asyncio.CancelledError:
                say("A job can't be cancelled by itself: cancel its order", WaitingOn.SUPPORT)
                continue
            if in_time and self.production.withdrawn is not None:
                raise TakenBackError
            return in_time

    async def _wait(self, done: Callable[[], bool], by: datetime | None, *, kept_timer: bool) -> bool:
        if kept_timer and self.watches_dates:
            return await self.alarm.wait(done, by)
        try:
            await workflow.wait_condition(done, timeout=None if by is None else max(by - workflow.now(), timedelta(0)))
        except TimeoutError:
            return False
        return True

    @property
    def watches_dates(self) -> bool:
        """Jobs of the first version of the process promise no dates and set a timer for each wait."""
        return self.job.revision > 1

    def state(self) -> JobState:
        """Where the job stands, for whoever is refused."""
        return self.production.state(accepted=self.dispatch.secured is not None)
