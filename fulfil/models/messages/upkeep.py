"""What is said about the hourly upkeep: reservations that ended, scores made anew."""

from datetime import datetime

from fulfil.models.messages.base import Message


class StartUpkeep(Message):
    """The upkeep workflow's input."""


class EndExpiredLeases(Message):
    """Activity input: reservations whose time was over at `at` end."""

    at: datetime


class LeasesEnded(Message):
    """How many did."""

    ended: int


class RefreshScores(Message):
    """Activity input: score every provider by what she did in the days before `at`."""

    at: datetime


class ScoresRefreshed(Message):
    """How many providers were scored, and of how many the score changed."""

    providers: int
    changed: int


class UpkeepReport(Message):
    """The result of the upkeep workflow."""

    leases_ended: int
    providers_scored: int
    scores_changed: int
