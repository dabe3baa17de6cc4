"""The lines of an order as its workflow knows them: what became of each, and whose money goes back. Pure state."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from fulfil.models.messages.deliverables import DeliverableClosed, DeliverableOutcome, DeliverableWithdrawal
from fulfil.models.messages.jobs import JobClosed, JobOutcome
from fulfil.models.messages.orders import LineKind, LineOpened
from fulfil.models.messages.refunds import RefundReason
from fulfil.models.money import AmountMinor
from fulfil.workflows.ids import deliverable_workflow_id, job_workflow_id


class LineEnd(StrEnum):
    """How a line ended: all of it paid, some of its milestones paid, or nothing of it."""

    MADE = "made"
    PARTLY_MADE = "partly_made"
    UNMADE = "unmade"


@dataclass
class Line:
    """One line, from the moment its job or deliverable is open; `unpaid_minor` is None for all that is held of it."""

    line_id: str
    kind: LineKind
    job_id: str | None = None
    deliverable_id: str | None = None
    end: LineEnd | None = None
    reason: str = ""
    refund_reason: RefundReason = RefundReason.CANCELLATION
    unpaid_minor: AmountMinor | None = None
    is_cancelled: bool = False
    is_returned: bool = False

    @property
    def is_open(self) -> bool:
        """Whether somebody still works on it, or may."""
        return self.end is None

    def ends(self, end: LineEnd, reason: str, unpaid_minor: AmountMinor | None = None) -> None:
        """Remember how it ended; the first news is the news."""
        if self.end is None:
            self.end, self.reason, self.unpaid_minor = end, reason, unpaid_minor

    def note_job(self, closed: JobClosed) -> None:
        """Its job ended; what this order took back itself is no news."""
        if closed.outcome is JobOutcome.SETTLED:
            self.ends(LineEnd.MADE, closed.outcome.value)
        elif closed.outcome is not JobOutcome.WITHDRAWN:
            if closed.outcome is JobOutcome.CALLED_OFF:
                self.refund_reason = RefundReason.LATE
            self.ends(LineEnd.UNMADE, closed.reason or closed.outcome.value)

    def note_deliverable(self, closed: DeliverableClosed) -> None:
        """No milestone is open any more; what was called off goes back. Withdrawn with the order it is no news."""
        reason = closed.reason or closed.outcome.value
        if closed.outcome is DeliverableOutcome.COMPLETED:
            made = LineEnd.PARTLY_MADE if closed.unpaid_minor else LineEnd.MADE
            self.ends(made, reason, closed.unpaid_minor)
        elif closed.outcome is DeliverableOutcome.CALLED_OFF:
            self.ends(LineEnd.UNMADE, reason, closed.unpaid_minor)
        elif self.is_cancelled:
            self.ends(LineEnd.PARTLY_MADE, reason, closed.unpaid_minor)


@dataclass
class Lines:
    """All lines of an order. News may come before the answer that tells which jobs there are."""

    lines: list[Line] = field(default_factory=list[Line])
    jobs_closed: dict[str, JobClosed] = field(default_factory=dict[str, JobClosed])
    deliverables_closed: dict[str, DeliverableClosed] = field(default_factory=dict[str, DeliverableClosed])

    def open(self, opened: Iterable[LineOpened]) -> None:
        """The lines are open, and may even have ended."""
        self.lines = [
            Line(line.line_id, line.kind, job_id=line.job_id, deliverable_id=line.deliverable_id) for line in opened
        ]
        self._apply()

    def note_job(self, closed: JobClosed) -> None:
        """A job ended; its later words count, a repeated one changes nothing."""
        self.jobs_closed[closed.job_id] = closed
        self._apply()

    def note_deliverable(self, closed: DeliverableClosed) -> None:
        """A deliverable ended."""
        self.deliverables_closed[closed.deliverable_id] = closed
        self._apply()

    def withdrawn(self, line: Line, reason: str, withdrawal: DeliverableWithdrawal | None = None) -> None:
        """The customer called it off; with milestones that are approved it ends once they are paid."""
        line.is_cancelled = True
        if withdrawal is None or not withdrawal.settled:
            line.ends(LineEnd.UNMADE, reason, None if withdrawal is None else withdrawal.unpaid_minor)
        self._apply()

    def find(self, line_id: str) -> Line | None:
        """One of them."""
        return next((line for line in self.lines if line.line_id == line_id), None)

    @property
    def still_open(self) -> list[Line]:
        """Those that have not ended."""
        return [line for line in self.lines if line.is_open]

    @property
    def all_ended(self) -> bool:
        """Whether nothing of the order is open any more."""
        return bool(self.lines) and not self.still_open

    @property
    def some_made(self) -> bool:
        """Whether anything was paid out: then the order can't be cancelled as a whole."""
        return any(line.end in (LineEnd.MADE, LineEnd.PARTLY_MADE) for line in self.lines)

    @property
    def some_unmade(self) -> bool:
        """Whether anything went back to the customer."""
        return any(line.end in (LineEnd.UNMADE, LineEnd.PARTLY_MADE) for line in self.lines)

    @property
    def payment_lost(self) -> JobClosed | None:
        """The job that found the payment gone: then nothing of the order is paid."""
        lost = [closed for closed in self.jobs_closed.values() if closed.outcome is JobOutcome.PAYMENT_LOST]
        return lost[0] if lost else None

    @property
    def to_return(self) -> Line | None:
        """The next line whose money goes back while the others go on; none when the whole order is to be paid back."""
        if not self.some_made and self.all_ended:
            return None
        unpaid = (LineEnd.UNMADE, LineEnd.PARTLY_MADE)
        return next((line for line in self.lines if line.end in unpaid and not line.is_returned), None)

    @property
    def described(self) -> str:
        """Which workflows work on it."""
        names = [
            job_workflow_id(line.job_id) if line.job_id else deliverable_workflow_id(line.deliverable_id or "")
            for line in self.still_open
        ]
        return f"see workflow {', '.join(names)}"

    @property
    def reason(self) -> str:
        """Why nothing was made."""
        return next((line.reason for line in reversed(self.lines) if line.reason), "nothing was made")

    def _apply(self) -> None:
        for line in self.lines:
            if line.job_id in self.jobs_closed:
                line.note_job(self.jobs_closed[line.job_id])
            if line.deliverable_id in self.deliverables_closed:
                line.note_deliverable(self.deliverables_closed[line.deliverable_id])
