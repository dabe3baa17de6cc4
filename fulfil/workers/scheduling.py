"""What runs by the clock: schedules at Temporal, made or brought up to date by the workers."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import structlog
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError

from fulfil.models.messages.base import Message
from fulfil.models.messages.reconciliation import StartReconciliation
from fulfil.models.messages.upkeep import StartUpkeep
from fulfil.workflows.ids import (
    ORDERS,
    RECONCILIATION_SCHEDULE_ID,
    RECONCILIATION_WORKFLOW_ID,
    UPKEEP_SCHEDULE_ID,
    UPKEEP_WORKFLOW_ID,
)

RETRY_S = 10.0
LOOK_EVERY_S = 600.0

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Recurring:
    """A workflow that is started again and again, one run at a time in the whole installation."""

    workflow: str
    start: Message
    schedule_id: str
    workflow_id: str
    summary: str


RECONCILIATION = Recurring(
    "Reconciliation",
    StartReconciliation(),
    RECONCILIATION_SCHEDULE_ID,
    RECONCILIATION_WORKFLOW_ID,
    "Our books next to the payment provider's",
)
UPKEEP = Recurring(
    "Upkeep", StartUpkeep(), UPKEEP_SCHEDULE_ID, UPKEEP_WORKFLOW_ID, "Reservations that ended, scores made anew"
)


async def keep_recurring(client: Client, recurring: Recurring, every: timedelta) -> None:
    """Make the schedule, or give it this interval, and look again now and then, in case somebody deleted it."""
    while True:
        try:
            await _schedule(client, recurring, every)
        except RPCError as error:
            log.warning(
                "can't see to the schedule", schedule=recurring.schedule_id, cause=str(error), again_in_s=RETRY_S
            )
            await asyncio.sleep(RETRY_S)
        else:
            await asyncio.sleep(LOOK_EVERY_S)


async def _schedule(client: Client, recurring: Recurring, every: timedelta) -> None:
    try:
        await client.create_schedule(recurring.schedule_id, _wanted(recurring, every))
    except ScheduleAlreadyRunningError:

        def with_interval(found: ScheduleUpdateInput) -> ScheduleUpdate | None:
            """Whoever paused it in the Temporal UI finds it paused."""
            schedule = found.description.schedule
            if [interval.every for interval in schedule.spec.intervals] == [every]:
                return None
            schedule.spec.intervals = [ScheduleIntervalSpec(every=every)]
            return ScheduleUpdate(schedule=schedule)

        await client.get_schedule_handle(recurring.schedule_id).update(with_interval)


def _wanted(recurring: Recurring, every: timedelta) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            recurring.workflow,
            recurring.start,
            id=recurring.workflow_id,
            task_queue=ORDERS,
            static_summary=recurring.summary,
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(hours=1)),
    )
