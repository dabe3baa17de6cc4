"""How one job is made: its steps and their times, thrown by its provider's character when she gets it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from random import Random

from fulfil.cli.benches.month.characters import DAY, HOUR, Character, between
from fulfil.cli.benches.month.people import Maker

STARTS_AFTER = (1 * HOUR, 30 * HOUR)
GIVES_BACK_AFTER = (2 * HOUR, 60 * HOUR)
ON_ITS_WAY = (20 * HOUR, 60 * HOUR)
SENT_AGAIN_AFTER = (50 * HOUR, 90 * HOUR)
OVERRUN = (1.1, 2.0)


class Verb(StrEnum):
    """What a provider does next."""

    START = "start"
    PROGRESS = "progress"
    GIVE_BACK = "give back"
    ANNOUNCE = "announce a delay"
    FAIL = "fail the check"
    CHECK = "pass the check"
    SHIP = "send"
    LOSE = "lose the parcel"
    DELIVER = "deliver"


@dataclass(frozen=True)
class Step:
    """Something she means to do at a time."""

    at: datetime
    verb: Verb


@dataclass
class Work:
    """A job in her hands, and what she means to do about it."""

    maker: Maker
    order_id: str
    job_id: str
    offer_id: str
    due_at: datetime
    dice: Random
    steps: list[Step]
    tries: int = 0


def plan_work(character: Character, dice: Random, accepted_at: datetime, due_at: datetime) -> list[Step]:
    """Everything from start to delivery, or how far she gets; in the order of time."""
    if dice.random() < character.stalls:
        return []
    promised = due_at - accepted_at
    starts_at = accepted_at + min(between(dice, STARTS_AFTER), promised / 3)
    gives_back = dice.random() < character.gives_back
    if gives_back and dice.random() < 0.5:  # noqa: PLR2004 (before the start as often as after it)
        return [Step(accepted_at + min(between(dice, GIVES_BACK_AFTER), promised / 2), Verb.GIVE_BACK)]
    sent_at = accepted_at + promised * dice.uniform(*_pace(character, dice))
    steps = [Step(starts_at, Verb.START), Step(starts_at + (sent_at - starts_at) / 3, Verb.PROGRESS)]
    if gives_back:
        return [*steps, Step(starts_at + (sent_at - starts_at) / 2, Verb.GIVE_BACK)]
    if dice.random() < character.announces:
        steps.append(Step(starts_at + (sent_at - starts_at) / 2, Verb.ANNOUNCE))
        sent_at += dice.random() * 3 * DAY
    if dice.random() < character.fails_check:
        steps.append(Step(sent_at - (sent_at - starts_at) / 5, Verb.FAIL))
    steps += [Step(sent_at - HOUR, Verb.CHECK), Step(sent_at, Verb.SHIP)]
    if dice.random() < character.loses:
        steps.append(Step(sent_at + between(dice, ON_ITS_WAY), Verb.LOSE))
        sent_at += between(dice, SENT_AGAIN_AFTER)
        steps += [Step(sent_at - HOUR, Verb.CHECK), Step(sent_at, Verb.SHIP)]
    return [*steps, Step(sent_at + between(dice, ON_ITS_WAY), Verb.DELIVER)]


def _pace(character: Character, dice: Random) -> tuple[float, float]:
    return OVERRUN if dice.random() < character.overruns else character.pace
