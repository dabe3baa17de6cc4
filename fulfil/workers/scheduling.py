"""What runs by the clock: the reconciliation's schedule at Temporal, made or brought up to date by the workers."""

import asyncio
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

from fulfil.models.messages.reconciliation import StartReconciliation
from fulfil.workflows.ids import ORDERS, RECONCILIATION_SCHEDULE_ID, RECONCILIATION_WORKFLOW_ID

RETRY_S = 10.0
LOOK_EVERY_S = 600.0

log = structlog.stdlib.get_logger(__name__)


async def keep_reconciling(client: Client, every: timedelta) -> None:
    """Make the schedule, or give it this interval, and look again now and then, in case somebody deleted it."""
    while True:
        try:
            await _schedule(client, every)
        except RPCError as error:
            log.warning("can't see to the reconciliation's schedule", cause=str(error), again_in_s=RETRY_S)
            await asyncio.sleep(RETRY_S)
        else:
            await asyncio.sleep(LOOK_EVERY_S)


async def _schedule(client: Client, every: timedelta) -> None:
    try:
        await client.create_schedule(RECONCILIATION_SCHEDULE_ID, _wanted(every))
    except ScheduleAlreadyRunningError:

        def with_interval(found: ScheduleUpdateInput) -> ScheduleUpdate | None:
            """Whoever paused it in the Temporal UI finds it paused."""
            schedule = found.description.schedule
            if [interval.every for interval in schedule.spec.intervals] == [every]:
                return None
            schedule.spec.intervals = [ScheduleIntervalSpec(every=every)]
            return ScheduleUpdate(schedule=schedule)

        await client.get_schedule_handle(RECONCILIATION_SCHEDULE_ID).update(with_interval)


def _wanted(every: timedelta) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            "Reconciliation",
            StartReconciliation(),
            id=RECONCILIATION_WORKFLOW_ID,
            task_queue=ORDERS,
            static_summary="Our books next to the payment provider's",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(hours=1)),
    )
