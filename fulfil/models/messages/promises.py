"""What is said about promised dates: kept, at risk, missed, moved, and what the customer chooses."""

from datetime import datetime
from enum import StrEnum

from fulfil.models.ids import JobId, OrderId
from fulfil.models.messages.base import Message
from fulfil.models.messages.jobs import JobState
from fulfil.models.messages.parties import Actor


class CheckPromise(Message):
    """Look whether a job will keep its date, or has missed it by now (`at`); written once per `number`."""

    job_id: JobId
    order_id: OrderId
    at: datetime
    due_at: datetime
    number: int
    answer_due_at: datetime


class PromiseState(StrEnum):
    """`kept` means the work is on its way or waits to be picked up."""

    KEPT = "kept"
    ON_TIME = "on_time"
    AT_RISK = "at_risk"
    MISSED = "missed"


class PromiseChecked(Message):
    """What was found; `forecast_at` is when the work will probably be ready."""

    state: PromiseState
    forecast_at: datetime | None = None


class Trouble(StrEnum):
    """Why the customer has a choice."""

    DELAY_ANNOUNCED = "delay_announced"
    DEADLINE_MISSED = "deadline_missed"
    PARCEL_LOST = "parcel_lost"


class Choice(StrEnum):
    """What she may choose: wait (for the new date, or the remade parcel), another provider, or her money back."""

    WAIT = "wait"
    REDISPATCH = "redispatch"
    CANCEL = "cancel"


class ChooseForJob(Message):
    """Update: the customer, or support for her, says how a job in trouble goes on.

    The API sends the trouble it found recorded, so a signal still under way does no harm.
    """

    choice: Choice
    actor: Actor
    trouble: Trouble
    proposed_due_at: datetime | None = None
    reason: str = ""


class ChoiceTaken(Message):
    """How it goes on; `due_at` is the date that holds now."""

    job_id: JobId
    choice: Choice
    due_at: datetime | None = None


class SetPromise(Message):
    """Activity input: another date holds from now on; `by_silence` when nobody chose in time."""

    job_id: JobId
    order_id: OrderId
    due_at: datetime
    trouble: Trouble
    actor: Actor
    by_silence: bool
    number: int


class CallOffJob(Message):
    """Activity input: end a job that is late or lost; refused once the work is on its way."""

    job_id: JobId
    order_id: OrderId
    actor: Actor
    trouble: Trouble
    reason: str


class JobCalledOff(Message):
    """`called_off` False: it was shipped meanwhile and goes on."""

    job_id: JobId
    called_off: bool
    state: JobState
