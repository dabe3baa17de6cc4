"""What the job workflow needs to know and write about promised dates."""

from abc import ABC, abstractmethod

from temporalio import activity

from fulfil.models.messages.promises import (
    CallOffJob,
    CheckPromise,
    JobCalledOff,
    PromiseChecked,
    SetPromise,
)


class PromiseActivities(ABC):
    """Runs on task queue `orders`; database only, and a signal to the order when the job is called off."""

    @activity.defn
    @abstractmethod
    async def check_promise(self, request: CheckPromise) -> PromiseChecked:
        """Forecast whether the date is kept; a job at risk or overdue is flagged, the customer given a choice."""

    @activity.defn
    @abstractmethod
    async def set_promise(self, request: SetPromise) -> None:
        """Write the date that holds from now on, and that nobody has to choose any more."""

    @activity.defn
    @abstractmethod
    async def call_off_job(self, request: CallOffJob) -> JobCalledOff:
        """End a job the customer does not wait for any longer, unless it was shipped meanwhile; tell the order."""
