"""What a deliverable remembers of its milestones: how each stands, since when, and until when somebody has to act."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from fulfil.models.messages.deliverables import (
    DeliverableReported,
    DeliverableReportKind,
    DeliverableWithdrawn,
    MilestoneClock,
    PlanApplied,
)
from fulfil.models.messages.parties import WaitingOn
from fulfil.models.messages.policies import OrderPolicies


class Stand(StrEnum):
    """How a milestone stands; the last two end it."""

    AWAITED = "awaited"
    IN_REVIEW = "in_review"
    REVISING = "revising"
    REJECTED = "rejected"
    APPROVED = "approved"
    SETTLED = "settled"
    CALLED_OFF = "called_off"


DECIDED = (Stand.APPROVED, Stand.SETTLED, Stand.CALLED_OFF)
ENDED = (Stand.SETTLED, Stand.CALLED_OFF)
PROVIDERS_TURN = (Stand.AWAITED, Stand.REVISING, Stand.REJECTED)
THEN = {
    Stand.AWAITED: "it is marked as delayed",
    Stand.IN_REVIEW: "silence approves",
    Stand.REVISING: "it is marked as delayed",
    Stand.REJECTED: "it is called off and paid back",
}


@dataclass
class Milestone:
    """One milestone and its clock; `by` is when the system acts if nobody does, once (`acted`)."""

    milestone_id: str
    job_id: str
    by: datetime
    stand: Stand = Stand.AWAITED
    since: tuple[datetime, str] | None = None
    reminder_at: datetime | None = None
    acted: bool = False
    delayed: bool = False
    by_silence: bool = False
    settling: bool = False
    frozen: bool = False
    thawed: bool = False

    @classmethod
    def of(cls, clock: MilestoneClock) -> "Milestone":
        """Nothing is submitted yet."""
        return cls(milestone_id=clock.milestone_id, job_id=clock.job_id, by=clock.due_at)

    @property
    def next_look(self) -> datetime | None:
        """When its clock rings."""
        return None if self.acted or self.stand in DECIDED else self.reminder_at or self.by

    def note(self, report: DeliverableReported, policies: OrderPolicies) -> None:
        """The latest report counts, whenever it arrives; an approval is final."""
        said = (report.at, report.report_id)
        if self.stand in DECIDED:
            return
        if report.kind is DeliverableReportKind.APPROVED:
            self.approve(by_silence=False)
            return
        if self.since is not None and said <= self.since:
            return
        self.since, self.reminder_at, self.acted, self.delayed = said, None, False, False
        if report.kind is DeliverableReportKind.SUBMITTED:
            self.stand, self.by = Stand.IN_REVIEW, _by(report, policies.review_due_s)
            reminder_at = report.at + timedelta(seconds=policies.review_reminder_s)
            self.reminder_at = reminder_at if reminder_at < self.by else None
        elif report.kind is DeliverableReportKind.REVISION_REQUESTED:
            self.stand, self.by = Stand.REVISING, _by(report, policies.revision_due_s)
        elif report.kind is DeliverableReportKind.REJECTED:
            self.stand, self.by = Stand.REJECTED, _by(report, policies.rejection_due_s)

    def approve(self, *, by_silence: bool) -> None:
        """From now on it is to be paid."""
        self.stand, self.by_silence, self.delayed = Stand.APPROVED, by_silence, False

    def call_off(self) -> None:
        """Nothing is submitted or paid any more, unless it was approved before."""
        if self.stand not in DECIDED:
            self.stand, self.delayed = Stand.CALLED_OFF, False

    def plan_anew(self, due_at: datetime) -> None:
        """Both sides agreed on this date; work in review is answered first."""
        if self.stand in PROVIDERS_TURN:
            self.stand, self.by, self.acted, self.delayed = Stand.AWAITED, due_at, False, False


@dataclass
class Milestones:
    """All of a deliverable's, and what arrived about those not known yet: signals come in any order."""

    policies: OrderPolicies
    known: dict[str, Milestone]
    plans: list[str] = field(default_factory=list[str])
    planned: set[str] = field(default_factory=set[str])
    early: list[DeliverableReported] = field(default_factory=list[DeliverableReported])
    called_off: set[str] = field(default_factory=set[str])

    @classmethod
    def of(cls, clocks: Iterable[MilestoneClock], policies: OrderPolicies) -> "Milestones":
        """As the order began."""
        return cls(policies, {clock.milestone_id: Milestone.of(clock) for clock in clocks})

    @property
    def unfinished(self) -> bool:
        """Whether anything is left to submit, answer, plan or pay."""
        return bool(self.plans) or any(milestone.stand not in ENDED for milestone in self.known.values())

    @property
    def approved(self) -> Milestone | None:
        """One that is to be paid now."""
        waiting = (m for m in self.known.values() if m.stand is Stand.APPROVED and not m.settling)
        return next(waiting, None)

    @property
    def next_look(self) -> datetime | None:
        """When the first clock rings."""
        return min((look for m in self.known.values() if (look := m.next_look) is not None), default=None)

    def due(self, now: datetime) -> Milestone | None:
        """The one whose clock rang first."""
        rung = [(look, m.milestone_id) for m in self.known.values() if (look := m.next_look) and look <= now]
        return self.known[min(rung)[1]] if rung else None

    def note(self, report: DeliverableReported) -> None:
        """A plan to put into force, or what was said about one milestone."""
        if report.proposal_id is not None and report.proposal_id not in self.planned:
            self.planned.add(report.proposal_id)
            self.plans.append(report.proposal_id)
        if report.milestone_id is None:
            return
        milestone = self.known.get(report.milestone_id)
        if milestone is None:
            self.early.append(report)
        else:
            milestone.note(report, self.policies)

    def withdraw(self, withdrawal: DeliverableWithdrawn) -> None:
        """The order took these back; PostgreSQL already says so."""
        self._call_off(withdrawal.called_off)

    def apply(self, plan: PlanApplied) -> None:
        """The agreed plan is in force."""
        self._call_off(plan.dropped)
        for clock in plan.milestones:
            if clock.milestone_id in self.known:
                self.known[clock.milestone_id].plan_anew(clock.due_at)
            else:
                self.known[clock.milestone_id] = Milestone.of(clock)
        self._call_off(self.called_off)
        early, self.early = self.early, []
        for report in early:
            self.note(report)

    def keep_plan(self) -> None:
        """The plan that was agreed does not fit any more: what was rejected is not to wait for it longer."""
        for milestone in self.known.values():
            if milestone.stand is Stand.REJECTED:
                milestone.acted = False

    def thaw(self) -> None:
        """Whatever waits to be settled looks again."""
        for milestone in self.known.values():
            milestone.thawed = True

    def described(self) -> tuple[str, WaitingOn, datetime | None, str]:
        """What is waited for, on whom, until when, and what happens then: for `say`."""
        running = [milestone for milestone in self.known.values() if milestone.stand not in ENDED]
        for stands, who in (((Stand.IN_REVIEW,), WaitingOn.CUSTOMER), (PROVIDERS_TURN, WaitingOn.PROVIDER)):
            waiting = [milestone for milestone in running if milestone.stand in stands]
            if waiting:
                first = min(waiting, key=lambda milestone: (milestone.acted, milestone.by, milestone.milestone_id))
                until = None if first.acted else first.by
                return f"{_counted(running)}; next: {first.milestone_id}", who, until, THEN[first.stand]
        if any(milestone.frozen for milestone in running):
            return f"{_counted(running)}; a chargeback holds the money", WaitingOn.SUPPORT, None, ""
        return "Approved: the held money is being released", WaitingOn.SYSTEM, None, ""

    @property
    def delayed(self) -> bool:
        """Whether a date passed and nothing was submitted since."""
        return any(milestone.delayed for milestone in self.known.values())

    def _call_off(self, milestone_ids: Iterable[str]) -> None:
        for milestone_id in sorted(milestone_ids):
            self.called_off.add(milestone_id)
            if milestone_id in self.known:
                self.known[milestone_id].call_off()


def _by(report: DeliverableReported, lasts_s: int) -> datetime:
    return report.by or report.at + timedelta(seconds=lasts_s)


def _counted(milestones: Sequence[Milestone]) -> str:
    stands = [milestone.stand for milestone in milestones]
    return "Milestones: " + ", ".join(f"{stands.count(stand)} {stand.value}" for stand in Stand if stand in stands)
