"""What a provider can report, and what each report does to her production."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fulfil.api.schemas.production import Delay, PickupReady, Progress
from fulfil.models.messages.events import EventType
from fulfil.models.messages.jobs import JobState, ReportKind
from fulfil.models.messages.parties import WaitingOn
from fulfil.models.messages.promises import Trouble

MAKE = "make the parts and check their quality"
CHOOSE = "wait for it, ask another provider, or take the money back"


@dataclass(frozen=True)
class Report:
    """One report: allowed in the states `needs`, leaves the production in `leads_to` with these columns set.

    `moves_clock` reports are signalled to the job's workflow; `photo_file_ids` must be images of the provider.
    """

    action: str
    kind: ReportKind
    event: EventType
    needs: tuple[JobState, ...]
    then_who: WaitingOn
    then_what: str
    then_by: datetime | None = None
    leads_to: JobState | None = None
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    columns: Mapping[str, object] = field(default_factory=dict[str, object])
    photo_file_ids: Sequence[str] = ()
    percent: int | None = None
    moves_clock: bool = False


def started(at: datetime, due_at: datetime | None) -> Report:
    """Production begins; from now on the order can't be cancelled."""
    return Report(
        action="start",
        kind=ReportKind.STARTED,
        event=EventType.JOB_STARTED,
        needs=(JobState.ACCEPTED,),
        leads_to=JobState.IN_PRODUCTION,
        then_who=WaitingOn.PROVIDER,
        then_what=MAKE,
        then_by=due_at,
        columns={"started_at": at},
        moves_clock=True,
    )


def progressed(progress: Progress) -> Report:
    """So far."""
    return Report(
        action="progress",
        kind=ReportKind.PROGRESS,
        event=EventType.JOB_PROGRESSED,
        needs=(JobState.IN_PRODUCTION,),
        then_who=WaitingOn.PROVIDER,
        then_what=MAKE,
        data=progress.model_dump(mode="json"),
        columns={"percent": progress.percent} | ({"stage": progress.stage} if progress.stage else {}),
        photo_file_ids=progress.photo_file_ids,
        percent=progress.percent,
    )


def delayed(delay: Delay, answer_due_at: datetime) -> Report:
    """Later than promised: the customer may choose."""
    return Report(
        action="delay",
        kind=ReportKind.DELAYED,
        event=EventType.JOB_DELAY_ANNOUNCED,
        needs=(JobState.ACCEPTED, JobState.IN_PRODUCTION, JobState.READY),
        then_who=WaitingOn.CUSTOMER,
        then_what=CHOOSE,
        then_by=answer_due_at,
        data={"due_at": delay.due_at.isoformat(), "reason": delay.reason},
        columns={
            "trouble": Trouble.DELAY_ANNOUNCED,
            "trouble_answer_due_at": answer_due_at,
            "proposed_due_at": delay.due_at,
        },
        moves_clock=True,
    )


def ready_for_pickup(pickup: PickupReady, at: datetime) -> Report:
    """Made and checked; the customer fetches it, which keeps the promise."""
    return Report(
        action="ready-for-pickup",
        kind=ReportKind.PICKUP,
        event=EventType.JOB_READY_FOR_PICKUP,
        needs=(JobState.READY,),
        then_who=WaitingOn.CUSTOMER,
        then_what="pick the parts up, with the code your order shows",
        data=pickup.model_dump(mode="json"),
        columns={
            "pickup_ready_at": at,
            "trouble": None,
            "trouble_answer_due_at": None,
            "proposed_due_at": None,
            "at_risk_at": None,
        },
    )
