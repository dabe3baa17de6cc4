"""What the order workflow needs from the database."""

from abc import ABC, abstractmethod

from temporalio import activity

from fulfil.models.messages.orders import CloseOrder, JobOpened, OpenJob


class OrderActivities(ABC):
    """Runs on task queue `orders`; database only, except that `open_job` starts the job workflow."""

    @activity.defn
    @abstractmethod
    async def open_job(self, request: OpenJob) -> JobOpened:
        """Record the authorised payment, open the job with its first wave, start its workflow."""

    @activity.defn
    @abstractmethod
    async def close_order(self, request: CloseOrder) -> None:
        """Write that the order expired or was cancelled."""
