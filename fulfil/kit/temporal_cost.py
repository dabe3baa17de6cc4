"""What a workflow costs: history events, and billable actions by the rules Temporal Cloud publishes."""

from collections.abc import Iterable
from dataclasses import dataclass

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

# One action each, https://docs.temporal.io/evaluate/cloud/actions. A start with an update counts twice.
BILLABLE = frozenset(
    [
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
        EventType.EVENT_TYPE_TIMER_STARTED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
        EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
    ]
)
CHILD_STARTS = 2


@dataclass(frozen=True)
class TemporalCost:
    """Events of a history and the actions they are billed as (activity retries are not in a history)."""

    events: int = 0
    actions: int = 0

    def __add__(self, other: "TemporalCost") -> "TemporalCost":
        return TemporalCost(self.events + other.events, self.actions + other.actions)


def cost_of(history: Iterable[HistoryEvent]) -> TemporalCost:
    """Count one workflow; all markers of one workflow task (its local activities) are one action."""
    events = actions = 0
    tasks_with_markers: set[int] = set()
    for event in history:
        events += 1
        if event.event_type in BILLABLE:
            actions += 1
        elif event.event_type == EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
            actions += CHILD_STARTS
        elif event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
            tasks_with_markers.add(event.marker_recorded_event_attributes.workflow_task_completed_event_id)
    return TemporalCost(events, actions + len(tasks_with_markers))
