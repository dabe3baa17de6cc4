"""A fake of the promises' port: dates are kept unless the test says otherwise."""

from dataclasses import dataclass

from temporalio import activity

from fulfil.models.messages.jobs import JobClosed, JobOutcome, JobState
from fulfil.models.messages.promises import (
    CallOffJob,
    CheckPromise,
    JobCalledOff,
    PromiseChecked,
    PromiseState,
    SetPromise,
)
from fulfil.workflows.ids import order_workflow_id
from fulfil.workflows.ports.promises import PromiseActivities
from tests.workflows.fakes import World


@dataclass
class FakePromises(PromiseActivities):
    """Dates are kept unless the test says otherwise."""

    world: World

    @activity.defn
    async def check_promise(self, request: CheckPromise) -> PromiseChecked:
        await self.world.call("check_promise")
        self.world.checks.append(request)
        found = self.world.promise or (PromiseState.MISSED if request.at >= request.due_at else PromiseState.ON_TIME)
        return PromiseChecked(state=found, forecast_at=self.world.forecast_at)

    @activity.defn
    async def set_promise(self, request: SetPromise) -> None:
        await self.world.call("set_promise")
        self.world.promises.append(request)
        await self.world.tell()

    @activity.defn
    async def call_off_job(self, request: CallOffJob) -> JobCalledOff:
        await self.world.call("call_off_job")
        if self.world.left:
            return JobCalledOff(job_id=request.job_id, called_off=False, state=JobState.SHIPPED)
        if not self.world.called_off:
            self.world.called_off = True
            order = self.world.client.get_workflow_handle(order_workflow_id(request.order_id))
            await order.signal("job_closed", JobClosed(job_id=request.job_id, outcome=JobOutcome.CALLED_OFF))
        return JobCalledOff(job_id=request.job_id, called_off=True, state=JobState.CANCELLED)
