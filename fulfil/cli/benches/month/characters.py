"""What people are like: how providers work, what customers want; all of it thrown by the seed's dice."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from random import Random

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
Span = tuple[timedelta, timedelta]


@dataclass(frozen=True)
class Character:
    """A way to work; shares are between 0 and 1, `pace` is when the work leaves, as a share of the promised time."""

    name: str
    answers_after: Span = (timedelta(seconds=5), timedelta(seconds=45))
    pace: tuple[float, float] = (0.35, 0.9)
    declines: float = 0.05
    counters: float = 0.05
    stalls: float = 0
    gives_back: float = 0
    announces: float = 0
    overruns: float = 0
    fails_check: float = 0.05
    loses: float = 0
    away_every: timedelta | None = None


PROMPT = Character("prompt")
SLOW = Character("slow to answer", answers_after=(2 * HOUR, 30 * HOUR), pace=(0.5, 0.98))
PICKY = Character("declines often", declines=0.6, counters=0.25)
STALLING = Character("accepts and stalls", stalls=0.5)
RELUCTANT = Character("gives back", gives_back=0.4)
FRANK = Character("late and says so", announces=0.6)
TARDY = Character("late in silence", overruns=0.6)
SLOPPY = Character("fails checks", fails_check=0.7)
UNLUCKY = Character("loses parcels", loses=0.4)
AWAY = Character("offline for days", away_every=6 * DAY)

CHARACTERS = (
    *(PROMPT, SLOW, PICKY, STALLING, PROMPT, RELUCTANT, FRANK, TARDY, PROMPT, SLOPPY),
    *(UNLUCKY, AWAY, PROMPT, SLOW, PROMPT, STALLING, RELUCTANT, PROMPT, FRANK, TARDY),
)
"""Provider number n is like number n of these, and so round again."""


def between(dice: Random, span: Span) -> timedelta:
    """Some time in the span."""
    return span[0] + (span[1] - span[0]) * dice.random()


class Purse(StrEnum):
    """How a customer pays, if she does."""

    CARD = "card"
    ASKED_BY_BANK = "card that asks the bank"
    DECLINED_FIRST = "declined, then another card"
    SAVED_CARD = "saved card"
    NEVER = "never"


class Patience(StrEnum):
    """What a customer chooses when it is late; silence means to wait."""

    WAITS = "wait"
    ASKS_ANOTHER = "redispatch"
    CALLS_OFF = "cancel"
    SILENT = "silent"


class Verdict(StrEnum):
    """How a customer answers what was delivered or submitted."""

    APPROVES = "approve"
    REVISES = "revise"
    REJECTS = "reject"
    SILENT = "silent"


class Basket(StrEnum):
    """What is in an order."""

    ONE_PART = "one part"
    TWO_MATERIALS = "parts of two materials"
    PART_AND_SERVICE = "a part and a service"
    SERVICE = "a service"


@dataclass(frozen=True)
class Wish:
    """What one order is to be, and how its customer is minded."""

    number: int
    basket: Basket
    purse: Purse
    patience: Patience
    verdict: Verdict
    changes_mind_after: timedelta | None
    picks_up: bool
    takes_counters: bool


def wish(number: int, seed: int, *, saves_cards: bool) -> Wish:
    """The order of this number."""
    dice = Random(f"{seed}:order:{number}")
    purses = [Purse.CARD, Purse.ASKED_BY_BANK, Purse.DECLINED_FIRST, Purse.SAVED_CARD, Purse.NEVER]
    purse = dice.choices(purses, [80, 4, 4, 9, 3])[0]
    if purse is Purse.SAVED_CARD and not saves_cards:
        purse = Purse.CARD
    verdicts = [Verdict.APPROVES, Verdict.SILENT, Verdict.REVISES, Verdict.REJECTS]
    return Wish(
        number=number,
        basket=dice.choices(list(Basket), [70, 12, 10, 8])[0],
        purse=purse,
        patience=dice.choices(list(Patience), [30, 25, 10, 35])[0],
        verdict=dice.choices(verdicts, [55, 35, 7, 3])[0],
        changes_mind_after=between(dice, (0 * HOUR, 30 * HOUR)) if dice.random() < 0.06 else None,  # noqa: PLR2004
        picks_up=dice.random() < 0.08,  # noqa: PLR2004
        takes_counters=dice.random() < 0.6,  # noqa: PLR2004
    )
