"""What is said when a step is parked and support moves it on."""

from datetime import datetime
from enum import StrEnum

from fulfil.models.ids import OrderId
from fulfil.models.messages.base import Message
from fulfil.models.messages.parties import Actor


class ResolutionAction(StrEnum):
    """What support may do with a parked step."""

    RETRY = "retry"
    SKIP = "skip"
    CANCEL = "cancel"


class ResolveStep(Message):
    """Update: move a parked step on."""

    action: ResolutionAction
    actor: Actor
    reason: str


class ParkedStep(Message):
    """A step whose retries are spent, and what may be done with it."""

    step: str
    cause: str
    since: datetime
    allowed: list[ResolutionAction]


class NoteParking(Message):
    """Activity: write into timeline and projection that a step is parked."""

    order_id: OrderId
    subject: str
    workflow_id: str
    number: int
    parked: ParkedStep


class NoteResolution(Message):
    """Activity: write who moved the parked step on, how and why."""

    order_id: OrderId
    subject: str
    workflow_id: str
    number: int
    step: str
    resolution: ResolveStep


class StepResolved(Message):
    """Answer to `resolve`."""

    step: str
    action: ResolutionAction
