"""When a job will probably be ready: the provider's own pace carried on, and silence counted against her."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

DONE = 100
# Of the time a provider asked for, so much is expected to be work; the rest is waiting for a machine, and slack.
SHARE_OF_WORK = Fraction(1, 2)


@dataclass(frozen=True)
class Reached:
    """So far was the work at this time, in percent."""

    at: datetime
    percent: int


@dataclass(frozen=True)
class Promised:
    """When a date was promised (accepted, or moved), and the date."""

    made_at: datetime
    due_at: datetime

    @property
    def work(self) -> timedelta:
        """How long making it is expected to take, knowing no more than the promise."""
        return (self.due_at - self.made_at) * SHARE_OF_WORK.numerator / SHARE_OF_WORK.denominator


def forecast_ready_at(
    promised: Promised, started_at: datetime | None, reports: Sequence[Reached], now: datetime
) -> datetime:
    """When the work will probably be ready, never before `now`; `reports` are of this making, oldest first.

    Not started: all the work lies ahead. Started: it goes on at the pace of what was reported. What should be ready
    by that pace and is not reported so counts from now on, with the share of the work that is left.
    """
    if started_at is None:
        return now + promised.work
    last = reports[-1] if reports else Reached(started_at, 0)
    if last.percent >= DONE:
        return now
    left = DONE - last.percent
    taken = last.at - started_at
    if last.percent == 0 or taken <= timedelta(0):
        expected = last.at + promised.work * left / DONE
    else:
        expected = last.at + taken * left / last.percent
    return expected if expected > now else now + promised.work * left / DONE
