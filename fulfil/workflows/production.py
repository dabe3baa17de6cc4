"""What a job remembers of its making: the reports that move clocks, the approval, the interruptions."""

from dataclasses import dataclass
from datetime import datetime

from fulfil.models.messages.jobs import JobReported, JobState, JobWithdrawn, RedispatchJob, ReportKind


@dataclass
class Production:
    """From acceptance to approval; `withdrawn` and `redispatch` interrupt every wait of the job."""

    started_at: datetime | None = None
    delivered_at: datetime | None = None
    approved_at: datetime | None = None
    approved_by_silence: bool = False
    withdrawn: JobWithdrawn | None = None
    redispatch: RedispatchJob | None = None
    reminders: int = 0
    thawed: bool = False

    def note(self, report: JobReported) -> None:
        """The first report of a kind counts."""
        if report.kind is ReportKind.STARTED and self.started_at is None:
            self.started_at = report.at
        if report.kind is ReportKind.DELIVERED and self.delivered_at is None:
            self.delivered_at = report.at

    @property
    def started(self) -> bool:
        """A delivery proves the start, should its signal come late."""
        return self.started_at is not None or self.delivered_at is not None

    @property
    def interrupted(self) -> bool:
        """The order took the job back, or support offers it anew."""
        return self.withdrawn is not None or self.redispatch is not None

    def state(self, *, accepted: bool) -> JobState:
        """The job's state as far as the workflow follows it; the provider's reports refine `accepted`."""
        if self.withdrawn is not None:
            return JobState.CANCELLED
        if self.approved_at is not None:
            return JobState.APPROVED
        if self.delivered_at is not None:
            return JobState.DELIVERED
        return JobState.ACCEPTED if accepted else JobState.OFFERED
