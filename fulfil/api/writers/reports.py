"""What a provider can report, and what each report does to her production."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fulfil.api.schemas.jobs import Delivery, Progress, Quality, Shipping
from fulfil.models.messages.events import EventType
from fulfil.models.messages.jobs import JobState, ReportKind
from fulfil.models.messages.parties import WaitingOn


@dataclass(frozen=True)
class Report:
    """One report: allowed in state `needs`, leaves the production in `leads_to` with these columns set.

    `moves_clock` reports are signalled to the job's workflow; `photo_file_ids` must be images of the provider.
    """

    action: str
    kind: ReportKind
    event: EventType
    needs: JobState
    leads_to: JobState
    then_who: WaitingOn
    then_what: str
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    columns: Mapping[str, object] = field(default_factory=dict[str, object])
    photo_file_ids: Sequence[str] = ()
    percent: int | None = None
    moves_clock: bool = False


def started(at: datetime) -> Report:
    """Production begins; from now on the order can't be cancelled."""
    return Report(
        action="start",
        kind=ReportKind.STARTED,
        event=EventType.JOB_STARTED,
        needs=JobState.ACCEPTED,
        leads_to=JobState.IN_PRODUCTION,
        then_who=WaitingOn.PROVIDER,
        then_what="make the parts and check their quality",
        columns={"started_at": at},
        moves_clock=True,
    )


def progressed(progress: Progress) -> Report:
    """So far."""
    return Report(
        action="progress",
        kind=ReportKind.PROGRESS,
        event=EventType.JOB_PROGRESSED,
        needs=JobState.IN_PRODUCTION,
        leads_to=JobState.IN_PRODUCTION,
        then_who=WaitingOn.PROVIDER,
        then_what="make the parts and check their quality",
        data=progress.model_dump(mode="json"),
        columns={"percent": progress.percent},
        photo_file_ids=progress.photo_file_ids,
        percent=progress.percent,
    )


def quality_checked(quality: Quality, at: datetime) -> Report:
    """Passed: ready to ship. Failed: still in production."""
    return Report(
        action="quality",
        kind=ReportKind.QUALITY,
        event=EventType.JOB_QUALITY_PASSED if quality.passed else EventType.JOB_QUALITY_FAILED,
        needs=JobState.IN_PRODUCTION,
        leads_to=JobState.READY if quality.passed else JobState.IN_PRODUCTION,
        then_who=WaitingOn.PROVIDER,
        then_what="ship the parts" if quality.passed else "correct the parts and check them again",
        data=quality.model_dump(mode="json"),
        columns={"quality_passed_at": at, "percent": 100} if quality.passed else {},
        photo_file_ids=quality.photo_file_ids,
    )


def shipped(shipping: Shipping, at: datetime) -> Report:
    """On its way to the customer."""
    return Report(
        action="ship",
        kind=ReportKind.SHIPPED,
        event=EventType.JOB_SHIPPED,
        needs=JobState.READY,
        leads_to=JobState.SHIPPED,
        then_who=WaitingOn.PROVIDER,
        then_what="report the delivery",
        data=shipping.model_dump(mode="json"),
        columns={"shipped_at": at, "carrier": shipping.carrier, "tracking_number": shipping.tracking_number},
    )


def delivered(delivery: Delivery, at: datetime) -> Report:
    """Handed over; the customer's time to approve begins."""
    return Report(
        action="deliver",
        kind=ReportKind.DELIVERED,
        event=EventType.JOB_DELIVERED,
        needs=JobState.SHIPPED,
        leads_to=JobState.DELIVERED,
        then_who=WaitingOn.CUSTOMER,
        then_what="approve the delivery",
        data=delivery.model_dump(mode="json"),
        columns={"delivered_at": at},
        moves_clock=True,
    )
