"""Slows password guessing: ten failures a minute per e-mail and address, remembered in this process."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

FAILURES = 10
WINDOW = timedelta(minutes=1)
MOST_CALLERS = 10_000


@dataclass
class LoginLimit:
    """Failures by (e-mail, address); the oldest callers are forgotten when there are too many."""

    _failures: dict[tuple[str, str], deque[datetime]] = field(default_factory=dict[tuple[str, str], "deque[datetime]"])

    def seconds_to_wait(self, email: str, address: str, now: datetime) -> int:
        """0 when an attempt is allowed."""
        failures = self._failures.get((email, address))
        while failures and now - failures[0] >= WINDOW:
            failures.popleft()
        if not failures or len(failures) < FAILURES:
            return 0
        return max(1, round((failures[0] + WINDOW - now).total_seconds()))

    def note_failure(self, email: str, address: str, now: datetime) -> None:
        """A wrong password."""
        caller = (email, address)
        self._failures.setdefault(caller, deque(maxlen=FAILURES)).append(now)
        if len(self._failures) > MOST_CALLERS:
            self._failures.pop(next(iter(self._failures)))
