"""What happened to deliverables, in a few words each: a part of the timeline's sentences."""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from fulfil.cli.told_of_making import told
from fulfil.models.messages.events import EventType

Data = Mapping[str, object]


def _parts(data: Data) -> str:
    milestones = data.get("milestones")
    if isinstance(milestones, int):
        return f" with {milestones} milestone(s)"
    found = cast("Sequence[object]", milestones) if isinstance(milestones, list) else ()
    return f" with {len(found)} milestone(s)" if found else ""


def _failed(data: Data) -> str:
    checks = data.get("checks")
    found = cast("Sequence[Mapping[str, object]]", checks) if isinstance(checks, list) else ()
    named = [f"{check.get('name')}{told(check, 'note', ' ({})')}" for check in found if not check.get("passed")]
    return f": {', '.join(named)}" if named else ""


def _day(data: Data, name: str) -> str:
    return told(data, name, ", until {:.10}")


SENTENCES: Mapping[str, Callable[[Data], str]] = {
    EventType.DELIVERABLE_OPENED: lambda data: f"deliverable begun{_parts(data)}",
    EventType.DELIVERABLE_COMPLETED: lambda _: "every milestone is completed and paid",
    EventType.DELIVERABLE_CANCELLED: lambda data: f"deliverable called off{told(data, 'reason', ': {}')}",
    EventType.DELIVERABLE_RATED: lambda data: (
        f"deliverable rated{told(data, 'quality', ': quality {} of 5')}"
        f"{told(data, 'communication', ', communication {}')}{told(data, 'timeliness', ', timeliness {}')}"
    ),
    EventType.MILESTONE_PROGRESSED: lambda data: (
        f"milestone {told(data, 'percent', '{} % done') or 'goes on'}{told(data, 'note', ': {}')}"
    ),
    EventType.MILESTONE_DRAFTED: lambda data: f"draft shown{told(data, 'note', ': {}')}",
    EventType.MILESTONE_SUBMITTED: lambda data: f"milestone submitted{told(data, 'note', ': {}')}",
    EventType.MILESTONE_REVISION_REQUESTED: lambda data: (
        f"revision {told(data, 'number', '{} ')}asked for{told(data, 'text', ': {}')}{_day(data, 'due_at')}"
    ),
    EventType.MILESTONE_REVISION_BEGUN: lambda _: "work on the revision begun",
    EventType.MILESTONE_CHECKED: lambda data: (
        f"checklist {'passed' if data.get('passed') else 'failed'}{_failed(data)}"
    ),
    EventType.MILESTONE_APPROVED: lambda data: (
        "milestone approved by silence" if data.get("by_silence") else "milestone approved"
    ),
    EventType.MILESTONE_REJECTED: lambda data: f"milestone rejected{told(data, 'reason', ': {}')}",
    EventType.MILESTONE_DELAYED: lambda data: f"milestone late{told(data, 'due_at', ': it was due on {:.10}')}",
    EventType.MILESTONE_CALLED_OFF: lambda data: f"milestone called off{told(data, 'reason', ': {}')}",
    EventType.PLAN_PROPOSED: lambda data: f"another plan proposed{_parts(data)}{told(data, 'note', ': {}')}",
    EventType.PLAN_ACCEPTED: lambda _: "the plan is agreed",
    EventType.PLAN_DECLINED: lambda data: f"the plan was declined{told(data, 'reason', ': {}')}",
    EventType.PLAN_WITHDRAWN: lambda _: "the plan was withdrawn",
    EventType.PLAN_APPLIED: lambda _: "the new plan is in force",
}
GOOD = (EventType.DELIVERABLE_COMPLETED, EventType.MILESTONE_APPROVED)
BAD = (EventType.DELIVERABLE_CANCELLED, EventType.MILESTONE_REJECTED, EventType.MILESTONE_CALLED_OFF)
ODD = (EventType.MILESTONE_REVISION_REQUESTED, EventType.MILESTONE_DELAYED)
