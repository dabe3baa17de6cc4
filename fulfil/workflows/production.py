"""What a job remembers of its making: the reports that move clocks, the promised date, the choice, the approval."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from fulfil.models.messages.jobs import (
    JobReported,
    JobState,
    JobWithdrawn,
    RedispatchJob,
    ReportKind,
)
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.promises import Choice, ChoiceTaken, ChooseForJob, PromiseState, Trouble

TROUBLES = {ReportKind.DELAYED: Trouble.DELAY_ANNOUNCED, ReportKind.LOST: Trouble.PARCEL_LOST}


@dataclass
class Promise:
    """The date the work is to be ready by; while there is `trouble` the customer may choose how it goes on."""

    made_at: datetime
    due_at: datetime
    checks: int = 0
    checked: PromiseState | None = None
    forecast_at: datetime | None = None
    trouble: Trouble | None = None
    proposed_due_at: datetime | None = None
    answer_due_at: datetime | None = None
    choice: ChooseForJob | None = None
    taken: ChoiceTaken | None = None
    moves: int = 0
    silent_waits: int = 0
    flagged: bool = False
    left_at: datetime | None = None
    settled: Trouble | None = None
    settled_at: datetime | None = None

    def next_look(self, policies: OrderPolicies) -> datetime | None:
        """When it is looked at next: the warning, the date itself, the end of the time to choose; None once kept."""
        if self.trouble is not None:
            return self.answer_due_at
        if self.checked is PromiseState.KEPT:
            return None if self.left_at is None else self.left_at + timedelta(seconds=policies.transit_look_s)
        if self.checked is None:
            half_way = self.made_at + (self.due_at - self.made_at) / 2
            return max(half_way, self.due_at - timedelta(seconds=policies.late_warning_s))
        return self.due_at

    def give_choice(self, trouble: Trouble, answer_due_at: datetime, proposed_due_at: datetime | None = None) -> None:
        """From now on the customer may choose."""
        self.trouble, self.answer_due_at, self.proposed_due_at = trouble, answer_due_at, proposed_due_at

    def waited_for(self, now: datetime, policies: OrderPolicies) -> datetime:
        """The date that holds when the customer waits: the provider's, the same time anew, or a few days more."""
        if self.trouble is Trouble.PARCEL_LOST:
            return now + (self.due_at - self.made_at)
        if self.proposed_due_at is not None and self.proposed_due_at > now:
            return self.proposed_due_at
        later = now + timedelta(seconds=policies.overdue_look_s)
        return max(later, self.forecast_at) if self.forecast_at is not None else later

    def is_settled(self, trouble: Trouble, reported_at: datetime) -> bool:
        """Whether the customer had chosen about this report before its signal came."""
        return self.settled is trouble and self.settled_at is not None and reported_at <= self.settled_at

    def move(self, due_at: datetime, now: datetime) -> None:
        """Another date holds; it is watched like the first."""
        self.made_at, self.due_at = now, due_at
        self.checked = None
        self.end_choice(now)

    def go_on(self, now: datetime) -> None:
        """The work, or a part of it, is on its way and can't be taken back; what was lost still waits for a choice."""
        if self.trouble is Trouble.PARCEL_LOST:
            self.choice = None
            return
        self.checked, self.left_at = PromiseState.KEPT, now
        self.end_choice(now)

    def end_choice(self, now: datetime) -> None:
        """Nobody has to choose any more."""
        self.settled, self.settled_at = self.trouble, now
        self.trouble = self.proposed_due_at = self.answer_due_at = self.choice = None


@dataclass
class Production:
    """From acceptance to approval; `withdrawn`, `redispatch` and `given_up` interrupt every wait of the job."""

    started_at: datetime | None = None
    delivered_at: datetime | None = None
    approved_at: datetime | None = None
    approved_by_silence: bool = False
    withdrawn: JobWithdrawn | None = None
    redispatch: RedispatchJob | None = None
    given_up: bool = False
    promise: Promise | None = None
    reminders: int = 0
    thawed: bool = False

    def note(self, report: JobReported, policies: OrderPolicies) -> None:
        """The first start and delivery count; a delay or a lost parcel gives the customer a choice."""
        answer_due_at = report.at + timedelta(seconds=policies.lateness_answer_s)
        if report.kind is ReportKind.STARTED and self.started_at is None:
            self.started_at = report.at
        elif report.kind is ReportKind.DELIVERED and self.delivered_at is None:
            self.delivered_at = report.at
        elif report.kind is ReportKind.GIVEN_UP:
            self.given_up = True
        trouble = TROUBLES.get(report.kind)
        if trouble is not None and self.promise is not None and not self.promise.is_settled(trouble, report.at):
            self.promise.give_choice(trouble, answer_due_at, report.due_at)

    def begin_anew(self, job_id: str) -> None:
        """Another provider is looked for: what was of the last one counts no more."""
        promise = self.promise
        if promise is not None and promise.choice is not None and promise.choice.choice is Choice.REDISPATCH:
            promise.taken = ChoiceTaken(job_id=job_id, choice=Choice.REDISPATCH)
        self.redispatch = self.promise = self.started_at = None
        self.given_up = False

    @property
    def started(self) -> bool:
        """A delivery proves the start, should its signal come late."""
        return self.started_at is not None or self.delivered_at is not None

    @property
    def interrupted(self) -> bool:
        """The order took the job back, the provider gave it back, or support offers it anew."""
        return self.withdrawn is not None or self.redispatch is not None or self.given_up

    def state(self, *, accepted: bool) -> JobState:
        """The job's state as far as the workflow follows it; the provider's reports refine `accepted`."""
        if self.withdrawn is not None:
            return JobState.CANCELLED
        if self.approved_at is not None:
            return JobState.APPROVED
        if self.delivered_at is not None:
            return JobState.DELIVERED
        return JobState.ACCEPTED if accepted else JobState.OFFERED
